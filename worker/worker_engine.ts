/**
 * Carries out what the worker's state machine decides: gives tasks to the threads, fetches data from
 * peers, keeps the store, and brings the answers back to the state machine.
 *
 * @module
 */
import type { ConnectionSecurity } from "../comm/security.ts";
import { getLogger } from "../config/logging.ts";
import type { ComputeTask, SchedulerToWorker, WorkerToScheduler } from "../protocol/messages.ts";
import { ReceivedMemory } from "../protocol/received_memory.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { serialize } from "../protocol/values.ts";
import type { WorkerAction } from "./actions.ts";
import { WorkerCore, type WorkerCoreOptions } from "./core.ts";
import { ClientRelays } from "./client_relays.ts";
import type { PeerTransfers } from "./peer_transfers.ts";
import { TaskStarter } from "./task_starter.ts";
import type { ResultStore } from "./store.ts";
import { MalformedMessageError, takeSchedulerMessage } from "./stream_messages.ts";
import type { TaskState } from "./task_state.ts";
import { ThreadPool } from "./threads/thread_pool.ts";
import type { Outcome, ThreadPoolOptions } from "./threads/thread_task.ts";

const logger = getLogger("distributed.worker");

/** What an engine is made of, and whom it tells. */
export interface WorkerEngineOptions {
  /** Setup of the state machine. */
  core: WorkerCoreOptions;
  /** Setup of the threads. */
  threads: Omit<ThreadPoolOptions, Extract<keyof ThreadPoolOptions, `on${string}`>>;
  /** Where the clients of tasks connect to. */
  schedulerAddress: string;
  /** How long they try, in seconds. */
  connectTimeout: number;
  /** Certificates and token of the worker. */
  security?: ConnectionSecurity;
  /** Where results are kept. */
  store: ResultStore;
  /** How many bytes the data of the tasks in the threads may have together; a single task may have more. */
  mostBytesInThreads: number;
  /** How data comes from peers. */
  transfers: PeerTransfers;
  /** Takes messages for the scheduler. */
  send(messages: readonly WorkerToScheduler[]): void;
  /** So many bytes have come into memory. */
  onMemory(bytes: number): void;
  /** The scheduler wants the worker to leave. */
  onClose(order: { reason?: string; restart?: boolean }): void;
  /** A thread would not end. Undefined: that is put up with. */
  onLostThread?(): void;
  /** The scheduler wants all to begin anew, and there is a nanny to do that. Absent: threads are replaced. */
  onRestart?(): void;
  /** The worker cannot go on. */
  onFailure(reason: string): void;
  /** Something went wrong that should not. */
  onFault(where: string, error: unknown): void;
}

/** State machine, threads and store of one worker. */
export class WorkerEngine {
  /** The state machine. */
  readonly core: WorkerCore;
  readonly #threads: ThreadPool;
  readonly #starter: TaskStarter;
  readonly #store: ResultStore;
  readonly #transfers: PeerTransfers;
  readonly #options: WorkerEngineOptions;
  readonly #receivedMemory = new ReceivedMemory();
  readonly #clients: ClientRelays;
  readonly #rests: Set<ReturnType<typeof setTimeout>> = new Set();
  #drainQueued = false;
  #isClosed = false;

