/** Work stealing: what is moved, what is not, and that nothing runs twice for it. */
import assert from "node:assert/strict";
import { stealLevel } from "../../scheduler/stealable.ts";
import { crowded, Harness, independent } from "./harness.ts";

Deno.test("a worker that comes gets about half of the work, the last first", () => {
  const h = crowded();
  const requests = h.balance("alice");
  assert(requests.length >= 7 && requests.length <= 10, `${requests.length} tasks`);
  assert.equal(requests[0].key, "x-19");
  assert.equal(new Set(requests.map((r) => r.id)).size, requests.length);
  // They stay where they are until the victim has answered.
  assert.equal(h.worker("alice").processing.size, 20);
  assert.deepEqual(h.balance("alice"), [], "what is under way counts already");
  for (const request of requests) h.answer("alice", request, "ready");
  assert.equal(h.worker("bob").processing.size, requests.length);
  assert.equal(h.worker("alice").processing.size, 20 - requests.length);
  assert.deepEqual(h.computed("bob").map((m) => m.key), requests.map((r) => r.key));
  assert.equal(h.core.inFlight.size, 0);
  assert.equal(h.worker("alice").inFlightOccupancy, 0);
  const [last] = h.core.transitionStory("x-19").slice(-1);
  assert.match(last.stimulus, /stolen by tcp:\/\/bob:1/);
});

Deno.test("a task that has begun stays", () => {
  const h = crowded();
  const [request] = h.balance("alice");
  h.answer("alice", request, "executing");
  assert.deepEqual(h.placed(request.key), ["alice"]);
  assert.deepEqual(h.computed("bob"), []);
  h.finish(request.key);
  assert.equal(h.state(request.key), "memory");
});

Deno.test("a task moves also when it waits for data or resources, or got lost on the victim", () => {
  for (const state of ["waiting", "constrained", null] as const) {
    const h = crowded();
    const [request] = h.balance("alice");
    h.answer("alice", request, state);
    assert.deepEqual(h.placed(request.key), ["bob"]);
  }
});

Deno.test("a long-running task moves whose thread has died since, so that its worker let go of it", () => {
  const h = crowded();
  const [request] = h.balance("alice");
  const { key } = request;
  h.do((core, now) => core.longRunning(h.address("alice"), { op: "long-running", key }, now));
  h.answer("alice", request, "ready");
  assert.deepEqual(h.placed(key), ["bob"]);
  assert.equal(h.task(key).longRunning, false);
  assert.equal(h.worker("alice").longRunning, 0);
  h.finish(key);
});

Deno.test("an answer about a task that finished or was released meanwhile changes nothing", () => {
  const h = crowded();
  const [first, second, third] = h.balance("alice");
  h.finish(first.key);
  h.release(second.key);
  h.release(third.key);
  h.submit({ [third.key]: [] }, { workers: ["name-of-alice"] });
  h.answer("alice", first, "memory");
  h.answer("alice", second, null);
  h.answer("alice", third, "ready");
  assert.deepEqual(h.states(first.key, second.key), {
    [first.key]: "memory",
    [second.key]: "forgotten",
  });
  assert.deepEqual(h.placed(third.key), ["alice"], "this is another task of the same name");
  assert.equal(h.computed("bob").length, 0);
});

Deno.test("answers from others, with other numbers, or twice are ignored", () => {
  const h = crowded();
  const [request] = h.balance("alice");
  h.answer("bob", request, "ready");
  h.answer("alice", { ...request, id: request.id + 1000 }, "ready");
  h.answer("alice", { key: "unknown", id: 1 }, "ready");
  assert.deepEqual(h.placed(request.key), ["alice"]);
  h.answer("alice", request, "ready");
  h.answer("alice", request, "ready");
  assert.deepEqual(h.placed(request.key), ["bob"]);
  assert.equal(h.computed("bob").length, 1);
});

Deno.test("when the thief is gone, the task that was let go goes elsewhere", () => {
  const h = crowded();
  const [request] = h.balance("alice");
  h.removeWorker("bob");
  h.answer("alice", request, "ready");
  assert.deepEqual(h.placed(request.key), ["alice"]);
  assert.deepEqual(h.toWorker("alice").map((m) => m.op).slice(-2), [
    "cancel-compute",
    "compute-task",
  ]);
});

