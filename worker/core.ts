/**
 * The worker's state machine: takes one stimulus after the other (from the scheduler, from peers, from
 * the threads), and says what to send and what to do. It does no I/O and knows no clock: whoever
 * drives it hands in the time, and carries out what {@linkcode WorkerCore.drain} gives.
 *
 * @module
 */
import { AHEAD_LIMIT } from "../protocol/ahead.ts";
import type {
  CodePart,
  ComputeTask,
  Generations,
  RegisterWorker,
  WorkerToScheduler,
} from "../protocol/messages.ts";
import type { Serialized } from "../protocol/serialized.ts";
import type { WorkerAction } from "./actions.ts";
import type { CodeParts } from "./code_parts.ts";
import type { WorkerCoreOptions } from "./core_options.ts";
import { ExecutionQueue } from "./execution_queue.ts";
import { GatherAnswers } from "./gather_answers.ts";
import { Gathering } from "./gathering.ts";
import { SchedulerOrders } from "./scheduler_orders.ts";
import { TaskMachine } from "./task_machine.ts";
import { TaskState } from "./task_state.ts";
import { ThreadAnswers } from "./thread_answers.ts";
import { type LogEntry, TransitionLog } from "./transition_log.ts";
import { validateWorker } from "./validate.ts";

export type { WorkerCoreOptions } from "./core_options.ts";

/**
 * The worker's state machine.
 *
 * @internal
 */
export class WorkerCore {
  /** The keys, their states and transitions. */
  readonly machine: TaskMachine;
  /** Nothing new is started, and the scheduler knows. */
  paused = false;
  /** Nothing new is started for the moment. */
  held = false;
  /** How many restarts of the threads are under way. */
  #restarts = 0;
  #draining = false;
  readonly #validate: boolean;
  readonly #orders: SchedulerOrders;
  readonly #peers: GatherAnswers;
  readonly #threads: ThreadAnswers;

  /** @param options The worker's address, its threads, and its limits. */
  constructor(options: WorkerCoreOptions) {
    const gathering = new Gathering({
      totalConnections: options.totalConnections ?? 50,
      maxGatherBytes: options.maxGatherBytes ?? 200e6,
      maxGatherKeys: options.maxGatherKeys ?? 10_000,
      maxIncomingBytes: options.maxIncomingBytes ?? Infinity,
    }, options.random);
    const queue = new ExecutionQueue(
      options.nthreads,
      options.aheadLimit ?? AHEAD_LIMIT,
      options.aheadSeconds ?? 0.005,
      options.resources ?? {},
    );
    const log = new TransitionLog(options.logLength ?? 10_000);
    this.machine = new TaskMachine(options.address, queue, gathering, log);
    this.#validate = options.validate ?? false;
    this.#orders = new SchedulerOrders(this.machine);
    this.#peers = new GatherAnswers(this.machine, options.random);
    this.#threads = new ThreadAnswers(this.machine, options.allowedLosses ?? 3);
  }

  // ------------------------------------------------------------------------- from the scheduler

  /** The scheduler wants this task computed. */
  computeTask(message: ComputeTask, now: number): void {
    this.#begin("compute-task", now);
    this.#orders.compute(message);
    this.#end();
  }

  /** The scheduler wants these tasks stopped and forgotten, unless they have finished. */
  cancelCompute(keys: readonly string[], now: number): void {
    this.#begin("cancel-compute", now);
    this.#orders.cancel(keys);
    this.#end();
  }

  /**
   * The scheduler wants these keys dropped, whatever they are.
   *
   * @param before Only if they are of tasks of generations before this one.
   */
  freeKeys(keys: readonly string[], now: number, before?: number): void {
    this.#begin("free-keys", now);
    this.#orders.free(keys, before);
    this.#end();
  }

  /** May this task be moved to another worker? Only one that has not begun is given away. */
  stealRequest(key: string, id: number, now: number): void {
    this.#begin("steal-request", now);
    this.#orders.giveAway(key, id);
    this.#end();
  }

