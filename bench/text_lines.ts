/**
 * Reads a byte stream line by line, and leaves it open when a line was read.
 *
 * @module
 */

/** A stream of text, read by the line. */
export class TextLineReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** @param stream UTF-8 text. */
  constructor(stream: ReadableStream<Uint8Array>) {
    const decoder = new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>;
    this.#reader = stream.pipeThrough(decoder).getReader();
  }

  /** The next line without its end; null when the stream has ended. */
  async next(): Promise<string | null> {
    let end = this.#rest.indexOf("\n");
    while (end < 0) {
      const { value, done } = await this.#reader.read();
      if (done) {
        const last = this.#rest;
        this.#rest = "";
        return last === "" ? null : last;
      }
      this.#rest += value;
      end = this.#rest.indexOf("\n");
    }
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  /** Read no further. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
