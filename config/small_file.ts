/**
 * Reads files that should be small, whatever they are.
 *
 * @module
 */

/** What is in a file is not what it should be; the message says what it is, to follow "it". */
export class FileContentError extends Error {
  /** Name of the class. */
  override readonly name = "FileContentError";
}

/**
 * Reads a text.
 *
 * @param path The file.
 * @param mostBytes A file with more is refused, and no more of it read.
 * @returns The text.
 * @throws {FileContentError} When it has more bytes, or is no UTF-8.
 * @throws {Error} What Deno says when it cannot be opened.
 */
export async function readSmallFile(path: string, mostBytes: number): Promise<string> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(mostBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = await file.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  if (length > mostBytes) throw new FileContentError(`has more than ${mostBytes} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    throw new FileContentError("is no text in UTF-8", { cause: error });
  }
}
