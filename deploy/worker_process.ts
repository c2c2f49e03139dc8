/**
 * A worker in a process of its own on this machine: starts the `dusk-worker` program from its source,
 * notices when it ends, and ends it. The process ends by itself when this one is gone, because its
 * standard input then ends.
 *
 * @module
 */

/** How to start a worker process. */
export interface WorkerProcessOptions {
  /** Address of the scheduler. */
  schedulerAddress: string;
  /** Name of the worker. */
  name: string;
  /** Number of threads. */
  nthreads: number;
  /** Address to listen on. */
  host: string;
  /** Options of `ClusterWorker` that the command line has no flag for. */
  settings: Record<string, unknown>;
  /** Whether what the process prints is shown on this one's standard error. */
  showOutput: boolean;
}

/** A worker process could not be started, or ended before it had joined the cluster. */
export class WorkerProcessError extends Error {
  /** Name of the class. */
  override name = "WorkerProcessError";
}

/** How much of what a process printed last is kept to explain its end, in UTF-16 units. */
const KEPT_OUTPUT = 8_000;

/** A worker that runs in a process of its own. */
export class WorkerProcess {
  /** Name of the worker. */
  readonly name: string;
  /** Number of its threads. */
  readonly nthreads: number;
  /** Process id. */
  readonly pid: number;
  /** Address, once it has joined the cluster; "" before. */
  address = "";
  /** Resolves when the process has ended. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<unknown>;
  readonly #stopReading = new AbortController();
  #lastWords = "";

  private constructor(child: Deno.ChildProcess, options: WorkerProcessOptions) {
    this.#child = child;
    this.name = options.name;
    this.nthreads = options.nthreads;
    this.pid = child.pid;
    this.#output = Promise.all([
      this.#keep(child.stdout, options.showOutput),
      this.#keep(child.stderr, options.showOutput),
    ]);
    this.exited = this.#untilEnd();
  }

  /**
   * Start a worker process. It has not joined the cluster yet when this returns.
   *
   * @throws {WorkerProcessError} When this program is not run by `deno`, or may not run it.
   */
  static start(options: WorkerProcessOptions): WorkerProcess {
    if (Deno.build.standalone) {
      throw new WorkerProcessError(
        "a compiled program cannot start worker processes from source: use processes: false, or " +
          "start dusk-worker programs and connect to their scheduler",
      );
    }
    const command = new Deno.Command(Deno.execPath(), {
      args: workerArguments(options),
      // A package.json or deno.json where the user happens to be must not change how Dusk resolves.
      env: { DENO_NO_PACKAGE_JSON: "1", DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    try {
      return new WorkerProcess(command.spawn(), options);
    } catch (error) {
      throw new WorkerProcessError(
        `cannot start a worker process: ${(error as Error).message} (it needs --allow-run)`,
        { cause: error },
      );
    }
  }

  /** What the process printed last: why it ended, most likely. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  /** End the process at once, as by `kill -9`. Nothing happens when it has ended. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It may have ended a moment ago, in which case there is nothing left to do.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /**
   * Wait for the process to end by itself, and end it if it does not.
   *
   * @param grace How long to wait, in seconds.
   */
  async ended(grace: number): Promise<void> {
    const timer = setTimeout(() => this.kill(), grace * 1000);
    try {
      await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ask the process to leave the cluster and end; end it by force after a grace period. */
  async close(grace = 10): Promise<void> {
    this.kill("SIGTERM");
    await this.ended(grace);
  }

  async #untilEnd(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    // A program that a task has started may hold the pipes open for long after its worker.
    const timer = setTimeout(() => this.#stopReading.abort(), 500);
    await this.#output;
    clearTimeout(timer);
    try {
      await this.#child.stdin.close();
    } catch {
      // The pipe broke when the process ended.
    }
    return status;
  }

  /** Read what the process prints, so that it never waits for a full pipe, and keep the end of it. */
  async #keep(stream: ReadableStream<Uint8Array>, show: boolean): Promise<void> {
    const { signal } = this.#stopReading;
    const keep = new WritableStream<string>({
      write: (text) => {
        this.#lastWords = (this.#lastWords + text).slice(-KEPT_OUTPUT);
        if (show) Deno.stderr.writeSync(new TextEncoder().encode(text));
      },
    });
    try {
      await stream.pipeThrough(new TextDecoderStream()).pipeTo(keep, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

function workerArguments(options: WorkerProcessOptions): string[] {
  return [
    "run",
    "--allow-all",
    "--unstable-worker-options",
    "--no-config",
    "--no-lock",
    "--no-prompt",
    "--node-modules-dir=none",
    "--quiet",
    new URL("../cli/worker.ts", import.meta.url).href,
    options.schedulerAddress,
    `--name=${options.name}`,
    `--nthreads=${options.nthreads}`,
    `--host=${options.host}`,
    `--settings=${JSON.stringify(options.settings)}`,
    "--exit-with-stdin",
  ];
}