  /**
   * The scheduler wants copies here, of results that others are about to lose. `add-keys` or
   * `release-keys` follows for each.
   *
   * @param whoHas Who holds each.
   * @param nbytes Their sizes.
   * @param generations Their generations.
   * @param needs Names of the parts that the values refer to; undefined: none refers to any.
   */
  acquireReplicas(
    whoHas: Readonly<Record<string, readonly string[]>>,
    nbytes: Readonly<Record<string, number>>,
    generations: Generations,
    needs: Readonly<Record<string, string[]>> | undefined,
    now: number,
  ): void {
    this.#begin("acquire-replicas", now);
    this.#orders.acquire(whoHas, nbytes, generations, needs);
    this.#end();
  }

  /** These parts of code are not needed any more. */
  forgetParts(names: readonly string[], now: number): void {
    this.#begin("forget-parts", now);
    this.#orders.forgetParts(names);
    this.#end();
  }

  /**
   * Tasks can import these modules by name from now on.
   *
   * @param modules Names of the modules' parts, by the names to import them by.
   * @param parts The parts that are not here yet, each after those that it needs.
   * @throws {UnknownPartError} When a part is missing. No name has changed then.
   */
  uploadFile(
    modules: Readonly<Record<string, string>>,
    parts: Readonly<Record<string, CodePart>>,
    now: number,
  ): void {
    this.#begin("upload-file", now);
    this.#orders.uploadFile(modules, parts);
    this.#end();
  }

  /** Forget all work and all data; `restarted` is reported once the threads are new. */
  restart(id: number, now: number): void {
    const machine = this.#begin("restart", now);
    this.#orders.restart();
    this.suspicious.clear();
    this.#restarts++;
    machine.actions.push({ type: "restart-threads", id });
    this.#end();
  }

  /**
   * The connection to the scheduler is gone: it will give what has not begun to others. What runs goes
   * on, and what is in memory stays. All code is forgotten.
   */
  schedulerLost(now: number): void {
    this.#begin("scheduler-lost", now);
    this.#orders.lost();
    this.#end();
  }

  /** Another scheduler has taken the place of the one that was lost: it knows nothing of before. */
  schedulerReplaced(now: number): void {
    this.#begin("scheduler-replaced", now).trustAll();
    this.#end();
  }

  /**
   * The scheduler has been back for a while: what still runs from before, and was not asked for again,
   * is stopped.
   */
  dropUnclaimed(now: number): void {
    this.#begin("drop-unclaimed", now);
    this.#orders.dropUnclaimed();
    this.#end();
  }

  // ------------------------------------------------------------------ from clients and peers

  /**
   * Data has been put here (scattered).
   *
   * @param sizes Size of each key in bytes.
   */
  putData(sizes: Readonly<Record<string, number>>, now: number): void {
    const machine = this.#begin("update-data", now);
    for (const key in sizes) {
      let task = machine.tasks.get(key);
      if (task === undefined) machine.tasks.set(key, task = new TaskState(key));
      if (task.data === "memory") continue;
      machine.transitionArrived(task, sizes[key]);
      task.generation = Infinity;
    }
    this.#end();
  }

  /** Someone other than the scheduler had these dropped: the scheduler is told. */
  deleteData(keys: readonly string[], now: number): void {
    const machine = this.#begin("delete-data", now);
    const held = Array.from(new Set(keys)).filter((key) => this.holds(key));
    for (const key of held) machine.transitionMemoryNone(machine.tasks.get(key)!);
    if (held.length > 0) machine.messages.push({ op: "release-keys", keys: held });
    this.#end();
  }

  /**
   * A gather has ended. Data that {@linkcode holds} confirms afterwards belongs in the store.
   *
   * @param worker The peer that was asked.
   * @param received Size in bytes of each key that came; asked for and not in it: not there.
   */
  gatherSucceeded(worker: string, received: ReadonlyMap<string, number>, now: number): void {
    this.#begin("gather", now);
    this.#peers.succeeded(worker, received);
    this.#end();
  }

  /** A peer has too much to do to answer a gather: it is asked again after a rest. */
  gatherBusy(worker: string, now: number): void {
    this.#begin("gather-busy", now);
    this.#peers.busy(worker);
    this.#end();
  }

  /** A busy peer has been left alone for as long as was asked for. */
  peerRested(worker: string, now: number): void {
    this.#begin("peer-rested", now);
    this.#peers.rested(worker);
    this.#end();
  }

  /** A peer cannot be reached: everything wanted from there is sought elsewhere. */
  gatherFailed(worker: string, now: number): void {
    this.#begin("gather-failed", now);
    this.#peers.failed(worker);
    this.#end();
  }