Deno.test("when the victim is gone, its tasks are placed anew and the request is void", () => {
  const h = crowded();
  const [request] = h.balance("alice");
  h.removeWorker("alice", { safe: true });
  assert.deepEqual(h.placed(request.key), ["bob"]);
  assert.equal(h.core.inFlight.size, 0);
  assert.equal(h.worker("bob").inFlightTasks, 0);
  h.answer("alice", request, "ready");
  assert.deepEqual(h.placed(request.key), ["bob"]);
});

Deno.test("tasks that are bound to their workers are not stolen; those that are loosely so are", () => {
  const h = new Harness();
  h.addWorker("alice", { resources: { GPU: 1 } });
  h.submit(independent(20, "bound"), { workers: ["name-of-alice"] });
  h.addWorkers(["bob"]);
  assert.deepEqual(h.balance("alice"), []);
  h.submit(independent(20, "gpu"), { resources: { GPU: 1 } });
  assert.deepEqual(h.balance("alice"), []);
  h.submit(independent(20, "loose"), { workers: ["name-of-alice"], allowOtherWorkers: true });
  const keys = h.balance("alice").map((r) => r.key);
  assert(keys.length > 0 && keys.every((key) => key.startsWith("loose")));
});

Deno.test("short tasks are not worth it, unless a long backlog of independent ones has piled up", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.scatter("data", ["alice"], 10);
  h.submit({ "use-1000": ["data"], "x-1000": [] });
  h.finish("use-1000", { seconds: 0.004 });
  h.finish("x-1000", { seconds: 0.001 });
  const uses: Record<string, string[]> = {};
  for (let i = 0; i < 100; i++) uses[`use-${i}`] = ["data"];
  h.submit(uses);
  h.submit(independent(5));
  h.addWorkers(["bob"]);
  assert.equal(stealLevel(h.core, h.task("use-1")), -1);
  h.release(...Object.keys(uses));
  assert.deepEqual(h.balance("alice"), []);
  h.submit(independent(200), { workers: ["name-of-alice"], allowOtherWorkers: true });
  assert.equal(stealLevel(h.core, h.task("x-100")), 0);
  assert(h.balance("alice").length > 50);
});

Deno.test("the bins go by how long moving takes against computing", () => {
  const h = new Harness({ bandwidth: 100e6 });
  h.addWorkers(["alice"]);
  h.scatter("none", ["alice"], 0);
  h.scatter("second", ["alice"], 99e6);
  h.scatter("hours", ["alice"], 1e12);
  h.submit({ "a-1000": [] });
  h.finish("a-1000", { seconds: 1 });
  h.submit({ "a-0": [], "a-1": ["none"], "a-2": ["second"], "a-3": ["hours"] });
  const levels = [0, 1, 2, 3].map((i) => stealLevel(h.core, h.task(`a-${i}`)));
  // 0.01 s against 1 s is 1/128 and the first bin; 1 s against 1 s is the middle one.
  assert.deepEqual(levels, [0, 1, 6, -1]);
});

Deno.test("what is dear to move stays while that costs more than the backlog", () => {
  const h = new Harness({ bandwidth: 1e6 });
  h.addWorkers(["alice"]);
  h.scatter("big", ["alice"], 4e6);
  h.submit({ "f-1000": ["big"] });
  h.finish("f-1000", { seconds: 1 });
  // Moving takes 4 s, so the thief pays 1 + 4 times a second for each.
  h.submit({ "f-0": ["big"], "f-1": ["big"], "f-2": ["big"] });
  h.addWorkers(["bob"]);
  assert.deepEqual(h.balance("alice"), []);
  const graph: Record<string, string[]> = {};
  for (let i = 3; i < 30; i++) graph[`f-${i}`] = ["big"];
  h.submit(graph, { workers: ["name-of-alice"], allowOtherWorkers: true });
  assert(h.balance("alice").length > 0);
});

Deno.test("nothing is moved when all are idle, all are busy, or stealing is off", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  assert.deepEqual(h.balance("alice"), []);
  h.submit(independent(40));
  assert.deepEqual([...h.balance("alice"), ...h.balance("bob")], []);
  const off = new Harness({ workStealing: false });
  off.addWorkers(["alice"]);
  off.submit(independent(20));
  off.addWorkers(["bob"]);
  assert.deepEqual(off.balance("alice"), []);
});
