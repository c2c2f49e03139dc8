/** Tasks that leave the threads: what the worker's state machine makes of it. */
import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { CoreHarness } from "./core_harness.ts";

/** A core whose only thread has begun with `x`, while `y` waits. */
function busy(): CoreHarness {
  const h = new CoreHarness();
  h.compute("x");
  h.compute("y");
  assert.deepEqual(h.wanted(), ["execute x"]);
  return h;
}

function secede(h: CoreHarness, key: string, seconds?: number): void {
  h.core.executeSeceded(key, seconds, h.now);
  h.settle();
}

Deno.test("a task that leaves the threads makes place for another, and the scheduler is told", () => {
  const h = busy();
  secede(h, "x", 0.25);
  assert.equal(h.state("x"), "long-running");
  assert.deepEqual(h.said(), [{ op: "long-running", key: "x", seconds: 0.25 }]);
  assert.deepEqual(h.wanted(), ["execute y"]);
  assert.equal(h.core.machine.queue.handedOver, 1);
});

Deno.test("a long-running task ends like any other, and gives no place back", () => {
  const h = busy();
  secede(h, "x");
  h.compute("z");
  h.wanted();
  assert(h.finish("x"));
  assert.equal(h.state("x"), "memory");
  assert.deepEqual(h.wanted(), [], "y has the only thread");
  h.finish("y");
  assert.deepEqual(h.wanted(), ["execute z"]);
});

Deno.test("how long a long-running task took says nothing about others of its function", () => {
  const h = busy();
  const { function: fn } = h.core.machine.tasks.get("x")!;
  secede(h, "x", 0.5);
  assert.equal(fn!.duration, 0.5);
  h.now = 100;
  h.finish("x", { start: 0, stop: 100 });
  assert.equal(fn!.duration, 0.5);
});

Deno.test("a long-running task may fail, or lose its thread and run again", () => {
  const h = busy();
  secede(h, "x");
  h.wanted();
  h.core.executeErred("x", new Serialized([]), "", 0, 1, 0, h.now);
  assert.equal(h.state("x"), "erred");
  h.finish("y");
  h.compute("z");
  secede(h, "z");
  h.wanted();
  h.core.executeLost("z", "gone", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute z"]);
  assert.equal(h.state("z"), "executing");
});

Deno.test("a long-running task that is cancelled takes no place while it stops", () => {
  const h = busy();
  secede(h, "x");
  h.finish("y");
  h.wanted();
  h.core.cancelCompute(["x"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["cancel x"]);
  h.compute("z");
  assert.deepEqual(h.wanted(), ["execute z"]);
  h.core.executeCancelled("x", h.now);
  h.settle();
  assert.equal(h.core.machine.queue.handedOver, 1);
});

Deno.test("a cancelled task that leaves the threads before it stops gives its place away", () => {
  const h = busy();
  h.core.cancelCompute(["x"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["cancel x"]);
  secede(h, "x");
  assert.deepEqual(h.wanted(), ["execute y"]);
  assert.deepEqual(h.said(), []);
  h.core.executeCancelled("x", h.now);
  h.settle();
  assert.equal(h.core.machine.queue.handedOver, 1);
});

Deno.test("a long-running task keeps its resources", () => {
  const h = new CoreHarness({ nthreads: 2, resources: { GPU: 1 } });
  h.compute("x", { resources: { GPU: 1 } });
  h.compute("y", { resources: { GPU: 1 } });
  secede(h, "x");
  assert.deepEqual(h.wanted(), ["execute x"]);
  h.finish("x");
  assert.deepEqual(h.wanted(), ["execute y"]);
});

Deno.test("a task rejoins the threads as soon as there is place, before tasks that have not begun", () => {
  const h = busy();
  secede(h, "x");
  h.compute("z");
  h.core.executeRejoins("x", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute y"]);
  assert.equal(h.state("x"), "long-running");
  h.finish("y");
  assert.deepEqual(h.wanted(), ["rejoin x"]);
  assert.equal(h.state("x"), "executing");
  h.finish("x");
  assert.deepEqual(h.wanted(), ["execute z"]);
});

Deno.test("a task that ends or is cancelled while it waits to rejoin does not rejoin", () => {
  const h = new CoreHarness({ nthreads: 1 });
  for (const key of ["a", "b", "c"]) {
    h.compute(key);
    if (key !== "c") secede(h, key);
  }
  h.core.executeRejoins("a", h.now);
  h.core.executeRejoins("b", h.now);
  h.settle();
  h.wanted();
  h.finish("a");
  h.core.cancelCompute(["b"], h.now);
  h.finish("c");
  assert.deepEqual(h.wanted(), ["cancel b"]);
  assert.equal(h.core.machine.queue.rejoining.size, 0);
});

Deno.test("a scheduler that begins anew learns that a task is long-running when it asks for it", () => {
  const h = busy();
  secede(h, "x", 1);
  h.core.schedulerLost(h.now);
  h.settle();
  h.said();
  h.wanted();
  h.compute("x");
  assert.deepEqual(h.said(), [{ op: "long-running", key: "x" }]);
  assert.deepEqual(h.wanted(), []);
  h.core.dropUnclaimed(h.now);
  h.settle();
  assert.equal(h.state("x"), "long-running");
});

Deno.test("a long-running task is not given away", () => {
  const h = busy();
  secede(h, "x");
  h.said();
  h.core.stealRequest("x", 7, h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "steal-response", key: "x", id: 7, state: "long-running" }]);
  assert.equal(h.state("x"), "long-running");
});
