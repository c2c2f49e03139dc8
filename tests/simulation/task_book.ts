/**
 * What the simulated tasks are: how long they run, how big their results are, which fail, and what
 * the right result is. Everything follows from the seed.
 *
 * @module
 */
import { Serialized } from "../../protocol/serialized.ts";
import type { SeededRandom } from "../support/seeded_random.ts";
import { closure } from "../support/toy_code.ts";

/** One simulated task or piece of scattered data. */
export interface BookedTask {
  key: string;
  /** Tells it from other tasks of the same key. */
  args: Serialized;
  /** Whether the scheduler has taken it: not if it knew another of this key. */
  isTaken: boolean;
  /** What it needs, once it is taken. */
  inputs: readonly BookedTask[];
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
  /** The right result, once it is taken. */
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
  readonly tasks: BookedTask[] = [];
  readonly #random: SeededRandom;
  readonly #byArgs: Map<Serialized, BookedTask> = new Map();
  readonly #data: Map<string, BookedTask> = new Map();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Enter a task. */
  add(key: string, failures: number, code: BookedCode): BookedTask {
    const random = this.#random;
    const id = this.tasks.length;
    const task: BookedTask = {
      key,
      args: new Serialized([new Uint8Array(Uint32Array.of(id).buffer)]),
      isTaken: false,
      inputs: [],
      duration: random.chance(0.4) ? random.next() * 0.002 : random.next() * 2,
      secedesAfter: random.chance(0.15) ? random.next() : 0,
      rejoins: random.chance(0.3),
      nbytes: random.chance(0.2) ? random.integer(1e6, 3e8) : random.integer(10, 10_000),
      failures,
      attempts: 0,
      value: result(id, []),
      ...code,
      refersTo: [],
    };
    this.tasks.push(task);
    this.#byArgs.set(task.args, task);
    return task;
  }

  /** Enter data that a client puts on workers; no other has this key. */
  addData(key: string, refersTo: string[]): BookedTask {
    const task = this.add(key, 0, { function: "", needs: [] });
    task.refersTo = refersTo;
    this.#data.set(key, task);
    return task;
  }

  /** The scheduler has taken a task: these are the tasks that it means by its dependencies. */
  taken(task: BookedTask, inputs: readonly BookedTask[]): void {
    const random = this.#random;
    task.isTaken = true;
    task.inputs = inputs;
    task.value = result(this.tasks.indexOf(task), inputs.map((input) => input.value));
    if (!random.chance(0.3)) return;
    // A result refers to what the task was given.
    const given = [
      ...task.needs,
      ...closure(task.function),
      ...inputs.flatMap((input) => input.refersTo),
    ].filter((name) => !name.startsWith("f"));
    task.refersTo = random.sample([...new Set(given)], 2);
  }

  /** The task with these arguments; or the data of this name, where there are none. */
  get(key: string, args: Serialized | null): BookedTask {
    const task = args === null ? this.#data.get(key) : this.#byArgs.get(args);
    if (task === undefined) throw new Error(`no task ${key} in the book`);
    return task;
  }
}

/** A result, and which task's it is. */
export interface Held {
  readonly task: BookedTask;
  readonly value: number;
}

/** A task's result: it depends on every input, so that a wrong or missing one shows. */
export function result(id: number, inputs: number[]): number {
  let hash = Math.imul(2166136261 ^ id, 16777619);
  for (const input of inputs) hash = Math.imul(hash ^ input, 16777619);
  return hash >>> 0;
}
