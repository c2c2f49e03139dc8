/**
 * What a task threw, as it travels: the error as a value, and its stack as text, with the user's own
 * places and without the frames of the machinery. Whatever was thrown, this gives an answer.
 *
 * @module
 */
import type { Linker } from "../../protocol/functions/linker.ts";
import { rewriteStack } from "../../protocol/functions/stack_frames.ts";
import { ThreadCodeWriter } from "../../protocol/functions/thread_code_writer.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { serialize } from "../../protocol/values.ts";
import { addPermissionHint } from "./permission_hint.ts";
import { copyError, errorsInside, isError, read, text } from "./thrown_errors.ts";

// Kept from tasks that replace globals.
const { Array, Error, Map, Object, Reflect } = globalThis;

/** Frames of these rooms, and the watchdog's, are not the user's. */
const MACHINERY = [
  new URL("./", import.meta.url).href,
  new URL("../../protocol/", import.meta.url).href,
  "dusk:limit",
  // The runtime's own, in between the user's.
  "(node:",
  " node:",
  "(ext:",
  " ext:",
];

/** An error in the form in which it leaves the thread. */
export interface TaskError {
  exception: Serialized;
  traceback: string;
}

/** Describes a value that may have traps everywhere. */
function describe(value: unknown): string {
  try {
    return typeof value === "string" ? JSON.stringify(value) : Deno.inspect(value, { depth: 2 });
  } catch {
    return `a value that can't be shown (${typeof value})`;
  }
}

function isMachinery(line: string): boolean {
  return MACHINERY.some((part) => line.includes(part));
}

/** Makes what tasks throw fit to travel. */
export class TaskErrors {
  readonly #linker: Linker;
  readonly #writer: ThreadCodeWriter;
  readonly #worker: string;

  /**
   * @param linker Knows where the tasks' code comes from.
   * @param worker Address of the worker, for the stacks to name.
   */
  constructor(linker: Linker, worker: string) {
    this.#linker = linker;
    this.#writer = new ThreadCodeWriter(linker);
    this.#worker = worker;
  }

  /**
   * The form in which something thrown leaves the thread.
   *
   * @param thrown What was thrown.
   * @param key The task that threw it.
   */
  encode(thrown: unknown, key: string): TaskError {
    if (isError(thrown)) {
      addPermissionHint(thrown);
      errorsInside(thrown).forEach(addPermissionHint);
    }
    const where = `\n    … in task ${key}${this.#worker && ` on ${this.#worker}`}`;
    const traceback = this.text(thrown) + where;
    if (!isError(thrown)) return { exception: this.#encodeValue(thrown), traceback };
    const stacks = new Map([[thrown, traceback]]);
    for (const error of errorsInside(thrown)) stacks.set(error, this.text(error));
    const own = Array.from(stacks.keys(), (error) => [error, stackOf(error)] as const);
    for (const [error, stack] of stacks) setStack(error, stack);
    try {
      return { exception: this.#encodeError(thrown, traceback), traceback };
    } finally {
      // The next task may throw the same one.
      for (const [error, stack] of own) restoreStack(error, stack);
    }
  }

  /** The stack of something thrown, as text; what it is, if it has none. */
  text(thrown: unknown): string {
    if (!isError(thrown)) return `Uncaught ${describe(thrown)}`;
    const stack = text(read(thrown, "stack"));
    if (stack === undefined) {
      return `${text(read(thrown, "name")) ?? "Error"}: ${text(read(thrown, "message")) ?? ""}`;
    }
    const place = (url: string, line: number, column: number) =>
      this.#linker.place(url, line, column);
    return rewriteStack(stack, place, isMachinery);
  }

  #encodeValue(thrown: unknown): Serialized {
    return this.#attempt(thrown) ??
      serialize(new Error(`The task threw a value that can't travel: ${describe(thrown)}`));
  }

  #encodeError(thrown: Error, stack: string): Serialized {
    const whole = this.#attempt(thrown);
    if (whole !== undefined) return whole;
    // It holds a Blob, which only time could read: the rest still can travel.
    const copy = copyError(thrown, (value) => this.#attempt(value) !== undefined);
    setStack(copy, stack);
    const rest = this.#attempt(copy);
    if (rest !== undefined) return rest;
    const plain = new Error(text(read(thrown, "message")) ?? "");
    const name = text(read(thrown, "name")) ?? "Error";
    Object.defineProperty(plain, "name", { value: name, configurable: true });
    setStack(plain, stack);
    return serialize(plain);
  }

  #attempt(value: unknown): Serialized | undefined {
    this.#writer.begin();
    try {
      return serialize(value, { code: this.#writer });
    } catch {
      return undefined; // The caller says what can't travel, or leaves it out.
    }
  }
}

/** How an error has its own stack; undefined when it has none, or will not tell. */
function stackOf(error: Error): PropertyDescriptor | undefined {
  try {
    return Object.getOwnPropertyDescriptor(error, "stack");
  } catch {
    return undefined; // A proxy with traps.
  }
}

function restoreStack(error: Error, own: PropertyDescriptor | undefined): void {
  try {
    if (own === undefined) Reflect.deleteProperty(error, "stack");
    else Object.defineProperty(error, "stack", own);
  } catch {
    // Frozen: then it was not set either.
  }
}

/** Gives an error the stack that it shows where it arrives. */
function setStack(error: Error, stack: string): void {
  try {
    Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  } catch {
    // Frozen: then its own stack travels. The client shows the task's traceback.
  }
}