  // ---------------------------------------------------------------------------- from the threads

  /**
   * A task has run.
   *
   * @param nbytes Size of the result in bytes.
   * @param type What the result is.
   * @param needs Names of the parts that the result refers to; undefined: none.
   * @param start Start of the run on the worker's clock, in seconds.
   * @param stop End of it.
   * @param thread Which thread ran it.
   * @returns Whether the result is wanted; if so the caller stores it.
   */
  executeFinished(
    key: string,
    nbytes: number,
    type: string,
    needs: readonly string[] | undefined,
    start: number,
    stop: number,
    thread: number | undefined,
    now: number,
  ): boolean {
    this.#begin("task-finished", now);
    const wanted = this.#threads.finished(key, nbytes, type, needs, start, stop, thread);
    this.#end();
    return wanted;
  }

  /** A task has failed. */
  executeErred(
    key: string,
    exception: Serialized,
    traceback: string,
    start: number | undefined,
    stop: number | undefined,
    thread: number | undefined,
    now: number,
  ): void {
    this.#begin("task-erred", now);
    this.#threads.erred(key, exception, traceback, start, stop, thread);
    this.#end();
  }

  /** The threads have stopped a task, or know nothing of it. */
  executeCancelled(key: string, now: number): void {
    this.#begin("cancelled", now);
    this.#threads.returned(key);
    this.#end();
  }

  /**
   * The thread that ran the task has died. It is run again, unless it seems to be the cause.
   *
   * @param message What is known of how the thread ended.
   */
  executeLost(key: string, message: string, now: number): void {
    this.#begin("thread-lost", now);
    this.#threads.lost(key, message);
    this.#end();
  }

  /**
   * A task has left the threads: it goes on in one of its own, and another may begin.
   *
   * @param seconds How long it ran until then.
   */
  executeSeceded(key: string, seconds: number | undefined, now: number): void {
    this.#begin("secede", now);
    this.#threads.left(key, seconds);
    this.#end();
  }

  /** A task that has left the threads wants a place among them again; the action `rejoin` gives it. */
  executeRejoins(key: string, now: number): void {
    this.#begin("rejoin", now);
    this.#threads.wantsBack(key);
    this.#end();
  }

  /** The threads gave back a task that they had not begun. */
  recalled(key: string, now: number): void {
    this.#begin("recalled", now);
    this.#threads.returned(key);
    this.#end();
  }

  /** All threads are new. @param id As in the action. */
  threadsRestarted(id: number, now: number): void {
    const machine = this.#begin("threads-restarted", now);
    this.#threads.restarted();
    this.#restarts--;
    machine.messages.push({ op: "restarted", id });
    this.#end();
  }

  /** There are now this many threads: the scheduler is told. */
  setThreads(nthreads: number, now: number): void {
    const machine = this.#begin("threads-changed", now);
    if (nthreads !== machine.queue.nthreads) {
      machine.queue.nthreads = nthreads;
      machine.messages.push({ op: "threads-changed", nthreads });
    }
    this.#end();
  }

  // --------------------------------------------------------------------------------- control

  /** Start nothing new, fetch nothing, until {@linkcode unpause}; the scheduler is told. What runs goes on. */
  pause(now: number): void {
    this.#setPaused(true, "pause", now);
  }

  /** Go on after {@linkcode pause}; the scheduler is told. */
  unpause(now: number): void {
    this.#setPaused(false, "unpause", now);
  }

