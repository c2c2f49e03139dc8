/**
 * The nanny of a worker: runs it in a process of its own, which it watches, starts again when it dies,
 * and takes along when it ends.
 *
 * @module
 */
import { pause } from "../comm/pause.ts";
import { getLogger } from "../config/logger.ts";
import {
  checkNannyOptions,
  childSettings,
  type NannyOptions,
  terminateAt,
} from "./nanny_options.ts";
import type { NannyServer } from "./nanny_server.ts";
import { memoryReader } from "./process_memory.ts";
import { DEATHS_AT_START, RestartPolicy } from "./restart_policy.ts";
import { type End, WorkerLife } from "./worker_life.ts";
import { WorkerProcessError } from "./worker_program.ts";

export type { NannyOptions } from "./nanny_options.ts";
export { CHILD_ARGUMENT, WorkerProcessError } from "./worker_program.ts";

const logger = getLogger("distributed.nanny");

/** Seconds that a worker has to leave in good order, when nobody says otherwise. */
const LEAVE_TIMEOUT = 60;
/** Failures that another process would meet again: there is no place for this worker any more. */
const FINAL_FAILURES: ReadonlySet<string> = new Set([
  "SchedulerLostError",
  "RegistrationError",
  "ConnectError",
  "ConnectTimeoutError",
  "HandshakeError",
  "AuthenticationError",
]);
/** How often it is said that a worker that was in the cluster is not back yet, in seconds. */
const NOTICE_INTERVAL = 10;

/**
 * Runs a worker in a process of its own.
 *
 * @example
 * ```ts ignore
 * await using nanny = new Nanny({ schedulerAddress: "tcp://127.0.0.1:8786", memoryLimit: 4e9 });
 * await nanny.start();
 * console.log(`Start worker at: ${nanny.workerAddress}`);
 * await nanny.finished;
 * if (nanny.failure !== undefined) throw nanny.failure;
 * ```
 */
export class Nanny implements AsyncDisposable {
  /** Resolves when the nanny has ended, and the worker's process with it, for whichever reason. */
  readonly finished: Promise<void>;
  /** Number of the worker's threads. */
  readonly nthreads: number;
  readonly #options: NannyOptions & { command: readonly string[] };
  readonly #policy = new RestartPolicy();
  readonly #closing = new AbortController();
  readonly #finish: () => void;
  readonly #id = `nanny-${crypto.randomUUID()}`;
  /** Resolves when the next process has joined the cluster. */
  #joined = expectation();
  #server: NannyServer | undefined;
  #life: WorkerLife | undefined;
  #workerAddress = "";
  #starts = 0;
  #failure: Error | undefined;
  #running: Promise<void> | undefined;

  /**
   * A nanny that does not run yet: see {@linkcode start}.
   *
   * @param options See {@linkcode NannyOptions}; only `schedulerAddress` is required.
   * @throws {TypeError} When an option is of the wrong kind.
   * @throws {RangeError} When a number is out of range.
   * @throws {AddressError} When an address is malformed.
   * @throws {WorkerProcessError} In a compiled program that gives no `command`.
   */
  constructor(options: NannyOptions) {
    const checked = checkNannyOptions(options);
    this.#options = checked;
    this.nthreads = checked.nthreads;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
  }

