/** How a pool hears its threads where they ring by message. */
import assert from "node:assert/strict";
import { PoolBell } from "../../../worker/threads/pool_bell.ts";
import { PoolWord, Sleep } from "../../../worker/threads/thread_memory.ts";

Deno.test("a ring that is lost with its thread keeps the pool from nothing", async () => {
  const bell = new PoolBell("messages");
  const words = new Int32Array(bell.memory);
  let sent = false;
  const { promise: collected, resolve } = Promise.withResolvers<void>();
  const listening = bell.listen(() => false, () => {
    if (sent) resolve();
  });
  // What a thread does that is ended before its message is out: all others believe that the pool is awake.
  assert.equal(Atomics.exchange(words, PoolWord.SLEEP, Sleep.AWAKE), Sleep.WAIT_MESSAGE);
  sent = true;
  // The pool's own timer does not keep a program alive, so the test does.
  const alive = setInterval(() => {}, 1000);
  await collected;
  clearInterval(alive);
  bell.close();
  await listening;
});
