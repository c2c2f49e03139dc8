/**
 * What a task threw, as it travels: the error as a value, and its stack as text without the frames of
 * the machinery. Whatever was thrown, this gives an answer.
 *
 * @module
 */
import type { Serialized } from "../../protocol/serialized.ts";
import { serialize } from "../../protocol/values.ts";

/** Longest stack text that travels, in characters. */
const MAX_TRACEBACK = 32 * 1024;

/** Where a user's part of a stack ends: this room calls it, or the watchdog's script does. */
const CALLERS = [new URL("./", import.meta.url).href, "dusk:limit"];
/** Frames of the runtime, in between a user's. */
const RUNTIME = ["(node:", " node:", "(ext:", " ext:"];

/** How the runtime writes a place in a task's code. */
const EVALUATED = /\((dusk:\/\/\/[^\s,]*), <anonymous>:/;

/** An error in the form in which it leaves the thread. */
export interface TaskError {
  exception: Serialized;
  traceback: string;
}

/** Reads a property of something that may well throw at that. */
function read(object: object, name: string): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Describes a value that may have traps everywhere. */
function describe(value: unknown): string {
  try {
    return typeof value === "string" ? JSON.stringify(value) : Deno.inspect(value, { depth: 2 });
  } catch {
    return `a value that can't be shown (${typeof value})`;
  }
}

/** Drops the frames of the machinery from a stack. */
export function trimStack(stack: string): string {
  const kept: string[] = [];
  for (const line of stack.split("\n")) {
    if (/^\s+at /.test(line)) {
      if (CALLERS.some((part) => line.includes(part))) break;
      if (RUNTIME.some((part) => line.includes(part))) continue;
    }
    kept.push(line.replace(EVALUATED, "($1:"));
  }
  if (kept.at(-1)?.includes("at Reflect.apply (")) kept.pop();
  const trimmed = kept.join("\n");
  return trimmed.length <= MAX_TRACEBACK ? trimmed : `${trimmed.slice(0, MAX_TRACEBACK)}\n    …`;
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || value instanceof DOMException;
  } catch {
    return false; // A revoked proxy.
  }
}

/**
 * The form in which something thrown leaves the thread.
 *
 * @param thrown What was thrown.
 */
export function taskError(thrown: unknown): TaskError {
  if (!isError(thrown)) {
    const traceback = `Uncaught ${describe(thrown)}`;
    try {
      return { exception: serialize(thrown), traceback };
    } catch {
      return {
        exception: serialize(
          new Error(`The task threw a value that can't travel: ${describe(thrown)}`),
        ),
        traceback,
      };
    }
  }
  const name = text(read(thrown, "name")) ?? "Error";
  const message = text(read(thrown, "message")) ?? "";
  const stack = text(read(thrown, "stack"));
  const traceback = trimStack(stack ?? `${name}: ${message}`);
  if (stack !== undefined && stack !== traceback) {
    try {
      // What the client rethrows should not show the machinery either.
      Object.defineProperty(thrown, "stack", { value: traceback, configurable: true });
    } catch {
      // Frozen: then the stack travels as it is.
    }
  }
  try {
    return { exception: serialize(thrown), traceback };
  } catch {
    // Something in it can't travel: what it says still can.
    const plain = new Error(message);
    Object.defineProperty(plain, "name", { value: name, configurable: true });
    Object.defineProperty(plain, "stack", { value: traceback, configurable: true });
    return { exception: serialize(plain), traceback };
  }
}
