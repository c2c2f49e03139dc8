/** Which worker gets a task: the examples of the manual, and what a batch looks like. */
import assert from "node:assert/strict";
import { getCommCost, getTaskDuration } from "../../scheduler/occupancy.ts";
import { decideWorker, workerObjective } from "../../scheduler/policies.ts";
import { Harness, independent } from "./harness.ts";

/** How many tasks each worker has. */
function counts(h: Harness, workers: string[]): number[] {
  return workers.map((worker) => h.worker(worker).processing.size);
}

Deno.test("a task goes to the worker that has its data", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("a", ["alice"], 100);
  h.submit({ b: ["a"] });
  assert.deepEqual(h.placed("b"), ["alice"]);
});

Deno.test("of two workers that have the data, the less busy one gets the task", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("a", ["alice", "bob"], 100);
  h.submit({ busy: [] }, { workers: ["alice"] });
  h.submit({ b: ["a"] });
  assert.deepEqual(h.placed("b"), ["bob"]);
});

Deno.test("only the workers that are allowed are looked at", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob", "charlie"]);
  h.scatter("a", ["alice", "bob"], 100);
  h.submit({ busy: [] }, { workers: ["alice"] });
  h.submit({ b: ["a"] }, { workers: ["alice", "charlie"] });
  assert.deepEqual(h.placed("b"), ["alice"]);
});

Deno.test("the least bytes are sent between workers", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("a", ["alice"], 1);
  h.scatter("b", ["bob"], 1000);
  h.submit({ c: ["a", "b"] });
  assert.deepEqual(h.placed("c"), ["bob"]);
});

Deno.test("on a tie the worker with the fewest tasks is taken, in memory and processing", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob", "carol"]);
  h.submit({ a: [] }, { workers: ["alice"] });
  h.submit({ b: [] }, { workers: ["bob"] });
  h.finish("a");
  h.finish("b");
  h.submit({ c: [] });
  assert.deepEqual(h.placed("c"), ["carol"]);
});

Deno.test("large data outweighs work that is queued where it is", () => {
  const h = new Harness({ bandwidth: 100e6 });
  h.addWorkers(["alice", "bob"]);
  h.scatter("big", ["alice"], 1e9);
  h.scatter("small", ["alice"], 10);
  h.submit(independent(4, "busy"), { workers: ["alice"] });
  // 2 s of work are queued on alice; bringing 1 GB over takes 10 s, 10 bytes no time.
  h.submit({ far: ["big"], near: ["small"] });
  assert.deepEqual(h.placed("far", "near"), ["alice", "bob"]);
});

Deno.test("a batch of equal tasks is spread evenly", () => {
  const names = Array.from({ length: 10 }, (_, i) => `w${i}`);
  for (const tasks of [10, 30, 100, 1000]) {
    const h = new Harness();
    h.addWorkers(names);
    h.submit(independent(tasks));
    const share = tasks / names.length;
    for (const count of counts(h, names)) assert.equal(count, share, `${tasks} tasks`);
  }
});

Deno.test("a worker with more threads gets more of a batch", () => {
  const h = new Harness();
  h.addWorker("alice", { nthreads: 1 });
  h.addWorker("bob", { nthreads: 3 });
  h.submit(independent(80));
  assert.deepEqual(counts(h, ["alice", "bob"]), [20, 60]);
});

Deno.test("neighbours in a large batch are placed together, so that combining them moves little", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  const leaves = Array.from({ length: 64 }, (_, i) => `leaf-${i}`);
  h.submit(Object.fromEntries(leaves.map((leaf) => [leaf, []])));
  for (const leaf of leaves) h.finish(leaf, { nbytes: 100 });
  const sums: Record<string, string[]> = {};
  for (let i = 0; i < 64; i += 2) sums[`sum-${i}`] = [leaves[i], leaves[i + 1]];
  h.submit(sums);
  const isMoved = (key: string) => getCommCost(h.core, h.task(key), h.task(key).processingOn!) > 0;
  // One, because the other worker has nothing to do at that moment.
  assert.equal(Object.keys(sums).filter(isMoved).length, 1);
});

