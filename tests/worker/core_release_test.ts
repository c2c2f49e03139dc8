/** The worker's decisions: what is freed or cancelled. */
import assert from "node:assert/strict";
import { A, CoreHarness, SELF } from "./core_harness.ts";

Deno.test("freed keys are dropped", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.finish("x");
  h.core.putData({ y: 1 }, h.now);
  h.wanted();
  h.core.freeKeys(["x", "y", "unknown"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["drop x y"]);
  assert.equal(h.core.machine.tasks.size, 0);
  assert.equal(h.core.machine.nbytes, 0);
});

Deno.test("freeing a key that runs stops it, and its late result is not kept", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.wanted();
  h.core.freeKeys(["x"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["cancel x"]);
  assert.equal(h.finish("x"), false);
  assert.deepEqual(h.said(), []);
  assert.equal(h.core.machine.tasks.size, 0);
});

Deno.test("a cancelled task keeps its thread until the threads are done with it", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.compute("y");
  h.wanted();
  h.core.cancelCompute(["x"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["cancel x"]);
  h.core.executeCancelled("x", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute y"]);
});

Deno.test("a task asked for again after its cancel runs anew when the old run is over", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x");
  h.core.cancelCompute(["x"], h.now);
  h.compute("x");
  assert.deepEqual(h.wanted(), ["execute x", "cancel x"]);
  assert.equal(h.state("x"), "ready");
  assert.equal(h.finish("x"), false, "the old result");
  assert.deepEqual(h.wanted(), ["execute x"]);
  assert.equal(h.finish("x"), true);
  assert.equal(h.said().length, 1);
});

Deno.test("a constrained task asked for again after its cancel runs anew too", () => {
  const h = new CoreHarness({ nthreads: 2, resources: { GPU: 1 } });
  h.compute("x", { resources: { GPU: 1 } });
  h.core.cancelCompute(["x"], h.now);
  h.compute("x", { resources: { GPU: 1 } });
  h.wanted();
  h.core.executeCancelled("x", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute x"]);
});

Deno.test("cancelling what has finished changes nothing", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.finish("x");
  h.wanted();
  h.core.cancelCompute(["x"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), []);
  assert(h.core.holds("x"));
});

Deno.test("cancelling a task that waits ends the fetching of what only it needs", () => {
  const h = new CoreHarness({ totalConnections: 1 });
  h.compute("w", { whoHas: { v: [A] } });
  h.compute("y", { whoHas: { x: ["tcp://b:1"] } });
  h.core.cancelCompute(["y"], h.now);
  h.settle();
  assert.equal(h.data("x"), undefined);
  h.wanted();
  h.received(A, { v: 1 });
  assert.deepEqual(h.wanted(), ["execute w"]);
});

Deno.test("a task that is stolen before it has begun is given away", () => {
  const h = new CoreHarness();
  h.compute("running");
  h.compute("ready");
  h.compute("waiting", { whoHas: { x: [A] } });
  h.compute("constrained", { resources: { GPU: 9 } });
  h.compute("done");
  for (const [key, state] of [["ready", "ready"], ["waiting", "waiting"]]) {
    h.said();
    h.core.stealRequest(key, 5, h.now);
    h.settle();
    assert.deepEqual(h.said(), [{ op: "steal-response", key, id: 5, state }]);
    assert.equal(h.state(key), undefined);
  }
  h.core.stealRequest("constrained", 6, h.now);
  h.settle();
  assert.deepEqual(h.said(), [
    { op: "steal-response", key: "constrained", id: 6, state: "constrained" },
  ]);
});

Deno.test("a task that runs, has run or is unknown is not given away", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.core.stealRequest("x", 1, h.now);
  h.finish("x");
  h.core.stealRequest("x", 2, h.now);
  h.core.stealRequest("unknown", 3, h.now);
  h.core.putData({ d: 1 }, h.now);
  h.core.stealRequest("d", 4, h.now);
  h.settle();
  const states = h.said().filter((message) => message.op === "steal-response").map((message) =>
    message.state
  );
  assert.deepEqual(states, ["executing", "memory", null, null]);
  assert(h.core.holds("x"));
});

Deno.test("a task taken back from the threads can be stolen", () => {
  const h = new CoreHarness({ nthreads: 1 });
  h.compute("x");
  h.core.recalled("x", h.now);
  h.core.stealRequest("x", 1, h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "steal-response", key: "x", id: 1, state: "ready" }]);
  assert.equal(h.core.machine.queue.handedOver, 0);
});

