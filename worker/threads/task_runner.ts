/**
 * Runs a task in its thread, from its record to its outcome. A task that returns a value is over
 * before {@linkcode TaskRunner.run} returns; only one that returns a promise takes the event loop.
 *
 * @module
 */
import { readBlobs, UnreadBlobError } from "../../protocol/blob_bytes.ts";
import type { Linker } from "../../protocol/functions/linker.ts";
import { ThreadCodeWriter } from "../../protocol/functions/thread_code_writer.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { TaskArgumentsError, TaskTimeoutError } from "../../protocol/task_failures.ts";
import { deserialize, SerializationError, serialize, typeName } from "../../protocol/values.ts";
import type { Damage } from "./intrinsics.ts";
import type { OutcomeRecord, TaskRecord } from "./records.ts";
import type { TaskErrors } from "./task_error.ts";
import type { TaskFunction, TaskFunctions } from "./task_functions.ts";
import { cancelled, type CurrentTask } from "./task_globals.ts";
import { Activity, type ThreadMemory, Word } from "./thread_memory.ts";
import { callLimited } from "./time_limit.ts";

// Kept from tasks that replace globals.
const { apply } = Reflect;
const { Array, Map, Math, Promise, ReferenceError, TypeError } = globalThis;
const { store } = Atomics;
const setTimer = setTimeout;
const clearTimer = clearTimeout;
const time = performance.now.bind(performance);
const origin = performance.timeOrigin;

/** Wall clock time in seconds. */
export function now(): number {
  return (origin + time()) / 1000;
}

/** Options of reading what came, and of writing results: made once. */
interface Reading {
  readonly code: Linker;
}
interface Writing {
  readonly name: string;
  readonly code: ThreadCodeWriter;
}

function decodeArguments(task: TaskRecord, reading: Reading): unknown[] {
  const { dependencies } = task;
  let args: unknown;
  if (dependencies === undefined) {
    args = deserialize(task.args, reading);
  } else {
    const values = new Map<string, unknown>();
    const resolve = (key: string) => valueOf(key, dependencies, values, reading);
    args = deserialize(task.args, { ...reading, resolve });
  }
  if (!Array.isArray(args)) {
    throw new TaskArgumentsError(
      `The arguments of task '${task.key}' must decode to an array, not ${typeName(args)}`,
    );
  }
  return args;
}

/** The value of a dependency: decoded once, however often the arguments refer to it. */
function valueOf(
  key: string,
  dependencies: ReadonlyMap<string, Serialized>,
  values: Map<string, unknown>,
  reading: Reading,
): unknown {
  if (values.has(key)) return values.get(key);
  const serialized = dependencies.get(key);
  if (serialized === undefined) {
    throw new TaskArgumentsError(`The arguments refer to '${key}', which was not sent along`);
  }
  const value = deserialize(serialized, reading);
  values.set(key, value);
  return value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && (typeof value === "object" || typeof value === "function") &&
    // A promise is one also where a task has taken its methods away.
    (typeof (value as { then?: unknown }).then === "function" || value instanceof Promise);
}

/** Whether what a task has thrown may come of what an earlier one has deleted. */
function mayBeDamage(thrown: unknown): boolean {
  try {
    return thrown instanceof TypeError || thrown instanceof ReferenceError;
  } catch {
    return false; // A proxy with traps.
  }
}

/** A function with its arguments. */
interface Prepared {
  readonly run: TaskFunction;
  readonly args: unknown[];
}

/** What a runner works with. */
export interface RunnerParts {
  memory: ThreadMemory;
  linker: Linker;
  functions: TaskFunctions;
  errors: TaskErrors;
  current: CurrentTask;
  /** Puts back what tasks have damaged; false when there was nothing to put back. */
  mend(damage: Damage): boolean;
  /** Called with each task's outcome. */
  report(outcome: OutcomeRecord): void;
}

/** Runs tasks, one at a time. */
export class TaskRunner {
  readonly #memory: ThreadMemory;
  readonly #linker: Linker;
  readonly #functions: TaskFunctions;
  readonly #errors: TaskErrors;
  readonly #current: CurrentTask;
  readonly #mend: (damage: Damage) => boolean;
  readonly #report: (outcome: OutcomeRecord) => void;
  readonly #reading: Reading;
  readonly #writing: Writing;
  #start = 0;
  /** When the last task was over, in seconds. */
  lastStop = 0;

  /** @param parts See {@linkcode RunnerParts}. */
  constructor({ memory, linker, functions, errors, current, mend, report }: RunnerParts) {
    this.#memory = memory;
    this.#linker = linker;
    this.#functions = functions;
    this.#errors = errors;
    this.#current = current;
    this.#mend = mend;
    this.#report = report;
    this.#reading = { code: linker };
    this.#writing = { name: "result", code: new ThreadCodeWriter(linker) };
  }

