/** Time limits, cancelling, recalling and restarting. */
import assert from "node:assert/strict";
import "../../../worker/threads/task_globals.ts";
import { TestPool, valueOf } from "./test_pool.ts";

/** A loop that never looks up, until a given time so that the test's process gets its core back. */
const busyFor = (ms: number) => {
  const end = performance.now() + ms;
  console.log("running");
  while (performance.now() < end);
  return "finished";
};
/** A task that waits for ever, and lets the event loop live. */
const sleepForEver = () => {
  console.log("running");
  return new Promise(() => {});
};

Deno.test("time limit: a busy loop is stopped, and its thread goes on", async () => {
  await using pool = await TestPool.start();
  const key = "endless";
  await assert.rejects(
    pool.run(
      key,
      () => {
        for (;;);
      },
      [],
      { timeout: 0.05 },
    ),
    {
      name: "TaskTimeoutError",
      message: "Task 'endless' was stopped: it ran longer than its time limit of 0.05 s",
    },
  );
  pool.execute("next", () => 1);
  const next = await pool.outcome("next");
  assert.equal(valueOf(next), 1);
  const [first] = pool.outcomes;
  assert.ok(first.status === "erred" && next.status === "finished");
  assert.equal(first.thread, next.thread);
  assert.deepEqual(pool.threadsChanged, []);
});

Deno.test("time limit: a busy loop can't catch its end", async () => {
  await using pool = await TestPool.start();
  const run = () => {
    for (;;) {
      try {
        for (;;);
      } catch {
        // Tries again.
      }
    }
  };
  await assert.rejects(pool.run("x", run, [], { timeout: 0.05 }), { name: "TaskTimeoutError" });
});

Deno.test("time limit: tasks that keep to it give their value or error", async () => {
  await using pool = await TestPool.start();
  const timeout = 60;
  assert.equal(await pool.run("value", (x: number) => x, [1], { timeout }), 1);
  assert.equal(await pool.run("async", async (x: number) => await x, [2], { timeout }), 2);
  await assert.rejects(
    pool.run(
      "throws",
      () => {
        throw new RangeError("mine");
      },
      [],
      { timeout },
    ),
    { name: "RangeError", message: "mine" },
  );
  await assert.rejects(
    pool.run("rejects", () => Promise.reject(new RangeError("mine")), [], { timeout }),
    { name: "RangeError", message: "mine" },
  );
  assert.equal(await pool.run("fraction", () => 3, [], { timeout: 59.9999 }), 3);
});

Deno.test("time limit: a promise is given up, its signal fires, and its thread is replaced", async () => {
  await using pool = await TestPool.start();
  pool.execute(
    "x",
    () => {
      dusk.signal.addEventListener("abort", () => console.log(dusk.signal.reason.name));
      return new Promise(() => {});
    },
    [],
    { timeout: 0.05 },
  );
  const outcome = await pool.outcome("x");
  assert.throws(() => valueOf(outcome), { name: "TaskTimeoutError", message: /limit of 0.05 s/ });
  assert.deepEqual(pool.console.map(({ key, text }) => [key, text]), [["x", "TaskTimeoutError"]]);
  pool.execute("next", () => 1);
  const next = await pool.outcome("next");
  assert.ok(next.status === "finished" && outcome.status === "erred");
  assert.notEqual(next.thread, outcome.thread);
});

