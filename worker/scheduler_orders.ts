/**
 * What follows from what the scheduler wants: tasks to compute, to stop, to drop, to give away; and
 * what follows from losing it.
 *
 * @module
 */
import type { ComputeTask } from "../protocol/messages.ts";
import { failureReport, finishedReport } from "./reports.ts";
import type { TaskMachine } from "./task_machine.ts";
import { FunctionState, TaskState } from "./task_state.ts";

/** The scheduler asked to run a function whose code it has never sent. */
export class UnknownFunctionError extends Error {
  override name = "UnknownFunctionError";
}

/** Carries out the scheduler's orders. */
export class SchedulerOrders {
  /** The functions whose code is here, by hash. */
  readonly functions: Map<string, FunctionState> = new Map();
  readonly #machine: TaskMachine;
  /** What ran when the scheduler was lost, and has not been asked for again since. */
  readonly #unclaimed: Set<TaskState> = new Set();

  /** @param machine The states of the keys. */
  constructor(machine: TaskMachine) {
    this.#machine = machine;
  }

  /** Compute a task. */
  compute(message: ComputeTask): void {
    const machine = this.#machine;
    const fn = this.#function(message);
    const { key } = message;
    let task = machine.tasks.get(key);
    if (task === undefined) {
      machine.tasks.set(key, task = new TaskState(key));
    } else if (task.state === "executing") {
      this.#unclaimed.delete(task);
      return;
    } else if (task.data === "memory") {
      if (task.state === "erred") machine.transitionReleased(task);
      if (task.state === "memory") machine.messages.push(finishedReport(task));
      else machine.transitionReleasedMemory(task);
      return;
    } else {
      // Waiting already: what the scheduler says now counts (its priority, the holders).
      machine.transitionPendingReleased(task);
      if (task.data === "flight" && !task.isWanted) task.stale = true;
    }
    if (fn.code === undefined) {
      const text = `The code of function ${fn.hash} was never sent to this worker`;
      machine.messages.push(failureReport(key, new UnknownFunctionError(text)));
      machine.transitionReleasedErred(task);
      return;
    }
    task.run = message;
    task.function = fn;
    task.priority = message.priority;
    task.losses = 0;
    task.transferStart = -1;
    task.transferStop = -1;
    task.thread = undefined;
    task.type = "";
    machine.transitionReleasedWaiting(task);
  }

  /** Stop and forget tasks, unless they have finished. */
  cancel(keys: readonly string[]): void {
    const machine = this.#machine;
    for (const key of keys) {
      const task = machine.tasks.get(key);
      if (task !== undefined && task.state !== "memory") machine.transitionReleased(task);
    }
  }

  /** Drop keys, whatever they are. */
  free(keys: readonly string[]): void {
    const machine = this.#machine;
    for (const key of keys) {
      const task = machine.tasks.get(key);
      if (task === undefined) continue;
      machine.transitionReleased(task);
      if (task.data === "memory") machine.transitionMemoryNone(task);
    }
  }

  /** Give a task away if it has not begun, and answer how far it was. */
  giveAway(key: string, id: number): void {
    const machine = this.#machine;
    const task = machine.tasks.get(key);
    const state = task === undefined || task.state === "released" ? null : task.state;
    machine.messages.push({ op: "steal-response", key, id, state });
    if (task !== undefined && task.isPending) machine.transitionReleased(task);
  }

  /** Forget the code of functions. */
  forgetFunctions(hashes: readonly string[]): void {
    for (const hash of hashes) this.functions.delete(hash);
  }

  /** Forget everything. */
  restart(): void {
    const machine = this.#machine;
    machine.clear();
    machine.messages.length = 0;
    this.functions.clear();
    this.#unclaimed.clear();
  }

  /**
   * The scheduler is gone: it will give what has not begun to others. What runs goes on, and what is in
   * memory stays. When it is back it sends all code anew, and knows of none that could be forgotten.
   */
  lost(): void {
    const machine = this.#machine;
    for (const task of Array.from(machine.tasks.values())) {
      if (task.isPending || task.state === "erred") machine.transitionReleased(task);
      else if (task.state === "executing") this.#unclaimed.add(task);
    }
    machine.messages.length = 0;
    this.functions.clear();
  }

  /**
   * The scheduler has been back for a while. What it has not asked for again it knows nothing of, or has
   * given to others: that is stopped, lest it keep a thread for ever.
   */
  dropUnclaimed(): void {
    const machine = this.#machine;
    for (const task of this.#unclaimed) {
      const isCurrent = machine.tasks.get(task.key) === task;
      if (isCurrent && task.state === "executing") machine.transitionReleased(task);
    }
    this.#unclaimed.clear();
  }

  #function(message: ComputeTask): FunctionState {
    const hash = message.function;
    let fn = this.functions.get(hash);
    if (fn === undefined) {
      fn = new FunctionState(hash, message.code);
      if (message.code !== undefined) this.functions.set(hash, fn);
    }
    return fn;
  }
}
