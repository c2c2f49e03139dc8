/**
 * Running the programs of `cli/` as a user would: `popen` starts one, waits for lines that it prints,
 * and kills it, by its process id, when the test is over.
 */

const root = new URL("../../", import.meta.url);

/** A program that still runs after so long hangs: it is killed, so that its test fails. In milliseconds. */
const LONGEST_LIFE = 600_000;

/** A program that runs in a process of its own. Dispose of it to kill it. */
export class Program implements AsyncDisposable {
  readonly pid: number;
  /** Resolves when the program has ended and all it printed has been read. */
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #waiting = new Set<() => void>();
  #ended = false;
  #stdout = "";
  #stderr = "";

  constructor(command: string, args: string[], options: Deno.CommandOptions = {}) {
    this.#child = new Deno.Command(command, {
      stdin: "piped",
      ...options,
      args,
      env: { NO_COLOR: "1", ...options.env },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    const tooLong = setTimeout(() => this.kill(), LONGEST_LIFE);
    const read = Promise.all([
      this.#read(this.#child.stdout, (text) => this.#stdout += text),
      this.#read(this.#child.stderr, (text) => this.#stderr += text),
    ]);
    this.status = read.then(() => this.#child.status).then(async (status) => {
      this.#ended = true;
      clearTimeout(tooLong);
      this.#wake();
      if (options.stdin === undefined) await this.closeStdin();
      return status;
    });
  }

  /** All that was printed on standard output. */
  get stdout(): string {
    return this.#stdout;
  }

  /** All that was printed on standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first match of `pattern` in what the program prints; fails when it ends without one. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    while (true) {
      const match = this.#stdout.match(pattern) ?? this.#stderr.match(pattern);
      if (match !== null) return match;
      if (this.#ended) {
        throw new Error(`the program ended without ${pattern}:\n${this.#stdout}${this.#stderr}`);
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Send a signal. A program that has ended does not mind. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** End the program's standard input. */
  async closeStdin(): Promise<void> {
    try {
      await this.#child.stdin.close();
    } catch {
      // Closed already, or the program is gone.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.status;
  }

  async #read(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      keep(text);
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Start a program of `cli/` from its source, such as `popen("worker", [address])`. */
export function popen(program: string, args: string[], options?: Deno.CommandOptions): Program {
  const entry = new URL(`cli/${program}.ts`, root).pathname;
  // Without the lock file: what a program loads from a test's own server must not get into it.
  const flags = ["run", "--allow-all", "--unstable-worker-options", "--no-lock", "--quiet"];
  return new Program(Deno.execPath(), [...flags, entry, ...args], options);
}

/** Whether a process with this id runs (and is not just waiting to be reaped). */
export function isRunning(pid: number): boolean {
  if (Deno.build.os !== "linux") {
    const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] })
      .outputSync();
    return /^[^ZX]/.test(new TextDecoder().decode(stdout).trim());
  }
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false; // Gone, before or while its entry was read.
  }
}
