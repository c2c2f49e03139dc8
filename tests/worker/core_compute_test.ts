import assert from "node:assert/strict";
import { deserialize } from "../../protocol/values.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { A, CoreHarness, SELF } from "./core_harness.ts";

Deno.test("a task without dependencies runs at once, and its end is reported", () => {
  const h = new CoreHarness();
  h.now = 10;
  h.compute("x");
  assert.deepEqual(h.wanted(), ["execute x"]);
  assert.equal(h.state("x"), "executing");
  h.now = 12;
  assert.equal(h.core.executeFinished("x", 24, "Float64Array", 10.5, 11.5, 3, h.now), true);
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

Deno.test("a task whose function was never sent fails with words that say so", () => {
  const h = new CoreHarness();
  h.compute("x", { function: "abc", code: undefined });
  const [message] = h.said();
  assert(message.op === "task-erred");
  const error = deserialize(message.exception) as Error;
  assert.match(error.message, /code of function abc was never sent/);
  assert.deepEqual(h.wanted(), []);
});

Deno.test("code sent once serves all tasks of the function, until it is forgotten", () => {
  const h = new CoreHarness({ nthreads: 3 });
  h.compute("a");
  h.compute("b", { code: undefined });
  assert.deepEqual(h.wanted(), ["execute a", "execute b"]);
  assert(h.core.machine.tasks.get("b")!.function!.code !== undefined);
  h.core.forgetFunctions(["f"], h.now);
  assert.equal(h.core.functions.size, 0);
  h.compute("c", { code: undefined });
  assert.equal(h.state("c"), "erred");
});

Deno.test("a task is run again when its thread dies, and given up when it kills three", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.core.executeLost("x", "gone", h.now);
  h.settle();
  h.core.executeLost("x", "gone", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute x", "execute x", "execute x"]);
  assert.deepEqual(h.said(), []);
  h.core.executeLost("x", "out of memory", h.now);
  h.settle();
  const [message] = h.said();
  assert(message.op === "task-erred");
  const error = deserialize(message.exception) as Error;
  assert.equal(error.name, "KilledThreadError");
  assert.match(error.message, /"x" was given up: 3 threads died .* out of memory/);
});

Deno.test("the number of threads changes what runs, and the scheduler hears of it", () => {
  const h = new CoreHarness({ nthreads: 2 });
  for (const key of ["a", "b", "c"]) h.compute(key);
  h.core.setThreads(1, h.now);
  h.core.setThreads(1, h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "threads-changed", nthreads: 1 }]);
  h.wanted();
  h.finish("a");
  assert.deepEqual(h.wanted(), []);
  h.core.setThreads(3, h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute c"]);
});

Deno.test("a paused worker starts and fetches nothing until it goes on", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.core.pause(h.now);
  h.compute("a");
  h.compute("b", { whoHas: { x: [A] } });
  assert.deepEqual(h.wanted(), []);
  h.core.unpause(h.now);
  h.settle();
  assert.deepEqual(h.wanted(), [`gather ${A}: x`, "execute a"]);
});

Deno.test("what comes in from within a drain is handed out by it", () => {
  const h = new CoreHarness();
  const seen: string[] = [];
  h.core.computeTask(h.task("a"), h.now);
  h.core.computeTask(h.task("b"), h.now);
  h.core.drain((messages) => {
    for (const message of messages) seen.push(message.op);
  }, (action) => {
    assert(action.type === "execute");
    seen.push(action.task.key);
    h.core.executeFinished(action.task.key, 1, "number", 0, 1, 0, h.now);
    h.core.drain(() => assert.fail("handed out twice"), () => assert.fail("handed out twice"));
  });
  assert.deepEqual(seen, ["a", "task-finished", "b", "task-finished"]);
});

Deno.test("story tells what happened to a key", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [A] } });
  h.received(A, { x: 1 });
  h.finish("y");
  const short = (key: string) =>
    h.core.story(key).map(({ start, finish }) => `${start} → ${finish}`);
  assert.deepEqual(short("y"), [
    "released → waiting",
    "waiting → ready",
    "ready → executing",
    "executing → memory",
  ]);
  assert.deepEqual(short("x"), ["none → waiting", "waiting → flight", "flight → memory"]);
});