Deno.test("time limit: a busy loop after an await costs its thread a core, but not the pool", async () => {
  await using pool = await TestPool.start({ grace: 0.05 });
  const run = async (ms: number) => {
    await 0;
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  pool.execute("x", run, [2000], { timeout: 0.05 });
  pool.execute("behind", () => 1);
  await assert.rejects(async () => valueOf(await pool.outcome("x")), { name: "TaskTimeoutError" });
  assert.equal(valueOf(await pool.outcome("behind")), 1);
  await pool.until(() => pool.threadsChanged.length === 2);
  assert.deepEqual(pool.threadsChanged, [{ lost: 1, nthreads: 1 }, { lost: 0, nthreads: 1 }]);
  assert.equal(pool.outcomes.length, 2);
});

Deno.test("cancel: a task that has not begun is taken back", async () => {
  await using pool = await TestPool.start();
  pool.execute("running", sleepForEver);
  pool.execute("queued", () => 1);
  pool.execute("other", () => 2);
  await pool.wrote("running");
  assert.equal(pool.pool.cancel("queued"), "recalled");
  assert.equal(pool.pool.cancel("queued"), "unknown");
  assert.equal(pool.pool.cancel("running"), "stopping");
  assert.equal(pool.pool.cancel("running"), "stopping");
  assert.equal(valueOf(await pool.outcome("other")), 2);
  assert.deepEqual(pool.outcomes.map(({ key, status }) => [key, status]), [
    ["running", "cancelled"],
    ["other", "finished"],
  ]);
});

Deno.test("cancel: a sleeping task loses its thread; what waited behind it runs", async () => {
  await using pool = await TestPool.start({ grace: 0.02 });
  pool.execute("sleeper", sleepForEver);
  for (let i = 0; i < 100; i++) pool.execute(`x-${i}`, (x: number) => x, [i]);
  await pool.wrote("running");
  assert.equal(pool.pool.cancel("sleeper"), "stopping");
  assert.deepEqual(await pool.outcome("sleeper"), { key: "sleeper", status: "cancelled" });
  await pool.until(() => pool.outcomes.length === 101);
  for (let i = 0; i < 100; i++) assert.equal(valueOf(await pool.outcome(`x-${i}`)), i);
  assert.deepEqual(pool.threadsChanged, []);
});

Deno.test("cancel: a task that heeds its signal keeps its thread", async () => {
  await using pool = await TestPool.start({ grace: 60 });
  pool.execute("async", () =>
    new Promise((_, reject) => {
      dusk.signal.onabort = () => reject(dusk.signal.reason);
      console.log("running");
    }));
  await pool.wrote("running");
  assert.equal(pool.pool.cancel("async"), "stopping");
  assert.equal((await pool.outcome("async")).status, "cancelled");
  pool.execute("polls", () => {
    console.log("polling");
    while (!dusk.signal.aborted);
    dusk.signal.throwIfAborted();
  });
  await pool.wrote("polling");
  assert.equal(pool.pool.cancel("polls"), "stopping");
  assert.equal((await pool.outcome("polls")).status, "cancelled");
  pool.execute("after", () => dusk.signal.aborted);
  const after = await pool.outcome("after");
  assert.equal(valueOf(after), false);
  assert.ok(after.status === "finished" && after.thread === 0);
});

Deno.test("cancel: a task that finishes all the same is cancelled, not finished", async () => {
  await using pool = await TestPool.start({ grace: 60 });
  pool.execute("x", () => {
    console.log("running");
    while (!dusk.signal.aborted);
    return 5;
  });
  await pool.wrote("running");
  pool.pool.cancel("x");
  assert.deepEqual(await pool.outcome("x"), { key: "x", status: "cancelled" });
});

Deno.test("cancel: a busy loop is reported as a lost core, and again when it has ended", async () => {
  await using pool = await TestPool.start({ nthreads: 2, grace: 0.02 });
  pool.execute("busy", busyFor, [2000]);
  await pool.wrote("running");
  assert.equal(pool.pool.cancel("busy"), "stopping");
  assert.deepEqual(await pool.outcome("busy"), { key: "busy", status: "cancelled" });
  await pool.until(() => pool.threadsChanged.length === 1);
  assert.deepEqual(pool.threadsChanged[0], { lost: 1, nthreads: 2 });
  assert.equal(pool.pool.lost, 1);
  for (let i = 0; i < 50; i++) pool.execute(`x-${i}`, (x: number) => x, [i]);
  await pool.until(() => pool.outcomes.length === 51);
  await pool.until(() => pool.threadsChanged.length === 2);
  assert.deepEqual(pool.threadsChanged[1], { lost: 0, nthreads: 2 });
  assert.equal(pool.outcomes.length, 51);
});

Deno.test("cancel: in message mode, too, a busy loop's end is noticed", async () => {
  await using pool = await TestPool.start({ grace: 0.02, waking: "messages" });
  pool.execute("busy", busyFor, [1000]);
  await pool.wrote("running");
  pool.pool.cancel("busy");
  await pool.until(() => pool.threadsChanged.length === 2);
  assert.deepEqual(pool.threadsChanged.map(({ lost }) => lost), [1, 0]);
  assert.equal(await pool.run("after", () => 1), 1);
});

Deno.test("cancel: the same task can be run again, and its outcomes keep their order", async () => {
  await using pool = await TestPool.start({ nthreads: 2, grace: 0.02 });
  pool.execute("x", sleepForEver);
  await pool.wrote("running");
  pool.pool.cancel("x");
  pool.execute("x", () => "again");
  assert.deepEqual(await pool.outcome("x"), { key: "x", status: "cancelled" });
  assert.equal(valueOf(await pool.outcome("x", 2)), "again");
  pool.execute("y", sleepForEver);
  await pool.until(() => pool.console.length === 2);
  pool.pool.cancel("y");
  pool.execute("y", () => "again");
  assert.equal(pool.pool.recall("y"), true);
  assert.deepEqual(await pool.outcome("y"), { key: "y", status: "cancelled" });
  assert.equal(pool.pool.size, 0);
});

Deno.test("recall: takes back what has not begun, and nothing else", async () => {
  await using pool = await TestPool.start({ grace: 0.02 });
  pool.execute("running", sleepForEver);
  for (let i = 0; i < 300; i++) pool.execute(`x-${i}`, (x: number) => x, [i]);
  await pool.wrote("running");
  assert.equal(pool.pool.recall("running"), false);
  for (let i = 0; i < 300; i += 3) assert.equal(pool.pool.recall(`x-${i}`), true);
  for (let i = 0; i < 300; i += 3) assert.equal(pool.pool.recall(`x-${i}`), false);
  pool.pool.cancel("running");
  await pool.until(() => pool.outcomes.length === 201);
  assert.equal(pool.pool.size, 0);
  for (const outcome of pool.outcomes) {
    if (outcome.key === "running") continue;
    const i = valueOf(outcome) as number;
    assert.equal(outcome.key, `x-${i}`);
    assert.notEqual(i % 3, 0);
  }
  const thread = await pool.run("after", () => dusk.thread);
  assert.equal(thread, 1);
});

Deno.test("recall: large tasks taken back leave the thread in step with its messages", async () => {
  await using pool = await TestPool.start({ grace: 60 });
  const array = new Uint8Array(100_000);
  for (let round = 0; round < 10; round++) {
    pool.execute(`wait-${round}`, () => {
      console.log("waiting");
      while (!dusk.signal.aborted);
    });
    for (let i = 0; i < 8; i++) {
      array[0] = i;
      pool.execute(`x-${round}-${i}`, (a: Uint8Array) => a[0], [array.slice()]);
    }
    await pool.until(() => pool.console.length === round + 1);
    for (let i = 0; i < 8; i += 2) assert.equal(pool.pool.recall(`x-${round}-${i}`), true);
    pool.pool.cancel(`wait-${round}`);
    for (let i = 1; i < 8; i += 2) {
      assert.equal(valueOf(await pool.outcome(`x-${round}-${i}`)), i);
    }
  }
});

Deno.test("recall: threads full of tasks taken back are not asked again and again", async () => {
  await using pool = await TestPool.start({ nthreads: 2, grace: 60 });
  const wait = () => {
    console.log("waiting");
    while (!dusk.signal.aborted);
  };
  pool.execute("long-0", wait);
  pool.execute("long-1", wait);
  await pool.until(() => pool.console.length === 2);
  for (let round = 0; round < 2; round++) {
    const keys = Array.from({ length: round === 0 ? 124 : 2 }, (_, i) => `x-${round}-${i}`);
    for (const key of keys) pool.execute(key, (x: number) => x, [1]);
    for (const key of keys) assert.equal(pool.pool.recall(key), true);
  }
  const { setTimeout } = globalThis;
  let timers = 0;
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    timers++;
    return setTimeout(...args);
  }) as typeof setTimeout;
  try {
    pool.execute("next", (x: number) => x, [2]);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assert.equal(timers, 0, "it waits until a thread tells that it has ended a task");
  pool.pool.cancel("long-1");
  assert.equal(valueOf(await pool.outcome("next")), 2);
  pool.pool.cancel("long-0");
  await pool.outcome("long-0");
});

