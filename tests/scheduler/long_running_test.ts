/** Long-running tasks: they take none of their worker's places, and teach nothing about durations. */
import assert from "node:assert/strict";
import { crowded, Harness, independent } from "./harness.ts";

function secede(h: Harness, worker: string, key: string, seconds?: number): void {
  h.do((core, now) =>
    core.longRunning(h.address(worker), { op: "long-running", key, seconds }, now)
  );
}

Deno.test("a long-running task leaves its worker idle", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ "x-0": [] });
  const alice = h.worker("alice");
  h.submit({ "x-1": [], "x-2": [] });
  assert(!alice.isIdle);
  secede(h, "alice", "x-0");
  assert.equal(alice.load, 2);
  h.finish("x-1");
  h.finish("x-2");
  assert.equal(alice.load, 0);
  assert.equal(alice.occupancy, 0);
  assert(alice.isIdle);
  assert.equal(h.state("x-0"), "processing");
  h.finish("x-0");
  assert.equal(h.state("x-0"), "memory");
  assert.equal(alice.longRunning, 0);
});

Deno.test("new tasks go to the worker whose task is long-running", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ "x-0": [] });
  const [first] = h.placed("x-0");
  secede(h, first, "x-0", 0.1);
  h.submit({ "y-0": [] });
  h.submit({ "y-1": [] });
  assert.deepEqual(h.placed("y-0", "y-1").sort(), ["alice", "bob"]);
});

Deno.test("a task counts with what it took until it was long-running", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ "x-0": [] });
  secede(h, "alice", "x-0", 0.25);
  h.finish("x-0", { seconds: 1000 });
  assert.equal(h.core.prefixes.get("x")!.duration, 0.25);
});

Deno.test("a long-running task is not stolen", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ "x-1000": [] });
  h.finish("x-1000", { seconds: 1 });
  h.submit(independent(20));
  for (let i = 0; i < 20; i++) if (i % 2 === 0) secede(h, "alice", `x-${i}`);
  h.addWorkers(["bob"]);
  const asked = h.balance("alice").map(({ key }) => key);
  assert(asked.length > 0);
  for (const key of asked) assert.equal(Number(key.slice(2)) % 2, 1, key);
});

Deno.test("a theft that is under way is off when the task becomes long-running", () => {
  const h = crowded();
  const [request] = h.balance("alice");
  secede(h, "alice", request.key);
  h.answer("alice", request, "long-running");
  assert.deepEqual(h.placed(request.key), ["alice"]);
});

Deno.test("a long-running task of a lost worker is computed elsewhere, and is suspected", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ "x-0": [] });
  const [first] = h.placed("x-0");
  secede(h, first, "x-0");
  h.removeWorker(first);
  assert.deepEqual(h.placed("x-0"), [first === "alice" ? "bob" : "alice"]);
  assert.equal(h.task("x-0").suspicious, 1);
  assert.equal(h.task("x-0").longRunning, false);
});

Deno.test("a suspicious task that waits for another suspicious one does not keep it from its trial", () => {
  const h = new Harness();
  h.addWorkers(["a"]);
  h.submit({ "x-0": [] });
  secede(h, "a", "x-0");
  h.submit({ "y-0": [] });
  for (const [lost, next] of [["a", "b"], ["b", "c"]]) {
    h.addWorkers([next]);
    h.removeWorker(lost);
    const waiting = ["x-0", "y-0"].find((key) => h.state(key) === "processing")!;
    secede(h, next, waiting);
  }
  // Each was on two workers that were lost: alone on trial, and still both are on the last one.
  assert.deepEqual(h.placed("x-0", "y-0"), ["c", "c"]);
});

Deno.test("what a worker says of a task that it does not have counts for nothing", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ "x-0": [] });
  const [first] = h.placed("x-0");
  secede(h, first === "alice" ? "bob" : "alice", "x-0");
  secede(h, first, "no-such-task");
  assert.equal(h.worker("alice").longRunning + h.worker("bob").longRunning, 0);
});
