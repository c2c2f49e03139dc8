/**
 * Names for content: the same content has the same token, on every machine.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { Serialized } from "./serialized.ts";

/** Characters of a token: 128 bits of a SHA-256. */
const TOKEN_LENGTH = 32;

/** What a part is, so that a string and the same bytes differ. */
const STRING = 0;
const BYTES = 1;
const SERIALIZED = 2;
/** Each part is preceded by what it is, and its length in 64 bits. */
const HEADER_SIZE = 9;

const encoder = new TextEncoder();
/** Small parts are gathered here, because each call of the hash costs more than copying them. */
const scratch = new Uint8Array(4096);
const words = new DataView(scratch.buffer);
let position = 0;

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
  position = 0;
  for (const part of parts) {
    if (typeof part === "string") {
      addString(hash, part);
    } else if (part instanceof Serialized) {
      const { frames } = part;
      addHeader(hash, SERIALIZED, frames.length);
      for (let i = 0; i < frames.length; i++) addBytes(hash, BYTES, frames[i]);
    } else {
      addBytes(hash, BYTES, part);
    }
  }
  flush(hash);
  return hash.digest("hex").slice(0, TOKEN_LENGTH);
}

function flush(hash: Hash): void {
  if (position > 0) hash.update(scratch.subarray(0, position));
  position = 0;
}

function addHeader(hash: Hash, kind: number, length: number): void {
  if (position + HEADER_SIZE > scratch.length) flush(hash);
  scratch[position] = kind;
  words.setUint32(position + 1, length >>> 0, true);
  words.setUint32(position + 5, Math.floor(length / 2 ** 32), true);
  position += HEADER_SIZE;
}

function addString(hash: Hash, string: string): void {
  const start = position + HEADER_SIZE;
  if (start + string.length * 3 > scratch.length) {
    return addBytes(hash, STRING, encoder.encode(string));
  }
  const { written } = encoder.encodeInto(string, scratch.subarray(start));
  addHeader(hash, STRING, written);
  position += written;
}

function addBytes(hash: Hash, kind: number, bytes: Uint8Array): void {
  addHeader(hash, kind, bytes.length);
  if (position + bytes.length > scratch.length) {
    flush(hash);
    if (bytes.length > scratch.length) {
      hash.update(bytes);
      return;
    }
  }
  scratch.set(bytes, position);
  position += bytes.length;
}
