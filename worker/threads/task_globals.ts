/**
 * What a task sees of where it runs: the global `dusk`. Import this file for its types.
 *
 * @module
 */
import { Word } from "./thread_memory.ts";

// Kept from tasks that replace globals.
const { load } = Atomics;
const { get } = Reflect;

/** The global `dusk` of code that runs as a task. */
export interface DuskGlobal {
  /**
   * Aborts when the task is cancelled or out of time. `dusk.signal.aborted` is up to date even in a
   * loop that never returns to the event loop.
   */
  readonly signal: AbortSignal;
  /** Name of the task that runs now; null when none does. */
  readonly key: string | null;
  /** The worker that runs the task. */
  readonly worker: { readonly address: string; readonly name: string };
  /** Id of the thread in its worker. */
  readonly thread: number;
}

declare global {
  /** Where the running task is; there is none outside of tasks. */
  var dusk: DuskGlobal;
}

/** The task that a thread runs now. One at a time, so that a global can tell of it. */
export class CurrentTask {
  /** Name of the task; null when none runs. */
  key: string | null = null;
  /** Its number in this thread; 0 when none runs. */
  serial = 0;
  /** When it began, in milliseconds of this thread's clock. */
  start = 0;
  readonly #words: Int32Array;
  readonly #noTask = AbortSignal.abort(new DOMException("No task is running", "AbortError"));
  #controller: AbortController | undefined;

  /** @param words The words shared with the pool, which sets the number of a task to abort there. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** A task begins. */
  begin(key: string, serial: number): void {
    this.key = key;
    this.serial = serial;
    this.#controller = undefined;
  }

  /** The task is over. */
  end(): void {
    this.key = null;
    this.serial = 0;
    this.#controller = undefined;
  }

  /** Fires the task's signal. */
  abort(reason: Error): void {
    if (this.serial === 0) return;
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  /** The signal of the task that runs, made when first asked for. */
  get signal(): AbortSignal {
    if (this.serial === 0) return this.#noTask;
    if (this.#controller === undefined) {
      const controller = this.#controller = new AbortController();
      const { signal } = controller;
      const serial = this.serial;
      const words = this.#words;
      const fired = () => get(AbortSignal.prototype, "aborted", signal) as boolean;
      let firing = false;
      const poll = () => {
        // The pool's word is seen at once; the message that fires the event needs the event loop.
        // Firing asks for `aborted` itself.
        if (!firing && load(words, Word.ABORT) === serial && !fired()) {
          firing = true;
          controller.abort(cancelled());
        }
        return fired();
      };
      Object.defineProperties(signal, {
        aborted: { get: poll },
        throwIfAborted: {
          value: () => {
            if (poll()) throw signal.reason;
          },
        },
      });
      poll();
    }
    return this.#controller.signal;
  }
}

/** Why a cancelled task's signal fires. */
export function cancelled(): DOMException {
  return new DOMException("The task was cancelled", "AbortError");
}

/** Defines the global `dusk`. */
export function installGlobal(
  current: CurrentTask,
  thread: number,
  worker: { address: string; name: string },
): void {
  const value: DuskGlobal = Object.freeze({
    get signal() {
      return current.signal;
    },
    get key() {
      return current.key;
    },
    worker: Object.freeze({ address: worker.address, name: worker.name }),
    thread,
  });
  Object.defineProperty(globalThis, "dusk", { value, enumerable: true });
}
