/**
 * What the worker's core wants done: the shell around it (or a simulation) carries it out.
 *
 * @module
 */
import type { PartState } from "./code_parts.ts";
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
  /** A task that had left the threads has a place among them again: its thread is one of them. */
  | { type: "rejoin"; key: string }
  /** Replace all threads; call `threadsRestarted(id)` when that is done. */
  | { type: "restart-threads"; id: number }
  /** No task needs these parts of code any more: the threads can forget them. */
  | { type: "forget-parts"; parts: readonly string[] }
  /** Tasks that begin from now on can import these modules by these names, and no others. */
  | { type: "set-uploads"; modules: ReadonlyMap<string, PartState> }
  /** These results are not needed any more: remove those that the core does not hold. */
  | { type: "drop"; keys: string[] }
  /** Call `peerRested(worker)` after so many seconds. */
  | { type: "rest"; worker: string; seconds: number };
