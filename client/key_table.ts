/**
 * The keys that a client holds futures of, and what the scheduler's messages do to them.
 *
 * @module
 */
import type { SchedulerToClient } from "../protocol/messages.ts";
import type { FutureOwner } from "./future.ts";
import { FutureState } from "./future_state.ts";

/** The graph of a `submit` or `map` was refused: a cycle, an unknown worker, … */
export class GraphError extends Error {
  /**
   * Make the error.
   *
   * @param message What the scheduler said.
   */
  constructor(message: string) {
    super(message);
    this.name = "GraphError";
  }
}

/** The keys of one client. */
export class KeyTable {
  /** By key. A cancelled or dropped key is not in here; old futures still point to its state. */
  readonly states = new Map<string, FutureState>();
  readonly #onDropped: (key: string) => void;
  /** How many graphs and data the scheduler had taken in when it said what comes. */
  #heard = 0;
  readonly #owner: FutureOwner;

  /**
   * @param owner The session whose keys these are.
   * @param onDropped Called with a key that the last future of has let go of.
   */
  constructor(owner: FutureOwner, onDropped: (key: string) => void) {
    this.#owner = owner;
    this.#onDropped = onDropped;
  }

  /** A state for a new key. */
  add(key: string): FutureState {
    const state = new FutureState(key, this.#owner);
    this.states.set(key, state);
    return state;
  }

  /** Count one future less. */
  release(state: FutureState): void {
    state.references--;
    if (state.references > 0 || this.states.get(state.key) !== state) return;
    this.states.delete(state.key);
    this.#onDropped(state.key);
    // Nobody will tell of it any more: whoever still waits for it must not wait for ever.
    if (!state.done) state.cancel("its futures were released before it was done");
  }

  /** Apply a message of the scheduler. Messages on keys that are not held any more are no news. */
  apply(message: SchedulerToClient): void {
    switch (message.op) {
      case "heard":
        this.#heard = message.updates;
        break;
      case "key-in-memory":
        this.#meant(message.key)?.finish(message.workers, message.type);
        break;
      case "task-erred":
        this.#meant(message.key)?.err(message.exception, message.traceback, message.blame);
        break;
      case "lost-data":
        this.#meant(message.key)?.lose();
        break;
      case "cancelled-key":
        if (this.#meant(message.key) === undefined) break;
        this.cancel(message.key, message.reason ?? "its task, or one it depends on, was cancelled");
        break;
      case "graph-refused":
        for (const key of message.keys) this.#refuse(key, message.message);
        break;
    }
  }

  /** Cancel a key. The next `submit` of the same key starts afresh. */
  cancel(key: string, reason: string): void {
    const state = this.states.get(key);
    if (state === undefined) return;
    this.states.delete(key);
    state.cancel(reason);
  }

  /** The connection is gone: the next scheduler counts from the start. */
  disconnected(): void {
    this.#heard = 0;
    for (const state of this.states.values()) state.update = 0;
  }

  /**
   * Cancel every key.
   *
   * @returns The keys.
   */
  cancelAll(reason: string): string[] {
    const keys = [...this.states.keys()];
    for (const key of keys) this.cancel(key, reason);
    return keys;
  }

  /** Cancel the keys whose outcome is not known. */
  cancelPending(reason: string): void {
    for (const [key, state] of [...this.states]) if (!state.done) this.cancel(key, reason);
  }

  /** A key that the scheduler did not take may be submitted again, with better options. */
  #refuse(key: string, reason: string): void {
    const state = this.#meant(key);
    if (state === undefined) return;
    this.states.delete(key);
    state.fail(new GraphError(`${key} was refused: ${reason}`));
  }

  /** The state of a key that the scheduler speaks of; not of what has come since. */
  #meant(key: string): FutureState | undefined {
    const state = this.states.get(key);
    return state === undefined || state.update > this.#heard ? undefined : state;
  }
}
