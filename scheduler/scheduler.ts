/**
 * The scheduler as a server: it listens, turns what comes in on streams and as calls into stimuli for
 * the core, sends on what the core answers, and keeps the timers. All decisions are the core's.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";
import type { Comm } from "../comm/comm.ts";
import { ConnectionPool } from "../comm/connection_pool.ts";
import { defaultSecurity } from "../comm/default_security.ts";
import type { ConnectionSecurity, Security } from "../comm/security.ts";
import { Server } from "../comm/server.ts";
import { configured, withDefaults } from "../config/configured.ts";
import { getLogger } from "../config/logging.ts";
import type {
  Message,
  RegisterClientReply,
  SchedulerToClient,
  UpdateGraph,
} from "../protocol/messages.ts";
import { Arrivals } from "./arrivals.ts";
import { handleClientMessage } from "./client_messages.ts";
import { SchedulerCore, type SchedulerCoreOptions } from "./core.ts";
import { GraphMemory } from "./graph_memory.ts";
import { checkName, MalformedMessageError } from "./message_checks.ts";
import { type Peer, Peers } from "./peers.ts";
import { type OnMessage, takeStream } from "./peer_stream.ts";
import { now } from "./clock.ts";
import type { SchedulerPlugin } from "./plugin.ts";
import { RestartRounds } from "./restart_rounds.ts";
import { RetirementCalls, type RetireWorkersOptions } from "./retirement_calls.ts";
import { rpcHandlers, type SchedulerServices } from "./rpc_handlers.ts";
import { WorkerRegistry } from "./worker_registry.ts";
import type { WorkersToCloseOptions } from "./workers_to_close.ts";

const logger = getLogger("distributed.scheduler");

/** Seconds within which a worker has to take a connection for a call. */
const WORKER_REACH_TIMEOUT = 2;

/** Options of {@linkcode Scheduler}. */
export interface SchedulerOptions extends SchedulerCoreOptions {
  /** How often workers say that they live, in seconds. Default: 1. */
  heartbeatInterval?: number;
  /** How often work is moved from busy workers to idle ones, in seconds. Default: 0.1. */
  balanceInterval?: number;
  /** How often it is estimated afresh how long the workers are busy, in seconds. Default: 1. */
  occupancyInterval?: number;
  /** Told of what happens; more can be added later with {@linkcode Scheduler.addPlugin}. */
  plugins?: SchedulerPlugin[];
  /** How many connections to workers are kept at most, for calls. Default: 512. */
  connectionLimit?: number;
  /** Certificates and token. Default: neither, and only peers of this machine are let in. */
  security?: Security;
}

/**
 * The scheduler of a cluster.
 *
 * @example
 * ```ts ignore
 * await using scheduler = new Scheduler();
 * await scheduler.start("tcp://:8786");
 * console.log(`Scheduler started at ${scheduler.address}`);
 * await scheduler.finished;
 * ```
 */
