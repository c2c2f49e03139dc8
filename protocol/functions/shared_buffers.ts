/**
 * Large buffers that functions close over: each is a part of its own, so that it goes to a worker once.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { copyBytes } from "../large_memory.ts";
import type { CodePart } from "../messages.ts";
import { Serialized } from "../serialized.ts";
import { tokenize } from "../tokenize.ts";
import { serialize } from "../values.ts";

/** Smaller ones stay where they are. */
const MIN_SHARED = 64 * 1024;

/** A part made of some bytes of a buffer. */
interface SharedBuffer {
  readonly name: string;
  readonly part: CodePart;
  /** What the bytes were. */
  readonly copy: Uint8Array;
}

/** By the buffer, and by which of its bytes. They live as long as the buffer does. */
const shared = new WeakMap<ArrayBufferLike, Map<string, SharedBuffer>>();

/**
 * The part that a buffer travels as. It has a copy of the bytes: the buffer may change.
 *
 * @param bytes What travels of it.
 * @returns Undefined if it is too small for that.
 */
export function sharedBuffer(bytes: Uint8Array): Omit<SharedBuffer, "copy"> | undefined {
  if (bytes.byteLength < MIN_SHARED) return undefined;
  let ranges = shared.get(bytes.buffer);
  if (ranges === undefined) shared.set(bytes.buffer, ranges = new Map());
  const range = `${bytes.byteOffset} ${bytes.byteLength}`;
  const known = ranges.get(range);
  if (known !== undefined && Buffer.compare(known.copy, bytes) === 0) return known;
  const copy = copyBytes(bytes);
  const code = new Serialized(serialize(copy.buffer).frames);
  const made = { name: `b${tokenize(code)}`, part: { code }, copy };
  ranges.set(range, made);
  return made;
}
