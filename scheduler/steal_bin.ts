/**
 * Tasks of one worker that are about equally worth stealing, in the order in which the worker got
 * them. Taking one out leaves a gap, so that the order stays and every task knows its place.
 *
 * @module
 */
import type { TaskState } from "./task_state.ts";

/** A bin of stealable tasks: adding and removing are constant-time. */
export class StealBin {
  /** The tasks, oldest first, null where one was taken out. The last is never null. */
  readonly items: (TaskState | null)[] = [];
  #gaps = 0;

  /** How many tasks there are. */
  get size(): number {
    return this.items.length - this.#gaps;
  }

  /** Puts a task in. */
  add(ts: TaskState): void {
    ts.stealIndex = this.items.length;
    this.items.push(ts);
  }

  /** Takes a task out that is in here. */
  remove(ts: TaskState): void {
    const items = this.items;
    items[ts.stealIndex] = null;
    this.#gaps++;
    while (items.length > 0 && items[items.length - 1] === null) {
      items.pop();
      this.#gaps--;
    }
    if (this.#gaps > 32 && this.#gaps > items.length / 2) this.#close();
  }

  #close(): void {
    const items = this.items;
    let kept = 0;
    for (let i = 0; i < items.length; i++) {
      const ts = items[i];
      if (ts === null) continue;
      ts.stealIndex = kept;
      items[kept++] = ts;
    }
    items.length = kept;
    this.#gaps = 0;
  }
}
