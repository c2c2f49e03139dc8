/**
 * Waiting for futures without fetching their results.
 *
 * @module
 */
import { within } from "./deadline.ts";
import { Future, stateOf } from "./future.ts";
import { Latch } from "./latch.ts";
import { checkNames, checkSeconds, refuseOption } from "./task_options.ts";

/** Options of {@linkcode wait}. */
export interface WaitForOptions {
  /** Seconds to wait before a `TimeoutError`; as long as it takes by default. */
  timeout?: number;
  /** Whether to wait for all futures or for any one of them. Default: "ALL_COMPLETED". */
  returnWhen?: "ALL_COMPLETED" | "FIRST_COMPLETED";
}

/** What {@linkcode wait} gives. */
export interface WaitResult<F> {
  /** The futures that have finished, failed or been cancelled. */
  done: Set<F>;
  /** The others. */
  notDone: Set<F>;
}

/**
 * Wait until futures are done: finished, failed or cancelled.
 *
 * @param futures One or several futures.
 * @param options How long to wait, and for which of them.
 * @returns Which are done and which are not.
 * @throws {TimeoutError} When it took longer than `timeout`.
 *
 * @example
 * ```ts
 * const futures = client.map((x: number) => x + 1, [1, 2, 3]);
 * const { done } = await wait(futures);
 * console.log(done.size); // 3
 * ```
 */
export async function wait<F extends Future<unknown>>(
  futures: F | Iterable<F>,
  options: WaitForOptions = {},
): Promise<WaitResult<F>> {
  checkNames(options, ["timeout", "returnWhen"], "wait()");
  const timeout = checkSeconds("timeout", options.timeout);
  const { returnWhen = "ALL_COMPLETED" } = options;
  if (returnWhen !== "ALL_COMPLETED" && returnWhen !== "FIRST_COMPLETED") {
    refuseOption("returnWhen", returnWhen, `"ALL_COMPLETED" or "FIRST_COMPLETED"`);
  }
  const all = futures instanceof Future ? [futures] : [...futures];
  const latch = new Latch(all.map(stateOf), returnWhen === "ALL_COMPLETED" ? "all" : "first");
  try {
    await within(latch.opened, timeout, `wait(): ${all.length} futures were not done`);
  } finally {
    latch.close();
  }
  const result: WaitResult<F> = { done: new Set(), notDone: new Set() };
  for (const future of all) (future.done() ? result.done : result.notDone).add(future);
  return result;
}
