/** Workers that die: who is blamed, who is tried out alone, and who must not suffer from it. */
import assert from "node:assert/strict";
import { AHEAD_LIMIT } from "../../protocol/ahead.ts";
import { deserialize } from "../../protocol/values.ts";
import { Harness, independent } from "./harness.ts";

const KEYS = (count: number) => Object.keys(independent(count));

/**
 * Lets the cluster run: workers compute what they have in the order of priority, one task per thread
 * at a time; one that runs a killer dies, and another takes its place.
 * @returns How many workers died.
 */
function run(h: Harness, killers: string[], options: { isPunctual?: boolean } = {}): number {
  let deaths = 0;
  for (let step = 0; step < 10_000; step++) {
    h.now += 1;
    const workers = [...h.core.workers.values()].filter((ws) => ws.processing.size > 0);
    if (workers.length === 0) return deaths;
    for (const ws of workers) {
      const queue = [...ws.processing].sort((a, b) => a.order - b.order);
      const running = queue.slice(0, ws.nthreads);
      const name = ws.address.slice(6, -2);
      if (running.some((ts) => killers.includes(ts.key))) {
        h.removeWorker(name);
        if (options.isPunctual !== false) h.addWorker(`${name}x`, { nthreads: ws.nthreads });
        deaths++;
      } else {
        h.finishOn(name, running[0].key);
      }
    }
  }
  throw new Error("the cluster does not come to rest");
}

Deno.test("a task that brings three workers down is marked bad, and its neighbours finish", () => {
  for (const nthreads of [1, 2, 4]) {
    const h = new Harness();
    h.addWorkers(["a", "b"], { nthreads });
    h.submit(independent(60));
    const deaths = run(h, ["x-30"]);
    assert.equal(deaths, 3);
    for (const key of KEYS(60)) {
      assert.equal(
        h.state(key),
        key === "x-30" ? "erred" : "memory",
        `${key}, ${nthreads} threads`,
      );
    }
  }
});

Deno.test("the error names the task, the number of workers and the last one", () => {
  const h = new Harness();
  h.addWorkers(["a"]);
  h.submit({ bad: [], after: ["bad"] });
  run(h, ["bad"]);
  const told = h.toClient().filter((m) => m.op === "task-erred");
  assert.deepEqual(told.map((m) => [m.key, m.blame]), [["bad", "bad"], ["after", "bad"]]);
  const error = deserialize(told[0].exception) as Error;
  assert.equal(error.name, "KilledWorkerError");
  assert.match(error.message, /'bad' was marked bad: 3 workers died/);
  assert.match(error.message, /tcp:\/\/axx:1/);
  for (const text of [told[0].traceback, error.stack]) {
    assert.equal(text, `KilledWorkerError: ${error.message}`, "no frame of the scheduler's");
  }
});

Deno.test("several bad tasks are all found, and all others finish", () => {
  const h = new Harness();
  h.addWorkers(["a", "b", "c"], { nthreads: 2 });
  h.submit(independent(80));
  run(h, ["x-3", "x-40", "x-41", "x-77"]);
  const bad = KEYS(80).filter((key) => h.state(key) === "erred");
  for (const key of ["x-3", "x-40", "x-41", "x-77"]) assert(bad.includes(key), key);
  assert.equal(bad.length, 4);
});

Deno.test("a bad task that was only submitted later is found among many", () => {
  const h = new Harness();
  h.addWorkers(["a"], { nthreads: 1 });
  h.submit(independent(150));
  assert.equal(run(h, ["x-149"]), 3);
  assert.equal(h.state("x-149"), "erred");
  assert.equal(KEYS(150).filter((key) => h.state(key) === "memory").length, 149);
});

Deno.test("a worker that leaves in good order makes nobody suspicious", () => {
  const h = new Harness();
  h.addWorkers(["a"]);
  h.submit({ x: [] });
  for (let i = 0; i < 5; i++) {
    h.removeWorker(i % 2 ? "b" : "a", { safe: true });
    h.addWorkers([i % 2 ? "a" : "b"]);
  }
  assert.equal(h.task("x").suspicious, 0);
  assert.equal(h.state("x"), "processing");
});

Deno.test("only tasks that can have been running are suspected", () => {
  const h = new Harness();
  h.addWorkers(["a"], { nthreads: 2 });
  h.submit(independent(100));
  h.removeWorker("a");
  const suspicious = KEYS(100).filter((key) => h.task(key).suspicious > 0);
  // Each thread has one that runs, and may have been given so many ahead.
  assert.deepEqual(suspicious, KEYS(2 * (1 + AHEAD_LIMIT)), "the first by priority");
});

