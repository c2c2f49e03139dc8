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
import type { OutcomeRecord, TaskRecord } from "./records.ts";
import type { TaskErrors } from "./task_error.ts";
import type { TaskFunctions } from "./task_functions.ts";
import { cancelled, type CurrentTask } from "./task_globals.ts";
import { Activity, type ThreadMemory, Word } from "./thread_memory.ts";
import { callLimited } from "./time_limit.ts";

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
    typeof (value as { then?: unknown }).then === "function";
}

/** What a runner works with. */
export interface RunnerParts {
  memory: ThreadMemory;
  linker: Linker;
  functions: TaskFunctions;
  errors: TaskErrors;
  current: CurrentTask;
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
  readonly #report: (outcome: OutcomeRecord) => void;
  readonly #reading: Reading;
  readonly #writing: Writing;
  #start = 0;
  /** When the last task was over, in seconds. */
  lastStop = 0;

  /** @param parts See {@linkcode RunnerParts}. */
  constructor({ memory, linker, functions, errors, current, report }: RunnerParts) {
    this.#memory = memory;
    this.#linker = linker;
    this.#functions = functions;
    this.#errors = errors;
    this.#current = current;
    this.#report = report;
    this.#reading = { code: linker };
    this.#writing = { name: "result", code: new ThreadCodeWriter(linker) };
  }

  /**
   * Runs a task; never throws or rejects.
   *
   * @returns A promise when something has to be waited for: mostly one that the function has returned.
   */
  run(task: TaskRecord): Promise<void> | undefined {
    const { starts } = this.#memory;
    this.#current.begin(task.key, task.serial);
    this.#start = now();
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
    Atomics.store(this.#memory.words, Word.ACTIVITY, Activity.AWAITING);
    return task.timeout === undefined
      ? this.#settle(task, value)
      : this.#settleInTime(task, value, task.timeout);
  }

  /** Makes function and arguments live, and calls the one with the others. */
  #call(task: TaskRecord): unknown {
    this.#functions.useRegistrations(task.needs);
    const run = this.#functions.get(task.functionId);
    const args = decodeArguments(task, this.#reading);
    Atomics.store(this.#memory.words, Word.ACTIVITY, Activity.RUNNING);
    if (task.timeout === undefined) return apply(run, undefined, args);
    return callLimited(() => apply(run, undefined, args), task.key, task.timeout);
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
    return new Promise((settled) => {
      let over = false;
      const once = async (end: () => Promise<void> | undefined) => {
        if (over) return;
        over = true;
        clearTimer(timer);
        await end();
        settled();
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
      (async () => await promise)().then(
        (value) => once(() => this.#finish(task, value)),
        (error) => once(() => this.#fail(task, error)),
      );
    });
  }

  /** Sends a value. Only one with Blobs in it takes time: they cannot be read at once. */
  #finish(task: TaskRecord, value: unknown): Promise<void> | undefined {
    const { code } = this.#writing;
    code.begin();
    try {
      const serialized = serialize(value, this.#writing);
      this.#end(task, serialized, typeName(value), { needs: code.needs });
    } catch (error) {
      if (error instanceof UnreadBlobError) return this.#finishLater(task, value, error);
      return this.#fail(task, withTask(error, task.key));
    }
  }

  async #finishLater(task: TaskRecord, value: unknown, unread: UnreadBlobError): Promise<void> {
    Atomics.store(this.#memory.words, Word.ACTIVITY, Activity.AWAITING);
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
    const { exception, traceback } = this.#errors.encode(thrown, task.key);
    this.#end(task, exception, traceback, { erred: true, tainted });
  }

  #end(
    task: TaskRecord,
    value: Serialized,
    text: string,
    { erred = false, tainted = false, needs = undefined as string[] | undefined },
  ): void {
    Atomics.store(this.#memory.words, Word.ACTIVITY, Activity.IDLE);
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
