/** The worker's decisions: running tasks. */
import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { A, CoreHarness, SELF } from "./core_harness.ts";

Deno.test("a task without dependencies runs at once, and its end is reported", () => {
  const h = new CoreHarness();
  h.now = 10;
  h.compute("x");
  assert.deepEqual(h.wanted(), ["execute x"]);
  assert.equal(h.state("x"), "executing");
  h.now = 12;
  assert.equal(
    h.core.executeFinished("x", 24, "Float64Array", undefined, 10.5, 11.5, 3, h.now),
    true,
  );
  h.settle();
  assert.deepEqual(h.said(), [{
    op: "task-finished",
    key: "x",
    nbytes: 24,
    type: "Float64Array",
    start: 10.5,
    stop: 11.5,
    thread: 3,
  }]);
  assert.equal(h.state("x"), "memory");
  assert(h.core.holds("x"));
  assert.deepEqual(h.core.heldNbytes(), { x: 24 });
  assert.equal(h.core.executedCount, 1);
});

Deno.test("tasks run in order of priority, as threads get free", () => {
  const h = new CoreHarness({ nthreads: 2 });
  for (const [key, order] of [["d", 4], ["b", 2], ["c", 3], ["a", 1]] as const) {
    h.core.computeTask(h.task(key, { priority: [0, 0, order] }), h.now);
  }
  h.core.computeTask(h.task("urgent", { priority: [-1, 9, 9] }), h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute urgent", "execute a"]);
  h.finish("a");
  assert.deepEqual(h.wanted(), ["execute b"]);
  h.finish("urgent");
  assert.deepEqual(h.wanted(), ["execute c"]);
});

Deno.test("a failed task is reported, and can be asked for again", () => {
  const h = new CoreHarness();
  const exception = new Serialized([new Uint8Array([9])]);
  h.compute("x");
  h.core.executeErred("x", exception, "at x", 1, 2, 0, h.now);
  h.settle();
  assert.deepEqual(h.said(), [{
    op: "task-erred",
    key: "x",
    exception,
    traceback: "at x",
    start: 1,
    stop: 2,
    thread: 0,
  }]);
  assert.equal(h.state("x"), "erred");
  assert.equal(h.core.machine.tasks.get("x")!.run, null, "arguments are not kept");
  h.wanted();
  h.compute("x");
  assert.deepEqual(h.wanted(), ["execute x"]);
});

Deno.test("only so many failed tasks are remembered", () => {
  const h = new CoreHarness({ validate: false });
  for (let i = 0; i < 1100; i++) {
    h.compute(`x${i}`);
    h.core.executeErred(`x${i}`, new Serialized([]), "", 1, 2, 0, h.now);
  }
  h.settle();
  assert.equal(h.core.machine.tasks.size, 1000);
  assert.equal(h.state("x0"), undefined);
  assert.equal(h.state("x1099"), "erred");
});

Deno.test("asked again for what is in memory, the core reports it again", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.finish("x", { nbytes: 5, start: 1, stop: 2 });
  const [first] = h.said();
  h.compute("x");
  assert.deepEqual(h.said(), [first]);
});

Deno.test("asked to compute what came from a peer, the core reports it as finished", () => {
  const h = new CoreHarness();
  h.now = 7;
  h.core.putData({ x: 40 }, h.now);
  h.compute("x");
  assert.deepEqual(h.wanted(), []);
  const [message] = h.said();
  assert.deepEqual(message, {
    op: "task-finished",
    key: "x",
    nbytes: 40,
    type: "",
    start: 7,
    stop: 7,
    thread: undefined,
  });
});

Deno.test("asked again for a task that runs, the core lets it run", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.wanted();
  h.compute("x");
  assert.deepEqual(h.wanted(), []);
  h.finish("x");
  assert.equal(h.said().length, 1);
});

Deno.test("asked again for a ready task, its new priority counts", () => {
  const h = new CoreHarness();
  h.compute("running");
  h.compute("a", { priority: [0, 0, 10] });
  h.compute("b", { priority: [0, 0, 20] });
  h.compute("b", { priority: [0, 0, 5] });
  h.wanted();
  h.finish("running");
  assert.deepEqual(h.wanted(), ["execute b"]);
});

Deno.test("asked again for a task that waits, its new holders count", () => {
  const h = new CoreHarness({ totalConnections: 1 });
  h.compute("busy", { whoHas: { z: [A] } });
  h.compute("y", { whoHas: { x: [A] } });
  h.compute("y", { whoHas: { x: ["tcp://new:1"] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: z`]);
  h.received(A, { z: 1 });
  assert(h.wanted().includes("gather tcp://new:1: x"));
});

Deno.test("a task runs when all its dependencies are here, on which it does not wait twice", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.core.putData({ x: 1 }, h.now);
  h.compute("y", { whoHas: { x: [SELF] } });
  assert.deepEqual(h.wanted(), ["execute y"]);
  h.compute("z", { whoHas: { x: [SELF] }, nbytes: { x: 1 } });
  assert.deepEqual(h.wanted(), ["execute z"]);
  assert.deepEqual(h.core.machine.tasks.get("x")!.dependents?.size, 2);
  h.finish("y");
  h.finish("z");
  assert.equal(h.core.machine.tasks.get("x")!.isWanted, false);
  assert(h.core.holds("x"), "kept until the scheduler frees it");
});

Deno.test("a task waits for a dependency that is being computed here", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.compute("y", { whoHas: { x: [SELF] } });
  assert.equal(h.state("y"), "waiting");
  h.wanted();
  h.finish("x");
  assert.deepEqual(h.wanted(), ["execute y"]);
});
