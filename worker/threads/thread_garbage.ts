/**
 * What tasks leave behind in a thread, where memory is short: the engine would let large buffers pile up by
 * the hundred megabytes in each thread before it looks for those that nobody uses. So between tasks the
 * thread has it look earlier. That takes Deno 2.9, or a program that was started, or compiled, with
 * `--v8-flags=--expose-gc`.
 *
 * @module
 */
import { exposedCollector, hiddenCollector } from "../full_collection.ts";
import { PoolWord } from "./thread_memory.ts";

/** So much may have come together before it is worth to look, in bytes. */
const WORTHWHILE = 8 * 1024 * 1024;

// Kept from tasks that replace globals.
const { load } = Atomics;
const usage = Deno.memoryUsage;

/** Looks after the garbage of one thread. */
export class ThreadGarbage {
  readonly #poolWords: Int32Array;
  #collect: (() => void) | undefined = exposedCollector;
  #isKnown = exposedCollector !== undefined;
  /** What was left the last time. */
  #kept = 0;

  /** @param poolWords See {@linkcode PoolWord}. */
  constructor(poolWords: Int32Array) {
    this.#poolWords = poolWords;
  }

  /** Whether memory is short, and there may be much to free. */
  isDue(): boolean {
    return load(this.#poolWords, PoolWord.MEMORY_IS_SHORT) === 1 &&
      memoryOf() - this.#kept >= WORTHWHILE;
  }

  /** Free what can be freed. @param leaving So many bytes are about to leave the thread, in any case. */
  collect(leaving: number): void {
    if (!this.#isKnown) {
      this.#isKnown = true;
      this.#collect = hiddenCollector();
    }
    this.#collect?.();
    this.#kept = memoryOf() - leaving;
  }
}

function memoryOf(): number {
  const { heapUsed, external } = usage();
  return heapUsed + external;
}
