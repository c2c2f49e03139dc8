/** The life of a task on the scheduler: each state, each way between two. */
import assert from "node:assert/strict";
import { transition, TransitionError } from "../../scheduler/transitions.ts";
import { BLOB, Harness } from "./harness.ts";

/** What a task went through, as "start->finish". */
function story(h: Harness, key: string): string[] {
  return h.core.transitionStory(key).map((r) => `${r.start}->${r.finish}`);
}

Deno.test("a task goes from released over waiting and processing to memory, and is forgotten", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  assert.equal(h.state("x"), "processing");
  const [message] = h.computed("alice");
  assert.equal(message.key, "x");
  assert.deepEqual(message.parts, { f: { code: BLOB } });
  assert.deepEqual(message.priority, [0, 1, 0]);
  assert.equal(message.duration, undefined);

  h.finish("x", { nbytes: 28 });
  assert.equal(h.state("x"), "memory");
  assert.deepEqual(h.toClient(), [
    { op: "key-in-memory", key: "x", workers: ["tcp://alice:1"], type: "number" },
  ]);
  assert.equal(h.worker("alice").nbytes, 28);

  h.release("x");
  assert.equal(h.state("x"), "forgotten");
  assert.deepEqual(h.freed("alice"), ["x"]);
  assert.equal(h.worker("alice").nbytes, 0);
  assert.deepEqual(story(h, "x"), [
    "released->waiting",
    "waiting->processing",
    "processing->memory",
    "memory->forgotten",
  ]);
});

Deno.test("a task waits for its dependencies, and is told where they are", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [], y: [], z: ["x", "y"] }, { wanted: ["z"] });
  assert.deepEqual(h.states("x", "y", "z"), { x: "processing", y: "processing", z: "waiting" });
  h.forgetSent();
  h.finish("x", { nbytes: 1 });
  assert.equal(h.state("z"), "waiting");
  const holder = h.finish("y", { nbytes: 1000 });
  assert.deepEqual(h.placed("z"), [holder], "the larger input decides");
  const [message] = h.computed(holder);
  assert.deepEqual(Object.keys(message.whoHas!).sort(), ["x", "y"]);
  assert.deepEqual({ ...message.nbytes }, { x: 1, y: 1000 });
});

Deno.test("what is needed for other tasks only is released as soon as those are done", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"], z: ["y"] }, { wanted: ["z"] });
  h.finish("x");
  assert.deepEqual(h.states("x", "y", "z"), { x: "memory", y: "processing", z: "waiting" });
  h.finish("y");
  assert.deepEqual(h.states("x", "y", "z"), { x: "released", y: "memory", z: "processing" });
  h.finish("z");
  assert.deepEqual(h.states("x", "y", "z"), { x: "released", y: "released", z: "memory" });
  assert.deepEqual(h.freed("alice"), ["x", "y"]);
  h.release("z");
  assert.equal(h.core.tasks.size, 0);
});

Deno.test("a lost result is computed again, with what it needs", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"] }, { wanted: ["y"] });
  h.finish("x");
  h.finish("y");
  assert.deepEqual(h.states("x", "y"), { x: "released", y: "memory" });
  h.addWorkers(["bob"]);
  h.forgetSent();
  h.removeWorker("alice");
  assert.deepEqual(h.toClient(), [{ op: "lost-data", key: "y" }]);
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "waiting" });
  assert.deepEqual(h.placed("x"), ["bob"]);
  h.finish("x");
  h.finish("y");
  assert.deepEqual(h.toClient().map((m) => m.op), ["key-in-memory"]);
});

Deno.test("a processing task whose input is lost goes back to waiting", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["alice"] });
  h.finish("x");
  h.submit({ y: ["x"] }, { workers: ["bob"] });
  assert.deepEqual(h.placed("y"), ["bob"]);
  h.forgetSent();
  h.do((core, now) => core.reportMissing({ x: ["tcp://alice:1"] }, now));
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "waiting" });
  assert.deepEqual(h.toWorker("bob"), [{ op: "cancel-compute", keys: ["y"] }]);
  h.finish("x");
  assert.deepEqual(h.placed("y"), ["bob"]);
});

