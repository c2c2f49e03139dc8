/** The pool as its user sees it: tasks, arguments, results. */
import assert from "node:assert/strict";
import { deserialize, serialize } from "../../../protocol/values.ts";
import { ThreadPool } from "../../../worker/threads/thread_pool.ts";
import { functionPart } from "../../support/function_part.ts";
import { Dependency, makeTask, TestPool, threadPart, valueOf } from "./test_pool.ts";

// Before Deno 2.9, waiting on shared memory does not hear other threads.
const [major, minor] = Deno.version.deno.split(".").map(Number);
const ways = major > 2 || minor >= 9
  ? ["shared-memory", "messages"] as const
  : ["messages"] as const;

for (const waking of ways) {
  Deno.test(`thread pool, waking by ${waking}: runs a task and describes its outcome`, async () => {
    await using pool = await TestPool.start({ waking });
    const before = Date.now() / 1000;
    pool.execute("x", (a: number, b: number) => a + b, [1, 2]);
    const outcome = await pool.outcome("x");
    assert.equal(outcome.status, "finished");
    if (outcome.status !== "finished") return;
    assert.equal(deserialize(outcome.value), 3);
    assert.equal(outcome.type, "number");
    assert.equal(typeof outcome.thread, "number");
    assert.ok(outcome.start >= before - 1 && outcome.stop >= outcome.start);
    assert.equal(pool.pool.size, 0);
  });

  Deno.test(`thread pool, waking by ${waking}: 10,000 tasks on two threads`, async () => {
    await using pool = await TestPool.start({ nthreads: 2, waking });
    for (let i = 0; i < 10_000; i++) pool.execute(`x-${i}`, (x: number) => x * 2, [i]);
    await pool.until(() => pool.outcomes.length === 10_000);
    const byKey = new Map(pool.outcomes.map((outcome) => [outcome.key, outcome]));
    for (let i = 0; i < 10_000; i++) assert.equal(valueOf(byKey.get(`x-${i}`)!), i * 2);
  });

  Deno.test(`thread pool, waking by ${waking}: one task after the other, with pauses`, async () => {
    await using pool = await TestPool.start({ waking });
    for (let i = 0; i < 50; i++) {
      assert.equal(await pool.run(`x-${i}`, (x: number) => x + 1, [i]), i + 1);
      // Long enough, sometimes, for the thread to go to sleep in its event loop.
      if (i % 10 === 0) await new Promise((wake) => setTimeout(wake, i * 2));
    }
  });
}

Deno.test("thread pool: finds out by itself how to wake", async () => {
  await using pool = await TestPool.start();
  assert.equal(await pool.run("x", () => 1), 1);
  await using second = await TestPool.start();
  assert.equal(await second.run("x", () => 1), 1);
});

Deno.test("thread pool: awaits promises and thenables", async () => {
  await using pool = await TestPool.start();
  pool.execute("promise", async (ms: number) => {
    await new Promise((wake) => setTimeout(wake, ms));
    return "slept";
  }, [5]);
  pool.execute("thenable", () => ({ then: (done: (value: number) => void) => done(7) }));
  pool.execute("rejects", () => Promise.reject(new TypeError("no")));
  pool.execute("after", () => 8);
  assert.equal(valueOf(await pool.outcome("promise")), "slept");
  assert.equal(valueOf(await pool.outcome("thenable")), 7);
  await assert.rejects(async () => valueOf(await pool.outcome("rejects")), {
    name: "TypeError",
    message: "no",
  });
  assert.equal(valueOf(await pool.outcome("after")), 8);
  assert.deepEqual(pool.outcomes.map((outcome) => outcome.key), [
    "promise",
    "thenable",
    "rejects",
    "after",
  ]);
});

Deno.test("thread pool: references in arguments become the dependencies' values, each decoded once", async () => {
  await using pool = await TestPool.start();
  const x = new Dependency("x");
  const value = await pool.run(
    "sum",
    (a: { n: number[] }, list: unknown[], y: number) => [a.n.length, a === list[0], y],
    [x, [x], new Dependency("y")],
    { dependencies: { x: { n: [1, 2, 3] }, y: 10 } },
  );
  assert.deepEqual(value, [3, true, 10]);
});

