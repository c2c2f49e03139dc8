/**
 * Names for content: the same content has the same token, on every machine.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Serialized } from "./serialized.ts";

/** Characters of a token: 128 bits of a SHA-256. */
const TOKEN_LENGTH = 32;

/** What a part is, so that a string and the same bytes differ. */
const STRING = 0;
const BYTES = 1;
const SERIALIZED = 2;

const encoder = new TextEncoder();
/** Small parts are gathered here, because each call of the hash costs more than copying them. */
const scratch = new Uint8Array(4096);
const words = new DataView(scratch.buffer);

/**
 * Hash content. Parts are delimited: `("ab", "c")` and `("a", "bc")` have different tokens.
 *
 * @param parts Strings (with lone surrogates replaced), serialized values and bytes.
 * @returns 32 hexadecimal digits.
 *
 * @example
 * ```ts
 * const key = `inc-${tokenize("function hash", serialize([5]))}`;
 * ```
 */
export function tokenize(...parts: (string | Serialized | Uint8Array)[]): string {
  const hash = createHash("sha256");
  let position = 0;

  const flush = (): void => {
    if (position > 0) hash.update(scratch.subarray(0, position));
    position = 0;
  };
  const header = (kind: number, length: number): void => {
    if (position + 9 > scratch.length) flush();
    scratch[position] = kind;
    words.setUint32(position + 1, length >>> 0, true);
    words.setUint32(position + 5, Math.floor(length / 2 ** 32), true);
    position += 9;
  };
  const bytes = (kind: number, content: Uint8Array): void => {
    header(kind, content.length);
    if (position + content.length > scratch.length) {
      flush();
      if (content.length > scratch.length) {
        hash.update(content);
        return;
      }
    }
    scratch.set(content, position);
    position += content.length;
  };

  for (const part of parts) {
    if (typeof part === "string") {
      bytes(STRING, encoder.encode(part));
    } else if (part instanceof Serialized) {
      header(SERIALIZED, part.frames.length);
      for (const frame of part.frames) bytes(BYTES, frame);
    } else {
      bytes(BYTES, part);
    }
  }
  flush();
  return hash.digest("hex").slice(0, TOKEN_LENGTH);
}
