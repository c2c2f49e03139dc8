/**
 * Writes lines to a terminal, pipe or file that may be slower than they come: it never makes the writer
 * wait, and leaves lines out rather than keep ever more of them.
 *
 * @module
 */

/** Where bytes go. */
export interface ByteSink {
  /** Writes some of the bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Most UTF-16 units that wait to be written. */
const MOST_WAITING = 4_000_000;

/** Lines on their way to a sink. */
export class BoundedWriter {
  readonly #sink: ByteSink;
  readonly #limit: number;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #length = 0;
  #leftOut = 0;
  #failure: Error | undefined;
  #writing: Promise<void> | undefined;

  /**
   * @param sink Where the lines go.
   * @param limit Most UTF-16 units that wait; lines that come on top are left out, and counted.
   */
  constructor(sink: ByteSink, limit: number = MOST_WAITING) {
    this.#sink = sink;
    this.#limit = limit;
  }

  /** Why nothing can be written any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Write a line, given without its line break. */
  write(line: string): void {
    if (this.#failure !== undefined) return;
    if (this.#length + line.length > this.#limit) {
      this.#leftOut++;
      return;
    }
    this.#waiting.push(line);
    this.#length += line.length + 1;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all lines so far are written, or cannot be. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const text = this.#waiting.join("\n") + "\n";
        this.#waiting = [];
        this.#length = 0;
        let rest = this.#encoder.encode(text);
        while (rest.length > 0) rest = rest.subarray(await this.#sink.write(rest));
        if (this.#leftOut > 0) {
          this.#waiting.push(`(${this.#leftOut} lines left out: they came too fast)`);
          this.#leftOut = 0;
        }
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#waiting = [];
    } finally {
      this.#writing = undefined;
    }
  }
}