Deno.test("thread pool: a reference that nothing was sent for is the task's error", async () => {
  await using pool = await TestPool.start();
  await assert.rejects(
    pool.run("x", (a: number) => a, [new Dependency("gone")], { dependencies: { other: 1 } }),
    { name: "TaskArgumentsError", message: /'gone', which was not sent along/ },
  );
});

Deno.test("thread pool: a task that changes its arguments changes no other task's", async () => {
  await using pool = await TestPool.start();
  const data = new Float64Array(100_000).fill(1);
  const task = makeTask("a", undefined, [new Dependency("d")], {
    source: "(d) => { const sum = d.reduce((a, b) => a + b); d.fill(0); return sum; }",
    dependencies: { d: data },
  });
  pool.pool.execute(task);
  pool.pool.execute({ ...task, key: "b" });
  assert.equal(valueOf(await pool.outcome("a")), 100_000);
  assert.equal(valueOf(await pool.outcome("b")), 100_000);
  assert.equal(data[0], 1);
});

Deno.test("thread pool: arguments can be used where shared memory can't", async () => {
  await using pool = await TestPool.start();
  const small = new Uint8Array(10).fill(1);
  const middle = new Uint8Array(10_000).fill(2);
  const large = new Uint8Array(1_000_000).fill(3);
  const sizes = await pool.run("x", async (...arrays: Uint8Array<ArrayBuffer>[]) => {
    const sizes = [];
    for (const array of arrays) {
      await crypto.subtle.digest("SHA-256", array);
      sizes.push(array.buffer.byteLength, new Blob([array]).size);
    }
    return sizes;
  }, [small, middle, large]);
  assert.deepEqual(sizes, [10, 10, 10_000, 10_000, 1_000_000, 1_000_000]);
});

Deno.test("thread pool: 50 MB in, 50 MB out, and the task keeps what it returned", async () => {
  await using pool = await TestPool.start();
  const data = new Float64Array(50e6 / 8);
  data[0] = 1;
  data[data.length - 1] = 2;
  const keep = (array: Float64Array) => {
    (globalThis as unknown as { kept: Float64Array }).kept = array;
    return array;
  };
  const back = await pool.run("x", keep, [new Dependency("d")], { dependencies: { d: data } });
  assert.ok(back instanceof Float64Array);
  assert.deepEqual([back.length, back[0], back.at(-1)], [data.length, 1, 2]);
  const kept = await pool.run(
    "y",
    () => (globalThis as unknown as { kept: Float64Array }).kept.length,
  );
  assert.equal(kept, data.length);
});

Deno.test("thread pool: records larger than the ring", async () => {
  await using pool = await TestPool.start({ nthreads: 2 });
  const numbers = Array.from({ length: 200_000 }, (_, i) => i + 0.5);
  const dependencies = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`d-${i}`, i]));
  const references = Object.keys(dependencies).map((key) => new Dependency(key));
  pool.execute("list", (list: number[]) => list.reverse(), [numbers]);
  pool.execute(
    "many",
    (list: number[]) => list.reduce((a, b) => a + b),
    [references],
    { dependencies },
  );
  const padding = `/* ${"x".repeat(300_000)} */`;
  pool.execute("code", undefined, [], { source: `() => { ${padding} return 1; }` });
  for (let i = 0; i < 20; i++) {
    pool.execute(`text-${i}`, (s: string) => s + "!", ["ä".repeat(60_000)]);
  }
  assert.deepEqual(valueOf(await pool.outcome("list")), numbers.toReversed());
  assert.equal(valueOf(await pool.outcome("many")), 20_000 * 19_999 / 2);
  assert.equal(valueOf(await pool.outcome("code")), 1);
  for (let i = 0; i < 20; i++) {
    assert.equal((valueOf(await pool.outcome(`text-${i}`)) as string).length, 60_001);
  }
});

Deno.test("thread pool: keys of any characters", async () => {
  await using pool = await TestPool.start();
  for (const key of ["", "ключ-1", "🦕", "k".repeat(10_000), "('x', 0)"]) {
    assert.equal(
      await pool.run(key, () => (globalThis as unknown as { dusk: { key: string } }).dusk.key),
      key,
    );
  }
});

