/**
 * What tasks of one function have in common: the first part of their keys, such as `inc` in
 * `inc-ab31c010444977004d656610d2d421ec`, and how long they take.
 *
 * @module
 */
import type { TaskState, TaskStateName } from "./task_state.ts";

/** How many prefixes without a task are remembered for their durations. */
const UNUSED_PREFIXES_KEPT = 10_000;
const HASH = /^[a-f0-9]{32}$/;
const HEX8 = /^[a-f0-9]{8}$/;
const LETTERS = /^\p{L}+$/u;

/** Tasks whose keys begin alike. */
export class TaskPrefix {
  /** The common part of the keys. */
  readonly name: string;
  /** Seconds that a run takes on average; -1 as long as none has finished. */
  duration = -1;
  /** How many tasks of this prefix exist. */
  tasks = 0;
  /** How many of them are in which state. */
  readonly counts: Record<Exclude<TaskStateName, "forgotten">, number> = {
    "released": 0,
    "waiting": 0,
    "no-worker": 0,
    "processing": 0,
    "memory": 0,
    "erred": 0,
  };
  /** Tasks that were placed before the duration was known; may hold some that have moved on. */
  unknown: TaskState[] = [];

  /** @param name The common part of the keys. */
  constructor(name: string) {
    this.name = name;
  }

  /** Learns from a run that took `seconds`: half of what is expected from now on is this run. */
  learn(seconds: number): void {
    this.duration = this.duration < 0 ? seconds : 0.5 * this.duration + 0.5 * seconds;
  }
}

/** All prefixes, by name. */
export class TaskPrefixes {
  readonly #prefixes = new Map<string, TaskPrefix>();
  #last: TaskPrefix | null = null;

  /** How many prefixes are known. */
  get size(): number {
    return this.#prefixes.size;
  }

  /** All prefixes. */
  values(): IterableIterator<TaskPrefix> {
    return this.#prefixes.values();
  }

  /** The prefix with this name. */
  get(name: string): TaskPrefix | undefined {
    return this.#prefixes.get(name);
  }

  /** The prefix that a key belongs to, made when it is new. */
  of(key: string): TaskPrefix {
    // The tasks of a map come one after the other: most keys have the prefix of the one before.
    const last = this.#last;
    if (
      last !== null && key.length === last.name.length + 33 &&
      key.charCodeAt(last.name.length) === 45 && key.startsWith(last.name)
    ) return last;
    const name = prefixName(key);
    let prefix = this.#prefixes.get(name);
    if (prefix === undefined) {
      if (this.#prefixes.size >= UNUSED_PREFIXES_KEPT) this.#dropUnused();
      prefix = new TaskPrefix(name);
      this.#prefixes.set(name, prefix);
    }
    this.#last = prefix.name.length > 0 && key.length === prefix.name.length + 33 ? prefix : null;
    return prefix;
  }

  /** Forgets which tasks there were, and keeps what was learned about them. */
  reset(): void {
    this.#dropUnused();
    for (const prefix of this.#prefixes.values()) {
      prefix.tasks = 0;
      prefix.unknown = [];
      for (const state in prefix.counts) prefix.counts[state as keyof typeof prefix.counts] = 0;
    }
  }

  #dropUnused(): void {
    let surplus = this.#prefixes.size - UNUSED_PREFIXES_KEPT / 2;
    for (const prefix of this.#prefixes.values()) {
      if (surplus <= 0) break;
      if (prefix.tasks > 0) continue;
      this.#prefixes.delete(prefix.name);
      if (this.#last === prefix) this.#last = null;
      surplus--;
    }
  }
}

/**
 * The part of a key that says what kind of task it is.
 *
 * @param key Name of a task.
 * @returns Its leading words, without numbers and hashes.
 * @example
 * ```ts
 * prefixName("inc-ab31c010444977004d656610d2d421ec"); // "inc"
 * prefixName("read-csv-0-12"); // "read-csv"
 * ```
 */
export function prefixName(key: string): string {
  const words = key.split("-");
  let name = words[0];
  for (let i = 1; i < words.length; i++) {
    const word = words[i];
    if (!LETTERS.test(word) || HEX8.test(word) || HASH.test(word)) break;
    name += "-" + word;
  }
  return HASH.test(name) ? "data" : name;
}
