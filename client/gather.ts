/**
 * From futures to values: wait for them, fetch them together, decode them.
 *
 * @module
 */
import type { CodeReader } from "../protocol/functions/definition.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { deserialize } from "../protocol/values.ts";
import type { Fetcher, FetchListener } from "./fetcher.ts";
import type { FutureState } from "./future_state.ts";
import { Latch } from "./latch.ts";
import { leftOut } from "./structure.ts";
import { taskError } from "./task_error.ts";

/** Collects the values of some keys. */
class Collection implements FetchListener {
  readonly values: unknown[];
  readonly done: Promise<void>;
  readonly #skipErrors: boolean;
  readonly #reader: CodeReader;
  #left: number;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(count: number, skipErrors: boolean, reader: CodeReader) {
    this.values = new Array(count);
    this.#left = count;
    this.#skipErrors = skipErrors;
    this.#reader = reader;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  fetched(place: number, value: Serialized, shared: boolean): void {
    try {
      this.values[place] = deserialize(value, { copy: shared, code: this.#reader });
    } catch (error) {
      this.#reject(error);
    }
    this.#countDown();
  }

  unfinished(place: number, state: FutureState): void {
    if (!this.#skipErrors) this.#reject(taskError(state, this.#reader));
    this.values[place] = leftOut;
    this.#countDown();
  }

  failed(error: Error): void {
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
 * @param states The keys, each once.
 * @param fetcher Fetches them.
 * @param skipErrors Whether keys that failed or were cancelled are {@linkcode leftOut}, or throw.
 * @param reader Knows the classes of the values.
 * @returns The values, in the order of the keys.
 * @throws The error of the first key found to have failed.
 */
export async function gatherStates(
  states: readonly FutureState[],
  fetcher: Fetcher,
  skipErrors: boolean,
  reader: CodeReader,
): Promise<unknown[]> {
  const failed = await new Latch(states, skipErrors ? "all" : "finished").opened;
  if (failed !== undefined) throw taskError(failed, reader);
  if (states.length === 0) return [];
  const collection = new Collection(states.length, skipErrors, reader);
  for (let i = 0; i < states.length; i++) {
    const state = states[i];
    if (state.status === "error" || state.status === "cancelled") collection.unfinished(i, state);
    else fetcher.fetch(state, collection, i);
  }
  await collection.done;
  return collection.values;
}
