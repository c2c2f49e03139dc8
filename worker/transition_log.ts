/**
 * A worker's memory of what happened to its keys: bounded, and cheap enough to be always on.
 *
 * @module
 */

/** One entry of the log. */
export interface LogEntry {
  /** The key it happened to. */
  key: string;
  /** State before. */
  start: string;
  /** State after. */
  finish: string;
  /** What led to it: the stimulus, or a peer's address. */
  cause: string;
  /** When, on the worker's clock, in seconds. */
  time: number;
}

/** A ring of the latest transitions. */
export class TransitionLog {
  readonly #length: number;
  // Columns, written in place: an entry allocates nothing.
  readonly #keys: string[] = [];
  readonly #starts: string[] = [];
  readonly #finishes: string[] = [];
  readonly #causes: string[] = [];
  readonly #times: number[] = [];
  #at = 0;

  /** @param length How many entries to keep; 0 keeps none. */
  constructor(length: number) {
    this.#length = length;
  }

  /** Write one entry; the oldest gives way. */
  record(key: string, start: string, finish: string, cause: string, time: number): void {
    if (this.#length === 0) return;
    const at = this.#at;
    this.#keys[at] = key;
    this.#starts[at] = start;
    this.#finishes[at] = finish;
    this.#causes[at] = cause;
    this.#times[at] = time;
    this.#at = at + 1 === this.#length ? 0 : at + 1;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#keys.length;
  }

  /**
   * What is remembered of some keys, oldest first.
   *
   * @param keys The keys; none: everything.
   */
  story(...keys: string[]): LogEntry[] {
    const wanted = new Set(keys);
    const entries: LogEntry[] = [];
    const size = this.#keys.length;
    const first = size < this.#length ? 0 : this.#at;
    for (let i = 0; i < size; i++) {
      const at = (first + i) % size;
      if (wanted.size > 0 && !wanted.has(this.#keys[at])) continue;
      entries.push({
        key: this.#keys[at],
        start: this.#starts[at],
        finish: this.#finishes[at],
        cause: this.#causes[at],
        time: this.#times[at],
      });
    }
    return entries;
  }
}