Deno.test("freeing what a ready task needs sends it back, and it is given up", () => {
  const h = new CoreHarness();
  h.compute("running");
  h.core.putData({ x: 1 }, h.now);
  h.compute("y", { whoHas: { x: [SELF] } });
  h.core.freeKeys(["x"], h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "missing-data", key: "y", missing: { x: [SELF] } }]);
  assert.equal(h.state("y"), undefined);
});

Deno.test("freeing what a running task was given does not disturb it", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 1 }, h.now);
  h.compute("y", { whoHas: { x: [SELF] } });
  h.core.freeKeys(["x"], h.now);
  h.settle();
  assert.equal(h.finish("y"), true);
  assert.deepEqual(h.said().map((message) => message.op), ["task-finished"]);
  assert.equal(h.data("x"), undefined);
});

Deno.test("a task taken back whose data was freed meanwhile is given up", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 1 }, h.now);
  h.compute("y", { whoHas: { x: [SELF] } });
  h.core.freeKeys(["x"], h.now);
  h.core.recalled("y", h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "missing-data", key: "y", missing: { x: [SELF] } }]);
});

Deno.test("data that someone else deletes is reported", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 1, y: 2 }, h.now);
  h.core.deleteData(["x", "x", "unknown"], h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "release-keys", keys: ["x"] }]);
  assert.deepEqual(h.wanted(), ["drop x"]);
  assert(h.core.holds("y"));
});

Deno.test("scattered data is not reported, for its sender does that", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 10 }, h.now);
  h.settle();
  assert.deepEqual(h.said(), []);
  assert.deepEqual(h.core.heldNbytes(), { x: 10 });
});

Deno.test("scattered data ends the computation of the same key", () => {
  const h = new CoreHarness();
  h.compute("running");
  h.compute("x");
  h.core.putData({ x: 10 }, h.now);
  h.settle();
  const [message] = h.said();
  assert(message.op === "task-finished" && message.key === "x");
  assert.equal(h.state("x"), "memory");
});

Deno.test("restart forgets everything, and answers when the threads are new", () => {
  const h = new CoreHarness();
  h.compute("done");
  h.finish("done");
  h.compute("running");
  h.compute("ready");
  h.compute("waiting", { whoHas: { x: [A] } });
  h.said();
  h.wanted();
  h.core.restart(7, h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["forget f", "restart-threads 7", "drop done"]);
  assert.deepEqual(h.said(), []);
  assert.equal(h.core.machine.tasks.size, 0);

  h.compute("new");
  assert.deepEqual(h.wanted(), [], "nothing starts before the threads are new");
  assert.equal(h.finish("running"), false);
  h.core.threadsRestarted(7, h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "restarted", id: 7 }]);
  assert.deepEqual(h.wanted(), ["execute new"]);
  h.received(A, { x: 1 });
  assert(!h.core.holds("x"), "what was on its way is not kept");
});

Deno.test("when the scheduler is lost, what runs goes on and the rest is forgotten", () => {
  const h = new CoreHarness();
  h.compute("done");
  h.finish("done");
  h.compute("running");
  h.compute("ready");
  h.compute("waiting", { whoHas: { x: [A] } });
  h.said();
  h.core.schedulerLost(h.now);
  h.settle();
  assert.deepEqual(h.said(), []);
  assert.equal(h.state("ready"), undefined);
  assert.equal(h.state("waiting"), undefined);
  h.finish("running");
  assert.deepEqual(Object.keys(h.core.heldNbytes()), ["done", "running"]);
});

Deno.test("what runs from before the scheduler was lost is stopped, unless it is asked for again", () => {
  const h = new CoreHarness({ nthreads: 3 });
  for (const key of ["wanted", "done", "unclaimed"]) h.compute(key);
  h.wanted();
  h.core.schedulerLost(h.now);
  h.compute("wanted");
  h.finish("done");
  h.core.dropUnclaimed(h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["forget f", "cancel unclaimed"]);
  assert.equal(h.state("wanted"), "executing");
  assert.equal(h.state("done"), "memory");
  h.core.dropUnclaimed(h.now);
  h.settle();
  assert.deepEqual(h.wanted(), []);
});

Deno.test("outcomes of unknown tasks are ignored", () => {
  const h = new CoreHarness();
  assert.equal(h.finish("x"), false);
  h.core.executeLost("x", "", h.now);
  h.core.executeCancelled("x", h.now);
  h.core.recalled("x", h.now);
  h.core.cancelCompute(["x"], h.now);
  h.settle();
  assert.deepEqual(h.said(), []);
});
