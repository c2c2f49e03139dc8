/**
 * One process of a worker, from its start to its end: as its nanny sees it.
 *
 * @module
 */
import { DENO_ENV } from "./deno_program.ts";
import {
  type ChildSettings,
  encodeLine,
  type FromChild,
  LONGEST_LINE,
  MarkedLines,
} from "./nanny_messages.ts";
import { COOKIE_NAME, killTree, mayKillTrees } from "./process_tree.ts";
import { WorkerProcessError } from "./worker_program.ts";

/** How to start a worker's process. */
export interface ChildOptions {
  /** The program, and its arguments. */
  command: readonly string[];
  /** What it gets to know; the rest is between the two of them. */
  settings: Omit<ChildSettings, "mark" | "cookie" | "leadsGroup">;
  /** Whether what it prints is shown here. */
  showOutput: boolean;
  /** It says something. */
  onMessage(message: FromChild): void;
}

/** How much of what a process printed last is kept to explain its end, in UTF-16 units. */
const KEPT_OUTPUT = 8_000;
/** How long what a process has printed is waited for after its end, in milliseconds. */
const LAST_OUTPUT = 500;
/** How long a process may take to end itself before it counts as stuck, in milliseconds. */
const STUCK_AFTER = 1000;

/** A worker's process. */
export class ChildProcess {
  /** Process id. */
  readonly pid: number;
  /** Resolves when the process has ended, and what it has started is gone. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #cookie: string;
  readonly #output: Promise<unknown>;
  readonly #stopReading = new AbortController();
  #lastResort: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;
  #lastWords = "";

  private constructor(child: Deno.ChildProcess, settings: ChildSettings, options: ChildOptions) {
    this.#child = child;
    this.pid = child.pid;
    this.#cookie = settings.cookie;
    this.#stdin = child.stdin.getWriter();
    this.#tell(encodeLine(settings));
    const show = (to: typeof Deno.stdout) => (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-KEPT_OUTPUT);
      if (options.showOutput) print(to, text);
    };
    const lines = new MarkedLines(settings.mark, show(Deno.stdout), options.onMessage);
    this.#output = Promise.all([
      this.#read(child.stdout, (text) => lines.push(text)).then(() => lines.end()),
      this.#read(child.stderr, show(Deno.stderr)),
    ]);
    this.exited = this.#untilEnd();
  }

  /**
   * Start a process. It has not joined the cluster yet when this returns.
   *
   * @throws {WorkerProcessError} When the program cannot be run, or may not.
   */
  static start(options: ChildOptions): ChildProcess {
    const [program, ...args] = options.command;
    const settings: ChildSettings = {
      ...options.settings,
      mark: `\x1e${crypto.randomUUID()} `,
      cookie: crypto.randomUUID(),
      leadsGroup: Deno.build.os !== "windows",
    };
    if (encodeLine(settings).length > LONGEST_LINE) {
      throw new WorkerProcessError(
        `the options of the worker take more than ${LONGEST_LINE} characters as JSON`,
      );
    }
    try {
      const child = new Deno.Command(program, {
        args,
        env: { ...DENO_ENV, [COOKIE_NAME]: settings.cookie },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        detached: settings.leadsGroup,
      }).spawn();
      return new ChildProcess(child, settings, options);
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

  /** Ask the worker to leave the cluster in good order; after it has handed over its results, or without. */
  leave(reason: string, handOver: boolean): void {
    this.#tell(encodeLine({ op: "leave", reason, handOver }));
  }

  /** Send the process a signal. Nothing happens when it has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It may have ended a moment ago, in which case there is nothing left to do.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** End the process at once, with all that it has started. */
  kill(): void {
    if (!this.#hasEnded) this.#killTree();
  }

  #killTree(): void {
    if (this.#hasEnded || mayKillTrees()) return killTree(this.pid, this.#cookie);
    // The child may do what this program may not: it ends all when standard input ends, unless it is stuck.
    this.#stdin.abort().catch(() => {});
    this.#lastResort ??= setTimeout(() => {
      killTree(this.pid, this.#cookie);
      this.signal("SIGKILL");
    }, STUCK_AFTER);
  }

  async #untilEnd(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    this.#hasEnded = true;
    clearTimeout(this.#lastResort);
    // What its tasks have started, which may hold the pipes open as well. (On Windows the descendants of
    // a process that has ended cannot be told any more.)
    if (Deno.build.os !== "windows") this.#killTree();
    const timer = setTimeout(() => this.#stopReading.abort(), LAST_OUTPUT);
    await this.#output;
    clearTimeout(timer);
    await this.#stdin.abort().catch(() => {}); // It broke when the process ended.
    return status;
  }

  /** Write a line. A process that does not read it has ended, or is about to. */
  #tell(line: string): void {
    this.#stdin.write(new TextEncoder().encode(line)).catch(() => {});
  }

  /** Read what the process prints, so that it never waits for a full pipe. */
  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const { signal } = this.#stopReading;
    const sink = new WritableStream<string>({ write: take });
    try {
      await stream.pipeThrough(new TextDecoderStream()).pipeTo(sink, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

function print(to: typeof Deno.stdout, text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
  } catch {
    // Nobody looks any more.
  }
}
