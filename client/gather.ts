/**
 * From futures to values: wait for them, fetch them together, decode them.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import { deserialize } from "../protocol/values.ts";
import type { Fetcher, FetchListener } from "./fetcher.ts";
import type { FutureState } from "./future_state.ts";
import { Latch } from "./latch.ts";
import { taskError } from "./task_error.ts";

/** Collects the values of some keys. */
class Collection implements FetchListener {
  readonly values = new Map<FutureState, unknown>();
  readonly done: Promise<void>;
  readonly #skipErrors: boolean;
  #left: number;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(count: number, skipErrors: boolean) {
    this.#left = count;
    this.#skipErrors = skipErrors;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  fetched(state: FutureState, value: Serialized, shared: boolean): void {
    try {
      this.values.set(state, deserialize(value, { copy: shared }));
    } catch (error) {
      this.#reject(error);
    }
    this.#countDown();
  }

  unfinished(state: FutureState): void {
    if (!this.#skipErrors) this.#reject(taskError(state));
    this.#countDown();
  }

  failed(_state: FutureState, error: Error): void {
    this.#reject(error);
  }

  #countDown(): void {
    this.#left--;
    if (this.#left === 0) this.#resolve();
  }
}

/**
 * Wait for keys and fetch their values.
 *
 * @param states The keys.
 * @param fetcher Fetches them.
 * @param skipErrors Whether keys that failed or were cancelled are left out, or throw.
 * @returns The values by key.
 * @throws The error of the first key found to have failed.
 */
export async function gatherStates(
  states: ReadonlySet<FutureState>,
  fetcher: Fetcher,
  skipErrors: boolean,
): Promise<Map<FutureState, unknown>> {
  const failed = await new Latch(states, skipErrors ? "all" : "finished").opened;
  if (failed !== undefined) throw taskError(failed);
  let wanted = states;
  if (skipErrors) {
    wanted = new Set([...states].filter((state) => state.status === "finished" || !state.done));
  }
  if (wanted.size === 0) return new Map();
  const collection = new Collection(wanted.size, skipErrors);
  for (const state of wanted) fetcher.fetch(state, collection);
  await collection.done;
  return collection.values;
}
