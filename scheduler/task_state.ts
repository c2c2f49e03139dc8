/**
 * What the scheduler keeps on one task.
 *
 * @module
 */

/** The states of a task on the scheduler. */
export type TaskStateName =
  | "released"
  | "waiting"
  | "no-worker"
  | "processing"
  | "memory"
  | "erred"
  | "forgotten";
