/**
 * Tasks that damage what their thread is made of: each of them settles, and what follows runs, in that
 * thread or in another.
 */
import assert from "node:assert/strict";
import { deserialize } from "../../../protocol/values.ts";
import type { Outcome } from "../../../worker/threads/thread_task.ts";
import { TestPool, valueOf } from "./test_pool.ts";

/** Damage that the task itself survives: its value arrives. */
const REPAIRED: Record<string, string> = {
  "Map is deleted": "delete globalThis.Map",
  "Set is deleted": "delete globalThis.Set",
  "Promise is deleted": "delete globalThis.Promise",
  "JSON is deleted": "delete globalThis.JSON",
  "Uint8Array is deleted": "delete globalThis.Uint8Array",
  "DataView is deleted": "delete globalThis.DataView",
  "Atomics is deleted": "delete globalThis.Atomics",
  "Reflect is deleted": "delete globalThis.Reflect",
  "Error is deleted": "delete globalThis.Error",
  "Object is replaced": "globalThis.Object = undefined",
  "Array is replaced by a function that throws":
    "globalThis.Array = () => { throw new Error('mine') }",
  "Array.prototype.push is deleted": "delete Array.prototype.push",
  "Array.prototype.push throws": "Array.prototype.push = () => { throw new Error('mine') }",
  "Array.prototype is not iterable": "delete Array.prototype[Symbol.iterator]",
  "Map.prototype.get is replaced": "Map.prototype.get = undefined",
  "Object.keys is replaced": "Object.keys = undefined",
  "Array.isArray is replaced": "Array.isArray = null",
  "Uint8Array.prototype.subarray is gone":
    "delete Object.getPrototypeOf(Uint8Array.prototype).subarray",
  "Promise.prototype.then is replaced": "Promise.prototype.then = undefined",
  "timers and clocks are gone":
    "globalThis.setTimeout = globalThis.setImmediate = globalThis.performance = undefined",
};

async function check(pool: TestPool, key: string, damage: string): Promise<void> {
  const after = { object: { list: [1, "two", new Float64Array([3])] }, map: new Map([["k", 1]]) };
  pool.execute(key, undefined, [after], { source: `(value) => { ${damage}; return value; }` });
  for (let i = 0; i < 3; i++) {
    pool.execute(`${key}: after ${i}`, (value: unknown) => value, [after]);
  }
  pool.execute(`${key}: later`, async (value: unknown) => await value, [7]);
  pool.execute(`${key}: limited`, async (value: unknown) => await value, [8], { timeout: 60 });
  const value = valueOf(await pool.outcome(key));
  assert.deepEqual(value, after, key);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(valueOf(await pool.outcome(`${key}: after ${i}`)), after, key);
  }
  assert.equal(valueOf(await pool.outcome(`${key}: later`)), 7);
  assert.equal(valueOf(await pool.outcome(`${key}: limited`)), 8);
}

for (const [name, damage] of Object.entries(REPAIRED)) {
  Deno.test(`a damaged thread mends itself: ${name}`, async () => {
    await using pool = await TestPool.start();
    await check(pool, "x", damage);
    assert.equal(await pool.run("thread", () => dusk.thread), 0, "the thread is the same");
  });
}

Deno.test("a damaged thread mends itself when a task fails, too, and says what it put back", async () => {
  await using pool = await TestPool.start();
  pool.execute("x", () => {
    delete (globalThis as { Map?: unknown }).Map;
    throw new RangeError("mine");
  });
  const outcome = await pool.outcome("x");
  assert.ok(outcome.status === "erred");
  assert.ok(deserialize(outcome.exception) instanceof RangeError);
  assert.equal(await pool.run("after", () => new Map([[1, 2]]).get(1)), 2);
  const [{ key, level, text }] = pool.console;
  assert.deepEqual([key, level], ["x", "warn"]);
  assert.match(text, /globalThis\.Map .* was put back/);
});

Deno.test("what a task replaces by something that works stays", async () => {
  await using pool = await TestPool.start();
  await pool.run("x", () => {
    const { parse } = JSON;
    JSON.parse = (text) => ["mine", parse(text)];
  });
  await assert.rejects(pool.run("fails", () => {
    throw new Error("no matter");
  }));
  assert.deepEqual(await pool.run("after", () => JSON.parse("1")), ["mine", 1]);
});

for (const waking of ["shared-memory", "messages"] as const) {
  Deno.test(`a thread beyond repair is replaced, with waking by ${waking}`, async () => {
    await using pool = await TestPool.start({ waking });
    const source = `() => {
      delete globalThis.Map;
      delete Array.prototype.push;
      Object.freeze(globalThis.Object);
      Object.freeze(Array.prototype);
      Object.preventExtensions(globalThis);
      return [1];
    }`;
    pool.execute("x", undefined, [], { source });
    pool.execute("behind", (value: unknown) => value, [{ a: [1] }]);
    const outcome: Outcome = await pool.outcome("x");
    assert.ok(outcome.status === "lost", outcome.status);
    assert.match(outcome.message, /Thread 0 died while task 'x' was running: .*is not a/);
    assert.deepEqual(valueOf(await pool.outcome("behind")), { a: [1] });
    assert.equal(await pool.run("thread", () => dusk.thread), 1);
    assert.equal(pool.pool.nthreads, 1);
  });
}

Deno.test("a thread that a leftover of a task damages, while none runs, mends itself or is replaced", async () => {
  await using pool = await TestPool.start();
  for (const [i, name] of ["Map", "Atomics", "Reflect", "DataView", "Uint8Array"].entries()) {
    await pool.run(`x${i}`, (name: string) => {
      setTimeout(() => {
        delete (globalThis as Record<string, unknown>)[name];
        console.log(`no ${name}`);
      }, 1);
    }, [name]);
    await pool.wrote(`no ${name}`);
    pool.execute(`after${i}`, (value: unknown) => value, [{ a: [1] }]);
    const outcome = await pool.outcome(`after${i}`);
    if (outcome.status !== "lost") assert.deepEqual(valueOf(outcome), { a: [1] });
    assert.equal(await pool.run(`then${i}`, () => 1), 1);
  }
});