  #setPaused(paused: boolean, cause: string, now: number): void {
    const machine = this.#begin(cause, now);
    if (paused !== this.paused) {
      this.paused = paused;
      machine.messages.push({
        op: "worker-status-change",
        status: paused ? "paused" : "running",
      });
    }
    this.#end();
  }

  /** As {@linkcode pause}, but for so short that nobody needs to be told. */
  hold(now: number): void {
    this.#begin("hold", now);
    this.held = true;
    this.#end();
  }

  /** Go on after {@linkcode hold}. */
  unhold(now: number): void {
    this.#begin("unhold", now);
    this.held = false;
    this.#end();
  }

  /**
   * Begin what can begin, and hand out all that has piled up, in order. May be called from within
   * `send` or `act`: what they add is handed out by the outer call.
   *
   * @param send Takes messages for the scheduler.
   * @param act Takes one action.
   */
  drain(
    send: (messages: WorkerToScheduler[]) => void,
    act: (action: WorkerAction) => void,
  ): void {
    if (this.#draining) return;
    this.#draining = true;
    const { machine } = this;
    try {
      for (;;) {
        this.#ensureCommunicating();
        this.#ensureComputing();
        const messages = machine.messages.take();
        const { actions } = machine;
        if (messages.length === 0 && actions.length === 0) break;
        if (messages.length > 0) send(messages);
        if (actions.length > 0) {
          machine.actions = [];
          for (let i = 0; i < actions.length; i++) {
            const action = actions[i];
            // Its outcome may have come before anyone could be told to stop it.
            if (action.type === "cancel-execute" && !machine.queue.dying.has(action.key)) continue;
            if (action.type === "rejoin" && !machine.isExecuting(action.key)) continue;
            act(action);
          }
        }
      }
    } finally {
      this.#draining = false;
    }
    const settled = !this.paused && !this.held && this.#restarts === 0;
    if (this.#validate) validateWorker(this, settled);
  }

  // --------------------------------------------------------------------------------- questions

  /** The code that is here. */
  get code(): CodeParts {
    return this.#orders.code;
  }

  /** How many tasks have run to their end. */
  get executedCount(): number {
    return this.#threads.executedCount;
  }

  /** How often a piece of data was not where it was expected, by key; until it came. */
  get suspicious(): Map<string, number> {
    return this.#peers.suspicious;
  }

  /** Whether the key's data is in memory. */
  holds(key: string): boolean {
    return this.machine.tasks.get(key)?.data === "memory";
  }

  /** Sizes in bytes of all data in memory, by key. */
  heldNbytes(): Record<string, number> {
    const sizes: Record<string, number> = {};
    for (const task of this.machine.tasks.values()) {
      if (task.data === "memory") sizes[task.key] = task.nbytes;
    }
    return sizes;
  }

  /** Names of the parts that data in memory refers to, by key; undefined when none refers to any. */
  heldNeeds(): Record<string, string[]> | undefined {
    let needs: Record<string, string[]> | undefined;
    for (const { key, data, refersTo } of this.machine.tasks.values()) {
      if (data === "memory" && refersTo !== null) (needs ??= {})[key] = [...refersTo];
    }
    return needs;
  }

  /** What a scheduler that this worker comes back to should know of generations. */
  generations(): Pick<RegisterWorker, "heard" | "generations"> {
    const { messages: { heard }, tasks } = this.machine;
    if (heard === Infinity) return {};
    const generations: Record<string, number> = {};
    for (const { key, data, generation } of tasks.values()) {
      if (data === "memory" && generation !== Infinity) generations[key] = generation;
    }
    return { heard, generations };
  }

  /** What is remembered of some keys (none: of all), oldest first. */
  story(...keys: string[]): LogEntry[] {
    return this.machine.log.story(...keys);
  }

  // ----------------------------------------------------------------------------------- helpers

  #begin(cause: string, now: number): TaskMachine {
    this.machine.cause = cause;
    this.machine.now = now;
    return this.machine;
  }

  #end(): void {
    const { machine } = this;
    if (machine.dropped.length > 0) {
      machine.actions.push({ type: "drop", keys: machine.dropped });
      machine.dropped = [];
    }
    if (this.#validate) validateWorker(this, false);
  }

  #ensureCommunicating(): void {
    if (this.paused || this.held) return;
    const { machine } = this;
    for (;;) {
      const gather = machine.gathering.next();
      if (gather === undefined) return;
      const keys: string[] = [];
      for (const task of gather.tasks) {
        machine.transitionWaitingFlight(task);
        keys.push(task.key);
      }
      const worker = gather.peer.address;
      machine.actions.push({ type: "gather", worker, keys, nbytes: gather.nbytes });
    }
  }

  #ensureComputing(): void {
    if (this.#restarts > 0) return;
    const { machine } = this;
    machine.cause = "thread free";
    for (const task of machine.queue.rejoining) {
      if (!machine.queue.threadIsFree) return;
      machine.transitionLongRunningExecuting(task);
    }
    if (this.paused || this.held) return;
    for (;;) {
      const task = machine.queue.next();
      if (task === undefined) return;
      machine.transitionReadyExecuting(task);
    }
  }
}
