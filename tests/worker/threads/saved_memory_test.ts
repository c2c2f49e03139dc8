/** What threads do where memory is short: they take data over, and free what tasks leave behind. */
import assert from "node:assert/strict";
import { Serialized } from "../../../protocol/serialized.ts";
import { serialize } from "../../../protocol/values.ts";
import { garbageCollector } from "../../../worker/garbage.ts";
import { RecordReader, RecordWriter } from "../../../worker/threads/record_codec.ts";
import { ThreadGarbage } from "../../../worker/threads/thread_garbage.ts";
import { POOL_WORDS, PoolWord } from "../../../worker/threads/thread_memory.ts";
import { until } from "../../support/until.ts";
import { Dependency, makeTask, TestPool, valueOf } from "./test_pool.ts";

const first = (array: Float64Array) => array[0];
const data = () => serialize(new Float64Array(100_000).fill(7));
const sleepForEver = () => {
  console.log("running");
  return new Promise(() => {});
};

/** A task whose data nobody else needs. */
function taskWith(key: string, value: ReturnType<typeof data>) {
  const task = makeTask(key, first, [new Dependency("data")]);
  return { ...task, dependencies: new Map([["data", value]]), moved: new Set(["data"]) };
}

Deno.test("the memory of data that nobody else needs goes to the thread; other data is copied", async () => {
  await using pool = await TestPool.start();
  const moved = data();
  const kept = data();
  pool.pool.execute(taskWith("moved", moved));
  pool.pool.execute({ ...taskWith("kept", kept), moved: undefined });
  assert.equal(valueOf(await pool.outcome("moved")), 7);
  assert.equal(valueOf(await pool.outcome("kept")), 7);
  assert.equal(moved.frames[1].length, 0);
  assert.equal(kept.frames[1].length, 800_000);
});

Deno.test("a task whose data has gone to a thread that did not begin it ends as cancelled", async () => {
  await using pool = await TestPool.start({ grace: 0 });
  pool.execute("long", sleepForEver);
  await pool.until(() => pool.console.length > 0);
  pool.pool.execute(taskWith("behind", data()));
  // Its thread gives back what it has not begun.
  assert.equal(pool.pool.cancel("long"), "stopping");
  assert.equal((await pool.outcome("behind")).status, "cancelled");
  pool.pool.execute(taskWith("behind", data()));
  assert.equal(valueOf(await pool.outcome("behind", 2)), 7);
});

Deno.test("threads that free what tasks leave behind run them all the same", async () => {
  await using pool = await TestPool.start();
  pool.pool.saveMemory(true);
  const fill = (size: number) => new Float64Array(size).fill(1).length;
  for (let i = 0; i < 5; i++) assert.equal(await pool.run(`fill-${i}`, fill, [2_000_000]), 2e6);
  pool.pool.saveMemory(false);
  assert.equal(await pool.run("fill", fill, [2_000_000]), 2e6);
});

Deno.test("a thread that saves memory keeps nothing of a task's data once that is over", async () => {
  // Gives the threads of this process a garbage collector to call.
  await garbageCollector();
  await using pool = await TestPool.start();
  pool.pool.saveMemory(true);
  pool.pool.execute(taskWith("large", serialize(new Float64Array(5e6).fill(7))));
  assert.equal(valueOf(await pool.outcome("large")), 7);
  const left = await pool.run("usage", () => Deno.memoryUsage().external);
  assert.ok(Number(left) < 30e6, `${left} bytes`);
});

Deno.test("a thread that saves memory tells of a task once its garbage is gone, if that is much", async () => {
  const said: string[] = [];
  await using pool = await TestPool.start({
    threadModule: new URL("./collecting_thread.ts", import.meta.url),
    onOutcome: ({ key }) => said.push(key),
    onConsole: ({ text }) => said.push(text),
  });
  const run = async (key: string, size: number) => {
    pool.execute(key, (size: number) => new Float64Array(size).fill(1), [size]);
    await until(`the outcome of ${key}`, () => said.includes(key));
  };
  await run("before", 2e6);
  pool.pool.saveMemory(true);
  await run("large", 2e6);
  await run("small", 10);
  assert.deepEqual(said, ["before", "collects", "large", "small"]);
});

Deno.test("what a thread has sent does not count as left in it", () => {
  const words = new Int32Array(POOL_WORDS);
  words[PoolWord.MEMORY_IS_SHORT] = 1;
  const garbage = new ThreadGarbage(words);
  garbage.collect(0);
  assert(!garbage.isDue());
  garbage.collect(20e6);
  assert(garbage.isDue());
});

Deno.test("memory that was sent along with a record is the reader's alone", () => {
  const writer = new RecordWriter(new Uint8Array(100));
  writer.serialized(new Serialized([new Uint8Array(100_000).fill(7)]));
  const { record, beside } = writer.posted();
  const [sent] = beside;
  const reader = new RecordReader();
  reader.begin(record, new DataView(record.buffer), 0, record.byteLength, beside);
  const [frame] = reader.serialized().frames;
  assert.deepEqual([frame.byteLength, frame[0]], [100_000, 7]);
  // Who has delivered it may keep it for a while.
  assert(sent.detached);
});
