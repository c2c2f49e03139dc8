/**
 * A worker of the cluster: the state machine of `core.ts`, with a server, a line to the scheduler,
 * threads that run the tasks, and a store for the results.
 *
 * @module
 */
import type { ConnectionSecurity } from "../comm/security.ts";
import { Server } from "../comm/server.ts";
import { getLogger } from "../config/logging.ts";
import { versions } from "../config/version.ts";
import type { Message, RegisterWorker, WorkerMetrics } from "../protocol/messages.ts";
import { isName } from "../protocol/names.ts";
import { Serialized } from "../protocol/serialized.ts";
import type { WorkerCore } from "./core.ts";
import { Departure } from "./departure.ts";
import { PeerTransfers } from "./peer_transfers.ts";
import { SchedulerLink } from "./scheduler_link.ts";
import { ResultStore } from "./store.ts";
import { MalformedMessageError } from "./stream_messages.ts";
import type { LogEntry } from "./transition_log.ts";
import { now, WorkerEngine } from "./worker_engine.ts";
import { memoryShares, WorkerMemory } from "./worker_memory.ts";
import {
  checkWorkerOptions,
  type ClusterWorkerOptions,
  listenAddressFor,
  type WorkerSettings,
} from "./worker_options.ts";

export type { ClusterWorkerOptions } from "./worker_options.ts";
export { RegistrationError, SchedulerLostError } from "./scheduler_link.ts";

const logger = getLogger("distributed.worker");

/** A worker cannot go on; the message says why. */
export class WorkerFailedError extends Error {
  override name = "WorkerFailedError";
}

/** Seconds that a worker may take to leave without loss, unless it is told otherwise. */
const LEAVE_TIMEOUT = 30;
/** Seconds that tasks have to finish on a worker that is to be restarted for a thread that would not end. */
const RESTART_TIMEOUT = 300;
/** How many errors that should not be are kept. */
const FAULTS_KEPT = 10;

/**
 * A worker of the cluster: computes tasks as the scheduler directs, keeps the results, and serves them
 * to peers and clients.
 *
 * @example
 * ```ts ignore
 * const worker = new ClusterWorker({ schedulerAddress: "tcp://127.0.0.1:8786", nthreads: 2 });
 * await worker.start();
 * console.log(`Start worker at: ${worker.address}`);
 * await worker.finished;
 * ```
 */
