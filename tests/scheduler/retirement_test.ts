/** Workers that pause or leave: who gets their tasks, and what becomes of their results. */
import assert from "node:assert/strict";
import type { SchedulerToWorker } from "../../protocol/messages.ts";
import type { Retired } from "../../scheduler/core.ts";
import { Harness, independent } from "./harness.ts";

type Of<Op extends SchedulerToWorker["op"]> = Extract<SchedulerToWorker, { op: Op }>;

const FOREVER = { reason: "test", timeout: Infinity, close: true };

/** The messages of one kind that were sent to a worker since the last time; others are dropped. */
function sent<Op extends SchedulerToWorker["op"]>(h: Harness, worker: string, op: Op): Of<Op>[] {
  return h.toWorker(worker).filter((message) => message.op === op) as Of<Op>[];
}

function retire(h: Harness, workers: string[], options: Partial<typeof FOREVER> = {}): void {
  const addresses = workers.map((worker) => h.address(worker));
  h.do((core, now) => core.retireWorkers(addresses, { ...FOREVER, ...options }, now));
}

function setStatus(h: Harness, worker: string, status: "running" | "paused"): void {
  h.do((core, now) => core.workerStatusChange(h.address(worker), status, now));
}

/** Copies that a worker was told to get, and from where. */
function copied(h: Harness, worker: string): Record<string, string[]> {
  return Object.assign({}, ...sent(h, worker, "acquire-replicas").map((message) => message.whoHas));
}

/** A worker answers all requests to give a task back. */
function giveBack(h: Harness, worker: string, state: "ready" | "executing" = "ready"): string[] {
  const requests = h.stealRequests(worker);
  for (const request of requests) h.answer(worker, request, state);
  return requests.map(({ key }) => key);
}

function addKeys(h: Harness, worker: string, keys: string[]): void {
  h.do((core, now) => core.addKeys(h.address(worker), keys, now));
}

/** The workers whose retirement is over, by short names. */
function over(h: Harness): string[] {
  return h.core.takeRetired().map(({ address }) => address.slice(6, -2));
}

function isClosed(h: Harness, worker: string): boolean {
  return sent(h, worker, "close").length === 1;
}

Deno.test("a worker that has nothing to lose is told to close at once", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  retire(h, ["a"]);
  assert.deepEqual(over(h), ["a"]);
  assert(isClosed(h, "a"));
  h.submit({ x: [] });
  assert.deepEqual(h.placed("x"), ["b"], "it gets no task any more");
});

Deno.test("what a retiring worker has not begun goes to others, what it runs finishes there", () => {
  const h = new Harness();
  h.addWorker("a");
  h.submit(independent(3));
  h.addWorker("b");
  retire(h, ["a"]);
  const requests = h.stealRequests("a");
  assert.deepEqual(requests.map(({ key }) => key).sort(), ["x-0", "x-1", "x-2"]);
  for (const request of requests) {
    h.answer("a", request, request.key === "x-0" ? "executing" : "ready");
  }
  assert.deepEqual(h.placed("x-0", "x-1", "x-2"), ["a", "b", "b"]);
  assert.deepEqual(over(h), []);
  h.finish("x-0");
  assert.deepEqual(copied(h, "b"), { "x-0": [h.address("a")] });
  addKeys(h, "b", ["x-0"]);
  assert.deepEqual(over(h), ["a"]);
  assert(isClosed(h, "a"));
});

Deno.test("only results that nobody else holds are copied, and what only retiring workers hold once", () => {
  const h = new Harness();
  h.addWorkers(["a", "b", "c"]);
  h.scatter("shared", ["a", "c"]);
  h.scatter("both", ["a", "b"]);
  h.scatter("own", ["a"]);
  h.forgetSent();
  retire(h, ["a", "b"]);
  const [order] = sent(h, "c", "acquire-replicas");
  assert.deepEqual(Object.keys(order.whoHas).sort(), ["both", "own"]);
  assert.deepEqual(order.whoHas.both.sort(), [h.address("a"), h.address("b")]);
  assert.deepEqual({ ...order.nbytes }, { both: 8, own: 8 });
  addKeys(h, "c", ["both"]);
  h.do((core, now) => core.checkRetirements(now));
  assert.deepEqual(over(h), ["b"]);
  addKeys(h, "c", ["own"]);
  assert.deepEqual(over(h), ["a"]);
});

