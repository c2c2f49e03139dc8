/**
 * What a task lacks is not given to it by the flag that Deno's error names, but by an option of its
 * cluster: the error says so.
 *
 * @module
 */
import { read, text } from "./thrown_errors.ts";

// Kept from tasks that replace globals.
const { NotCapable } = Deno.errors;
const { defineProperty } = Reflect;

const HINT = " In a task that takes more: ";
/** The advice of compiled programs, for whoever compiles them. */
const COMPILE =
  /, specify the required permissions during compilation using .?deno compile --allow-[a-z]+.?/;

/** Adds to the message and the stack of an error for lack of a permission where it is given. */
export function addPermissionHint(error: Error): void {
  try {
    if (error instanceof NotCapable) add(error);
  } catch {
    // A proxy with traps: then it says what it says.
  }
}

function add(error: Error): void {
  const message = text(read(error, "message")) ?? "";
  const kind = /--allow-([a-z]+)/.exec(message)?.[1];
  // A task may throw the same error as one before.
  if (kind === undefined || message.includes(HINT)) return;
  const option = kind === "all" ? `"inherit"` : `{ ${kind}: true }`;
  const flag = kind === "all" ? "--allow-all" : `--allow-${kind}=…`;
  const told = `${message.replace(COMPILE, "")}.${HINT}dusk-worker ${flag}; in a program, the ` +
    `permissions of its cluster or worker, such as permissions: ${option}, and of the process`;
  const stack = text(read(error, "stack"));
  set(error, "message", told);
  if (stack !== undefined) set(error, "stack", stack.replace(message, () => told));
}

/** A frozen error stays as it is. */
function set(error: Error, name: string, value: string): void {
  defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false });
}
