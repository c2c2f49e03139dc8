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
  readonly #states: readonly FutureState[];
  readonly #mode: LatchMode;
  #open!: (state: FutureState | undefined) => void;
  /** How many keys it still listens to. */
  #waiting = 0;
  #closed = false;

  /**
   * @param states The keys to wait for.
   * @param mode When to open.
   */
  constructor(states: readonly FutureState[], mode: LatchMode) {
    this.#states = states;
    this.#mode = mode;
    this.opened = new Promise((resolve) => this.#open = resolve);
    for (const state of states) {
      if (!state.done) {
        this.#waiting++;
        state.listen(this);
      } else if (mode === "finished" && state.status !== "finished") {
        this.#end(state);
        return;
      }
    }
    const isOneDone = this.#waiting < states.length || states.length === 0;
    if (this.#waiting === 0 || (mode === "first" && isOneDone)) this.#end(undefined);
  }

  /** Called by a key that is done. */
  settled(state: FutureState): void {
    if (this.#closed) return;
    this.#waiting--;
    if (this.#mode === "finished" && state.status !== "finished") this.#end(state);
    else if (this.#mode === "first" || this.#waiting === 0) this.#end(undefined);
  }

  /** Stop waiting; the keys no longer know of the latch. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#waiting === 0) return;
    for (const state of this.#states) state.unlisten(this);
  }

  #end(state: FutureState | undefined): void {
    this.close();
    this.#open(state);
  }
}
