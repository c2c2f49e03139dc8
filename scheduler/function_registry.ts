/**
 * The code of the functions that tasks run: each kept once, by the hash of its code, with the
 * workers that have been sent it. Functions that no task uses any more are kept a while, because
 * the next call most often uses them again.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import type { WorkerState } from "./worker_state.ts";

/** How many functions that no task uses are kept. */
export const UNUSED_FUNCTIONS_KEPT = 1000;

/** One function. */
export class FunctionState {
  /** Hash of the code. */
  readonly hash: string;
  /** The code, as the client sent it. */
  readonly code: Serialized;
  /** How many tasks refer to it. */
  references = 0;
  /** Workers that have the code. */
  readonly knownBy: Set<WorkerState> = new Set();

  /** @param hash Hash of the code. @param code The code. */
  constructor(hash: string, code: Serialized) {
    this.hash = hash;
    this.code = code;
  }
}

/** All functions, by hash. */
export class FunctionRegistry {
  readonly #functions = new Map<string, FunctionState>();
  /** Functions without references, longest unused first. */
  readonly #unused = new Map<string, FunctionState>();
  readonly #forget: (fn: FunctionState) => void;

  /** @param forget Called with a function when it is dropped. */
  constructor(forget: (fn: FunctionState) => void) {
    this.#forget = forget;
  }

  /** How many functions are known. */
  get size(): number {
    return this.#functions.size;
  }

  /** How many of them no task uses. */
  get unused(): number {
    return this.#unused.size;
  }

  /** The function with this hash. */
  get(hash: string): FunctionState | undefined {
    return this.#functions.get(hash);
  }

  /** All functions. */
  values(): IterableIterator<FunctionState> {
    return this.#functions.values();
  }

  /** The function with this hash; made known when it is new. */
  register(hash: string, code: Serialized): FunctionState {
    let fn = this.#functions.get(hash);
    if (fn === undefined) {
      fn = new FunctionState(hash, code);
      this.#functions.set(hash, fn);
      this.#retire(fn);
    }
    return fn;
  }

  /** One more task refers to the function. */
  use(fn: FunctionState): void {
    if (fn.references++ === 0) this.#unused.delete(fn.hash);
  }

  /** One task fewer refers to the function. */
  release(fn: FunctionState): void {
    if (--fn.references === 0) this.#retire(fn);
  }

  /** A worker has left: it has no code any more. */
  forgetWorker(ws: WorkerState): void {
    for (const fn of this.#functions.values()) fn.knownBy.delete(ws);
  }

  /** Drops everything. */
  clear(): void {
    this.#functions.clear();
    this.#unused.clear();
  }

  #retire(fn: FunctionState): void {
    this.#unused.set(fn.hash, fn);
    if (this.#unused.size <= UNUSED_FUNCTIONS_KEPT) return;
    const oldest = this.#unused.values().next().value as FunctionState;
    this.#unused.delete(oldest.hash);
    this.#functions.delete(oldest.hash);
    this.#forget(oldest);
  }
}
