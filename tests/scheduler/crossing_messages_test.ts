/** Messages that are late, double or about things that have changed since they were sent. */
import assert from "node:assert/strict";
import { Harness, independent } from "./harness.ts";

Deno.test("a result of a forgotten task is freed", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.release("x");
  assert.deepEqual(h.toWorker("alice").map((m) => m.op), ["compute-task", "cancel-compute"]);
  h.finishOn("alice", "x");
  assert.deepEqual(h.freed("alice"), ["x"]);
});

Deno.test("a result from another worker than expected is taken, and the other is told to stop", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] });
  const [booked] = h.placed("x");
  const other = booked === "alice" ? "bob" : "alice";
  h.forgetSent();
  h.finishOn(other, "x");
  assert.equal(h.state("x"), "memory");
  assert.deepEqual(h.toWorker(booked), [{ op: "cancel-compute", keys: ["x"] }]);
  assert.deepEqual(h.core.whoHas(["x"]), { x: [h.address(other)] });
  // The stop came too late there.
  h.finishOn(booked, "x");
  assert.equal(h.core.whoHas(["x"]).x.length, 2);
  h.finishOn(booked, "x");
  assert.equal(h.core.whoHas(["x"]).x.length, 2);
  h.release("x");
  assert.deepEqual(h.freed(other), ["x"]);
  assert.deepEqual(h.freed(booked), ["x"]);
});

Deno.test("a result that comes while the task waits again is taken", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["alice"] });
  h.finish("x");
  h.submit({ y: ["x"] }, { workers: ["bob"] });
  h.do((core, now) => core.reportMissing({ x: ["tcp://alice:1"] }, now));
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "waiting" });
  h.finishOn("bob", "y");
  assert.equal(h.state("y"), "memory");
});

Deno.test("a failure on a worker that does not have the task any more is ignored", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] });
  const other = h.placed("x")[0] === "alice" ? "bob" : "alice";
  h.errOn(other, "x");
  assert.equal(h.state("x"), "processing");
  h.errOn(other, "unknown");
  h.finish("x");
  h.errOn(other, "x");
  assert.equal(h.state("x"), "memory");
});

Deno.test("a late result of a task that has failed is freed", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["alice"] });
  h.err("x");
  h.finishOn("bob", "x");
  assert.equal(h.state("x"), "erred");
  assert.deepEqual(h.freed("bob"), ["x"]);
});

Deno.test("messages of a worker or client that has left are ignored", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.removeWorker("alice", { safe: true });
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "no-worker");
  h.do((core, now) => core.removeClient("client", now));
  h.submit({ y: [] });
  assert.equal(h.core.tasks.size, 0);
  assert.equal(h.core.removeWorker("tcp://alice:1", {}, h.now), false);
});

Deno.test("missing data is forgotten where it was missed, and the task goes elsewhere", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob", "carol"]);
  h.submit({ x: [] }, { workers: ["alice"] });
  h.finish("x");
  h.submit({ y: ["x"] }, { workers: ["bob"] });
  h.do((core, now) => core.addKeys(h.address("carol"), ["x"], now));
  h.forgetSent();
  h.do((core, now) =>
    core.stimulusMissingData(h.address("bob"), {
      op: "missing-data",
      key: "y",
      missing: { x: [h.address("alice"), "tcp://gone:1"], unknown: ["tcp://gone:1"] },
    }, now)
  );
  assert.deepEqual(h.core.whoHas(["x"]), { x: [h.address("carol")] });
  const [message] = h.computed("bob");
  assert.deepEqual({ ...message.whoHas }, { x: [h.address("carol")] });
  assert.deepEqual(h.freed("alice"), ["x"], "nobody would ever ask for it there");
});

Deno.test("missing data that has been computed again meanwhile only sends the task out again", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [], y: ["x"] }, { wanted: ["y"] });
  h.finish("x");
  const [worker] = h.placed("y");
  h.forgetSent();
  h.do((core, now) =>
    core.stimulusMissingData(h.address(worker), {
      op: "missing-data",
      key: "y",
      missing: { x: ["tcp://gone:1"] },
    }, now)
  );
  assert.deepEqual(h.states("x", "y"), { x: "memory", y: "processing" });
  assert.deepEqual(h.toWorker(worker).map((m) => m.op), ["cancel-compute", "compute-task"]);
});

