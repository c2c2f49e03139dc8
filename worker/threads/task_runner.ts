/**
 * Runs a task in its thread, from its record to its outcome. A task that returns a value is over
 * before {@linkcode TaskRunner.run} returns; only one that returns a promise takes the event loop.
 *
 * @module
 */
import type { Serialized } from "../../protocol/serialized.ts";
import { deserialize, SerializationError, serialize, typeName } from "../../protocol/values.ts";
import type { OutcomeRecord, TaskRecord } from "./records.ts";
import { taskError } from "./task_error.ts";
import type { TaskFunctions } from "./task_functions.ts";
import { cancelled, type CurrentTask } from "./task_globals.ts";
import { Activity, type ThreadMemory, Word } from "./thread_memory.ts";
import { callLimited, TaskTimeoutError } from "./time_limit.ts";

/** The arguments of a task are not what they should be. */
export class TaskArgumentsError extends Error {
  override readonly name = "TaskArgumentsError";
}

// Kept from tasks that replace globals.
const { apply } = Reflect;
const setTimer = setTimeout;
const clearTimer = clearTimeout;
const clock = performance;
const origin = performance.timeOrigin;

/** Wall clock time in seconds. */
export function now(): number {
  return (origin + clock.now()) / 1000;
}

function decodeArguments(task: TaskRecord): unknown[] {
  const { dependencies } = task;
  let args: unknown;
  if (dependencies === undefined) {
    args = deserialize(task.args);
  } else {
    const values = new Map<string, unknown>();
    args = deserialize(task.args, { resolve: (key) => resolve(key, dependencies, values) });
  }
  if (!Array.isArray(args)) {
    throw new TaskArgumentsError(
      `The arguments of task '${task.key}' must decode to an array, not ${typeName(args)}`,
    );
  }
  return args;
}

/** The value of a dependency: decoded once, however often the arguments refer to it. */
function resolve(
  key: string,
  dependencies: ReadonlyMap<string, Serialized>,
  values: Map<string, unknown>,
): unknown {
  if (values.has(key)) return values.get(key);
  const serialized = dependencies.get(key);
  if (serialized === undefined) {
    throw new TaskArgumentsError(`The arguments refer to '${key}', which was not sent along`);
  }
  const value = deserialize(serialized);
  values.set(key, value);
  return value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && (typeof value === "object" || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Runs tasks, one at a time. */
export class TaskRunner {
  readonly #memory: ThreadMemory;
  readonly #functions: TaskFunctions;
  readonly #current: CurrentTask;
  readonly #report: (outcome: OutcomeRecord) => void;
  #start = 0;
  /** When the last task was over, in seconds. */
  lastStop = 0;

  /** @param report Called with each task's outcome. */
  constructor(
    memory: ThreadMemory,
    functions: TaskFunctions,
    current: CurrentTask,
    report: (outcome: OutcomeRecord) => void,
  ) {
    this.#memory = memory;
    this.#functions = functions;
    this.#current = current;
    this.#report = report;
  }

  /**
   * Runs a task; never throws or rejects.
   *
   * @returns A promise when the task's function has returned one.
   */
  run(task: TaskRecord): Promise<void> | undefined {
    const { words, starts } = this.#memory;
    this.#current.begin(task.key, task.serial);
    this.#start = now();
    if (task.timeout !== undefined) starts[task.slot] = this.#start;
    try {
      const run = this.#functions.get(task.functionId);
      const args = decodeArguments(task);
      let value: unknown;
      if (task.timeout === undefined) {
        Atomics.store(words, Word.ACTIVITY, Activity.RUNNING);
        value = apply(run, undefined, args);
      } else {
        Atomics.store(words, Word.ACTIVITY, Activity.RUNNING);
        value = callLimited(() => apply(run, undefined, args), task.key, task.timeout);
      }
      if (isThenable(value)) {
        Atomics.store(words, Word.ACTIVITY, Activity.AWAITING);
        return task.timeout === undefined
          ? this.#settle(task, value)
          : this.#settleInTime(task, value, task.timeout);
      }
      this.#finish(task, value);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  async #settle(task: TaskRecord, promise: PromiseLike<unknown>): Promise<void> {
    try {
      this.#finish(task, await promise);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  /** Like {@linkcode #settle}, but gives the promise up at the task's limit. */
  #settleInTime(task: TaskRecord, promise: PromiseLike<unknown>, limit: number): Promise<void> {
    return new Promise((settled) => {
      let over = false;
      const once = (end: () => void) => {
        if (over) return;
        over = true;
        clearTimer(timer);
        end();
        settled();
      };
      const left = Math.max(0, this.#start + limit - now());
      const timer = setTimer(() => {
        once(() => {
          const error = new TaskTimeoutError(task.key, limit);
          this.#current.abort(error);
          this.#fail(task, error, true);
        });
      }, Math.min(left * 1000, 2 ** 31 - 1));
      // A thenable of the user's may throw as well as reject.
      (async () => await promise)().then(
        (value) => once(() => this.#finish(task, value)),
        (error) => once(() => this.#fail(task, error)),
      );
    });
  }

  #finish(task: TaskRecord, value: unknown): void {
    let serialized: Serialized;
    let type: string;
    try {
      serialized = serialize(value, { name: "result" });
      type = typeName(value);
    } catch (error) {
      return this.#fail(task, withTask(error, task.key));
    }
    this.#end(task, serialized, type, false, false);
  }

  #fail(task: TaskRecord, thrown: unknown, tainted = false): void {
    const { exception, traceback } = taskError(thrown);
    this.#end(task, exception, traceback, true, tainted);
  }

  #end(
    task: TaskRecord,
    value: Serialized,
    text: string,
    erred: boolean,
    tainted: boolean,
  ): void {
    Atomics.store(this.#memory.words, Word.ACTIVITY, Activity.IDLE);
    this.#current.end();
    const { slot, serial } = task;
    const stop = this.lastStop = now();
    this.#report({ slot, serial, start: this.#start, stop, erred, tainted, value, text });
  }

  /** Fires the signal of the task with this number, if it still runs. */
  abort(serial: number): void {
    if (this.#current.serial === serial) this.#current.abort(cancelled());
  }
}

/** Says in a serialization error which task's result it is about. */
function withTask(error: unknown, key: string): unknown {
  if (error instanceof SerializationError) {
    error.message = `result of task '${key}': ${error.message}`;
    error.stack = `${error.name}: ${error.message}`;
  }
  return error;
}
