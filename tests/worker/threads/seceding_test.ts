/** Tasks that leave the pool's threads: others take their places, and the pool keeps its size. */
import assert from "node:assert/strict";
import { modulePart } from "../../support/function_part.ts";
import type { ThreadPoolOptions } from "../../../worker/threads/thread_pool.ts";
import { TestPool, threadPart } from "./test_pool.ts";

const names = threadPart(modulePart(`(function($builtin) { return $builtin("dusk:"); })`));

/** Leaves the threads, and ends when it is among them again. */
const leaves = `async (value) => {
  const { rejoin, secede } = await \u00ecmport("names");
  secede();
  await rejoin();
  return value;
}`;
/** Leaves the threads, and never ends. */
const stays = `async () => {
  (await \u00ecmport("names")).secede();
  console.log("away");
  await new Promise(() => {});
}`;

async function withPool(
  options: Partial<ThreadPoolOptions>,
  body: (pool: TestPool, left: string[]) => Promise<void>,
): Promise<void> {
  const left: string[] = [];
  const pool = await TestPool.start({
    onSecede: (key, seconds) => {
      assert(seconds >= 0);
      left.push(key);
    },
    ...options,
  });
  pool.pool.setUploads(new Map([["names", names]]));
  try {
    await body(pool, left);
  } finally {
    await pool.pool.close();
  }
}

Deno.test("while tasks are away, the pool's only thread runs others", async () => {
  const { promise: wanted, resolve: want } = Promise.withResolvers<void>();
  const back: string[] = [];
  const onRejoin = (key: string) => {
    if (back.push(key) === 3) want();
  };
  await withPool({ onRejoin }, async (pool, left) => {
    for (const key of ["a", "b", "c"]) pool.execute(key, undefined, [key], { source: leaves });
    await wanted;
    assert.deepEqual(left.toSorted(), ["a", "b", "c"]);
    assert.equal(pool.pool.nthreads, 1);
    assert.equal(await pool.run("d", () => 4), 4);
    for (const key of back) pool.pool.rejoin(key);
    for (const key of ["a", "b", "c"]) {
      assert.equal((await pool.outcome(key)).status, "finished");
    }
    assert.equal(await pool.run("e", () => 5), 5);
    assert.equal(pool.pool.nthreads, 1);
    assert.equal(pool.threadsChanged.length, 0, "nobody has missed a thread");
  });
});

Deno.test("what was handed to a thread ahead is run by the one that takes its place", async () => {
  await withPool({}, async (pool, left) => {
    pool.execute("away", undefined, [], { source: stays });
    for (let i = 0; i < 5; i++) pool.execute(`x${i}`, (i: number) => i, [i]);
    for (let i = 0; i < 5; i++) assert.equal((await pool.outcome(`x${i}`)).status, "finished");
    assert.deepEqual(left, ["away"]);
  });
});

Deno.test("a task that is away is cancelled with its thread, which nobody has to replace", async () => {
  await withPool({ grace: 0 }, async (pool) => {
    pool.execute("away", undefined, [], { source: stays });
    await pool.wrote("away");
    assert.equal(await pool.run("x", () => 1), 1);
    assert.equal(pool.pool.cancel("away"), "stopping");
    assert.equal((await pool.outcome("away")).status, "cancelled");
    assert.equal(pool.pool.nthreads, 1);
    assert.equal(await pool.run("y", () => 2), 2);
  });
});

Deno.test("a task that is away has its time limit still", async () => {
  await withPool({}, async (pool) => {
    pool.execute("away", undefined, [], { source: stays, timeout: 0.2 });
    assert.equal((await pool.outcome("away")).status, "erred");
    assert.equal(await pool.run("x", () => 1), 1);
  });
});

Deno.test("a restart ends tasks that are away, too", async () => {
  await withPool({}, async (pool) => {
    pool.execute("away", undefined, [], { source: stays });
    await pool.wrote("away");
    await pool.pool.restart();
    assert.equal(pool.pool.size, 0);
    assert.equal(await pool.run("x", () => 1), 1);
    assert.deepEqual(pool.outcomes.map(({ key }) => key), ["x"]);
  });
});

Deno.test("of how long a task ran before it left, a thread may say anything", async () => {
  // It says of its first task that it leaves, until the pool has heard it.
  const thread = (seconds: string) => {
    const source = `addEventListener("message", ({ data: { port } }) => {
      port.postMessage({ kind: "ready" });
      setInterval(() => port.postMessage({ kind: "secede", serial: 1, seconds: ${seconds} }), 5);
    })`;
    return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  };
  for (const [said, told] of [["2.5", 2.5], ["-1", 0], ["Infinity", 0], ["'5'", 0], ["5n", 0]]) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using pool = await TestPool.start({
      threadModule: thread(String(said)),
      waking: "messages",
      onSecede: (_key, seconds) => resolve(seconds),
    });
    pool.execute("x", () => 1);
    assert.equal(await promise, told, String(said));
  }
});
