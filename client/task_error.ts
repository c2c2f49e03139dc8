/**
 * The error that a failed or cancelled future throws.
 *
 * @module
 */
import type { CodeReader } from "../protocol/functions/definition.ts";
import { failureClass } from "../protocol/task_failures.ts";
import { deserialize } from "../protocol/values.ts";
import type { FutureState } from "./future_state.ts";

/** A task threw something that cannot be read here. Its message is the remote stack. */
export class RemoteTaskError extends Error {
  /**
   * Make the error.
   *
   * @param message What is known of the task's error.
   */
  constructor(message: string) {
    super(message);
    this.name = "RemoteTaskError";
  }
}

/**
 * What a key that is not finished throws: the task's own error, made anew each time, with the stack
 * that it had on the worker, and below it which task that was.
 *
 * @param state A key that failed or was cancelled.
 * @param reader Knows this program's classes: an error of one of them is an instance of it.
 */
export function taskError(state: FutureState, reader: CodeReader): unknown {
  if (state.failure !== undefined) return state.failure;
  if (state.exception === undefined) {
    return new RemoteTaskError(`${state.key} is ${state.status}, and why is not known`);
  }
  let error: unknown;
  try {
    error = deserialize(state.exception, { copy: true, code: reader, errorClass: failureClass });
  } catch (cause) {
    error = new RemoteTaskError(
      `task ${state.blame} failed with an error that cannot be read here ` +
        `(${cause instanceof Error ? cause.message : cause}): ${state.traceback}`,
    );
  }
  if (error instanceof Error) {
    // A worker ends the stack by saying which task it was; the scheduler does not.
    const stack = state.traceback || error.stack || String(error);
    const task = `    … in task ${state.blame}`;
    const last = stack.slice(stack.lastIndexOf("\n") + 1);
    const isNamed = last === task || last.startsWith(`${task} on `);
    const needed = state.blame === state.key ? "" : `, which ${state.key} depends on`;
    Object.defineProperty(error, "stack", {
      value: (isNamed ? stack : `${stack}\n${task}`) + needed,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  return error;
}