Deno.test("suspicious tasks are tried out a few at a time, others are queued as ever", () => {
  const h = new Harness();
  h.addWorkers(["a"], { nthreads: 2 });
  h.submit(independent(200));
  h.removeWorker("a");
  h.addWorkers(["b"], { nthreads: 2 });
  const onB = [...h.worker("b").processing];
  assert.equal(onB.filter((ts) => ts.suspicious > 0).length, 2);
  assert(onB.length > 50);
  const [first] = onB.filter((ts) => ts.suspicious > 0);
  h.finish(first.key);
  assert.equal(first.suspicious, 0, "it is cleared");
  assert.equal([...h.worker("b").processing].filter((ts) => ts.suspicious > 0).length, 2);
});

Deno.test("a task that was at two deaths is tried out apart from other suspects", () => {
  const h = new Harness();
  h.addWorkers(["a"], { nthreads: 2 });
  h.submit({ x: [], y: [] });
  h.removeWorker("a");
  h.addWorkers(["b"], { nthreads: 2 });
  assert.equal(h.worker("b").processing.size, 2);
  h.removeWorker("b");
  h.addWorkers(["c"], { nthreads: 2 });
  assert.equal(h.worker("c").processing.size, 1);
  assert.notEqual(h.worker("c").trial, null);
  h.submit({ fresh: [] });
  assert.equal(h.worker("c").processing.size, 2, "it keeps only suspects away");
  h.finish(h.worker("c").trial!.key);
  assert.equal(h.state("x") === "processing" || h.state("y") === "processing", true);
});

Deno.test("suspects that are bound to different workers do not wait for each other's", () => {
  const h = new Harness();
  h.addWorkers(["a", "b"]);
  h.submit({ a1: [], a2: [], a3: [] }, { workers: ["name-of-a"] });
  h.submit({ b1: [] }, { workers: ["name-of-b"] });
  h.removeWorker("a");
  h.addWorkers(["a"]);
  h.removeWorker("b");
  h.addWorkers(["b"]);
  assert.deepEqual(h.placed("a1", "a2", "a3", "b1"), ["a", "no-worker", "no-worker", "b"]);
  h.finish("b1");
  h.finish("a1");
  assert.deepEqual(h.placed("a2", "a3"), ["a", "no-worker"]);
});

Deno.test("a suspect that is released or cancelled makes room for the next", () => {
  const h = new Harness();
  h.addWorkers(["a"]);
  h.submit(independent(3));
  h.removeWorker("a");
  h.addWorkers(["b"]);
  assert.deepEqual(h.placed("x-0", "x-1", "x-2"), ["b", "no-worker", "no-worker"]);
  h.release("x-0");
  assert.deepEqual(h.placed("x-1", "x-2"), ["b", "no-worker"]);
  h.release("x-2");
  h.cancel("x-1");
  assert.equal(h.core.suspects.size, 0);
});

Deno.test("allowedFailures is what decides", () => {
  const h = new Harness({ allowedFailures: 1 });
  h.addWorkers(["a"]);
  h.submit({ x: [] });
  assert.equal(run(h, ["x"]), 1);
  assert.equal(h.state("x"), "erred");
});

Deno.test("a silent worker is given up, one that says anything is not", () => {
  const h = new Harness({ workerTtl: 10 });
  h.addWorkers(["a", "b"]);
  h.submit(independent(2));
  h.now += 8;
  h.heartbeat("b", h.now - 3);
  assert.equal(h.worker("b").timeDelay, 3);
  h.now += 8;
  let silent: string[] = [];
  h.do((core, now) => silent = core.checkWorkerTtl(now));
  assert.deepEqual(silent, [h.address("a")]);
  assert.deepEqual(h.placed("x-0", "x-1"), ["b", "b"]);
  const never = new Harness({ workerTtl: 0 });
  never.addWorkers(["a"]);
  assert.deepEqual(never.core.checkWorkerTtl(1e9), []);
});

Deno.test("what a worker brings along and nobody knows is kept for a while, then dropped", () => {
  const h = new Harness();
  h.addWorker("a", { nbytes: { scattered: 8, submitted: 8, old: 8 } });
  assert.deepEqual(h.freed("a"), []);
  // The client put it there before the worker came back, and says so only now.
  h.scatter("scattered", ["a"]);
  h.addWorker("b");
  h.submit({ submitted: [] });
  h.now += 9;
  h.claimOrphans();
  assert.deepEqual(h.freed("a"), []);
  h.now += 2;
  h.claimOrphans();
  assert.deepEqual(h.freed("a"), ["old"]);
  assert.equal(h.state("scattered"), "memory");
  assert.equal(h.state("submitted"), "memory");
  assert.deepEqual(h.core.whoHas(["submitted"]), { submitted: [h.address("a")] });
});

Deno.test("a worker that registers again has kept its results, or has died in between", () => {
  const h = new Harness();
  h.addWorker("a", { pid: 1 });
  h.submit({ x: [], y: [] });
  h.finish("x");
  h.forgetSent();
  h.addWorker("a", { pid: 1, nbytes: { x: 8, old: 5 } });
  assert.equal(h.state("x"), "memory");
  assert.equal(h.task("y").suspicious, 0);
  h.addWorker("a", { pid: 2 });
  assert.equal(h.task("y").suspicious, 1);
});
