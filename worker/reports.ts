/**
 * What the worker tells the scheduler of a task that has ended.
 *
 * @module
 */
import type { TaskErred, TaskFinished } from "../protocol/messages.ts";
import { serialize } from "../protocol/values.ts";
import type { TaskState } from "./task_state.ts";

/** The task's result is here. */
export function finishedReport(task: TaskState): TaskFinished {
  const message: TaskFinished = {
    op: "task-finished",
    key: task.key,
    nbytes: task.nbytes,
    type: task.type,
    start: task.start,
    stop: task.stop,
    thread: task.thread,
  };
  if (task.refersTo !== null) message.needs = [...task.refersTo];
  if (task.transferStart >= 0) {
    message.transferStart = task.transferStart;
    message.transferStop = task.transferStop;
  }
  return message;
}

/** The task has failed by the worker's own doing, not its function's. */
export function failureReport(key: string, error: Error): TaskErred {
  return {
    op: "task-erred",
    key,
    exception: serialize(error),
    traceback: `${error.name}: ${error.message}`,
  };
}
