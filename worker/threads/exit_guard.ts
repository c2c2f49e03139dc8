/**
 * Keeps a task from taking its thread, or the whole worker, down: exits are refused, and errors that
 * nobody catches are reported and survived.
 *
 * @module
 */
import { TaskExitError } from "../../protocol/task_failures.ts";

/** Replaces `object[name]`, which would end the thread, by a function that throws. */
function refuse(object: object, name: string, call: string): void {
  Object.defineProperty(object, name, {
    value: () => {
      throw new TaskExitError(call);
    },
    enumerable: true,
  });
}

/**
 * Installs the guards.
 *
 * @param onUncaught Called with what a stray callback threw or a promise was rejected with, when
 * nothing has caught it. Returns whether the thread shall survive it.
 */
export function installGuards(onUncaught: (error: unknown) => boolean): void {
  refuse(Deno, "exit", "Deno.exit()");
  refuse(globalThis, "close", "self.close()");
  globalThis.addEventListener("error", (event) => {
    if (onUncaught(event.error ?? new Error(event.message))) event.preventDefault();
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    if (onUncaught(event.reason)) event.preventDefault();
  });
}
