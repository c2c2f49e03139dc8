/**
 * What the simulated tasks are: how long they run, how big their results are, which fail, and what
 * the right result is. Everything follows from the seed.
 *
 * @module
 */
import type { SeededRandom } from "../support/seeded_random.ts";
import { closure } from "../support/toy_code.ts";

/** One simulated task or piece of scattered data. */
export interface BookedTask {
  key: string;
  dependencies: string[];
  /** Seconds. */
  duration: number;
  /** The part of it after which it leaves the threads, and whether it comes back; 0: it stays. */
  secedesAfter: number;
  rejoins: boolean;
  nbytes: number;
  /** How often it fails before it succeeds; Infinity: always. */
  failures: number;
  /** How often it has been started. */
  attempts: number;
  /** The right result. */
  value: number;
  /** Name of its function's part; "" for scattered data. */
  function: string;
  /** Names of the parts that its arguments refer to. */
  needs: string[];
  /** Names of the parts that its result refers to. */
  refersTo: string[];
}

/** The code of a call. */
export interface BookedCode {
  function: string;
  needs: string[];
}

/** All tasks of a simulation. */
export class TaskBook {
  readonly tasks: Map<string, BookedTask> = new Map();
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Enter a task; its dependencies must be in the book. */
  add(key: string, dependencies: string[], failures: number, code: BookedCode): BookedTask {
    const random = this.#random;
    const task: BookedTask = {
      key,
      dependencies,
      duration: random.chance(0.4) ? random.next() * 0.002 : random.next() * 2,
      secedesAfter: random.chance(0.15) ? random.next() : 0,
      rejoins: random.chance(0.3),
      nbytes: random.chance(0.2) ? random.integer(1e6, 3e8) : random.integer(10, 10_000),
      failures,
      attempts: 0,
      value: 0,
      ...code,
      refersTo: [],
    };
    if (code.function !== "" && random.chance(0.3)) {
      // A result refers to what the task was given.
      const given = [
        ...code.needs,
        ...closure(code.function),
        ...dependencies.flatMap((dep) => this.get(dep).refersTo),
      ].filter((name) => !name.startsWith("f"));
      task.refersTo = random.sample([...new Set(given)], 2);
    }
    task.value = result(key, dependencies.map((dep) => this.get(dep).value));
    this.tasks.set(key, task);
    return task;
  }

  /** The task of this name. */
  get(key: string): BookedTask {
    const task = this.tasks.get(key);
    if (task === undefined) throw new Error(`no task ${key} in the book`);
    return task;
  }
}

/** A task's result: it depends on every input, so that a wrong or missing one shows. */
export function result(key: string, inputs: number[]): number {
  let hash = 2166136261;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
  for (const input of inputs) hash = Math.imul(hash ^ input, 16777619);
  return hash >>> 0;
}