Deno.test("copies go where there is room, and are spread over the workers", () => {
  const h = new Harness();
  h.addWorker("a");
  h.addWorker("small", { memoryLimit: 100 });
  h.addWorker("large", { memoryLimit: 10_000 });
  for (let i = 0; i < 4; i++) h.scatter(`d-${i}`, ["a"], 1000);
  retire(h, ["a"]);
  assert.deepEqual(copied(h, "small"), {});
  assert.equal(Object.keys(copied(h, "large")).length, 4);

  const even = new Harness();
  even.addWorkers(["a", "b", "c"]);
  for (let i = 0; i < 10; i++) even.scatter(`d-${i}`, ["a"], 1000);
  retire(even, ["a"]);
  assert.equal(Object.keys(copied(even, "b")).length, 5);
  assert.equal(Object.keys(copied(even, "c")).length, 5);
});

Deno.test("a worker that cannot copy, pauses or dies is replaced by another", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.scatter("d", ["a"]);
  retire(h, ["a"]);
  assert.deepEqual(Object.keys(copied(h, "b")), ["d"]);
  h.do((core, now) => core.releaseKeys(h.address("b"), ["d"], now));
  assert.deepEqual(copied(h, "b"), {}, "not at once");
  h.now += 1;
  h.do((core, now) => core.checkRetirements(now));
  assert.deepEqual(Object.keys(copied(h, "b")), ["d"], "there is no other: it tries again");

  h.addWorker("c");
  setStatus(h, "b", "paused");
  assert.deepEqual(Object.keys(copied(h, "c")), ["d"]);
  setStatus(h, "b", "running");
  h.forgetSent();
  h.removeWorker("c");
  assert.deepEqual(Object.keys(copied(h, "b")), ["d"]);
  assert.deepEqual(over(h), []);
  addKeys(h, "b", ["d"]);
  assert.deepEqual(over(h), ["a"]);
});

Deno.test("what cannot be copied for good does not hold up the worker for ever", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.scatter("d", ["a"]);
  retire(h, ["a"]);
  let attempts = 0;
  while (h.core.takeRetired().length === 0) {
    assert.deepEqual(Object.keys(copied(h, "b")), ["d"]);
    assert(++attempts < 10);
    h.do((core, now) => core.releaseKeys(h.address("b"), ["d"], now));
    h.now += 60;
    h.do((core, now) => core.checkRetirements(now));
  }
  assert(attempts > 2);
});

Deno.test("results that are released while they are copied hold nobody up", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.submit({ x: [] }, { workers: ["name-of-a"] });
  h.finish("x");
  retire(h, ["a"]);
  assert.deepEqual(Object.keys(copied(h, "b")), ["x"]);
  h.cancel("x");
  assert.deepEqual(over(h), ["a"]);
  const told = h.toWorker("b");
  assert.deepEqual(told, [{ op: "cancel-compute", keys: ["x"] }], "it need not copy it any more");
  addKeys(h, "b", ["x"]);
  assert.deepEqual(h.freed("b"), ["x"], "the copy that comes too late is dropped");
});

Deno.test("at its deadline a worker leaves with all it has, and what is lost is told", () => {
  const h = new Harness();
  h.addWorkers(["a"]);
  h.submit({ x: [], y: ["x"] });
  h.finish("x");
  h.scatter("d", ["a"]);
  h.addWorker("b");
  retire(h, ["a"], { timeout: 5 });
  giveBack(h, "a", "executing");
  h.now += 4;
  h.do((core, now) => core.checkRetirements(now));
  assert.deepEqual(h.core.takeRetired(), []);
  h.now += 1;
  h.do((core, now) => core.checkRetirements(now));
  assert.deepEqual(h.core.takeRetired(), [
    {
      address: h.address("a"),
      reason: "test",
      running: 1,
      lost: 1,
      lostForGood: 1,
    } satisfies Retired,
  ]);
  assert(isClosed(h, "a"));
  h.removeWorker("a", { safe: false });
  assert.deepEqual(h.placed("x"), ["b"]);
  assert.equal(h.task("y").suspicious, 0, "it was told to leave: its tasks are not to blame");
});

