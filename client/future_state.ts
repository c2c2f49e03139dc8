/**
 * What the client knows of one key. All futures with that key in a client share it.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import type { FutureOwner } from "./future.ts";

/**
 * Where a future stands: `pending` until its task has run; `finished` when its result is in the
 * cluster's memory; `error` when its task, or one it depends on, failed; `lost` when its result was lost
 * with a worker and is being computed again; `cancelled` when it never will be there.
 */
export type FutureStatus = "pending" | "finished" | "error" | "lost" | "cancelled";

/** The future's task was cancelled, or its data is gone for good. The message names the key and the cause. */
export class CancelledError extends Error {
  /** Key of the future. */
  readonly key: string;

  /**
   * Make the error.
   *
   * @param key Key of the future.
   * @param reason Why it was cancelled.
   */
  constructor(key: string, reason: string) {
    super(`${key} was cancelled: ${reason}`);
    this.name = "CancelledError";
    this.key = key;
  }
}

/** Told once when a key's outcome is known. */
export interface SettleListener {
  settled(state: FutureState): void;
}

const noWorkers: readonly string[] = [];

/** One key, as this client sees it. There are as many as a client has tasks: it is kept small. */
export class FutureState {
  /** Name of the task or data. */
  readonly key: string;
  /** The client's session that it belongs to. */
  readonly owner: FutureOwner;
  /** Where it stands. */
  status: FutureStatus = "pending";
  /** With which `update-graph` or `update-data` of this connection it came, counted from 1; 0: with none. */
  update = 0;
  /** How many live futures of this client have this key. */
  references = 0;
  /** What the result is ("number", "Float64Array", …), once known. */
  type: string | undefined;
  /** Addresses of the workers that held the result when last heard of. */
  workers: readonly string[] = noWorkers;
  /** The task's exception as it came, when it failed on a worker. */
  exception: Serialized | undefined;
  /** The exception's stack as text. */
  traceback = "";
  /** Key of the task that failed: this one, or one that it depends on. */
  blame = "";
  /** The error, when the failure is not a task's: a refused graph, a lost connection, a cancellation. */
  failure: Error | undefined;
  /** What fetches the result at the moment; the fetcher's own. */
  fetching: object | undefined;
  /** Number of the last walk that came by here, and the place it gave; see `collectFutures`. */
  walk = 0;
  place = 0;

  /** Mostly there is one. */
  #listeners: SettleListener | SettleListener[] | undefined;

  /**
   * @param key Name of the task or data.
   * @param owner The client's session that it belongs to.
   */
  constructor(key: string, owner: FutureOwner) {
    this.key = key;
    this.owner = owner;
  }

  /** Whether the outcome is known. */
  get done(): boolean {
    return this.status === "finished" || this.status === "error" || this.status === "cancelled";
  }

  /** Be told when the outcome is known. Only for a state that is not done. */
  listen(listener: SettleListener): void {
    const listeners = this.#listeners;
    if (listeners === undefined) this.#listeners = listener;
    else if (Array.isArray(listeners)) listeners.push(listener);
    else this.#listeners = [listeners, listener];
  }

  /** Be told no more. */
  unlisten(listener: SettleListener): void {
    const listeners = this.#listeners;
    if (listeners === listener) {
      this.#listeners = undefined;
    } else if (Array.isArray(listeners)) {
      const index = listeners.indexOf(listener);
      if (index >= 0) listeners.splice(index, 1);
    }
  }

  /** The result is in memory. */
  finish(workers: readonly string[], type: string | undefined): void {
    if (this.status === "cancelled") return;
    this.workers = workers;
    if (type !== undefined) this.type = type;
    this.exception = undefined;
    this.failure = undefined;
    this.#settle("finished");
  }

  /** The task failed on a worker. */
  err(exception: Serialized, traceback: string, blame: string): void {
    if (this.status === "cancelled") return;
    this.exception = exception;
    this.traceback = traceback;
    this.blame = blame;
    this.workers = noWorkers;
    this.#settle("error");
  }

  /** It cannot be had, for a reason that is no task's fault. */
  fail(error: Error): void {
    if (this.status === "cancelled") return;
    this.failure = error;
    this.traceback = error.stack ?? String(error);
    this.workers = noWorkers;
    this.#settle("error");
  }

  /** The result is gone and will be computed again. */
  lose(): void {
    if (this.status !== "finished") return;
    this.status = "lost";
    this.workers = noWorkers;
  }

  /** It will never be there. */
  cancel(reason: string): void {
    if (this.status === "cancelled") return;
    this.failure = new CancelledError(this.key, reason);
    this.workers = noWorkers;
    this.#settle("cancelled");
  }

  #settle(status: FutureStatus): void {
    this.status = status;
    const listeners = this.#listeners;
    if (listeners === undefined) return;
    this.#listeners = undefined;
    if (!Array.isArray(listeners)) listeners.settled(this);
    else for (const listener of listeners) listener.settled(this);
  }
}
