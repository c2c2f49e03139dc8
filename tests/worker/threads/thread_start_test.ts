/** Threads that do not start, or fail as soon as they have. */
import assert from "node:assert/strict";
import type { PoolThread } from "../../../worker/threads/pool_thread.ts";
import { Word } from "../../../worker/threads/thread_memory.ts";
import { ThreadPool, ThreadStartError } from "../../../worker/threads/thread_pool.ts";
import { startThread } from "./lone_thread.ts";

Deno.test({
  name: "start fails with a clear error when the threads' module can't be loaded",
  // Deno closes a port that was on its way to the thread in its own time.
  sanitizeResources: false,
  async fn() {
    const pool = new ThreadPool({
      nthreads: 2,
      threadModule: new URL("./no_such_thread.ts", import.meta.url),
      onOutcome: () => {},
    });
    await assert.rejects(pool.start(), (error) => {
      assert.ok(error instanceof ThreadStartError);
      assert.match(error.message, /A thread did not start \(module .*no_such_thread\.ts\): /);
      return true;
    });
    assert.equal(pool.nthreads, 0);
  },
});

Deno.test("a thread that is not ready in time is an error that says what may take so long", async () => {
  const { setTimeout } = globalThis;
  // A minute is over at once.
  globalThis.setTimeout =
    ((act: () => void, ms: number) => setTimeout(act, ms === 60_000 ? 0 : ms)) as typeof setTimeout;
  let thread: PoolThread;
  try {
    thread = startThread("addEventListener('message', () => {})");
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  await assert.rejects(thread.ready, (error) => {
    assert.ok(error instanceof ThreadStartError);
    assert.match(error.message, /within 60 s \(module data:.*\): .*--no-check/);
    return true;
  });
  thread.terminate();
});

Deno.test("a thread that fails once it is ready is asked for nothing more", async () => {
  // It says that there is a record in its ring, where there is none.
  const source = `addEventListener("message", ({ data: { memory, port } }) => {
    new Int32Array(memory)[${Word.OUT_HEAD}] = 64;
    port.postMessage({ kind: "ready" });
  })`;
  const deaths: string[] = [];
  const thread = startThread(source, (message) => deaths.push(message));
  await thread.ready;
  assert.equal(thread.pending, true);
  thread.throwIfFailed();
  for (let i = 0; i < 2; i++) thread.collect();
  assert.equal(deaths.length, 1);
  assert.match(deaths[0], /a record that makes no sense/);
  assert.equal(thread.pending, false, "or the pool would collect for ever");
  assert.throws(() => thread.throwIfFailed(), ThreadStartError);
  thread.terminate();
});