Deno.test("without a worker a task waits in no-worker until one comes", () => {
  const h = new Harness();
  h.submit({ x: [], y: ["x"] });
  assert.deepEqual(h.states("x", "y"), { x: "no-worker", y: "waiting" });
  h.addWorkers(["alice"]);
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "waiting" });
  h.removeWorker("alice", { safe: true });
  assert.deepEqual(h.states("x", "y"), { x: "no-worker", y: "waiting" });
  h.release("x", "y");
  assert.equal(h.core.tasks.size, 0);
  assert.equal(h.core.unrunnable.size, 0);
});

Deno.test("a task without a worker whose input is lost waits for that again", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.finish("x");
  h.submit({ y: ["x"] }, { workers: ["nobody"] });
  assert.equal(h.state("y"), "no-worker");
  h.removeWorker("alice");
  assert.deepEqual(h.states("x", "y"), { x: "no-worker", y: "waiting" });
  h.addWorkers(["alice"]);
  h.finish("x");
  assert.equal(h.state("y"), "no-worker");
});

Deno.test("an error reaches the client, and everything that depends on the task", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"], z: ["y"], other: [] });
  h.err("x");
  assert.deepEqual(h.states("x", "y", "z", "other"), {
    x: "erred",
    y: "erred",
    z: "erred",
    other: "processing",
  });
  const told = h.toClient();
  assert.deepEqual(told.map((m) => m.op === "task-erred" && [m.key, m.blame]).sort(), [
    ["x", "x"],
    ["y", "x"],
    ["z", "x"],
  ]);
  h.submit({ late: ["z"] });
  assert.equal(h.state("late"), "erred");
  const [message] = h.toClient();
  assert(message.op === "task-erred" && message.blame === "x");
  assert.equal(message.traceback, "Error in x");
  h.release("x", "y", "z", "late", "other");
  assert.equal(h.core.tasks.size, 0);
});

Deno.test("retries run a task again before it counts as failed", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] }, { retries: 2 });
  h.err("x");
  assert.equal(h.state("x"), "processing");
  h.err("x");
  assert.equal(h.state("x"), "processing");
  assert.deepEqual(h.toClient(), []);
  h.err("x");
  assert.equal(h.state("x"), "erred");
  assert.equal(h.toClient().length, 1);
});

Deno.test("a failed task that is retried runs again, with all that failed because of it", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"], z: ["y"] }, { wanted: ["z"] });
  h.err("x");
  assert.equal(h.state("z"), "erred");
  h.do((core, now) => core.stimulusRetry(["z"], now));
  assert.deepEqual(h.states("x", "y", "z"), { x: "processing", y: "waiting", z: "waiting" });
  for (const key of ["x", "y", "z"]) h.finish(key);
  assert.equal(h.state("z"), "memory");
});

Deno.test("results that are there already are not touched by a failure of their recomputed input", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { workers: ["alice"], wanted: ["x"] });
  h.finish("x");
  h.submit({ y: ["x"] }, { workers: ["bob"] });
  h.finish("y");
  h.do((core, now) => core.reportMissing({ x: ["tcp://alice:1"] }, now));
  h.err("x");
  assert.deepEqual(h.states("x", "y"), { x: "erred", y: "memory" });
});

Deno.test("transition finds its way through released, and refuses what cannot be", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.do((core) => transition(core, core.tasks.get("x")!, "waiting"));
  assert.deepEqual(story(h, "x").slice(-2), ["processing->released", "released->waiting"]);
  const ts = h.task("x");
  assert.throws(
    () => transition(h.core, ts, "no-worker"),
    (error) =>
      error instanceof TransitionError && error.message.includes("'x'") &&
      error.message.includes("no-worker"),
  );
});

Deno.test("the log of transitions is bounded, and a story is of the tasks that were asked for", () => {
  const h = new Harness({ transitionLogLength: 10 });
  h.addWorkers(["alice"]);
  for (let i = 0; i < 10; i++) {
    h.now++;
    h.submit({ [`x-${i}`]: [] });
    h.finish(`x-${i}`);
  }
  assert.equal(h.core.transitionStory().length, 10);
  assert.deepEqual(h.core.transitionStory("x-0"), []);
  assert.deepEqual(h.core.transitionStory("x-9").at(-1), {
    key: "x-9",
    start: "processing",
    finish: "memory",
    stimulus: "task-finished",
    time: 110,
  });
  const times = h.core.transitionStory().map((r) => r.time);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});