export class Scheduler implements AsyncDisposable {
  /** The state machine, with all that the scheduler knows. Look, don't touch. */
  readonly core: SchedulerCore;
  /** Resolves when the scheduler has closed. */
  readonly finished: Promise<void>;
  /** Errors that should not be: of the scheduler itself, or of a plugin. The last ten. */
  readonly faults: Error[] = [];
  readonly #server: Server;
  readonly #pool: ConnectionPool;
  readonly #security: ConnectionSecurity | undefined;
  readonly #workers = new Peers("worker");
  readonly #clients = new Peers("client");
  readonly #registry: WorkerRegistry;
  readonly #restarts = new RestartRounds();
  readonly #retirements: RetirementCalls;
  readonly #arrivals = new Arrivals();
  readonly #memory: GraphMemory;
  /** Called when the last worker has left, or the scheduler closes. */
  #onEmpty: () => void = () => {};
  readonly #id = `Scheduler-${crypto.randomUUID()}`;
  readonly #intervals: Record<"heartbeat" | "balance" | "occupancy", number>;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #finish: () => void;
  #isStarted = false;
  #shuttingDown: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * A scheduler that does not run yet: see {@linkcode start}.
   *
   * @param given How it behaves; see {@linkcode SchedulerOptions}. The program's settings, if it has any,
   * fill in the rest first.
   * @throws {RangeError} When an interval is not a number of seconds above 0.
   * @throws {SecurityError} When a file of the security cannot be used.
   */
  constructor(given: SchedulerOptions = {}) {
    const options = withDefaults(given, configured()?.scheduler);
    this.#intervals = {
      heartbeat: checkInterval("heartbeatInterval", options.heartbeatInterval ?? 1),
      balance: checkInterval("balanceInterval", options.balanceInterval ?? 0.1),
      occupancy: checkInterval("occupancyInterval", options.occupancyInterval ?? 1),
    };
    this.core = new SchedulerCore({
      ...options,
      onPluginError: (error, plugin, hook) => {
        this.#fault(`plugin ${plugin.constructor.name}, ${hook}`, error);
        options.onPluginError?.(error, plugin, hook);
      },
    });
    for (const plugin of options.plugins ?? []) this.core.addPlugin(plugin);
    this.#memory = new GraphMemory(this.core);
    this.#retirements = new RetirementCalls({
      core: this.core,
      flush: () => this.#flush(),
      removeWorker: (address, reason) => this.#registry.remove(address, { safe: true, reason }),
    });
    this.#registry = new WorkerRegistry({
      id: this.#id,
      core: this.core,
      peers: this.#workers,
      restarts: this.#restarts,
      heartbeatInterval: this.#intervals.heartbeat,
      takeStream: (peer, reply, onMessage) => this.#takeStream(peer, reply, onMessage),
      flush: () => this.#flush(),
      fault: (where, error) => this.#fault(where, error),
      joined: () => this.#arrivals.announce(),
      gone: (worker) => {
        this.#retirements.left(worker);
        void this.#pool.closeComms(worker);
        if (this.#workers.size === 0) this.#onEmpty();
      },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
    this.#security = (options.security ?? defaultSecurity())?.connection("scheduler");
    this.#pool = new ConnectionPool({
      limit: options.connectionLimit,
      // Workers that have registered are there, or gone.
      connect: { reachTimeout: WORKER_REACH_TIMEOUT, security: this.#security },
    });
    this.#server = new Server({
      handlers: {
        ...rpcHandlers(this.#services()),
        "register-worker": (comm, message) => this.#registry.register(comm, message),
        "register-client": (comm, message) => this.#registerClient(comm, message),
        "terminate": (comm) => this.#terminate(comm),
      },
      onHandlerError: (error, op) => {
        if (!(error instanceof MalformedMessageError)) this.#fault(op, error);
      },
    });
  }

  /**
   * Listen, and begin to schedule.
   *
   * @param addresses Where: such as "tcp://:8786", "tcp://127.0.0.1:0" or "inproc://", or several.
   * @throws {Error} When it cannot listen there, or was closed meanwhile; it is closed then. And when
   *   it has been started before.
   */
  async start(addresses: string | readonly string[] = "tcp://:8786"): Promise<void> {
    if (this.#isStarted) throw new Error("This scheduler has been started already");
    this.#isStarted = true;
    try {
      for (const address of typeof addresses === "string" ? [addresses] : addresses) {
        await this.#server.listen(address, { security: this.#security });
      }
      if (this.#closing !== undefined) throw new Error("The scheduler was closed while it started");
    } catch (error) {
      await this.close();
      throw error;
    }
    const { heartbeat, balance, occupancy } = this.#intervals;
    let lastCheck = now();
    this.#every(heartbeat, "check of heartbeats", () => {
      const time = now();
      const late = time - lastCheck - heartbeat;
      lastCheck = time;
      // When this process itself was held up, the heartbeats are there but have not been read yet.
      if (late < heartbeat) this.#registry.giveUpSilent(time);
    });
    this.#every(heartbeat, "look at orphans", () => this.core.claimOrphans(now()));
    this.#every(balance, "balance", () => this.core.balance(now()));
    this.#every(balance, "check of retirements", () => this.core.checkRetirements(now()));
    this.#every(occupancy, "estimate of occupancy", () => this.core.reevaluateOccupancy(now()));
    logger.debug(`Scheduler at ${this.addresses.join(", ")}`);
  }

  /** Address to reach the scheduler at: of the first that it was started on. */
  get address(): string {
    return this.#server.address;
  }

  /** All addresses to reach the scheduler at. */
  get addresses(): readonly string[] {
    return this.#server.addresses;
  }

  /** Add a plugin: from now on it is told what happens. */
  addPlugin(plugin: SchedulerPlugin): void {
    this.core.addPlugin(plugin);
  }

  /** Remove a plugin. */
  removePlugin(plugin: SchedulerPlugin): void {
    this.core.removePlugin(plugin);
  }

  /**
   * Forget all tasks and data, and have all workers begin anew: those with a nanny in new processes, the
   * others with new threads.
   *
   * @param options.timeout How long the workers may take, in seconds. Default: 30.
   * @returns Addresses of workers that took longer, which have been removed from the cluster.
   */
  async restart({ timeout = 30 }: { timeout?: number } = {}): Promise<string[]> {
    logger.info("Restart: all tasks and data are dropped");
    this.#flush();
    const workers = this.#workers.ids;
    const { id, late } = this.#restarts.begin(
      workers.map((address) => {
        const ws = this.core.workers.get(address);
        return { address, nanny: ws?.nanny ?? null, pid: ws?.pid ?? 0 };
      }),
      timeout,
    );
    for (const worker of workers) this.#workers.send(worker, [{ op: "restart", id }]);
    this.core.restart(now());
    this.#flush();
    const removed = await late;
    for (const worker of removed) {
      this.#registry.remove(worker, { safe: true, reason: "it did not restart in time" });
    }
    return removed;
  }

  /**
   * Have workers leave without loss: they get no new tasks, finish those that they run, and others copy
   * the results that only they hold. Where that cannot be, because no other worker is left or the time
   * is up, what is lost is computed again.
   *
   * @param options Which workers, and what becomes of them. With `remove` and without `closeWorkers` they
   *   are cut off: it is for you to end them, because they would come back.
   * @returns Their addresses.
   * @throws {RangeError} When `timeout` or `memoryRatio` is negative, or `n` no whole number of at least 0.
   *
   * @example
   * ```ts ignore
   * await scheduler.retireWorkers({ workers: ["alice"], timeout: 60 });
   * await scheduler.retireWorkers({ n: 2 }); // the two that are missed least
   * ```
   */
  async retireWorkers(options: RetireWorkersOptions = {}): Promise<string[]> {
    return await this.#retirements.retire(options);
  }

  /**
   * Find workers that can be closed at low cost: idle ones with the least data, as long as the others
   * have room for all data, with a comfortable buffer.
   *
   * @param options How much room is comfortable; or how many workers to find, busy or not.
   * @returns Their addresses, the one that is missed least first.
   * @throws {RangeError} When `memoryRatio` is negative, or `n` no whole number of at least 0.
   */
  workersToClose(options: WorkersToCloseOptions = {}): string[] {
    return this.core.workersToClose(options);
  }

  /**
   * Shut down the cluster: tell all clients and workers that it ends, wait for the workers, and close.
   *
   * @param options.timeout How long the workers may take, in seconds. Default: 10.
   */
  shutdown({ timeout = 10 }: { timeout?: number } = {}): Promise<void> {
    return this.#shuttingDown ??= this.#shutDown(timeout);
  }

  async #shutDown(timeout: number): Promise<void> {
    const end: SchedulerToClient = { op: "close", reason: "the cluster is shut down" };
    for (const client of this.#clients.ids) this.#clients.send(client, [end]);
    for (const worker of this.#workers.ids) {
      this.#workers.send(worker, [{ op: "close", reason: "the cluster is shut down" }]);
    }
    if (this.#workers.size > 0) {
      await new Promise<void>((resolve) => {
        const stopTimer = awakeTimer(timeout, resolve);
        this.#onEmpty = () => {
          stopTimer();
          resolve();
        };
      });
    }
    await this.close();
  }

  /** Stop at once: close all connections and end. Workers and clients notice. Can be called again. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#restarts.close();
    this.#retirements.close();
    this.#arrivals.announce();
    this.#onEmpty();
    await Promise.all([this.#workers.close(), this.#clients.close()]);
    await this.#pool.close();
    await this.#server.close();
    this.#finish();
  }

  // clients --------------------------------------------------------------------

  async #registerClient(comm: Comm, message: Message): Promise<unknown> {
    const id = checkName(message, "client");
    const time = now();
    // A client that comes back before its old connection was found broken.
    if (this.#clients.has(id)) this.core.removeClient(id, time);
    this.core.addClient(id, time);
    const peer = this.#clients.add(id, comm);
    logger.info(`Client ${id} has connected`);
    this.#flush();
    const reply: RegisterClientReply = { status: "OK", id: this.#id, time };
    await this.#takeStream(peer, reply, this.#onClientMessage);
    if (this.#clients.remove(peer)) {
      logger.info(`Client ${id} has disconnected`);
      try {
        this.core.removeClient(id, now());
      } catch (error) {
        this.#fault("removal of a client", error);
      }
      this.#flush();
    }
    return Server.noReply;
  }

  readonly #onClientMessage: OnMessage = (peer, message, time) => {
    const open = handleClientMessage(this.core, peer.id, message, time);
    // Who is in this process gets the memory itself.
    if (message.op === "update-graph" && !this.addresses.some((at) => at.startsWith("inproc:"))) {
      this.#memory.watch(message as unknown as UpdateGraph);
    }
    return open;
  };

  #takeStream(peer: Peer, reply: unknown, onMessage: OnMessage): Promise<void> {
    this.#server.countAsStream(peer.comm);
    return takeStream(peer, reply, {
      onMessage,
      afterBatch: () => this.#flush(),
      onFault: (where, error) => this.#fault(where, error),
    });
  }

  /** Send what has piled up in the core. */
  #flush(): void {
    this.core.drain(this.#workers.send, this.#clients.send);
    for (const retired of this.core.takeRetired()) this.#retirements.retired(retired);
  }

  // calls ----------------------------------------------------------------------

  #services(): SchedulerServices {
    // deno-lint-ignore no-this-alias -- its getter needs a name for the scheduler
    const scheduler = this;
    return {
      core: this.core,
      pool: this.#pool,
      id: this.#id,
      get addresses() {
        return scheduler.addresses;
      },
      hasClient: (id) => this.#clients.has(id),
      now,
      flush: () => this.#flush(),
      restart: (options) => this.restart(options),
      retireWorkers: (options) => this.retireWorkers(options),
      removeWorker: (address, reason) => this.#registry.remove(address, { safe: true, reason }),
      workerJoined: (timeout) => this.#arrivals.next(timeout),
    };
  }

  async #terminate(comm: Comm): Promise<unknown> {
    await comm.write({ status: "OK" });
    this.shutdown().catch((error) => this.#fault("shutdown", error));
    return Server.noReply;
  }

  // upkeep ---------------------------------------------------------------------

  #every(seconds: number, what: string, work: () => void): void {
    this.#timers.push(setInterval(() => {
      try {
        work();
      } catch (error) {
        this.#fault(what, error);
      }
      this.#flush();
      if (!this.#memory.isEmpty && this.#workers.isIdle && this.#clients.isIdle) {
        this.#memory.sweep();
      }
    }, seconds * 1000));
  }

  /** Something went wrong that should not: say so, remember it, and go on. */
  #fault(where: string, error: unknown): void {
    const fault = error instanceof Error ? error : new Error(String(error));
    logger.error(`Fault in the scheduler (${where})`, { error: fault.stack });
    this.faults.push(fault);
    if (this.faults.length > 10) this.faults.shift();
  }
}

function checkInterval(name: string, seconds: number): number {
  if (typeof seconds === "number" && seconds > 0 && seconds < 1e6) return seconds;
  throw new RangeError(`${name} must be a number of seconds above 0, got ${seconds}`);
}