  /**
   * Runs a task. Throws, or rejects, only when the thread is so damaged that it cannot tell what became
   * of it.
   *
   * @returns A promise when something has to be waited for: mostly one that the function has returned.
   */
  run(task: TaskRecord): Promise<void> | undefined {
    const { starts } = this.#memory;
    this.#current.begin(task.key, task.serial);
    this.#current.start = time();
    this.#start = (origin + this.#current.start) / 1000;
    if (task.timeout !== undefined) starts[task.slot] = this.#start;
    let value: unknown;
    try {
      value = this.#call(task);
    } catch (error) {
      const awaited = this.#linker.takeAwaited();
      if (awaited === undefined) return this.#fail(task, error);
      value = this.#callLater(task, awaited);
    }
    if (!isThenable(value)) return this.#finish(task, value);
    store(this.#memory.words, Word.ACTIVITY, Activity.AWAITING);
    return task.timeout === undefined
      ? this.#settle(task, value)
      : this.#settleInTime(task, value, task.timeout);
  }

  /** Makes function and arguments live, and calls the one with the others. */
  #call(task: TaskRecord): unknown {
    let prepared: Prepared;
    try {
      prepared = this.#prepare(task);
    } catch (error) {
      if (!this.#mend("changed")) throw error;
      prepared = this.#prepare(task);
    }
    const { run, args } = prepared;
    store(this.#memory.words, Word.ACTIVITY, Activity.RUNNING);
    if (task.timeout === undefined) return apply(run, undefined, args);
    return callLimited(() => apply(run, undefined, args), task.key, task.timeout);
  }

  #prepare(task: TaskRecord): Prepared {
    this.#functions.useRegistrations(task.needs);
    const run = this.#functions.get(task.functionId);
    return { run, args: decodeArguments(task, this.#reading) };
  }

  /** Calls the function once the modules are there that have to be waited for. */
  async #callLater(task: TaskRecord, awaited: Promise<unknown>): Promise<unknown> {
    for (let loading: Promise<unknown> | undefined = awaited;;) {
      await loading;
      try {
        return await this.#call(task);
      } catch (error) {
        loading = this.#linker.takeAwaited();
        if (loading === undefined) throw error;
      }
    }
  }

  async #settle(task: TaskRecord, promise: PromiseLike<unknown>): Promise<void> {
    let value: unknown;
    try {
      value = await promise;
    } catch (error) {
      return this.#fail(task, error);
    }
    await this.#finish(task, value);
  }

  /** Like {@linkcode #settle}, but gives the promise up at the task's limit. */
  #settleInTime(task: TaskRecord, promise: PromiseLike<unknown>, limit: number): Promise<void> {
    return new Promise((settled, broken) => {
      let over = false;
      const once = async (end: () => Promise<void> | undefined) => {
        if (over) return;
        over = true;
        clearTimer(timer);
        try {
          await end();
          settled();
        } catch (error) {
          broken(error);
        }
      };
      const left = Math.max(0, this.#start + limit - now());
      const timer = setTimer(() => {
        once(() => {
          const error = new TaskTimeoutError(task.key, limit);
          this.#current.abort(error);
          return this.#fail(task, error, true);
        });
      }, Math.min(left * 1000, 2 ** 31 - 1));
      // A thenable of the user's may throw as well as reject.
      const settle = async () => {
        let value: unknown;
        try {
          value = await promise;
        } catch (error) {
          return once(() => this.#fail(task, error));
        }
        return once(() => this.#finish(task, value));
      };
      settle();
    });
  }

  /** Sends a value. Only one with Blobs in it takes time: they cannot be read at once. */
  #finish(task: TaskRecord, value: unknown, again = true): Promise<void> | undefined {
    const { code } = this.#writing;
    code.begin();
    try {
      const serialized = serialize(value, this.#writing);
      this.#end(task, serialized, typeName(value), { needs: code.needs });
    } catch (error) {
      if (error instanceof UnreadBlobError) return this.#finishLater(task, value, error);
      if (again && this.#mend("changed")) return this.#finish(task, value, false);
      return this.#fail(task, withTask(error, task.key));
    }
  }

  async #finishLater(task: TaskRecord, value: unknown, unread: UnreadBlobError): Promise<void> {
    store(this.#memory.words, Word.ACTIVITY, Activity.AWAITING);
    const { code } = this.#writing;
    let serialized: Serialized;
    try {
      await readBlobs(unread);
      code.begin();
      serialized = serialize(value, this.#writing);
    } catch (error) {
      return this.#fail(task, withTask(error, task.key));
    }
    this.#end(task, serialized, typeName(value), { needs: code.needs });
  }

  #fail(task: TaskRecord, thrown: unknown, tainted = false): undefined {
    if (mayBeDamage(thrown)) this.#mend("unusable");
    try {
      this.#sendError(task, thrown, tainted);
    } catch (error) {
      if (!this.#mend("changed")) throw error;
      this.#sendError(task, thrown, tainted);
    }
  }

  #sendError(task: TaskRecord, thrown: unknown, tainted: boolean): void {
    const { exception, traceback } = this.#errors.encode(thrown, task.key);
    this.#end(task, exception, traceback, { erred: true, tainted });
  }

  #end(
    task: TaskRecord,
    value: Serialized,
    text: string,
    { erred = false, tainted = false, needs = undefined as string[] | undefined },
  ): void {
    store(this.#memory.words, Word.ACTIVITY, Activity.IDLE);
    this.#current.end();
    const { slot, serial } = task;
    const stop = this.lastStop = now();
    this.#report({ slot, serial, start: this.#start, stop, erred, tainted, value, needs, text });
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