Deno.test("without another worker a worker finishes what it runs, and leaves", () => {
  const h = new Harness();
  h.addWorker("a");
  h.submit({ x: [] });
  retire(h, ["a"]);
  giveBack(h, "a", "executing");
  assert.deepEqual(over(h), []);
  h.finish("x");
  assert.deepEqual(over(h), ["a"]);
  assert(isClosed(h, "a"));
});

Deno.test("while others are only paused, a retiring worker waits for them", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.scatter("d", ["a"]);
  setStatus(h, "b", "paused");
  retire(h, ["a"]);
  assert.deepEqual(copied(h, "b"), {});
  assert.deepEqual(over(h), []);
  setStatus(h, "b", "running");
  assert.deepEqual(Object.keys(copied(h, "b")), ["d"]);
});

Deno.test("a task that only a retiring worker may run waits for another", () => {
  const h = new Harness();
  h.addWorker("a");
  h.addWorker("b");
  h.submit({ x: [] }, { workers: ["name-of-a"] });
  retire(h, ["a"]);
  giveBack(h, "a");
  assert.equal(h.state("x"), "no-worker");
  assert.deepEqual(over(h), ["a"]);
});

Deno.test("a worker that is to be restarted goes on until another can take over", () => {
  const h = new Harness();
  h.addWorker("a", { nthreads: 2 });
  h.submit({ x: [] });
  h.finish("x");
  const wish = { op: "retire-worker", reason: "stuck", restart: true, timeout: 60 } as const;
  h.do((core, now) => core.workerRetires(h.address("a"), wish, now));
  h.submit({ y: [] });
  assert.deepEqual(h.placed("y"), ["a"], "it is the only one");
  h.now += 1000;
  h.addWorker("b");
  giveBack(h, "a");
  assert.deepEqual(h.placed("y"), ["b"]);
  assert.deepEqual(Object.keys(copied(h, "b")), ["x"]);
  addKeys(h, "b", ["x"]);
  assert.deepEqual(sent(h, "a", "close"), [{ op: "close", reason: "stuck", restart: true }]);
});

Deno.test("a worker that leaves for good is not restarted, though it had asked for that before", () => {
  const h = new Harness();
  h.addWorkers(["a"]);
  h.scatter("d", ["a"]);
  const wish = { op: "retire-worker", reason: "stuck", restart: true } as const;
  h.do((core, now) => core.workerRetires(h.address("a"), wish, now));
  h.do((core, now) => core.workerRetires(h.address("a"), { ...wish, restart: false }, now));
  assert.deepEqual(sent(h, "a", "close"), [{ op: "close", reason: "stuck", restart: false }]);
});

Deno.test("a worker that dies while it retires is forgotten like any other", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.submit({ x: [] }, { workers: ["name-of-a"], allowOtherWorkers: true });
  h.finish("x");
  retire(h, ["a"]);
  h.removeWorker("a");
  assert.deepEqual(h.placed("x"), ["b"], "it is computed again");
  assert.equal(h.core.retiring.size, 0);
});

Deno.test("a restart leaves nothing to wait for: a worker that retires can close", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.submit({ x: [], y: [] }, { workers: ["name-of-a"], allowOtherWorkers: true });
  h.finish("x");
  retire(h, ["a"]);
  h.forgetSent();
  h.do((core, now) => core.restart(now));
  assert.deepEqual(over(h), ["a"]);
  assert(isClosed(h, "a"));
  h.submit({ z: [] });
  assert.deepEqual(h.placed("z"), ["b"]);
});

