/**
 * Shows what the programs on many hosts print, each line under the name of its host, and writes it into
 * files, one for each program.
 *
 * @module
 */
import type { SSHReport } from "../deploy/ssh/reports.ts";
import { BoundedWriter, type ByteSink } from "./bounded_writer.ts";
import { ProgramError } from "./command_line.ts";

/** Colours of host names, as numbers of ANSI sequences: all but black, white and the red of failures. */
const COLOURS = [36, 32, 33, 35, 34, 96, 92, 93, 95, 94];

/** How the output of hosts is shown. */
export interface HostOutputOptions {
  /** Where lines are shown. */
  stdout: ByteSink;
  /** Where failures are shown. */
  stderr: ByteSink;
  /** Whether host names are in colour. */
  colours: boolean;
  /** Folder for the files, made when it is not there; undefined: no files. */
  logDirectory?: string;
}

/** A file with the output of one program. */
interface LogFile {
  file: Deno.FsFile;
  writer: BoundedWriter;
}

/** The output of hosts. */
export class HostOutput implements AsyncDisposable {
  readonly #options: HostOutputOptions;
  readonly #stdout: BoundedWriter;
  readonly #stderr: BoundedWriter;
  /** Files by name; undefined: it cannot be written to. */
  readonly #files = new Map<string, LogFile | undefined>();
  readonly #colourOf = new Map<string, number>();

  /**
   * @param options Where it goes.
   * @throws {ProgramError} When the folder for the files cannot be made.
   */
  constructor(options: HostOutputOptions) {
    this.#options = options;
    this.#stdout = new BoundedWriter(options.stdout);
    this.#stderr = new BoundedWriter(options.stderr);
    const { logDirectory } = options;
    if (logDirectory === undefined) return;
    try {
      Deno.mkdirSync(logDirectory, { recursive: true });
      Deno.removeSync(Deno.makeTempFileSync({ dir: logDirectory, prefix: ".dusk-" }));
    } catch (error) {
      throw new ProgramError(
        `cannot write to the log directory ${logDirectory}: ${(error as Error).message}; name ` +
          "another with --log-directory",
      );
    }
  }

  /** Show what happened on a host. */
  report({ kind, host, program, line }: SSHReport): void {
    if (kind === "failure") {
      this.#stderr.write(`dusk-ssh: ${host} ${line}`);
    } else if (kind === "status") {
      this.say(`dusk-ssh: ${host} ${line}`);
    } else {
      const label = program === "scheduler" ? `[${host} scheduler]` : `[${host}]`;
      this.#stdout.write(`${this.#coloured(host, label)} ${line}`);
    }
    this.#fileOf(host, program)?.write(line);
  }

  /** Show a line of this program's own. */
  say(line: string): void {
    this.#stdout.write(line);
  }

  /** Write all that is left, and close the files. */
  async close(): Promise<void> {
    const files = [...this.#files.values()].filter((open) => open !== undefined);
    this.#files.clear();
    await Promise.all(files.map(({ writer }) => writer.flush()));
    for (const { file, writer } of files) {
      file.close();
      if (writer.failure !== undefined) this.#cannotLog(writer.failure);
    }
    await Promise.all([this.#stdout.flush(), this.#stderr.flush()]);
  }

  /** Same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #coloured(host: string, label: string): string {
    if (!this.#options.colours) return label;
    let colour = this.#colourOf.get(host);
    if (colour === undefined) {
      colour = COLOURS[this.#colourOf.size % COLOURS.length];
      this.#colourOf.set(host, colour);
    }
    return `\x1b[${colour}m${label}\x1b[0m`;
  }

  #fileOf(host: string, program: string): BoundedWriter | undefined {
    const { logDirectory } = this.#options;
    if (logDirectory === undefined) return undefined;
    const name = `${program}-${host.replace(/[^\w.-]/g, "_")}.log`;
    if (!this.#files.has(name)) this.#files.set(name, this.#open(`${logDirectory}/${name}`));
    return this.#files.get(name)?.writer;
  }

  #open(path: string): LogFile | undefined {
    try {
      const file = Deno.openSync(path, { write: true, create: true, truncate: true });
      return { file, writer: new BoundedWriter(file) };
    } catch (error) {
      this.#cannotLog(error as Error);
      return undefined;
    }
  }

  #cannotLog({ message }: Error): void {
    this.#stderr.write(`dusk-ssh: a file of the log directory is incomplete: ${message}`);
  }
}
