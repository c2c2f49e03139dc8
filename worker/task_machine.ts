/**
 * The states of the keys on a worker, and the ways from one state to another. Every key goes through
 * the two pipelines of the Worker chapter:
 *
 * - as a computation: waiting → ready or constrained → executing → memory or erred; a task that launches
 *   others is long-running in between: executing → long-running → memory or erred
 * - as data: waiting → flight → memory
 *
 * The two meet where a computation's dependencies are data, and where a result becomes data. What
 * the outside should know or do piles up in `messages` and `actions`.
 *
 * @module
 */
import type { Priority, TaskErred, TaskFinished } from "../protocol/messages.ts";
import type { WorkerAction } from "./actions.ts";
import { type ExecutionQueue, runnableState } from "./execution_queue.ts";
import type { Gathering } from "./gathering.ts";
import { generationOf } from "./generations.ts";
import { comesBefore } from "./heap.ts";
import { Outbox } from "./outbox.ts";
import { finishedReport } from "./reports.ts";
import { type ComputationState, type DataState, TaskState } from "./task_state.ts";
import type { TransitionLog } from "./transition_log.ts";

/** How many failed tasks are remembered; the oldest are forgotten first. */
const ERRED_LIMIT = 1000;
/** The place of a copy that no task waits for. */
const LAST: Priority = [Infinity, Infinity, Infinity];

/** The keys of one worker and their transitions. */
export class TaskMachine {
  readonly address: string;
  readonly tasks: Map<string, TaskState> = new Map();
  readonly queue: ExecutionQueue;
  readonly gathering: Gathering;
  readonly log: TransitionLog;
  /** How many computations are in each state. */
  readonly counts: Record<ComputationState, number> = {
    released: 0,
    waiting: 0,
    ready: 0,
    constrained: 0,
    executing: 0,
    "long-running": 0,
    memory: 0,
    erred: 0,
  };
  /** How many results are in the store, and their size in bytes. */
  inMemory = 0;
  nbytes = 0;
  /** The time of the latest stimulus, and its name. */
  now = 0;
  cause = "";
  /** What to tell the scheduler. */
  readonly messages: Outbox = new Outbox();
  actions: WorkerAction[] = [];
  /** What ran when the scheduler was lost, and has not been asked for again since. */
  readonly unclaimed: Set<TaskState> = new Set();
  /** Keys to drop from the store; gathered over one stimulus. */
  dropped: string[] = [];
  readonly #erred: Set<TaskState> = new Set();

  constructor(address: string, queue: ExecutionQueue, gathering: Gathering, log: TransitionLog) {
    this.address = address;
    this.queue = queue;
    this.gathering = gathering;
    this.log = log;
  }

  /** What is here is of the tasks that the scheduler means, whatever their generations. */
  trustAll(): void {
    this.messages.forgetScheduler();
    for (const task of this.tasks.values()) task.generation = Infinity;
  }

  /** What there is of a key. What is of a task of an older generation is dropped. */
  current(key: string, generation: number): TaskState | undefined {
    const task = this.tasks.get(key);
    if (task === undefined || !task.isOutdated(generation)) return task;
    this.discard(task);
    return this.tasks.get(key);
  }

  // ------------------------------------------------------------------------------- computations

  /** released → waiting, ready or constrained: link the task to what it needs. `run` is set. */
  transitionReleasedWaiting(task: TaskState): void {
    const run = task.run!;
    const { whoHas } = run;
    let lost = false;
    task.missing = 0;
    // What is computed here is not fetched too.
    if (task.data === "waiting") this.#transitionNone(task, "to be computed here");
    if (whoHas !== undefined) {
      const { nbytes: sizes, dependencyNeeds } = run;
      for (const key in whoHas) {
        const dependency = this.#depend(task, key);
        if (dependency.data === "memory") continue;
        task.missing++;
        // Not just `sizes[key]`: every object has a "constructor".
        if (sizes !== undefined && Object.hasOwn(sizes, key)) dependency.nbytes = sizes[key];
        if (dependencyNeeds !== undefined && Object.hasOwn(dependencyNeeds, key)) {
          dependency.refersTo = dependencyNeeds[key];
        }
        if (dependency.isUnderWay) continue;
        this.#want(dependency, task.priority, whoHas[key]);
        if (dependency.data === "waiting" && dependency.holders!.length === 0) lost = true;
      }
      // All of it is with the dependencies now. Very many tasks may wait, and little memory may be left for them.
      run.whoHas =
        run.nbytes =
        run.dependencyNeeds =
        run.generations =
          undefined;
    }
    if (task.missing === 0) return this.#transitionRunnable(task);
    this.#move(task, "waiting");
    if (lost) this.#settleDependencies(task);
  }

