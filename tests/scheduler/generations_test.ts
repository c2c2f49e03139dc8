/** One key, and one task after the other: what workers say of an older one is not taken for the newer's. */
import assert from "node:assert/strict";
import { BLOB, Harness } from "./harness.ts";

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

Deno.test("a result of the task before is not taken, and freed if it is not the next one's by then", () => {
  const h = replaced();
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "processing");
  assert.deepEqual(h.toWorker("alice"), [{ op: "free-keys", keys: ["x"], before: 2 }]);
  heard(h, "alice", 2);
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "memory");
});

Deno.test("a result of the task before is freed where the next one is not", () => {
  const h = replaced(["name-of-bob"]);
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "processing");
  assert.deepEqual(h.toWorker("alice"), [{ op: "free-keys", keys: ["x"], before: 2 }]);
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
  assert.deepEqual(h.toWorker("alice"), [{ op: "free-keys", keys: ["x"], before: 1 }]);
});

Deno.test("tasks are sent with the generations of what they need", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.scatter("d", ["alice"]);
  h.submit({ x: [], y: [] });
  h.finish("x");
  h.finish("y");
  h.forgetSent();
  h.submit({ a: ["d"], b: ["d", "x"], c: ["y", "x"] });
  for (const key of ["a", "b", "c"]) h.finish(key);
  const sent = h.computed("alice").map(({ generations }) =>
    typeof generations === "object" ? { ...generations } : generations
  );
  assert.deepEqual(sent, [1, { d: 1, x: 2 }, 2]);
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
  assert(order.op === "acquire-replicas" && order.generations === 1);
  h.release("x");
  assert.deepEqual(h.toWorker("bob"), [{ op: "cancel-compute", keys: ["x"] }]);
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
  const told = h.toClientInFull().map((m) => m.op === "heard" ? m.updates : m.op);
  assert.deepEqual(told, [2, "key-in-memory", "key-in-memory", 3, "key-in-memory"]);
});

Deno.test("a result of a task is not taken for data that was scattered under its key", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["name-of-alice"] });
  heard(h, "alice", 1);
  h.cancel("x");
  h.scatter("x", ["bob"]);
  h.finishOn("alice", "x");
  assert.deepEqual(h.core.whoHas(["x"]), { x: [h.address("bob")] });
  // It has not heard of it, and has it all the same.
  h.do((core, now) => core.releaseKeys(h.address("bob"), ["x"], now));
  assert.equal(h.state("x"), "forgotten");
});

Deno.test("a run from before a broken line is of the task that it was asked for", () => {
  const h = replaced(["name-of-bob"]);
  heard(h, "alice", 9);
  const late = { key: "x", generation: 1, nbytes: 8, type: "number", start: 0, stop: 1 };
  const { now } = h;
  h.core.stimulusTaskFinished(h.address("alice"), { op: "task-finished", ...late }, now);
  assert.equal(h.state("x"), "processing");
  heard(h, "bob", 9);
  const error = {
    op: "task-erred",
    key: "x",
    generation: 1,
    exception: BLOB,
    traceback: "",
  } as const;
  h.core.stimulusTaskErred(h.address("bob"), error, now);
  assert.equal(h.task("x").retries, 1);
});

Deno.test("word that data of the task before is missing leaves the next one's", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["name-of-bob"] });
  h.finish("x");
  h.submit({ t: ["x"] }, { workers: ["name-of-alice"] });
  heard(h, "alice", 2);
  h.cancel("t", "x");
  h.submit({ x: [] }, { workers: ["name-of-bob"] });
  h.finish("x");
  const missing = { x: [h.address("bob")] };
  h.do((core, now) => {
    core.stimulusMissingData(
      h.address("alice"),
      { op: "missing-data", key: "t", missing },
      now,
    );
  });
  assert.equal(h.state("x"), "memory");
});

Deno.test("a worker that pauses need not copy what it was told to", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["name-of-alice"] });
  h.finish("x");
  h.do((core, now) => {
    core.retireWorkers([h.address("alice")], { reason: "test", timeout: 9, close: true }, now);
  });
  h.forgetSent();
  h.do((core, now) => core.workerStatusChange(h.address("bob"), "paused", now));
  assert.deepEqual(h.toWorker("bob"), [{ op: "cancel-compute", keys: ["x"] }]);
});
