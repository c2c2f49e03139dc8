/**
 * Waiting for many keys with one promise and one object, not one for each key.
 *
 * @module
 */
import type { FutureState, SettleListener } from "./future_state.ts";

/** How a latch opens: when every key is done; when one is; when all are finished or one is not. */
export type LatchMode = "all" | "first" | "finished";

/** Opens when enough of its keys are done. */
export class Latch implements SettleListener {
  /** Resolves with the key whose failure opened it (mode `finished`), else undefined. */
  readonly opened: Promise<FutureState | undefined>;
  #open!: (state: FutureState | undefined) => void;
  #waiting = new Set<FutureState>();
  #mode: LatchMode;

  /**
   * @param states The keys to wait for.
   * @param mode When to open.
   */
  constructor(states: Iterable<FutureState>, mode: LatchMode) {
    this.#mode = mode;
    this.opened = new Promise((resolve) => this.#open = resolve);
    let total = 0;
    let done = 0;
    for (const state of states) {
      total++;
      if (state.done) {
        done++;
        if (mode === "finished" && state.status !== "finished") {
          this.#end(state);
          return;
        }
      } else if (!this.#waiting.has(state)) {
        this.#waiting.add(state);
        state.listen(this);
      }
    }
    if (this.#waiting.size === 0 || (mode === "first" && (done > 0 || total === 0))) {
      this.#end(undefined);
    }
  }

  /** Called by a key that is done. */
  settled(state: FutureState): void {
    if (!this.#waiting.delete(state)) return;
    if (this.#mode === "finished" && state.status !== "finished") this.#end(state);
    else if (this.#mode === "first" || this.#waiting.size === 0) this.#end(undefined);
  }

  /** Stop waiting; the keys no longer know of the latch. */
  close(): void {
    for (const state of this.#waiting) state.unlisten(this);
    this.#waiting.clear();
  }

  #end(state: FutureState | undefined): void {
    this.close();
    this.#open(state);
  }
}