Deno.test("a drained worker that is not told to close stays, and gets nothing", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  retire(h, ["a"], { close: false });
  assert.deepEqual(over(h), ["a"]);
  assert(!isClosed(h, "a"));
  h.submit(independent(4));
  assert.deepEqual(new Set(h.placed("x-0", "x-1", "x-2", "x-3")), new Set(["b"]));
  assert.deepEqual(Object.keys(h.core.ncores()), [h.address("b")]);
  retire(h, ["a"]);
  assert(isClosed(h, "a"), "it can be told later");
});

Deno.test("a paused worker gets no task, and gives those back that others may run", () => {
  const h = new Harness();
  h.addWorker("a");
  h.submit({ free: [] });
  h.submit({ bound: [] }, { workers: ["name-of-a"] });
  h.addWorker("b");
  setStatus(h, "a", "paused");
  assert.deepEqual(giveBack(h, "a"), ["free"]);
  assert.deepEqual(h.placed("free", "bound"), ["b", "a"]);
  h.submit({ late: [] }, { workers: ["name-of-a"] });
  assert.equal(h.state("late"), "no-worker");
  setStatus(h, "a", "running");
  assert.deepEqual(h.placed("late"), ["a"]);
});

Deno.test("tasks on a paused worker go to a worker that comes later", () => {
  const h = new Harness();
  h.addWorker("a");
  h.submit(independent(2));
  setStatus(h, "a", "paused");
  assert.deepEqual(giveBack(h, "a"), [], "nobody else may run them");
  h.addWorker("b");
  assert.deepEqual(giveBack(h, "a").sort(), ["x-0", "x-1"]);
  assert.deepEqual(h.placed("x-0", "x-1"), ["b", "b"]);
});

Deno.test("a paused worker is no thief, and tries out no suspicious task", () => {
  const h = new Harness();
  h.addWorker("a");
  h.addWorker("b", { status: "paused" });
  h.submit(independent(20));
  h.do((core, now) => core.balance(now));
  assert.deepEqual(h.stealRequests("a"), []);
  h.removeWorker("a");
  assert.equal(h.state("x-0"), "no-worker");
  setStatus(h, "b", "running");
  assert.deepEqual(h.placed("x-0"), ["b"]);
});

Deno.test("workersToClose finds idle workers with little data while the others have room", () => {
  const h = new Harness();
  h.addWorkers(["a", "b", "c"], { memoryLimit: 1000 });
  const addresses = (...workers: string[]) => workers.map((worker) => h.address(worker));
  assert.deepEqual(h.core.workersToClose(), addresses("a", "b", "c"), "nothing is stored");
  h.scatter("d", ["a"], 300);
  h.scatter("e", ["b"], 100);
  assert.deepEqual(h.core.workersToClose(), addresses("c", "b"));
  assert.deepEqual(h.core.workersToClose({ memoryRatio: 4 }), addresses("c"));
  assert.deepEqual(h.core.workersToClose({ memoryRatio: 6 }), []);
  h.submit({ x: [] }, { workers: ["name-of-c"] });
  assert.deepEqual(h.core.workersToClose(), addresses("b", "a").slice(0, 2), "c is busy");
  assert.deepEqual(h.core.workersToClose({ n: 3 }), addresses("b", "a", "c"));
  assert.throws(() => h.core.workersToClose({ memoryRatio: -1 }), RangeError);
  assert.throws(() => h.core.workersToClose({ n: 0.5 }), RangeError);
});

Deno.test("workersToClose leaves a worker without limit, or whole hosts alone", () => {
  const h = new Harness();
  h.addWorker("a", { host: "one" });
  h.addWorker("b", { host: "one" });
  h.addWorker("c", { host: "two" });
  h.scatter("d", ["a"], 300);
  assert.equal(h.core.workersToClose().length, 2, "one has to keep the data");
  assert.deepEqual(h.core.workersToClose({ by: "host" }), [h.address("c")]);
  h.submit({ x: [] }, { workers: ["name-of-b"] });
  assert.deepEqual(h.core.workersToClose({ by: "host" }), [h.address("c")]);
  retire(h, ["c"]);
  assert.deepEqual(h.core.workersToClose({ by: "host" }), []);
});