  /** @param options See {@linkcode WorkerEngineOptions}. */
  constructor(options: WorkerEngineOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#transfers = options.transfers;
    this.core = new WorkerCore(options.core);
    this.#clients = new ClientRelays({
      schedulerAddress: options.schedulerAddress,
      connectTimeout: options.connectTimeout,
      security: options.security,
      part: (name) => this.core.code.known.get(name),
    });
    this.#threads = new ThreadPool({
      ...options.threads,
      onOutcome: (outcome) => this.#onOutcome(outcome),
      onConsole: ({ key, level, text }) => {
        if (key === null) logger.info(`Between tasks, a thread wrote: ${text}`);
        else options.send([{ op: "task-console", key, level, text }]);
      },
      onSecede: (key, seconds) => {
        this.#starter.seceded(key);
        this.#guard("secede", () => this.core.executeSeceded(key, seconds, now()));
        this.#drainSoon();
      },
      onRejoin: (key) => {
        this.#guard("rejoin", () => this.core.executeRejoins(key, now()));
        this.#drainSoon();
      },
      onClient: (key, port) => this.#clients.open(key, port),
      onThreadsChanged: ({ nthreads, lost }) => {
        logger.warn(`The worker has ${nthreads} threads now, ${lost} would not end`);
        this.#guard("threads changed", () => this.core.setThreads(nthreads, now()));
        if (lost > 0) options.onLostThread?.();
        this.#drainSoon();
      },
      onFailure: (error) => {
        logger.error("A thread died and could not be replaced", { error });
        if (this.#threads.nthreads === 0) {
          options.onFailure(`none of its threads could be replaced: ${error.message}`);
        }
      },
    });
    this.#starter = new TaskStarter({
      store: options.store,
      threads: this.#threads,
      mostBytes: options.mostBytesInThreads,
      onMissing: (key) => this.#onMissing(key),
      onRefused: (key, error) => this.#onRefused(key, error),
    });
    options.store.onLost = (keys) => this.#onLost(keys);
  }

  /** How many bytes the data of the tasks in the threads has. */
  get bytesInThreads(): number {
    return this.#starter.bytes;
  }

  /** How many bytes it may have, as in the options. */
  set mostBytesInThreads(bytes: number) {
    this.#starter.mostBytes = bytes;
  }

  /** Have threads free what tasks leave behind early, or not. */
  saveMemory(isShort: boolean): void {
    this.#threads.saveMemory(isShort);
  }

  /** Begin nothing for the moment, or go on. */
  hold(isHeld: boolean): void {
    this.#control("hold", () => isHeld ? this.core.hold(now()) : this.core.unhold(now()));
  }

  /** Begin nothing until further notice, or go on; the scheduler is told. */
  pause(isPaused: boolean): void {
    this.#control("pause", () => isPaused ? this.core.pause(now()) : this.core.unpause(now()));
  }

  /** Start the threads. */
  async start(): Promise<void> {
    await this.#threads.start();
  }

  /** Stop the threads; nothing is done or answered any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#rests) clearTimeout(timer);
    this.#rests.clear();
    this.#starter.clear();
    await this.#threads.close();
    await this.#clients.close();
  }

  /**
   * Take a batch of messages of the scheduler.
   *
   * @param batch The messages.
   * @param isShared Whether the scheduler has them too, in this process.
   */
  takeBatch(batch: readonly unknown[], isShared: boolean): void {
    if (this.#isClosed) return;
    const time = now();
    for (let i = 0; i < batch.length; i++) {
      const message = batch[i] as SchedulerToWorker;
      if (message?.op === "close") {
        this.#options.onClose(message);
        return;
      }
      if (message?.op === "restart" && this.#options.onRestart !== undefined) {
        this.#options.onRestart();
        return;
      }
      try {
        takeSchedulerMessage(this.core, this.#starter, message, time);
        if (message.op === "compute-task" && !isShared) this.#watchMemory(message);
      } catch (error) {
        if (error instanceof MalformedMessageError) logger.error(error.message);
        else this.#options.onFault(`message ${message?.op}`, error);
      }
    }
    this.#drain();
  }

  /** A heartbeat is due: the scheduler has been there since the one before, or since it came back. */
  heartbeat(): void {
    if (this.#isClosed) return;
    this.#guard("heartbeat", () => this.core.dropUnclaimed(now()));
    this.#drain();
  }

  /** The connection to the scheduler is gone. */
  connectionLost(): void {
    if (this.#isClosed) return;
    this.#guard("connection lost", () => {
      for (const task of this.core.machine.tasks.values()) {
        if (task.state === "executing" && this.#starter.recall(task.key)) {
          this.core.recalled(task.key, now());
        }
      }
      this.core.schedulerLost(now());
    });
    this.#drain();
  }

  /**
   * Take scattered data.
   *
   * @param isShared Whether others in this process have its memory, too.
   */
  putData(
    data: Record<string, Serialized>,
    nbytes: Record<string, number>,
    isShared: boolean,
  ): void {
    this.core.putData(nbytes, now());
    for (const key in data) {
      if (!this.#store.has(key)) this.#keep(key, data[key], !isShared);
    }
    this.#drain();
  }

  /** Drop data without the scheduler's order. */
  deleteData(keys: readonly string[]): void {
    this.core.deleteData(keys, now());
    this.#drain();
  }

  /** Another scheduler is there in its place. */
  schedulerReplaced(): void {
    this.#control("scheduler replaced", () => this.core.schedulerReplaced(now()));
  }

  #drain(): void {
    if (this.#isClosed) return;
    this.#guard("drain", () => this.core.drain(this.#options.send, this.#act));
    if (!this.#receivedMemory.isEmpty) this.#receivedMemory.sweep();
  }

  /** The threads get copies: arguments are needed until the task is over, parts until they are forgotten. */
  #watchMemory({ key, args, parts }: ComputeTask): void {
    const memory = this.#receivedMemory;
    const { machine, code } = this.core;
    const threads = this.#threads;
    memory.watch(args, (value) => {
      return machine.tasks.get(key)?.run?.args === value || threads.has(key) ||
        this.#starter.has(key);
    });
    for (const name in parts) {
      memory.watch(parts[name].code, (part) => {
        if (code.known.get(name)?.code === part || threads.size > 0) return true;
        // Tasks keep what they were to run with; uploads, what tasks can import.
        for (const task of machine.tasks.values()) if (task.run !== null) return true;
        for (const upload of code.uploads.values()) if (upload.code === part) return true;
        return false;
      });
    }
  }

  /** What the threads answer in one turn is looked at together. */
  #drainSoon(): void {
    if (this.#drainQueued) return;
    this.#drainQueued = true;
    queueMicrotask(() => {
      this.#drainQueued = false;
      this.#drain();
    });
  }

  readonly #act = (action: WorkerAction): void => {
    switch (action.type) {
      case "execute":
        this.#execute(action.task);
        return;
      case "gather":
        void this.#gather(action.worker, action.keys, action.nbytes);
        return;
      case "forget-parts":
        this.#threads.forgetParts(action.parts);
        return;
      case "set-uploads":
        this.#threads.setUploads(action.modules);
        return;
      case "drop":
        // What has come back since is not to be dropped.
        for (const key of action.keys) if (!this.core.holds(key)) this.#store.delete(key);
        return;
      case "cancel-execute":
        // Else its outcome follows.
        if (this.#starter.cancel(action.key) !== "stopping") {
          this.core.executeCancelled(action.key, now());
        }
        return;
      case "rejoin":
        this.#threads.rejoin(action.key);
        return;
      case "rest":
        this.#rest(action.worker, action.seconds);
        return;
      case "restart-threads":
        void this.#restartThreads(action.id);
    }
  };

  // --------------------------------------------------------------------------------- the threads

  #execute(task: TaskState): void {
    const run = task.run!;
    this.#starter.start({
      key: task.key,
      function: task.function!,
      needs: task.needs ?? undefined,
      args: run.args,
      timeout: run.timeout,
    }, task.dependencies?.map(({ key }) => key));
  }

  /** The threads have refused a task. */
  #onRefused(key: string, error: unknown): void {
    const time = now();
    this.core.executeErred(key, serialize(error), String(error), time, time, undefined, time);
    this.#drainSoon();
  }

  /** A task could not begin, since data that it needs was lost. */
  #onMissing(key: string): void {
    this.#control("missing data", () => this.core.recalled(key, now()));
  }

  /** Results could not be read back from disk. */
  #onLost(keys: readonly string[]): void {
    this.#control("lost data", () => this.core.deleteData(keys, now()));
  }

  /** Something has changed that neither the scheduler nor a thread has brought about. */
  #control(where: string, change: () => void): void {
    if (this.#isClosed) return;
    this.#guard(where, change);
    this.#drainSoon();
  }

  #keep(key: string, value: Serialized, isOwn: boolean): void {
    this.#store.set(key, value, isOwn);
    this.#options.onMemory(value.nbytes);
  }

  #onOutcome(outcome: Outcome): void {
    if (this.#isClosed) return;
    this.#starter.ended(outcome.key);
    this.#clients.end(outcome.key);
    try {
      this.#takeOutcome(outcome);
    } catch (error) {
      this.#options.onFault(`outcome of ${outcome.key}`, error);
    }
    this.#drainSoon();
  }

  #takeOutcome(outcome: Outcome): void {
    const { core } = this;
    const { key } = outcome;
    switch (outcome.status) {
      case "finished": {
        const { value, type, needs, start, stop, thread } = outcome;
        const { nbytes } = value;
        const wanted = core.executeFinished(key, nbytes, type, needs, start, stop, thread, now());
        if (wanted) this.#keep(key, value, true);
        return;
      }
      case "erred": {
        const { exception, traceback, start, stop, thread } = outcome;
        core.executeErred(key, exception, traceback, start, stop, thread, now());
        return;
      }
      case "cancelled":
        core.executeCancelled(key, now());
        return;
      case "lost":
        logger.warn(`A thread was lost under task ${JSON.stringify(key)}: ${outcome.message}`);
        core.executeLost(key, outcome.message, now());
    }
  }

  async #restartThreads(id: number): Promise<void> {
    this.#clients.endAll();
    this.#starter.clear();
    try {
      await this.#threads.restart();
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.onFault("restart of the threads", error);
      this.#options.onFailure(`its threads did not restart: ${error}`);
      return;
    }
    if (this.#isClosed) return;
    this.#guard("restart", () => this.core.threadsRestarted(id, now()));
    this.#drain();
  }

  // ----------------------------------------------------------------------------------- the peers

  async #gather(worker: string, keys: readonly string[], nbytes: number): Promise<void> {
    let received: Map<string, Serialized> | "busy" | undefined;
    try {
      received = await this.#transfers.fetch(worker, keys, nbytes);
    } catch (error) {
      if (!this.#isClosed) {
        logger.warn(`Could not fetch ${keys.length} keys from ${worker}: ${error}`);
      }
    }
    if (this.#isClosed) return;
    this.#guard("gather", () => {
      if (received === undefined) this.core.gatherFailed(worker, now());
      else if (received === "busy") this.core.gatherBusy(worker, now());
      else this.#received(worker, received);
    });
    this.#drain();
  }

  #received(worker: string, received: Map<string, Serialized>): void {
    const sizes = new Map<string, number>();
    for (const [key, value] of received) sizes.set(key, value.nbytes);
    this.core.gatherSucceeded(worker, sizes, now());
    for (const [key, value] of received) {
      if (!this.core.holds(key) || this.#store.has(key)) continue;
      // Within a process the peer has the same memory.
      this.#keep(key, value, !worker.startsWith("inproc:"));
    }
  }

  #rest(worker: string, seconds: number): void {
    const timer = setTimeout(() => {
      this.#rests.delete(timer);
      this.#guard("rest", () => this.core.peerRested(worker, now()));
      this.#drain();
    }, seconds * 1000);
    this.#rests.add(timer);
  }

  #guard(where: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onFault(where, error);
    }
  }
}

/** The worker's clock, in seconds since 1970. */
export function now(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}
