/**
 * The last transitions of all tasks, in a ring of fixed length: what a task did when, and why.
 * Recording one allocates nothing.
 *
 * @module
 */
import type { TaskStateName } from "./task_state.ts";

/** One line of a transition story. */
export interface TransitionRecord {
  /** Name of the task. */
  key: string;
  /** State it left. */
  start: TaskStateName;
  /** State it entered. */
  finish: TaskStateName;
  /** The message or event that caused it. */
  stimulus: string;
  /** Scheduler's time in seconds. */
  time: number;
}

/** A bounded log of transitions. */
export class TransitionLog {
  readonly #capacity: number;
  readonly #keys: string[] = [];
  readonly #starts: TaskStateName[] = [];
  readonly #finishes: TaskStateName[] = [];
  readonly #stimuli: string[] = [];
  readonly #times: number[] = [];
  #next = 0;

  /** @param capacity How many transitions are remembered. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many transitions are remembered now. */
  get size(): number {
    return this.#keys.length;
  }

  /** Records a transition; the oldest one is forgotten when the log is full. */
  add(
    key: string,
    start: TaskStateName,
    finish: TaskStateName,
    stimulus: string,
    time: number,
  ): void {
    if (this.#capacity === 0) return;
    const i = this.#next;
    this.#keys[i] = key;
    this.#starts[i] = start;
    this.#finishes[i] = finish;
    this.#stimuli[i] = stimulus;
    this.#times[i] = time;
    this.#next = i + 1 === this.#capacity ? 0 : i + 1;
  }

  /** The remembered transitions of some tasks, oldest first; of all tasks when none is named. */
  story(keys: readonly string[]): TransitionRecord[] {
    const wanted = new Set(keys);
    const size = this.#keys.length;
    const oldest = size < this.#capacity ? 0 : this.#next;
    const records: TransitionRecord[] = [];
    for (let n = 0; n < size; n++) {
      const i = (oldest + n) % size;
      if (wanted.size > 0 && !wanted.has(this.#keys[i])) continue;
      records.push({
        key: this.#keys[i],
        start: this.#starts[i],
        finish: this.#finishes[i],
        stimulus: this.#stimuli[i],
        time: this.#times[i],
      });
    }
    return records;
  }
}

/** A story as text, a line each, for error messages. */
export function formatStory(records: readonly TransitionRecord[]): string {
  return records
    .map((r) => `  ${r.time.toFixed(6)} ${r.key}: ${r.start} -> ${r.finish} (${r.stimulus})`)
    .join("\n");
}
