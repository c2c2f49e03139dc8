/**
 * What follows from what the threads say of a task: its result is here, or it has failed, or it is to
 * be run again, or nobody wants it any more.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import { failureReport } from "./reports.ts";
import type { TaskMachine } from "./task_machine.ts";
import type { TaskState } from "./task_state.ts";

/** The task's thread died under it, again and again. */
export class KilledThreadError extends Error {
  override name = "KilledThreadError";
}

/** Takes the answers of the threads. */
export class ThreadAnswers {
  /** How many tasks have run to their end. */
  executedCount = 0;
  readonly #machine: TaskMachine;
  readonly #allowedLosses: number;

  /**
   * @param machine The states of the keys.
   * @param allowedLosses How many threads a task may kill before it fails.
   */
  constructor(machine: TaskMachine, allowedLosses: number) {
    this.#machine = machine;
    this.#allowedLosses = allowedLosses;
  }

  /** The task has run. Returns whether its result is wanted. */
  finished(
    key: string,
    nbytes: number,
    type: string,
    needs: readonly string[] | undefined,
    start: number,
    stop: number,
    thread: number | undefined,
  ): boolean {
    const task = this.#outcomeOf(key);
    if (task === undefined) return false;
    this.executedCount++;
    // Most of a long-running task's time went by in waiting for others.
    if (task.state === "executing") task.function!.learn(stop - start);
    task.type = type;
    task.refersTo = needs ?? null;
    task.start = start;
    task.stop = stop;
    task.thread = thread;
    this.#machine.transitionExecutingMemory(task, nbytes);
    return true;
  }

  /** The task has failed. */
  erred(
    key: string,
    exception: Serialized,
    traceback: string,
    start: number | undefined,
    stop: number | undefined,
    thread: number | undefined,
  ): void {
    const machine = this.#machine;
    const task = this.#outcomeOf(key);
    if (task === undefined) return;
    this.executedCount++;
    machine.reportOutcome(task, {
      op: "task-erred",
      key,
      exception,
      traceback,
      start,
      stop,
      thread,
    });
    machine.transitionExecutingErred(task);
  }

  /** The task has left the threads, after so many seconds; undefined: nobody knows. */
  left(key: string, seconds: number | undefined): void {
    const machine = this.#machine;
    if (machine.queue.diedLeaving(key)) return;
    const task = machine.tasks.get(key);
    if (task?.state !== "executing") return;
    if (seconds !== undefined) task.function!.learn(seconds);
    machine.transitionExecutingLongRunning(task, seconds);
  }

  /** The task wants a place among the threads again; it gets one as soon as there is one. */
  wantsBack(key: string): void {
    const machine = this.#machine;
    const task = machine.tasks.get(key);
    if (task?.state === "long-running") machine.queue.rejoining.add(task);
  }

  /**
   * The threads have given it back, have stopped it, or know nothing of it. If that was not this core's
   * wish, it is still wanted.
   */
  returned(key: string): void {
    const task = this.#outcomeOf(key);
    if (task !== undefined) this.#machine.transitionExecutingReady(task);
  }

  /** The thread that ran it has died. It is run again, unless it seems to be the cause. */
  lost(key: string, message: string): void {
    const machine = this.#machine;
    const task = this.#outcomeOf(key);
    if (task === undefined) return;
    if (++task.losses < this.#allowedLosses) {
      machine.transitionExecutingReady(task);
      return;
    }
    const error = new KilledThreadError(
      `Task ${JSON.stringify(key)} was given up: ${task.losses} threads died while they ran it. ` +
        `The last: ${message}`,
    );
    machine.reportOutcome(task, failureReport(key, error));
    machine.transitionExecutingErred(task);
  }

  /** All threads are new: they have nothing of what was cancelled any more. */
  restarted(): void {
    for (const key of Array.from(this.#machine.queue.dying.keys())) this.#bury(key);
  }

  /** The task whose outcome this is; undefined when it was cancelled, or is unknown. */
  #outcomeOf(key: string): TaskState | undefined {
    const machine = this.#machine;
    if (machine.queue.dying.size > 0 && this.#bury(key)) return undefined;
    const task = machine.tasks.get(key);
    return task?.isRunning ? task : undefined;
  }

  /** The threads are done with a cancelled task; the same key may have been asked for again. */
  #bury(key: string): boolean {
    const machine = this.#machine;
    if (!machine.queue.buried(key)) return false;
    const again = machine.tasks.get(key);
    if (again !== undefined && (again.state === "ready" || again.state === "constrained")) {
      machine.queue.add(again);
    }
    return true;
  }
}
