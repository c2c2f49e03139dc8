/**
 * Plugins: code of the user that runs inside the scheduler at each of its events.
 *
 * @module
 */
import type { SchedulerCore } from "./core.ts";
import type { TaskStateName } from "./task_state.ts";

/** What is known about one transition beyond the key and the two states. */
export interface TransitionDetails {
  /** The message that caused the transition, such as `task-finished`. */
  stimulus: string;
  /** Address of the worker concerned, when there is one. */
  worker?: string;
  /** Size of the result in bytes, when the task arrives in memory. */
  nbytes?: number;
  /** What the result is: `number`, `Float64Array`, … */
  type?: string;
  /** When the run started, in seconds of the scheduler's clock. */
  start?: number;
  /** When the run ended, in seconds of the scheduler's clock. */
  stop?: number;
  /** The scheduler's time of the transition, in seconds. */
  time: number;
}

/**
 * Interface to extend the scheduler. Override the methods for the events that matter; they run in
 * step with the scheduler, so they must be quick. One that throws does not disturb the scheduling:
 * its error goes to `onPluginError`.
 *
 * @example
 * ```ts
 * class Counter extends SchedulerPlugin {
 *   counter = 0;
 *   override transition(_key: string, start: string, finish: string) {
 *     if (start === "processing" && finish === "memory") this.counter += 1;
 *   }
 *   override restart() {
 *     this.counter = 0;
 *   }
 * }
 * scheduler.addPlugin(new Counter());
 * ```
 */
export class SchedulerPlugin {
  /**
   * Runs when a new worker enters the cluster.
   * @param scheduler The scheduler's state.
   * @param worker Address of the worker.
   */
  addWorker?(scheduler: SchedulerCore, worker: string): void;

  /**
   * Runs when a worker leaves the cluster.
   * @param scheduler The scheduler's state.
   * @param worker Address of the worker.
   */
  removeWorker?(scheduler: SchedulerCore, worker: string): void;

  /**
   * Runs when the scheduler restarts itself.
   * @param scheduler The scheduler's state.
   */
  restart?(scheduler: SchedulerCore): void;

  /**
   * Runs whenever a task changes state.
   * @param key Name of the task.
   * @param start State it leaves.
   * @param finish State it enters.
   * @param details More about this transition.
   */
  transition?(
    key: string,
    start: TaskStateName,
    finish: TaskStateName,
    details: TransitionDetails,
  ): void;

  /**
   * Runs when new tasks have entered the scheduler.
   * @param scheduler The scheduler's state.
   * @param client Name of the client that sent them.
   * @param keys Names of the tasks that were not known before.
   */
  updateGraph?(scheduler: SchedulerCore, client: string, keys: string[]): void;
}
