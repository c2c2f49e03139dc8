/**
 * One call of ssh: a script on a host, what it prints line by line, and its end. The script's standard
 * input is its lifeline: it stays open, with a sign of life now and then, until {@linkcode
 * SSHSession.hangUp}, and ends by itself when this process ends.
 *
 * @module
 */
import type { SSHHost } from "./hosts.ts";
import { lineSplitter } from "./line_splitter.ts";
import { scriptInput } from "./remote_shell.ts";
import { sshArguments, sshFailure, type SSHLogin, sshProgram } from "./ssh_command.ts";

/** What to run where. */
export interface SSHSessionOptions {
  /** The host. */
  host: SSHHost;
  /** How to log in. */
  login: SSHLogin;
  /** Lines for POSIX sh. */
  script: string;
  /** Takes each line that comes, without its line break. */
  onLine: (line: string, isError: boolean) => void;
}

/** How a session ended. */
export interface SSHEnd {
  /** Exit code of the script; {@linkcode SSH_FAILED} when ssh failed, or a signal ended the script. */
  readonly code: number;
  /** The last lines on standard error. */
  readonly lastWords: readonly string[];
}

/** Exit code of ssh when the connection failed. */
export const SSH_FAILED = 255;

/** How many lines are kept to tell why a session ended. */
const KEPT_LINES = 20;
/** Signs of life in the time without which a connection is lost. */
const BEATS = 4;
/** Milliseconds to wait, once ssh has ended, for the end of what it printed. */
const LAST_OUTPUT = 1_000;

/** A script that runs on a host. */
export class SSHSession {
  /** Resolves when ssh has ended and all that it printed has been given out. */
  readonly ended: Promise<SSHEnd>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lastWords: string[] = [];
  readonly #stopReading = new AbortController();
  #heart: ReturnType<typeof setInterval> | undefined;
  #written: Promise<void> = Promise.resolve();

  private constructor(child: Deno.ChildProcess, options: SSHSessionOptions) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    const { onLine } = options;
    const output = Promise.all([
      this.#read(child.stdout, (line) => onLine(line, false)),
      this.#read(child.stderr, (line) => {
        this.#lastWords.push(line);
        if (this.#lastWords.length > KEPT_LINES) this.#lastWords.shift();
        onLine(line, true);
      }),
    ]);
    this.ended = this.#untilEnd(output);
    this.write(scriptInput(options.script));
  }

  /**
   * Start a script on a host.
   *
   * @param options Which and where.
   * @throws {NoSSHError} When this machine has no ssh.
   */
  static start(options: SSHSessionOptions): SSHSession {
    const { host, login } = options;
    try {
      const child = new Deno.Command(sshProgram(login), {
        args: sshArguments(host, login),
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        // Ctrl-C on the terminal is for this process: it ends its sessions itself, in good order.
        detached: true,
      }).spawn();
      return new SSHSession(child, options);
    } catch (error) {
      throw sshFailure(error, login);
    }
  }

  /**
   * Hand bytes to the script's standard input.
   *
   * @param bytes The bytes.
   * @returns Resolves when they are on their way, or never will be: {@linkcode ended} tells.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    // A session that has ended does not take them, and says so by its end.
    return this.#written = this.#input.write(bytes).catch(() => {});
  }

  /**
   * Write a line break to standard input from time to time, so that the program there notices when the
   * network is gone.
   *
   * @param lostAfter Seconds after which the program counts as on its own.
   */
  keepAlive(lostAfter: number): void {
    this.#heart = setInterval(() => {
      this.write(new Uint8Array([10]));
    }, lostAfter * 1000 / BEATS);
  }

  /** End the script's standard input, once all is written. Can be called again. */
  async hangUp(): Promise<void> {
    clearInterval(this.#heart);
    await this.#written;
    // Closed already, or ssh is gone: either way it has ended.
    await this.#input.close().catch(() => {});
  }

  /** End ssh by force; the script's standard input ends with it. */
  kill(): void {
    clearInterval(this.#heart);
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It may have ended a moment ago, in which case there is nothing left to do.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #untilEnd(output: Promise<unknown>): Promise<SSHEnd> {
    const { code, signal } = await this.#child.status;
    clearInterval(this.#heart);
    // A connection that the user's configuration shares among sessions goes on, and holds the output open.
    const timer = setTimeout(() => this.#stopReading.abort(), LAST_OUTPUT);
    await output;
    clearTimeout(timer);
    await this.hangUp();
    if (signal === null) return { code, lastWords: this.#lastWords };
    return { code: SSH_FAILED, lastWords: [...this.#lastWords, `ssh was ended by ${signal}`] };
  }

  async #read(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
    const { signal } = this.#stopReading;
    try {
      for await (const line of stream.pipeThrough(lineSplitter(), { signal })) onLine(line);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
