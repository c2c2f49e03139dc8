/**
 * What follows from what the scheduler wants: tasks to compute, to stop, to drop, to give away; and
 * what follows from losing it.
 *
 * @module
 */
import type { CodePart, ComputeTask, Generations } from "../protocol/messages.ts";
import { UnknownPartError } from "../protocol/task_failures.ts";
import { CodeParts, type PartState } from "./code_parts.ts";
import { generationOf, newest } from "./generations.ts";
import { failureReport, finishedReport } from "./reports.ts";
import type { TaskMachine } from "./task_machine.ts";
import { TaskState } from "./task_state.ts";

/** The code of a task. */
interface TaskCode {
  function: PartState;
  needs: PartState[] | null;
}

/** Carries out the scheduler's orders. */
export class SchedulerOrders {
  /** The code that is here. */
  readonly code: CodeParts = new CodeParts();
  readonly #machine: TaskMachine;

  /** @param machine The states of the keys. */
  constructor(machine: TaskMachine) {
    this.#machine = machine;
  }

  /** Compute a task. */
  compute(message: ComputeTask): void {
    const machine = this.#machine;
    const code = this.#codeOf(message);
    const { key, priority } = message;
    const generation = priority[1];
    machine.messages.hear(generation);
    // What is computed here needs no copy from elsewhere: the scheduler has lost those.
    const copied = machine.tasks.get(key);
    if (copied !== undefined) machine.forgetAcquired(copied);
    let task = machine.current(key, generation);
    if (task === undefined) machine.tasks.set(key, task = new TaskState(key));
    task.generation = generation;
    if (task.isRunning) {
      machine.unclaimed.delete(task);
      // A scheduler that begins anew does not know.
      if (task.state === "long-running") machine.messages.push({ op: "long-running", key });
      return;
    }
    if (task.data === "memory") {
      if (task.state === "erred") machine.transitionReleased(task);
      if (task.state === "memory") machine.messages.push(finishedReport(task));
      else machine.transitionReleasedMemory(task);
      return;
    }
    // If it waits already, what the scheduler says now counts (its priority, the holders).
    machine.transitionPendingReleased(task);
    if (task.data === "flight" && !task.isWanted) task.stale = true;
    if (code instanceof UnknownPartError) {
      machine.messages.push(failureReport(key, code));
      machine.transitionReleasedErred(task);
      return;
    }
    task.run = message;
    task.function = code.function;
    task.needs = code.needs;
    task.priority = priority;
    task.losses = 0;
    task.transferStart = -1;
    task.transferStop = -1;
    task.thread = undefined;
    task.type = "";
    machine.transitionReleasedWaiting(task);
  }

  /** Stop and forget tasks and copies, unless they are here. */
  cancel(keys: readonly string[]): void {
    const machine = this.#machine;
    for (const key of keys) {
      const task = machine.tasks.get(key);
      if (task === undefined) continue;
      machine.forgetAcquired(task);
      if (task.state !== "memory") machine.transitionReleased(task);
    }
  }

  /** Drop keys, whatever they are; or, if they are of tasks of generations before the given one, what is here. */
  free(keys: readonly string[], before: number | undefined): void {
    const machine = this.#machine;
    for (const key of keys) {
      const task = machine.tasks.get(key);
      if (task === undefined) continue;
      if (before === undefined) {
        machine.forgetAcquired(task);
        machine.discard(task);
      } else if (task.isOutdated(before)) {
        machine.discard(task);
      }
    }
  }

  /** Fetch copies of results, which others are about to lose. */
  acquire(
    whoHas: Readonly<Record<string, readonly string[]>>,
    nbytes: Readonly<Record<string, number>>,
    generations: Generations,
    needs: Readonly<Record<string, string[]>> | undefined,
  ): void {
    const machine = this.#machine;
    machine.messages.hear(newest(generations));
    for (const key in whoHas) {
      const size = Object.hasOwn(nbytes, key) ? nbytes[key] : undefined;
      const task = machine.acquireReplica(
        key,
        whoHas[key],
        size,
        generationOf(generations, key),
      );
      if (needs !== undefined && Object.hasOwn(needs, key)) task.refersTo = needs[key];
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

  /** Forget parts of code. */
  forgetParts(names: readonly string[]): void {
    this.#machine.actions.push(this.code.forget(names));
  }

  /** Have tasks import modules by name. */
  uploadFile(
    modules: Readonly<Record<string, string>>,
    parts: Readonly<Record<string, CodePart>>,
  ): void {
    this.code.learn(parts);
    this.#machine.actions.push(this.code.upload(modules));
  }

  /** Forget everything. */
  restart(): void {
    const machine = this.#machine;
    machine.clear();
    // What was said of keys is void; whether the worker is paused is not.
    machine.messages.dropKeys();
    machine.actions.push(...this.code.clear());
    machine.unclaimed.clear();
  }

  /**
   * The scheduler is gone: it will give what has not begun to others. What runs goes on, and what is in
   * memory stays. When it is back it sends all code anew, and knows of none that could be forgotten.
   */
  lost(): void {
    const machine = this.#machine;
    for (const task of Array.from(machine.tasks.values())) {
      machine.forgetAcquired(task);
      if (task.isPending || task.state === "erred") machine.transitionReleased(task);
      else if (task.isRunning) machine.unclaimed.add(task);
    }
    machine.messages.clear();
    machine.actions.push(...this.code.clear());
  }

  /**
   * The scheduler has been back for a while. What it has not asked for again it knows nothing of, or has
   * given to others: that is stopped, lest it keep a thread for ever.
   */
  dropUnclaimed(): void {
    const machine = this.#machine;
    for (const task of machine.unclaimed) {
      const isCurrent = machine.tasks.get(task.key) === task;
      if (isCurrent && task.isRunning) machine.transitionReleased(task);
    }
    machine.unclaimed.clear();
  }

  /** The code of a task; or the error that says which part of it is missing. */
  #codeOf(message: ComputeTask): TaskCode | UnknownPartError {
    const { code } = this;
    try {
      if (message.parts !== undefined) code.learn(message.parts);
      const needs = code.findAll(message.needs, message.dependencyNeeds);
      return { function: code.find(message.function), needs };
    } catch (error) {
      if (error instanceof UnknownPartError) return error;
      throw error;
    }
  }
}
