/**
 * A worker of a local cluster that runs in a process of its own.
 *
 * @module
 */
import { Nanny, type NannyOptions, WorkerProcessError } from "../worker/nanny.ts";

export { WorkerProcessError } from "../worker/nanny.ts";

/** Seconds that a worker has to leave before its process is ended by force; and to hand over its results. */
const LEAVE_TIMEOUT = 10;
const HAND_OVER_TIMEOUT = 30;

/** A worker that runs in a process of its own, which is replaced when it dies unless that is switched off. */
export class WorkerProcess {
  /** Name of the worker. */
  readonly name: string;
  /** Number of its threads. */
  readonly nthreads: number;
  /** Resolves when there is no process any more, and will be none. */
  readonly finished: Promise<void>;
  readonly #nanny: Nanny;

  /**
   * A worker process that does not run yet: see {@linkcode start}.
   *
   * @param options See `NannyOptions`.
   * @throws {Error} When an option makes no sense, such as {@linkcode WorkerProcessError} in a compiled
   *   program.
   */
  constructor(options: NannyOptions & { name: string }) {
    this.#nanny = new Nanny(options);
    this.name = options.name;
    this.nthreads = this.#nanny.nthreads;
    this.finished = this.#nanny.finished;
  }

  /**
   * Start the process, and wait until its worker has joined the cluster.
   *
   * @param timeout How long that may take, in seconds.
   * @throws {WorkerProcessError} When it does not come up, with what it printed. There is no process then.
   */
  async start(timeout: number): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      void this.#nanny.close({ timeout: 0 });
    }, timeout * 1000);
    try {
      await this.#nanny.start();
    } catch (error) {
      await this.finished;
      throw late ? this.#lateError(timeout) : this.#startError(error as Error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Address of the worker; "" before it has joined the cluster. */
  get address(): string {
    return this.#nanny.workerAddress;
  }

  /** Process id: of another process once the worker has died. */
  get pid(): number {
    return this.#nanny.pid;
  }

  /** Why the worker has ended by itself for good; undefined as long as it runs, and when it was closed. */
  get failure(): Error | undefined {
    return this.#nanny.failure;
  }

  /** What the process printed last: why it ended, most likely. */
  get lastWords(): string {
    return this.#nanny.lastWords;
  }

  /** Send the process a signal: by default one that ends it at once. Nothing happens when it has ended. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    this.#nanny.signal(signal);
  }

  /**
   * Have the worker leave the cluster, and end its process; by force when that takes too long.
   *
   * @param options.handOver Whether results that only it holds are handed to others first. Default: true.
   */
  async close({ handOver = true }: { handOver?: boolean } = {}): Promise<void> {
    const timeout = LEAVE_TIMEOUT + (handOver ? HAND_OVER_TIMEOUT : 0);
    await this.#nanny.close({ reason: "it was closed", timeout, handOver });
  }

  #startError(cause: Error): WorkerProcessError {
    const message = `worker process '${this.name}' did not start: ${cause.message}`;
    return new WorkerProcessError(message, { cause });
  }

  #lateError(timeout: number): WorkerProcessError {
    const words = this.lastWords === "" ? "" : `; it printed:\n${this.lastWords}`;
    return new WorkerProcessError(
      `worker process '${this.name}' did not join the cluster within ${timeout} s${words}`,
    );
  }
}