export class ClusterWorker implements AsyncDisposable {
  /** The results that are here, by key, those on disk too: to look at one reads it back. */
  readonly data: ResultStore = new ResultStore();
  /** Resolves when the worker has closed, for whichever reason. */
  readonly finished: Promise<void>;
  /** Errors that should not be: of the worker itself. The last ten. */
  readonly faults: Error[] = [];
  readonly #settings: WorkerSettings;
  readonly #server: Server;
  readonly #transfers: PeerTransfers;
  readonly #security: ConnectionSecurity | undefined;
  readonly #finish: () => void;
  readonly #departure = new Departure(
    (message) => this.#link?.send([message]),
    (reason) => void this.close({ reason }),
  );
  #engine: WorkerEngine | undefined;
  #link: SchedulerLink | undefined;
  #memory: WorkerMemory | undefined;
  #isClosing = false;
  #failure: Error | undefined;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A worker that does not run yet: see {@linkcode start}.
   *
   * @param options See {@linkcode ClusterWorkerOptions}; only `schedulerAddress` is required.
   * @throws {TypeError} When an option is of the wrong kind.
   * @throws {RangeError} When a number is out of range.
   * @throws {AddressError} When an address is malformed.
   * @throws {SecurityError} When a file of the security cannot be used.
   */
  constructor(options: ClusterWorkerOptions) {
    const settings = checkWorkerOptions(options);
    this.#settings = settings;
    this.#security = settings.security?.connection("worker");
    this.#transfers = new PeerTransfers(
      this.data,
      settings.maxOutgoing,
      settings.totalConnections,
      {
        security: this.#security,
        mostFromDisk: memoryShares(settings.memoryLimit).served,
      },
    );
    this.#server = new Server({
      handlers: {
        "get-data": (comm, message) => this.#transfers.serve(comm, message),
        "update-data": (comm, message) => this.#updateData(message, comm.sharesMemory),
        "delete-data": (_comm, message) => this.#deleteData(message),
        "identity": () => this.identity(),
        "terminate": (_comm, message) => this.#terminate(message),
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
  }

  /**
   * Start the threads, listen, and join the cluster.
   *
   * @throws {RegistrationError} When the scheduler refuses this worker, such as for its name.
   * @throws {ConnectError} When the scheduler cannot be reached.
   * @throws {SpillFolderError} When there is no folder to be had for results on disk.
   * @throws {Error} When it cannot listen, or a thread does not start. It is closed after each of these.
   */
  async start(): Promise<void> {
    if (this.#starting !== undefined) throw new Error("This worker has been started already");
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Where peers and clients reach the worker. */
  get address(): string {
    return this.#server.address;
  }

  /** Name of the worker in the cluster. */
  get name(): string {
    return this.#settings.name ?? this.address;
  }

  /** Where the scheduler is. */
  get schedulerAddress(): string {
    return this.#settings.schedulerAddress;
  }

  /**
   * Why the worker has closed by itself: it lost the scheduler for good, or its threads. Undefined as
   * long as it runs, and when it was told to leave.
   */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** How many threads run tasks. */
  get nthreads(): number {
    return this.#engine?.core.machine.queue.nthreads ?? this.#settings.nthreads;
  }

  /** The state machine, with all that the worker knows. Look, don't touch. */
  get core(): WorkerCore {
    return this.#running().core;
  }

  /** What is remembered of some keys (none: of all), oldest first. */
  story(...keys: string[]): LogEntry[] {
    return this.core.story(...keys);
  }

  /** How much the worker has to do and to keep. */
  metrics(): WorkerMetrics {
    const { counts, inMemory, nbytes } = this.core.machine;
    return {
      executing: counts.executing,
      ready: counts.ready + counts.constrained,
      waiting: counts.waiting,
      inMemory,
      nbytes,
      managed: this.data.memoryBytes,
      spilled: this.data.diskBytes,
      memory: Deno.memoryUsage().rss,
    };
  }

  /** Who this is, and what it does: the answer to the operation `identity`. */
  identity(): Record<string, unknown> {
    return {
      type: "Worker",
      id: this.name,
      address: this.address,
      scheduler: this.schedulerAddress,
      nthreads: this.nthreads,
      resources: this.#settings.resources,
      metrics: this.metrics(),
      versions: versions(),
    };
  }

  /**
   * Leave the cluster: tell the scheduler, stop the threads, close all connections. Can be called
   * again, and at any time.
   *
   * @param options.reason Why, for the scheduler's log.
   */
  close(options: { reason?: string } = {}): Promise<void> {
    return this.#closing ??= this.#close(options.reason, false);
  }

  /**
   * Leave the cluster without loss: take no new task, finish those that run, and let others copy the
   * results that only this worker holds; then close. {@linkcode close} cuts it short.
   *
   * @param options.timeout How long that may take, in seconds; then it closes anyway, and what is lost is
   * computed again. Default 30.
   * @param options.reason Why, for logs.
   * @param options.restart Whether the nanny starts another worker then. It waits for another worker that
   * can take over, if there is none.
   * @returns Resolves when the worker has closed.
   * @throws {RangeError} When the timeout is negative.
   * @throws {TypeError} When the worker is to be restarted and has no nanny.
   *
   * @example
   * ```ts ignore
   * Deno.addSignalListener("SIGTERM", () => void worker.closeGracefully({ timeout: 20 }));
   * ```
   */
  closeGracefully(
    options: { timeout?: number; reason?: string; restart?: boolean } = {},
  ): Promise<void> {
    const { timeout = LEAVE_TIMEOUT, reason = "it was asked to leave", restart = false } = options;
    if (!(timeout >= 0)) {
      throw new RangeError(
        `closeGracefully: timeout must be a number of seconds of at least 0, got ${timeout}`,
      );
    }
    if (restart && this.#settings.nanny === undefined) {
      throw new TypeError("closeGracefully: restart is for a worker with a nanny; leave it out");
    }
    if (this.#isClosing) return this.finished;
    // Nobody is there to hand anything over to.
    if (!restart && this.#link?.isUp !== true) return this.close({ reason });
    logger.info(`Worker at ${this.address} hands its results over: ${reason}`);
    this.#departure.begin({ timeout, reason, restart });
    return this.finished;
  }

  /** Same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ------------------------------------------------------------------------------ life and death

  async #start(): Promise<void> {
    const settings = this.#settings;
    if (this.#isClosing) throw new Error("This worker is closed");
    this.#memory = await WorkerMemory.open(settings, this.data);
    await this.#server.listen(listenAddressFor(settings), { security: this.#security });
    const engine = this.#engine = this.#makeEngine();
    await engine.start();
    if (this.#isClosing) throw new Error("The worker was closed while it started");
    this.#memory?.watch(engine);
    this.#link = new SchedulerLink({
      address: settings.schedulerAddress,
      connectTimeout: settings.connectTimeout,
      reconnect: settings.reconnect,
      deathTimeout: settings.deathTimeout,
      security: this.#security,
      registration: () => this.#registration(),
      heartbeat: () => {
        engine.heartbeat();
        return { op: "heartbeat-worker", now: now(), metrics: this.metrics() };
      },
      onBatch: (batch, isShared) => engine.takeBatch(batch, isShared),
      onBroken: () => engine.connectionLost(),
      onRestored: (isSame) => {
        if (!isSame) engine.schedulerReplaced();
        this.#departure.ask();
      },
      onLost: (error) => this.#fail(error),
    });
    await this.#link.open();
    logger.debug(`Worker at ${this.address} has joined ${settings.schedulerAddress}`);
  }

  #makeEngine(): WorkerEngine {
    const settings = this.#settings;
    const { nanny } = settings;
    const shares = memoryShares(settings.memoryLimit);
    return new WorkerEngine({
      core: {
        address: this.address,
        nthreads: settings.nthreads,
        resources: settings.resources,
        random: Math.random,
        totalConnections: settings.totalConnections,
        maxGatherBytes: settings.maxGatherBytes,
        maxIncomingBytes: shares.incoming,
        validate: settings.validate,
      },
      threads: {
        nthreads: settings.nthreads,
        permissions: settings.permissions,
        address: this.address,
        name: this.name,
        grace: settings.grace,
      },
      schedulerAddress: settings.schedulerAddress,
      connectTimeout: settings.connectTimeout,
      security: this.#security,
      store: this.data,
      mostBytesInThreads: shares.inThreads,
      transfers: this.#transfers,
      send: (messages) => this.#link?.send(messages),
      onMemory: (bytes) => this.#memory?.added(bytes),
      onClose: ({ reason, restart = false }) =>
        void (this.#closing ??= this.#close(reason, restart)),
      onLostThread: nanny === undefined ? undefined : () =>
        void this.closeGracefully({
          reason: "a thread would not end",
          timeout: RESTART_TIMEOUT,
          restart: true,
        }),
      onRestart: nanny === undefined ? undefined : () => nanny.restart("the cluster is restarted"),
      onFailure: (reason) => this.#fail(new WorkerFailedError(`The worker failed: ${reason}`)),
      onFault: (where, error) => this.#fault(where, error),
    });
  }

  /** Leave, because going on is impossible. */
  #fail(error: Error): void {
    if (this.#isClosing) return;
    this.#failure = error;
    logger.error(`The worker closes: ${error.message}`);
    void this.close({ reason: error.message });
  }

  async #close(reason = "it was closed", restart: boolean): Promise<void> {
    this.#isClosing = true;
    this.#departure.close();
    const { nanny } = this.#settings;
    if (!restart) nanny?.leaving(reason);
    const parts = [
      () => this.#memory?.close(),
      () => this.#link?.close(reason),
      // Once the scheduler knows that this one is gone.
      () => restart ? nanny?.restart(reason) : undefined,
      () => this.#transfers.close(),
      () => this.#server.close(),
      () => this.#engine?.close(),
      // Once its parts are closed, a start that was under way comes to an end.
      () => this.#starting?.catch(() => {}),
      () => this.data.close(),
    ];
    for (const part of parts) {
      try {
        await part();
      } catch (error) {
        this.#fault("close", error);
      }
    }
    this.#finish();
  }

  #registration(): RegisterWorker {
    return {
      op: "register-worker",
      address: this.address,
      name: this.name,
      nthreads: this.nthreads,
      resources: this.#settings.resources,
      now: now(),
      pid: Deno.pid,
      memoryLimit: this.#settings.memoryLimit,
      status: this.core.paused ? "paused" : "running",
      nanny: this.#settings.nanny?.address,
      versions: versions(),
      nbytes: this.core.heldNbytes(),
      needs: this.core.heldNeeds(),
      ...this.core.generations(),
    };
  }

  #running(): WorkerEngine {
    if (this.#engine === undefined) throw new Error("This worker has not been started");
    return this.#engine;
  }

  // -------------------------------------------------------------------------------- operations

  #updateData(message: Message, isShared: boolean): unknown {
    const data = message.data as Record<string, unknown> | undefined;
    const valid = typeof data === "object" && data !== null &&
      Object.entries(data).every(([key, value]) => isName(key) && value instanceof Serialized);
    if (!valid) {
      throw new MalformedMessageError(
        '"data" of an update-data message must be a map of values by names',
      );
    }
    const nbytes: Record<string, number> = {};
    for (const key in data) {
      const value = data[key] as Serialized;
      nbytes[key] = value.nbytes;
    }
    this.#running().putData(data as Record<string, Serialized>, nbytes, isShared);
    return { status: "OK", nbytes };
  }

  #deleteData(message: Message): unknown {
    const { keys } = message;
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
      throw new MalformedMessageError('"keys" of a delete-data message must be a list of names');
    }
    this.#running().deleteData(keys);
    return { status: "OK" };
  }

  #terminate(message: Message): unknown {
    const reason = typeof message.reason === "string" ? message.reason : "told to terminate";
    // After the reply has been written: closing closes the comm that it goes out on.
    setTimeout(() => void this.close({ reason }), 0);
    return { status: "OK" };
  }

  // ------------------------------------------------------------------------------------- faults

  /** Something went wrong that should not: say so, remember it, and go on. */
  #fault(where: string, error: unknown): void {
    const fault = error instanceof Error ? error : new Error(String(error));
    logger.error(`Fault in the worker (${where})`, { error: fault });
    this.faults.push(fault);
    if (this.faults.length > FAULTS_KEPT) this.faults.shift();
  }
}
