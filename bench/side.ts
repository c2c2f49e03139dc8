/**
 * One side of a comparison: a process of its own that is the client of its own cluster, and that runs
 * a workload when it is told to. It is told by one JSON object a line on its standard input and
 * answers with one on its standard output.
 *
 * @module
 */
import { TextLineReader } from "./text_lines.ts";

/** The process of a side did not do what it was asked to. */
export class SideError extends Error {
  override name = "SideError";
}

/** What to run: the name of a workload that both sides know, and its size. */
export interface Command {
  workload: string;
  size: number;
}

/** A side that is up, its cluster too. */
export class Side {
  /** What runs there, in words: "Dask 2022.12.1, Python 3.11.2". */
  readonly version: string;
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: TextLineReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(
    name: string,
    version: string,
    child: Deno.ChildProcess,
    lines: TextLineReader,
    writer: WritableStreamDefaultWriter<Uint8Array>,
  ) {
    this.#name = name;
    this.version = version;
    this.#child = child;
    this.#lines = lines;
    this.#writer = writer;
  }

  /**
   * Start a side and wait until its cluster is up.
   *
   * @param name What to call it in errors.
   * @param program The program to run.
   * @param args Its arguments.
   * @throws {SideError} When it ends before it is up.
   */
  static async start(name: string, program: string, args: string[]): Promise<Side> {
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = new TextLineReader(child.stdout);
    const writer = child.stdin.getWriter();
    const first = await lines.next();
    if (first === null) {
      await child.status;
      throw new SideError(`${name} ended before its cluster was up`);
    }
    return new Side(name, JSON.parse(first).version, child, lines, writer);
  }

  /**
   * Run a workload once.
   *
   * @param command What to run.
   * @returns How long it took, in seconds.
   * @throws {SideError} When the process ended.
   */
  async run(command: Command): Promise<number> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    const line = await this.#lines.next();
    if (line === null) {
      throw new SideError(`${this.#name} ended during ${command.workload} ${command.size}`);
    }
    return JSON.parse(line).seconds;
  }

  /** End its cluster and its process. */
  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } catch {
      // It has ended already, and its pipe is broken: there is nothing left to close.
    }
    await this.#child.status;
    await this.#lines.cancel();
  }
}
