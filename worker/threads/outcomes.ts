/**
 * The outcomes that the pool hands out, made of what it knows.
 *
 * @module
 */
import { TaskTimeoutError } from "../../protocol/task_failures.ts";
import { serialize } from "../../protocol/values.ts";
import type { OutcomeRecord } from "./records.ts";
import type { Outcome } from "./thread_task.ts";

/** What a thread told of a task. */
export function outcomeOf(key: string, record: OutcomeRecord, thread: number): Outcome {
  const { start, stop, value, needs, text } = record;
  return record.erred
    ? { key, status: "erred", exception: value, traceback: text, start, stop, thread }
    : { key, status: "finished", value, type: text, needs, start, stop, thread };
}

/** A task ran beyond its limit, which its thread did not notice. */
export function timedOut(
  key: string,
  limit: number,
  start: number,
  stop: number,
  thread: number,
): Outcome {
  const error = new TaskTimeoutError(key, limit);
  const traceback = `${error.name}: ${error.message}`;
  error.stack = traceback;
  return { key, status: "erred", exception: serialize(error), traceback, start, stop, thread };
}

/** A cancelled task is over. */
export function cancelledOutcome(key: string): Outcome {
  return { key, status: "cancelled" };
}

/** A task is over without having ended. */
export function lostOutcome(key: string, message: string): Outcome {
  return { key, status: "lost", message };
}
