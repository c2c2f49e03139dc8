/**
 * Where the running task stands in its worker: it may leave the pool's threads and come back, and ask
 * for a line to its cluster. The pool is told by message.
 *
 * @module
 */
import { NoWorkerError } from "../../protocol/get_worker.ts";
import type { CurrentTask } from "./task_globals.ts";
import type { FromTask } from "./thread_start.ts";

// Kept from tasks that replace globals.
const { MessageChannel, Promise } = globalThis;
const time = performance.now.bind(performance);

/** The place of the task that a thread runs. */
export class TaskPlace {
  readonly #current: CurrentTask;
  readonly #post: (message: FromTask, transfer: Transferable[]) => void;
  /** Number of the task that has left the threads; 0: none. */
  #left = 0;
  #rejoining: { serial: number; promise: Promise<void>; settle: () => void } | undefined;

  /** @param current The task that runs. @param post Tells the pool. */
  constructor(
    current: CurrentTask,
    post: (message: FromTask, transfer: Transferable[]) => void,
  ) {
    this.#current = current;
    this.#post = post;
  }

  /**
   * Leave the pool's threads: another takes the place of this one. Does nothing when that was done before.
   *
   * @param call What the task has called, for the error.
   * @throws {NoWorkerError} When no task runs.
   */
  secede(call = "secede()"): void {
    const serial = this.#serial(call);
    if (this.#left === serial) return;
    this.#left = serial;
    const seconds = Math.max(0, (time() - this.#current.start) / 1000);
    this.#post({ kind: "secede", serial, seconds }, []);
  }

  /**
   * Wait for a place among the pool's threads, and take it. Resolves at once for a task that has one.
   *
   * @throws {NoWorkerError} When no task runs.
   */
  rejoin(): Promise<void> {
    const serial = this.#serial("rejoin()");
    if (this.#left !== serial) return Promise.resolve();
    if (this.#rejoining?.serial === serial) return this.#rejoining.promise;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#rejoining = { serial, promise, settle: resolve };
    this.#post({ kind: "rejoin", serial }, []);
    return promise;
  }

  /** The pool has a place for a task again. */
  rejoined(serial: number): void {
    if (this.#rejoining?.serial !== serial) return;
    this.#left = 0;
    this.#rejoining.settle();
    this.#rejoining = undefined;
  }

  /**
   * A line to the task's cluster.
   *
   * @param call What the task has called, for the error.
   * @throws {NoWorkerError} When no task runs.
   */
  connect(call: string): MessagePort {
    const serial = this.#serial(call);
    const { port1, port2 } = new MessageChannel();
    this.#post({ kind: "client", serial, port: port2 }, [port2]);
    return port1;
  }

  #serial(call: string): number {
    const { serial } = this.#current;
    if (serial === 0) throw new NoWorkerError(call);
    return serial;
  }
}
