/**
 * A thread without a pool, that runs a source of the test's: how it begins, and what it says.
 *
 * @module
 */
import { PoolThread } from "../../../worker/threads/pool_thread.ts";
import { POOL_WORDS } from "../../../worker/threads/thread_memory.ts";

/** Starts the thread. @param source JavaScript. @param onDied What is called when it dies, with the reason. */
export function startThread(
  source: string,
  onDied: (message: string) => void = () => {},
): PoolThread {
  return new PoolThread({
    id: 0,
    module: new URL(`data:text/javascript,${encodeURIComponent(source)}`),
    permissions: "inherit",
    poolMemory: new SharedArrayBuffer(4 * POOL_WORDS),
    worker: { address: "", name: "" },
  }, {
    ended: () => {},
    asked: () => {},
    wrote: () => {},
    died: (_thread, message) => onDied(message),
    rang: () => {},
    collected: () => {},
  });
}