Deno.test("what very many tasks need is worth copying: it does not tie them to one worker", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("table", ["alice"], 1e6);
  const graph: Record<string, string[]> = {};
  for (let i = 0; i < 100; i++) graph[`use-${i}`] = ["table"];
  h.submit(graph);
  assert.deepEqual(counts(h, ["alice", "bob"]), [50, 50]);
});

Deno.test("a chain stays on its worker", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob", "carol"]);
  const graph: Record<string, string[]> = { "step-0": [] };
  for (let i = 1; i < 10; i++) graph[`step-${i}`] = [`step-${i - 1}`];
  h.submit(graph, { wanted: ["step-9"] });
  const workers = new Set<string>();
  for (const key in graph) workers.add(h.finish(key));
  assert.equal(workers.size, 1);
});

Deno.test("durations are learned per prefix, half from the last run", () => {
  const h = new Harness({ defaultTaskDuration: 0.7 });
  h.addWorkers(["alice"]);
  h.submit(independent(5));
  assert.equal(getTaskDuration(h.core, h.task("x-0")), 0.7);
  assert.ok(Math.abs(h.worker("alice").occupancy - 3.5) < 1e-9);
  h.finish("x-0", { seconds: 2 });
  assert.equal(getTaskDuration(h.core, h.task("x-1")), 2);
  assert.equal(h.worker("alice").occupancy, 8, "tasks placed on a guess are corrected");
  h.finish("x-1", { seconds: 4 });
  assert.equal(getTaskDuration(h.core, h.task("x-2")), 3);
  h.finish("x-2", { seconds: -5 });
  assert.equal(
    getTaskDuration(h.core, h.task("x-3")),
    3,
    "a clock that was set back teaches nothing",
  );
  h.submit({ "y-0": [], "x-9": [] });
  assert.equal(h.computed("alice").find((m) => m.key === "x-9")?.duration, 3);
});

Deno.test("occupancy is estimated afresh from what is known later", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit(independent(4));
  h.finish("x-0", { seconds: 1 });
  h.finish("x-1", { seconds: 3 });
  assert.equal(h.worker("alice").occupancy, 2);
  h.do((core, now) => core.reevaluateOccupancy(now));
  assert.equal(h.worker("alice").occupancy, 4);
  assert.equal(h.core.totalOccupancy, 4);
});

Deno.test("idle and saturated workers are told apart", () => {
  const h = new Harness({ workStealing: false });
  h.addWorkers(["alice", "bob", "carol"]);
  assert.deepEqual([...h.core.idle].length, 3);
  h.submit(independent(20), { workers: ["alice"] });
  assert.equal(h.worker("alice").isSaturated, true);
  assert.deepEqual([...h.core.idle].map((ws) => ws.address), ["tcp://bob:1", "tcp://carol:1"]);
});

Deno.test("the objective is the time to start, then the number of tasks, then the bytes", () => {
  const h = new Harness({ bandwidth: 100 });
  h.addWorker("alice", { nthreads: 2 });
  h.addWorkers(["bob"]);
  h.scatter("a", ["bob"], 300);
  h.submit({ busy: [] }, { workers: ["alice"] });
  h.submit({ b: ["a"] });
  const b = h.task("b");
  assert.deepEqual(h.placed("b"), ["bob"]);
  assert.deepEqual(workerObjective(h.core, b, h.worker("alice")), [0.25 + 3, 1, 0]);
  assert.deepEqual(workerObjective(h.core, b, h.worker("bob")), [0.5, 2, 300]);
  assert.equal(decideWorker(h.core, b), h.worker("bob"));
});

Deno.test("earlier graphs come first, then the client's order; a user's priority beats both", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ a: [], b: [] });
  h.submit({ c: [] });
  h.submit({ d: [] }, { priority: 10 });
  const sent = h.computed("alice");
  assert.deepEqual(sent.map((m) => [m.key, m.priority]), [
    ["a", [0, 1, 0]],
    ["b", [0, 1, 1]],
    ["c", [0, 2, 0]],
    ["d", [-10, 3, 0]],
  ]);
});

Deno.test("tasks that become ready together are sent out in the order of their priority", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ root: [], a: ["root"], b: ["root"], c: ["root"] });
  h.submit({ d: ["root"] }, { priority: 1 });
  h.forgetSent();
  h.finish("root");
  assert.deepEqual(h.computed("alice").map((m) => m.key), ["d", "a", "b", "c"]);
});
