/**
 * The error that a failed or cancelled future throws.
 *
 * @module
 */
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
 * that it had on the worker and the task's key below.
 *
 * @param state A key that failed or was cancelled.
 */
export function taskError(state: FutureState): unknown {
  if (state.failure !== undefined) return state.failure;
  if (state.exception === undefined) {
    return new RemoteTaskError(`${state.key} is ${state.status}, and why is not known`);
  }
  let error: unknown;
  try {
    error = deserialize(state.exception, { copy: true });
  } catch (cause) {
    error = new RemoteTaskError(
      `task ${state.blame} failed with an error that cannot be read here ` +
        `(${cause instanceof Error ? cause.message : cause}): ${state.traceback}`,
    );
  }
  if (error instanceof Error) {
    const needed = state.blame === state.key ? "" : `, which ${state.key} depends on`;
    const stack = error.stack || state.traceback || String(error);
    Object.defineProperty(error, "stack", {
      value: `${stack}\n    … in task ${state.blame}${needed}`,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  return error;
}