  /** waiting, released or executing → ready or constrained. */
  #transitionRunnable(task: TaskState): void {
    this.#move(task, runnableState(task));
    this.queue.add(task);
  }

  /** ready or constrained → executing. The queue has let go of it. */
  transitionReadyExecuting(task: TaskState): void {
    this.queue.started(task);
    this.#move(task, "executing");
    this.actions.push({ type: "execute", task });
  }

  /** executing → long-running: it has a thread of its own, and its place is another's. */
  transitionExecutingLongRunning(task: TaskState, seconds: number | undefined): void {
    this.queue.leave(task);
    this.#move(task, "long-running");
    this.messages.push({ op: "long-running", key: task.key, seconds });
  }

  /** long-running → executing: it is one of those again that the threads take turns with. */
  transitionLongRunningExecuting(task: TaskState): void {
    this.queue.rejoin(task);
    this.#move(task, "executing");
    this.actions.push({ type: "rejoin", key: task.key });
  }

  /** executing or long-running → ready, constrained or waiting: the threads gave it back, or lost it. */
  transitionExecutingReady(task: TaskState): void {
    this.queue.ended(task);
    if (task.data === "memory") {
      this.#unlink(task);
      return this.transitionReleasedMemory(task);
    }
    task.missing = 0;
    const dependencies = task.dependencies;
    if (dependencies !== null) {
      for (let i = 0; i < dependencies.length; i++) {
        if (dependencies[i].data !== "memory") task.missing++;
      }
    }
    if (task.missing === 0) return this.#transitionRunnable(task);
    this.#move(task, "waiting");
    this.#settleDependencies(task);
  }

  /** executing or long-running → memory: the task's outcome fields are set, its result is in the caller's hands. */
  transitionExecutingMemory(task: TaskState, nbytes: number): void {
    this.queue.ended(task);
    this.#unlink(task);
    this.#move(task, "memory");
    task.endRun();
    this.#store(task, nbytes);
    this.reportOutcome(task, finishedReport(task));
  }

  /**
   * Tell how a task has ended. If it was not asked for on this connection, what the worker has heard does not say
   * which task of the key it is: the report does.
   */
  reportOutcome(task: TaskState, report: TaskFinished | TaskErred): void {
    const isUnclaimed = this.unclaimed.size > 0 && this.unclaimed.delete(task);
    if (isUnclaimed && task.generation !== Infinity) report.generation = task.generation;
    this.messages.push(report);
  }

  /** executing or long-running → erred. */
  transitionExecutingErred(task: TaskState): void {
    this.queue.ended(task);
    this.#unlink(task);
    this.#move(task, "erred");
    task.endRun();
    if (task.data === "none" && task.isWanted) this.#loseData(task);
    this.#remember(task);
  }

  /** released → erred: it cannot even be tried. */
  transitionReleasedErred(task: TaskState): void {
    this.#move(task, "erred");
    if (task.data === "none" && task.isWanted) this.#loseData(task);
    this.#remember(task);
  }

  /** Any but memory → memory: asked to compute what is here already. */
  transitionReleasedMemory(task: TaskState): void {
    task.start = task.stop = this.now;
    task.endRun();
    this.#move(task, "memory");
    this.messages.push(finishedReport(task));
  }

  /**
   * Any state → released: the computation is not wanted any more. What is in the threads is stopped;
   * a result that is in memory stays. Tasks here that wait for its result cannot go on.
   */
  transitionReleased(task: TaskState): void {
    this.transitionPendingReleased(task);
    if (task.data === "none" && task.isWanted) this.#loseData(task);
    this.#forgetIfUnused(task);
  }

  /** As {@linkcode transitionReleased}, and the data goes, too. */
  discard(task: TaskState): void {
    this.transitionReleased(task);
    if (task.data === "memory") this.transitionMemoryNone(task);
  }

  /** As {@linkcode transitionReleased}, but the computation is asked for again right away. */
  transitionPendingReleased(task: TaskState): void {
    switch (task.state) {
      case "released":
        return;
      case "ready":
      case "constrained":
        this.queue.remove(task);
        break;
      case "executing":
      case "long-running":
        this.queue.died(task);
        this.actions.push({ type: "cancel-execute", key: task.key });
        break;
      case "erred":
        this.#erred.delete(task);
    }
    this.#move(task, "released");
    task.endRun();
    this.#unlink(task);
  }

  // --------------------------------------------------------------------------------------- data

  /**
   * none → waiting: the scheduler wants a copy here, after all that tasks need. It is answered when the
   * data is here, or cannot be had.
   *
   * @param generation Its generation.
   */
  acquireReplica(
    key: string,
    holders: readonly string[],
    nbytes: number | undefined,
    generation: number,
  ): TaskState {
    let task = this.current(key, generation);
    if (task === undefined) this.tasks.set(key, task = new TaskState(key));
    if (nbytes !== undefined && task.data !== "memory") task.nbytes = nbytes;
    // What comes from a holder that counts no more must not be used.
    if (task.data === "flight" && !task.isWanted) {
      task.stale = task.generation < generation || !holders.includes(task.source!.address);
    }
    if (!task.isWanted) task.wantedPriority = LAST;
    task.acquired = true;
    if (task.data === "memory") {
      this.#answerAcquired(task, "add-keys");
    } else if (task.isUnderWay) {
      // It was to be computed here before, and is elsewhere now: somebody else may copy it.
      this.refuseReplica(task);
    } else {
      this.#want(task, LAST, holders);
      if (task.data === "waiting" && task.holders!.length === 0) this.loseHolders(task);
    }
    return task;
  }

  /** A copy that was asked for will not be here; the scheduler is told. */
  refuseReplica(task: TaskState): void {
    if (task.acquired) this.#answerAcquired(task, "release-keys");
  }

  /** Nobody waits for a copy any more: it is not fetched, unless tasks need it. */
  forgetAcquired(task: TaskState): void {
    if (!task.acquired) return;
    task.acquired = false;
    if (task.isWanted) return;
    if (task.data === "waiting") this.#transitionNone(task, "no copy wanted any more");
    this.#forgetIfUnused(task);
  }

  /** waiting → flight, as the gathering says. */
  transitionWaitingFlight(task: TaskState): void {
    this.log.record(task.key, "waiting", "flight", task.source!.address, this.now);
    task.generation = this.messages.heard;
    for (const dependent of task.dependents ?? []) {
      if (dependent.transferStart < 0) dependent.transferStart = this.now;
    }
  }

  /** waiting, flight or none → memory: the data has come from a peer or a client. */
  transitionArrived(task: TaskState, nbytes: number): void {
    this.log.record(task.key, task.data, "memory", this.cause, this.now);
    this.#store(task, nbytes);
    if (!task.isPending) return;
    // What was to be computed here has been put here by a client.
    this.queue.remove(task);
    this.#unlink(task);
    this.transitionReleasedMemory(task);
  }

  /** flight → waiting, or none when nobody needs it any more, or nobody has it. */
  transitionFlightWaiting(task: TaskState, cause: string): void {
    task.source = null;
    task.stale = false;
    if (!task.isWanted || task.isUnderWay) {
      this.#transitionNone(task, cause);
      this.#forgetIfUnused(task);
      return;
    }
    this.log.record(task.key, "flight", "waiting", cause, this.now);
    this.gathering.enqueue(task);
    if (task.holders!.length === 0) this.loseHolders(task);
  }

  /** memory → none: the result is to be dropped. Tasks here that still need it go back to waiting. */
  transitionMemoryNone(task: TaskState): void {
    this.log.record(task.key, "memory", "none", this.cause, this.now);
    task.data = "none";
    this.inMemory--;
    this.nbytes -= task.nbytes;
    this.dropped.push(task.key);
    if (task.state === "memory") this.#move(task, "released");
    if (task.isWanted) {
      for (const dependent of task.dependents ?? []) {
        if (dependent.isRunning) continue;
        dependent.missing++;
        if (dependent.state === "waiting") continue;
        this.queue.remove(dependent);
        this.#move(dependent, "waiting");
      }
      this.#loseData(task);
    }
    this.#forgetIfUnused(task);
  }

  /** The data is waiting, and no holder is left. */
  loseHolders(task: TaskState): void {
    this.#transitionNone(task, "no holder left");
    this.#loseData(task);
    this.#forgetIfUnused(task);
  }

  /** Forget everything; what is in the threads or on its way is ignored when it comes. */
  clear(): void {
    for (const task of this.tasks.values()) {
      this.gathering.forgetHolders(task);
      if (task.isRunning) this.queue.died(task);
      if (task.data === "memory") this.dropped.push(task.key);
      this.log.record(task.key, task.state, "released", this.cause, this.now);
    }
    this.tasks.clear();
    this.queue.clear();
    this.#erred.clear();
    for (const state in this.counts) this.counts[state as ComputationState] = 0;
    this.inMemory = 0;
    this.nbytes = 0;
  }

  // ------------------------------------------------------------------------------------ helpers

  /** Whether the threads have a task of this key that has not left them. */
  isExecuting(key: string): boolean {
    return this.tasks.get(key)?.state === "executing";
  }

  #move(task: TaskState, finish: ComputationState): void {
    this.log.record(task.key, task.state, finish, this.cause, this.now);
    this.counts[task.state]--;
    this.counts[finish]++;
    task.state = finish;
  }

  #remember(erred: TaskState): void {
    this.#erred.add(erred);
    if (this.#erred.size <= ERRED_LIMIT) return;
    for (const oldest of this.#erred) return this.transitionReleased(oldest);
  }

  #depend(task: TaskState, key: string): TaskState {
    const { generations, whoHas } = task.run!;
    const generation = generationOf(generations, key);
    let dependency = this.current(key, generation);
    if (dependency === undefined) this.tasks.set(key, dependency = new TaskState(key));
    // Given up, yet still on its way: may be used only if it comes from where it is now.
    if (dependency.data === "flight" && !dependency.isWanted) {
      dependency.stale = dependency.generation < generation ||
        !whoHas![key].includes(dependency.source!.address);
    }
    if (!dependency.isWanted) dependency.wantedPriority = task.priority;
    if (dependency.dependents === null) dependency.dependents = new Set();
    dependency.dependents.add(task);
    if (task.dependencies === null) task.dependencies = [dependency];
    else task.dependencies.push(dependency);
    return dependency;
  }

  #want(dependency: TaskState, priority: Priority, holders: readonly string[]): void {
    if (comesBefore(priority, dependency.wantedPriority)) {
      dependency.wantedPriority = priority;
      this.gathering.hasten(dependency);
    }
    if (dependency.data === "none") {
      this.log.record(dependency.key, "none", "waiting", this.cause, this.now);
      dependency.data = "waiting";
    }
    this.gathering.setHolders(dependency, holders, this.address);
  }

  /**
   * See to those dependencies of a waiting task that nobody is known to hold: to all of them, since
   * others may wait for them too.
   */
  #settleDependencies(task: TaskState): void {
    for (const dependency of task.dependencies!.slice()) {
      if (dependency.data === "waiting" && dependency.holders!.length === 0) {
        this.loseHolders(dependency);
      } else if (dependency.data === "none") {
        this.#loseData(dependency);
      }
    }
  }

  /**
   * The data is not here, and no peer is known to hold it. If it is being computed here, its
   * dependents wait for that; else they are given up, and the scheduler is told.
   */
  #loseData(task: TaskState): void {
    if (task.isUnderWay) return;
    const missing = { [task.key]: task.lostAt ?? [this.address] };
    task.lostAt = null;
    this.refuseReplica(task);
    if (task.dependents === null) return;
    for (const dependent of Array.from(task.dependents)) {
      if (dependent.state !== "waiting") continue;
      this.messages.push({ op: "missing-data", key: dependent.key, missing });
      this.transitionReleased(dependent);
    }
  }

  /** Answers for a copy; neighbouring answers share a message. */
  #answerAcquired(task: TaskState, op: "add-keys" | "release-keys"): void {
    task.acquired = false;
    const last = this.messages.last;
    if (last?.op === op) last.keys.push(task.key);
    else this.messages.push({ op, keys: [task.key] });
  }

  #transitionNone(task: TaskState, cause: string): void {
    this.log.record(task.key, task.data, "none", cause, this.now);
    this.gathering.forgetHolders(task);
    task.data = "none";
  }

  /** The data is in the store. */
  #store(task: TaskState, nbytes: number): void {
    const before: DataState = task.data;
    if (before === "memory") {
      this.nbytes -= task.nbytes;
    } else {
      if (before !== "none") this.gathering.forgetHolders(task);
      this.inMemory++;
      task.data = "memory";
      task.source = null;
      task.lostAt = null;
    }
    task.nbytes = nbytes;
    this.nbytes += nbytes;
    if (task.acquired) this.#answerAcquired(task, "add-keys");
    if (before === "memory" || task.dependents === null) return;
    for (const dependent of task.dependents) {
      if (dependent.state !== "waiting") continue;
      if (before === "flight") dependent.transferStop = this.now;
      if (--dependent.missing === 0) this.#transitionRunnable(dependent);
    }
  }

  /** The task needs its dependencies no more. */
  #unlink(task: TaskState): void {
    const dependencies = task.dependencies;
    if (dependencies === null) return;
    task.dependencies = null;
    for (let i = 0; i < dependencies.length; i++) {
      const dependency = dependencies[i];
      dependency.dependents!.delete(task);
      if (dependency.isWanted) continue;
      if (dependency.data === "waiting") this.#transitionNone(dependency, "not needed any more");
      dependency.lostAt = null;
      this.#forgetIfUnused(dependency);
    }
  }

  #forgetIfUnused(task: TaskState): void {
    if (task.state === "released" && task.data === "none" && !task.isWanted) {
      this.tasks.delete(task.key);
    }
  }
}