  /**
   * Start the worker's process, and wait until the worker has joined the cluster.
   *
   * @throws {WorkerProcessError} When it cannot be started, or does not come up, in its own words. The
   *   nanny has ended then.
   */
  async start(): Promise<void> {
    if (this.#running !== undefined) throw new Error("This nanny has been started already");
    const joined = this.#joined.promise;
    this.#running = this.#run();
    await joined;
  }

  /** What the scheduler knows the nanny by: where it listens, or a unique name. */
  get address(): string {
    return this.#server?.address ?? this.#id;
  }

  /** Where the worker is, or was last; "" before it has joined the cluster. */
  get workerAddress(): string {
    return this.#workerAddress;
  }

  /** Name of the worker in the cluster. */
  get name(): string {
    return this.#options.name ?? this.#workerAddress;
  }

  /** Where the scheduler is. */
  get schedulerAddress(): string {
    return this.#options.schedulerAddress;
  }

  /** Process id of the worker, or of the last one; 0 when none has been started. */
  get pid(): number {
    return this.#life?.child.pid ?? 0;
  }

  /** How many processes have been started. */
  get starts(): number {
    return this.#starts;
  }

  /** What the worker's process has printed last. */
  get lastWords(): string {
    return this.#life?.child.lastWords ?? "";
  }

  /** Why the nanny has ended by itself; undefined as long as it runs, and when it was told to end. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Who this is, and what it does: the answer to the operation `identity`. */
  identity(): Record<string, unknown> {
    return {
      type: "Nanny",
      id: this.#id,
      address: this.address,
      scheduler: this.schedulerAddress,
      worker: this.workerAddress,
      name: this.name,
      pid: this.pid,
      starts: this.starts,
    };
  }

  /** Send the worker's process a signal, such as "SIGKILL". Nothing happens when it has ended. */
  signal(signal: Deno.Signal): void {
    this.#life?.child.signal(signal);
  }

  /**
   * End the worker's process at once, and start another.
   *
   * @param options.reason Why, for the log.
   * @returns Resolves when the new worker has joined the cluster.
   * @throws {WorkerProcessError} When it does not come up, or the nanny ends.
   */
  async restart(options: { reason?: string } = {}): Promise<void> {
    if (this.#running === undefined) throw new Error("This nanny has not been started");
    if (this.#isOver) throw new WorkerProcessError("This nanny has ended");
    const { promise } = this.#joined = expectation(this.#joined);
    this.#life?.restart(options.reason ?? "told to restart");
    await promise;
  }

  /**
   * Have the worker leave the cluster, and end. A worker that takes too long is ended by force. Can be
   * called again, and at any time.
   *
   * @param options.reason Why, for the scheduler's log.
   * @param options.timeout Seconds that the worker may take. Default: 60.
   * @param options.handOver Whether results that only it holds are handed to other workers. Default: true.
   */
  async close(
    options: { reason?: string; timeout?: number; handOver?: boolean } = {},
  ): Promise<void> {
    const { reason = "its nanny was told to end", timeout = LEAVE_TIMEOUT, handOver = true } =
      options;
    this.#closing.abort();
    if (this.#running === undefined) this.#running = this.#run();
    this.#life?.leave({ reason, timeout, handOver });
    await this.finished;
  }

  /** Same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isOver(): boolean {
    return this.#closing.signal.aborted || this.#failure !== undefined;
  }

  // ------------------------------------------------------------------------------ one life after another

  async #run(): Promise<void> {
    try {
      await this.#listen();
      await this.#live();
    } catch (error) {
      this.#failure = error as Error;
      // Who starts a worker that never joins is told by `start`.
      if (this.#workerAddress !== "") logger.error(`The nanny ends: ${this.#failure.message}`);
    }
    this.#closing.abort();
    await this.#server?.close();
    this.#joined.reject(this.#failure ?? new WorkerProcessError("The worker has left the cluster"));
    this.#finish();
  }

  async #listen(): Promise<void> {
    if (this.#options.nannyPort === undefined || this.#closing.signal.aborted) return;
    // A nanny that nobody asks anything is smaller without.
    const { NannyServer } = await import("./nanny_server.ts");
    this.#server = await NannyServer.listen(this, this.#options);
  }

  /** @throws {WorkerProcessError} When it is given up. */
  async #live(): Promise<void> {
    const { signal } = this.#closing;
    const { command, showOutput = true } = this.#options;
    const readMemory = await memoryReader();
    let wasThere = false;
    while (!signal.aborted) {
      const settings = childSettings(this.#options, { nanny: this.address, wasThere, readMemory });
      this.#life = new WorkerLife({
        command,
        settings,
        showOutput,
        memoryLimit: terminateAt(this.#options),
        readMemory,
        onJoined: (address) => {
          clearInterval(notices);
          const { name } = this;
          this.#workerAddress = address;
          if (wasThere) logger.info(`Worker ${name} is back at ${address}`);
          wasThere = true;
          this.#joined.resolve();
        },
        onKill: (reason) =>
          logger.warn(`Ends worker ${this.name} (process ${this.pid}): ${reason}`),
      });
      this.#starts++;
      const notices = wasThere ? this.#noticesOfReturn() : undefined;
      const end = await this.#life.ended;
      clearInterval(notices);
      const wait = this.#judge(end, wasThere);
      if (wait === undefined) return;
      this.#joined = expectation(this.#joined);
      await pause(wait, signal);
    }
  }

  /** @returns The timer; who has started a worker for the first time tells of the waiting itself. */
  #noticesOfReturn(): ReturnType<typeof setInterval> {
    return setInterval(
      () =>
        logger.warn(
          `Worker ${this.name} is still trying to reach the scheduler at ${this.schedulerAddress}`,
        ),
      NOTICE_INTERVAL * 1000,
    );
  }

  /**
   * Whether there is to be another life.
   *
   * @returns Seconds to wait before; undefined: there is none, and nothing to complain of.
   * @throws {WorkerProcessError} When there is none.
   */
  #judge(end: End, wasThere: boolean): number | undefined {
    if (end.how === "left" || this.#closing.signal.aborted) return undefined;
    const who = `worker ${this.name} (process ${this.pid})`;
    if (end.how === "restart") {
      logger.info(`Restarts ${who}: ${end.reason}`);
      return 0;
    }
    const { autoRestart = true } = this.#options;
    const failed = end.how === "failed";
    if (failed && (!wasThere || !autoRestart || FINAL_FAILURES.has(end.name))) {
      throw new WorkerProcessError(end.message);
    }
    const cause = failed ? `it failed: ${end.message}` : end.cause;
    const words = this.lastWords === "" ? "" : `; it printed last:\n${this.lastWords}`;
    if (!autoRestart) throw new WorkerProcessError(`The worker process has died: ${cause}${words}`);
    const wait = this.#policy.died(end.life);
    if (wait === undefined) {
      throw new WorkerProcessError(
        `The worker process died ${DEATHS_AT_START} times in a row before it had joined the cluster, ` +
          `last because ${cause}${words}`,
      );
    }
    logger.warn(`Restarts ${who}${wait === 0 ? "" : ` in ${wait} s`}, which has died: ${cause}`);
    return wait;
  }
}

interface Expectation {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

/** Something that is waited for; who waits for an earlier one waits for this. Nobody has to wait. */
function expectation(earlier?: Expectation): Expectation {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  if (earlier !== undefined) promise.then(earlier.resolve, earlier.reject);
  return { promise, resolve, reject };
}
