/**
 * The tasks that no thread has room for yet, in the order in which they came.
 *
 * @module
 */
import type { PoolTask } from "./pool_thread.ts";

/** How many places in front may be empty before they are given back. */
const COMPACT = 1024;

/** A queue of tasks. One that was dropped meanwhile is passed over. */
export class PendingTasks {
  #tasks: PoolTask[] = [];
  #head = 0;

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#head === this.#tasks.length;
  }

  /** Adds a task as the last. */
  push(task: PoolTask): void {
    this.#tasks.push(task);
  }

  /** Puts tasks before all that wait. */
  putBack(tasks: readonly PoolTask[]): void {
    this.#tasks.splice(this.#head, 0, ...tasks);
  }

  /** The first task; undefined when none waits. */
  first(): PoolTask | undefined {
    while (!this.empty) {
      const task = this.#tasks[this.#head];
      if (!task.dropped) return task;
      this.shift();
    }
  }

  /** Takes the first task out. */
  shift(): void {
    this.#head++;
    if (this.empty) {
      this.clear();
    } else if (this.#head === COMPACT) {
      this.#tasks.splice(0, COMPACT);
      this.#head = 0;
    }
  }

  /** Forgets all tasks. */
  clear(): void {
    this.#tasks = [];
    this.#head = 0;
  }
}