Deno.test("thread pool: functions are expressions and methods, in strict mode, kept until forgotten", async () => {
  await using pool = await TestPool.start();
  assert.equal(
    await pool.run("method", undefined, [2], {
      source: "double(x) { return this === undefined ? 2 * x : 'sloppy'; }",
      name: "double",
      kind: "method",
    }),
    4,
  );
  assert.equal(
    await pool.run("async method", undefined, [2], {
      source: "async 'odd name'(x) { return 3 * x; }",
      name: "odd name",
      kind: "method",
    }),
    6,
  );
  assert.equal(
    await pool.run("strict", undefined, [], {
      source: "function f() { return this === undefined; }",
    }),
    true,
  );
  const counting = { source: "(() => { let n = 0; return () => ++n; })()" };
  assert.equal(await pool.run("count 1", undefined, [], counting), 1);
  assert.equal(await pool.run("count 2", undefined, [], counting), 2);
  pool.pool.forgetParts([functionPart(counting.source).name, "never heard of"]);
  assert.equal(await pool.run("count 3", undefined, [], counting), 1);
  assert.equal(await pool.run("count 4", undefined, [], counting), 2);
});

Deno.test("thread pool: code that is no function is the task's error", async () => {
  await using pool = await TestPool.start();
  await assert.rejects(pool.run("a", undefined, [], { source: "(x => " }), { name: "SyntaxError" });
  await assert.rejects(pool.run("b", undefined, [], { source: "42" }), {
    name: "LinkError",
    message: /gives number, not a function/,
  });
  pool.pool.execute({
    ...makeTask("c", () => 1),
    function: threadPart({ name: "c", part: { code: serialize("nonsense") } }),
  });
  await assert.rejects(async () => valueOf(await pool.outcome("c")), { name: "LinkError" });
  pool.pool.execute({ ...makeTask("d", () => 1), args: serialize(5) });
  await assert.rejects(async () => valueOf(await pool.outcome("d")), {
    name: "TaskArgumentsError",
    message: /must decode to an array, not number/,
  });
  assert.equal(await pool.run("e", () => 1), 1);
});

Deno.test("thread pool: tasks see where they run", async () => {
  await using pool = await TestPool.start({ address: "tcp://127.0.0.1:1", name: "alice" });
  const seen = await pool.run("x", () => {
    const { dusk } = globalThis as unknown as {
      dusk: import("../../../worker/threads/task_globals.ts").DuskGlobal;
    };
    let frozen = false;
    try {
      (globalThis as unknown as { dusk: unknown }).dusk = 1;
    } catch {
      frozen = true;
    }
    return [
      dusk.key,
      dusk.worker.address,
      dusk.worker.name,
      dusk.signal.aborted,
      typeof dusk.thread,
      frozen,
    ];
  });
  assert.deepEqual(seen, ["x", "tcp://127.0.0.1:1", "alice", false, "number", true]);
});

Deno.test("thread pool: bad options, unknown keys and double names are refused", async () => {
  const onOutcome = () => {};
  assert.throws(
    () => new ThreadPool({ nthreads: 0, onOutcome }),
    /nthreads must be an integer of at least 1, not 0/,
  );
  assert.throws(() => new ThreadPool({ nthreads: 1, grace: NaN, onOutcome }), /grace/);
  const unstarted = new ThreadPool({ nthreads: 1, onOutcome });
  assert.throws(
    () => unstarted.execute(makeTask("x", () => 1)),
    /'x' can't be run: the thread pool is not started/,
  );
  await unstarted.close();
  assert.throws(() => unstarted.execute(makeTask("x", () => 1)), /the thread pool is closed/);
  await using pool = await TestPool.start();
  assert.throws(
    () => pool.execute("x", () => 1, [], { timeout: 0 }),
    /time limit of task 'x' must be a positive/,
  );
  pool.execute("x", () => 1);
  assert.throws(() => pool.execute("x", () => 1), /'x' is in the thread pool already/);
  assert.equal(pool.pool.recall("y"), false);
  assert.equal(pool.pool.cancel("y"), "unknown");
  assert.equal(valueOf(await pool.outcome("x")), 1);
});

Deno.test("thread pool: close during work leaves nothing behind", async () => {
  const pool = await TestPool.start({ nthreads: 2 });
  pool.execute("async", () => new Promise(() => {}));
  for (let i = 0; i < 200; i++) pool.execute(`x-${i}`, () => 1, [], { timeout: 100 });
  const closing = pool.pool.close();
  await pool.pool.close();
  await closing;
  const count = pool.outcomes.length;
  await new Promise((turn) => setTimeout(turn, 0));
  assert.equal(pool.outcomes.length, count);
});
