/** Where tasks may run: `workers`, `allowOtherWorkers`, `resources`. */
import assert from "node:assert/strict";
import { validWorkers } from "../../scheduler/restrictions.ts";
import { Harness, independent } from "./harness.ts";

function validNames(h: Harness, key: string): string[] | null {
  return validWorkers(h.core, h.task(key))?.map((ws) => ws.name).sort() ?? null;
}

Deno.test("workers are named by address, with or without scheme, by alias, or by host", () => {
  const h = new Harness();
  h.addWorker("a", { name: "alice", host: "node1" });
  h.addWorker("b", { name: "bob", host: "node1" });
  h.addWorker("c", { name: "carol", host: "node2" });
  const graph = (key: string, workers: string[]) => h.submit({ [key]: [] }, { workers });
  graph("byAddress", ["tcp://a:1"]);
  graph("byShortAddress", ["a:1"]);
  graph("byName", ["carol"]);
  graph("byHost", ["node1"]);
  graph("byAny", ["carol", "tcp://b:1"]);
  h.submit({ free: [] });
  assert.deepEqual(validNames(h, "byAddress"), ["alice"]);
  assert.deepEqual(validNames(h, "byShortAddress"), ["alice"]);
  assert.deepEqual(validNames(h, "byName"), ["carol"]);
  assert.deepEqual(validNames(h, "byHost"), ["alice", "bob"]);
  assert.deepEqual(validNames(h, "byAny"), ["bob", "carol"]);
  assert.equal(validNames(h, "free"), null);
  assert.deepEqual(h.task("byHost").runSpec!.hostRestrictions, ["node1"]);
  assert.deepEqual(h.task("byName").runSpec!.workerRestrictions, ["carol"]);
});

Deno.test("a task for a worker that is not there waits for it, by name or by address", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] }, { workers: ["dora"] });
  h.submit({ y: [] }, { workers: ["tcp://emil:1"] });
  h.submit({ z: [] }, { workers: ["node9"] });
  assert.deepEqual(h.placed("x", "y", "z"), ["no-worker", "no-worker", "no-worker"]);
  h.addWorker("w", { name: "dora" });
  assert.deepEqual(h.placed("x", "y", "z"), ["w", "no-worker", "no-worker"]);
  h.addWorker("emil");
  assert.deepEqual(h.placed("x", "y", "z"), ["w", "emil", "no-worker"]);
  h.addWorker("last", { host: "node9" });
  assert.deepEqual(h.placed("x", "y", "z"), ["w", "emil", "last"]);
});

Deno.test("allowOtherWorkers lets others take a task while none of its workers is there", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  const loose = { workers: ["name-of-bob"], allowOtherWorkers: true };
  h.submit({ x: [] }, loose);
  assert.deepEqual(h.placed("x"), ["alice"]);
  h.addWorkers(["bob"]);
  h.submit({ y: [], z: [] }, loose);
  assert.deepEqual(h.placed("y", "z"), ["bob", "bob"]);
});

Deno.test("resources choose the worker, and are booked while the task is there", () => {
  const h = new Harness();
  h.addWorkers(["plain"]);
  h.addWorker("gpu", { resources: { GPU: 2 } });
  h.submit({ x: [], y: [], z: [] }, { resources: { GPU: 1 } });
  assert.deepEqual(h.placed("x", "y", "z"), ["gpu", "gpu", "gpu"]);
  assert.equal(h.worker("gpu").usedResources.GPU, 3);
  assert.deepEqual(h.computed("gpu").map((m) => m.resources), [
    { GPU: 1 },
    { GPU: 1 },
    { GPU: 1 },
  ]);
  h.finish("x");
  h.err("y");
  h.release("z");
  assert.equal(h.worker("gpu").usedResources.GPU, 0);
  h.submit({ large: [] }, { resources: { GPU: 3 } });
  h.submit({ other: [] }, { resources: { toString: 1 } });
  assert.deepEqual(h.placed("large", "other"), ["no-worker", "no-worker"]);
  h.addWorker("big", { resources: { GPU: 4 } });
  assert.deepEqual(h.placed("large"), ["big"]);
});

Deno.test("however loose the choice of workers is, resources are not a preference", () => {
  const h = new Harness();
  h.addWorkers(["plain"]);
  h.submit({ x: [] }, {
    resources: { GPU: 1 },
    workers: ["name-of-plain"],
    allowOtherWorkers: true,
  });
  assert.deepEqual(h.placed("x"), ["no-worker"]);
  h.addWorker("gpu", { resources: { GPU: 1 } });
  assert.deepEqual(h.placed("x"), ["gpu"]);
});

Deno.test("a restricted task prefers, among its workers, the one with its data", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob", "carol"]);
  h.scatter("x", ["carol"], 1e6);
  h.submit({ y: ["x"] }, { workers: ["name-of-bob", "name-of-carol"] });
  h.submit({ z: ["x"] }, { workers: ["name-of-alice", "name-of-bob"] });
  assert.deepEqual(h.placed("y"), ["carol"]);
  assert.notEqual(h.placed("z")[0], "carol");
});

Deno.test("a worker without threads gets nothing, and gives back what it had", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit(independent(4));
  h.do((core, now) => core.threadsChanged(h.address("alice"), 0, now));
  assert.equal(h.worker("alice").processing.size, 0);
  assert.equal(h.worker("bob").processing.size, 4);
  h.do((core, now) => core.threadsChanged(h.address("bob"), 0, now));
  assert.equal(h.core.unrunnable.size, 4);
  h.do((core, now) => core.threadsChanged(h.address("alice"), 2, now));
  assert.equal(h.worker("alice").processing.size, 4);
  assert.equal(h.core.totalNthreads, 2);
});

Deno.test("lists of workers and addresses are found for what users write", () => {
  const h = new Harness();
  h.addWorker("a", { name: "alice", host: "node1" });
  h.addWorker("b", { name: "bob", host: "node1" });
  assert.deepEqual(h.core.workersList(), ["tcp://a:1", "tcp://b:1"]);
  assert.deepEqual(h.core.workersList(["node1", "alice"]), ["tcp://a:1", "tcp://b:1"]);
  assert.deepEqual(h.core.workersList(["bob", "nobody"]), ["tcp://b:1"]);
  assert.equal(h.core.coerceAddress("bob"), "tcp://b:1");
  assert.equal(h.core.coerceAddress("b:1"), "tcp://b:1");
  assert.equal(h.core.coerceAddress("nobody"), null);
});