Deno.test("copies that workers gather are known, and freed when they are not needed", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["alice"] });
  h.finish("x", { nbytes: 50 });
  h.do((core, now) => core.addKeys(h.address("bob"), ["x", "unknown"], now));
  assert.deepEqual(h.freed("bob"), ["unknown"]);
  assert.equal(h.worker("bob").nbytes, 50);
  h.removeWorker("alice");
  assert.equal(h.state("x"), "memory", "the copy is enough");
  h.release("x");
  assert.deepEqual(h.freed("bob"), ["x"]);
});

Deno.test("a copy that turns up while its task is computed again saves the work", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] });
  const worker = h.finish("x");
  const other = worker === "alice" ? "bob" : "alice";
  h.removeWorker(worker);
  assert.equal(h.state("x"), "processing");
  h.do((core, now) => core.addKeys(h.address(other), ["x"], now));
  assert.equal(h.state("x"), "memory");
});

Deno.test("what a worker says it has released is computed again", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: [] });
  h.finish("x");
  h.do((core, now) => core.releaseKeys(h.address("alice"), ["x", "y", "unknown"], now));
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "processing" });
  assert.deepEqual(h.toClient().map((m) => m.op), ["key-in-memory", "lost-data"]);
});

Deno.test("two clients can want the same task, and it stays until both have let go", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ x: [] });
  h.submit({ x: [] }, { client: "other" });
  assert.equal(h.computed("alice").length, 1, "it runs once");
  h.finish("x");
  assert.deepEqual(h.toClient().map((m) => m.op), ["key-in-memory"]);
  assert.deepEqual(h.toClient("other").map((m) => m.op), ["key-in-memory"]);
  h.release("x");
  assert.equal(h.state("x"), "memory");
  h.do((core, now) => core.removeClient("other", now));
  assert.equal(h.state("x"), "forgotten");
});

Deno.test("a client that releases a task and submits it again gets it", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.release("x");
  h.submit({ x: [] });
  assert.equal(h.state("x"), "processing");
  // The result of the first time.
  h.finishOn("alice", "x");
  assert.equal(h.state("x"), "memory");
  h.finishOn("alice", "x");
  assert.deepEqual(h.toClient().map((m) => m.op), ["key-in-memory"]);
});

Deno.test("a task that exists is not computed again: its state is told at once", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], bad: [], y: ["x"], z: ["y"] }, { wanted: ["bad", "z"] });
  h.finish("x");
  h.err("bad");
  h.finish("y");
  h.finish("z");
  assert.equal(h.state("y"), "released");
  h.forgetSent();
  h.submit({ bad: [], z: ["y"], y: ["x"] });
  assert.deepEqual(h.toClient().map((m) => m.op), ["task-erred", "key-in-memory"]);
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "waiting" });
});

Deno.test("clients can ask for keys that exist; for others they hear that those are gone", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.finish("x");
  h.core.addClient("other", h.now);
  h.do((core, now) => core.clientDesiresKeys("other", ["x", "unknown"], now));
  const told = h.toClient("other");
  assert.deepEqual(told.map((m) => m.op), ["key-in-memory", "cancelled-key"]);
  assert(told[1].op === "cancelled-key" && told[1].reason?.includes("'unknown'"));
  h.release("x");
  assert.equal(h.state("x"), "memory");
});

Deno.test("printed text goes to those who want the task, or what is made of it", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"] }, { wanted: ["y"] });
  for (const key of ["x", "y", "unknown"]) {
    h.do((core, now) =>
      core.taskConsole(
        h.address("alice"),
        { op: "task-console", key, level: "log", text: key },
        now,
      )
    );
  }
  assert.deepEqual(h.toClient(), [
    { op: "task-console", key: "x", worker: "tcp://alice:1", level: "log", text: "x" },
    { op: "task-console", key: "y", worker: "tcp://alice:1", level: "log", text: "y" },
  ]);
});

Deno.test("neighbouring releases share a message, and order is kept", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit(independent(3));
  for (const key of ["x-0", "x-1", "x-2"]) h.finish(key);
  h.forgetSent();
  h.do((core, now) => {
    core.clientReleasesKeys("client", ["x-0"], now);
    core.clientReleasesKeys("client", ["x-1", "x-2"], now);
  });
  assert.deepEqual(h.toWorker("alice"), [{ op: "free-keys", keys: ["x-0", "x-1", "x-2"] }]);
});

Deno.test("what is not drained yet goes with the worker that leaves", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.do((core, now) => {
    core.clientDesiresKeys("client", ["unknown"], now);
    core.removeWorker(h.address("alice"), {}, now);
    core.removeClient("client", now);
  });
  assert.deepEqual(h.toWorker("alice"), []);
  assert.deepEqual(h.toClient(), []);
});
