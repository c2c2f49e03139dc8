/** One key, and one task after the other: what workers say of an older one is not taken for the newer's. */
import assert from "node:assert/strict";
import { Harness } from "./harness.ts";

/** A worker says which tasks it has heard of. */
function heard(h: Harness, worker: string, generation: number): void {
  h.core.workerHeard(h.address(worker), generation);
}

/** Task x was given to alice, who has heard of it; then another of the same key came in its place. */
function replaced(placed: string[] = ["name-of-alice"]): Harness {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["name-of-alice"] });
  heard(h, "alice", 1);
  h.cancel("x");
  h.submit({ x: [] }, { workers: placed, retries: 1 });
  h.forgetSent();
  return h;
}

Deno.test("a result of the task before is not taken; the worker drops it when it hears of the next", () => {
  const h = replaced();
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "processing");
  assert.deepEqual(h.toWorker("alice"), []);
  heard(h, "alice", 2);
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "memory");
});

Deno.test("a result of the task before is freed where the next one is not", () => {
  const h = replaced(["name-of-bob"]);
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "processing");
  assert.deepEqual(h.freed("alice"), ["x"]);
  h.finish("x");
  h.do((core, now) => core.addKeys(h.address("alice"), ["x"], now));
  assert.deepEqual(h.core.whoHas(["x"]), { x: [h.address("bob")] });
  assert.deepEqual(h.freed("alice"), ["x"]);
});

Deno.test("failures, releases and lost inputs of the task before do not touch the next", () => {
  const h = replaced();
  h.errOn("alice", "x");
  assert.equal(h.task("x").retries, 1);
  h.do((core, now) => {
    const address = h.address("alice");
    core.releaseKeys(address, ["x"], now);
    core.stimulusMissingData(address, { op: "missing-data", key: "x", missing: {} }, now);
    core.longRunning(address, { op: "long-running", key: "x" }, now);
  });
  assert.deepEqual(h.toWorker("alice"), [], "it is not sent again");
  assert.equal(h.task("x").longRunning, false);
});

Deno.test("a worker that comes back brings nothing of the task before", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["name-of-bob"] });
  h.submit({ y: [] });
  const held = { nbytes: { x: 8, y: 8 }, generations: { x: 0, y: 2 }, heard: 2 };
  h.addWorker("carol", held);
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "memory" });
  assert.deepEqual(h.freed("carol"), ["x"]);
  assert.equal(h.worker("carol").heard, 2);
});

Deno.test("what a worker held when it came back is not freed once it has the next task's result", () => {
  const h = new Harness();
  h.addWorker("alice", { nbytes: { x: 8 }, generations: { x: 0 }, heard: 0 });
  h.submit({ x: [] });
  heard(h, "alice", 1);
  h.finish("x");
  h.forgetSent();
  h.now += 100;
  h.claimOrphans();
  assert.deepEqual(h.toWorker("alice"), []);
});

Deno.test("tasks are sent with the newest generation of what they need", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.scatter("d", ["alice"]);
  h.submit({ x: [] });
  h.submit({ y: [] });
  h.finish("x");
  h.finish("y");
  h.forgetSent();
  h.submit({ a: ["d"], b: ["d", "x"], c: ["y", "x"] });
  for (const key of ["a", "b", "c"]) h.finish(key);
  const sent = h.computed("alice").map((message) => [message.key, message.since]);
  assert.deepEqual(sent, [["a", undefined], ["b", 1], ["c", 2]]);
});

Deno.test("what is still to be copied of a task that is gone is not copied for the next", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["name-of-alice"] });
  h.finish("x");
  h.do((core, now) => {
    core.retireWorkers([h.address("alice")], { reason: "test", timeout: 9, close: true }, now);
  });
  const [order] = h.toWorker("bob");
  assert(order.op === "acquire-replicas" && order.since === 1);
  h.release("x");
  assert.deepEqual(h.freed("bob"), ["x"]);
});

Deno.test("a client is told how many of its graphs were taken in, before what is said then", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.submit({ y: [] });
  assert.deepEqual(h.toClientInFull(), [], "there is nothing to say yet");
  h.finish("x");
  h.finish("y");
  h.submit({ z: [] }, { client: "stranger" });
  h.submit({ y: [] });
  const told = h.toClientInFull().map((m) => m.op === "heard" ? m.graphs : m.op);
  assert.deepEqual(told, [2, "key-in-memory", "key-in-memory", 3, "key-in-memory"]);
});