Deno.test("tasks queued behind a long one move to a thread that has none", async () => {
  await using pool = await TestPool.start({ nthreads: 2, grace: 60 });
  const wait = () => {
    console.log("waiting");
    while (!dusk.signal.aborted);
  };
  // Both threads get half of the tasks; the one without the long one runs them all.
  pool.execute("long", wait);
  for (let i = 0; i < 100; i++) pool.execute(`x-${i}`, (x: number) => x, [i]);
  await pool.until(() => pool.outcomes.length === 100);
  assert.equal(pool.pool.size, 1);
  assert.ok(pool.outcomes.every((outcome) => outcome.status === "finished"));
  pool.pool.cancel("long");
  await pool.outcome("long");
});

Deno.test("restart: drops all work, and new threads take new work", async () => {
  await using pool = await TestPool.start({ nthreads: 2 });
  pool.execute("sleeper", sleepForEver);
  pool.execute("busy", busyFor, [1000]);
  await pool.until(() => pool.console.length === 2);
  for (let i = 0; i < 100; i++) pool.execute(`x-${i}`, () => 1);
  await pool.pool.restart();
  assert.equal(pool.pool.size, 0);
  assert.equal(pool.pool.nthreads, 2);
  assert.deepEqual(pool.outcomes, []);
  pool.execute("x-1", () => 2);
  pool.execute("busy", () => 3);
  assert.equal(valueOf(await pool.outcome("x-1")), 2);
  assert.equal(valueOf(await pool.outcome("busy")), 3);
  await pool.until(() => pool.threadsChanged.at(-1)?.lost === 0);
  assert.equal(pool.outcomes.length, 2);
});
