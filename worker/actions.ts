/**
 * What the worker's core wants done: the shell around it (or a simulation) carries it out.
 *
 * @module
 */
import type { TaskState } from "./task_state.ts";

/** Something the core wants done. */
export type WorkerAction =
  /**
   * Fetch these keys from a peer; answer with `gatherSucceeded`, `gatherBusy` or `gatherFailed`.
   * `nbytes` is their expected size.
   */
  | { type: "gather"; worker: string; keys: string[]; nbytes: number }
  /** Run a task; answer with `executeFinished`, `executeErred`, `executeLost` or `executeCancelled`. */
  | { type: "execute"; task: TaskState }
  /** Stop a task that was handed over; answer as for `execute`. */
  | { type: "cancel-execute"; key: string }
  /** Replace all threads; call `threadsRestarted(id)` when that is done. */
  | { type: "restart-threads"; id: number }
  /** These results are not needed any more: remove those that the core does not hold. */
  | { type: "drop"; keys: string[] }
  /** Call `peerRested(worker)` after so many seconds. */
  | { type: "rest"; worker: string; seconds: number };
