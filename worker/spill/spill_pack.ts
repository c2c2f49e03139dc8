/**
 * Small results in a file together: one for each would take longer to make than all of them to write. What
 * is kept of each in memory is next to nothing, since there may be very many; so its frames' lengths are in
 * the file, under its checksum. The file goes with the last of them.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import {
  type Compression,
  decompress,
  loadCompression,
  maybeCompress,
  sampleCompresses,
} from "../../protocol/compression.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { discard } from "../../protocol/spare_memory.ts";
import { readAll, readAllSync, writeAll } from "./file_bytes.ts";
import { removeSpilledFile, SpilledFileError, truncated } from "./spill_file.ts";

const COMPRESSION: Compression = "lz4";
/** Of a length in the file. */
const LENGTH_BYTES = 4;

/** A file with results in it. */
export interface Pack {
  readonly path: string;
  /** How many of its results are still wanted. */
  wanted: number;
}

/** A result in a pack. */
export interface PackedResult {
  readonly pack: Pack;
  /** Where it begins in the file, and its bytes there. */
  readonly offset: number;
  readonly size: number;
  /** Bytes before it was compressed; the same where it was not. */
  readonly length: number;
  readonly checksum: number;
}

/**
 * Write results into a new file. When that fails, no file is left.
 *
 * @param path The file; there must be none of this name.
 * @param values The results, small ones; not to be changed until this is over.
 * @returns What it takes to read each of them.
 * @throws {Error} Such as when the disk is full.
 */
export async function writePack(
  path: string,
  values: readonly Serialized[],
): Promise<PackedResult[]> {
  await loadCompression(COMPRESSION);
  const pack: Pack = { path, wanted: values.length };
  const bytes = new Uint8Array(values.reduce((sum, value) => sum + lengthOf(value), 0));
  let offset = 0;
  const packed = values.map((value): PackedResult => {
    const length = lengthOf(value);
    const stored = compressInPlace(layOut(value, bytes.subarray(offset, offset + length)));
    const start = offset;
    offset += stored.length;
    // An integer of 32 bits takes no memory of its own.
    const checksum = crc32(stored) | 0;
    return { pack, offset: start, size: stored.length, length, checksum };
  });
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    await writeAll(file, bytes.subarray(0, offset));
  } catch (error) {
    await removeSpilledFile(path);
    throw error;
  } finally {
    file.close();
    discard(bytes);
  }
  return packed;
}

/**
 * Read a result back.
 *
 * @param packed What {@linkcode writePack} gave.
 * @throws {SpilledFileError} When it is not as it was written.
 * @throws {Error} When it cannot be read.
 */
export async function readPacked(packed: PackedResult): Promise<Serialized> {
  await loadCompression(COMPRESSION);
  const bytes = new Uint8Array(packed.size);
  const file = await Deno.open(packed.pack.path);
  try {
    await file.seek(packed.offset, Deno.SeekMode.Start);
    if (!await readAll(file, bytes)) throw truncated(packed.pack.path, packed.size);
  } finally {
    file.close();
  }
  return valueIn(bytes, packed);
}

/**
 * As {@linkcode readPacked}, at once: the event loop stands still meanwhile.
 *
 * @throws {SpilledFileError} When it is not as it was written.
 * @throws {Error} When it cannot be read.
 */
export function readPackedSync(packed: PackedResult): Serialized {
  const bytes = new Uint8Array(packed.size);
  const file = Deno.openSync(packed.pack.path);
  try {
    file.seekSync(packed.offset, Deno.SeekMode.Start);
    if (!readAllSync(file, bytes)) throw truncated(packed.pack.path, packed.size);
  } finally {
    file.close();
  }
  return valueIn(bytes, packed);
}

/** Bytes of a value with its layout. */
function lengthOf({ frames, nbytes }: Serialized): number {
  return (1 + frames.length) * LENGTH_BYTES + nbytes;
}

/** Writes how many frames there are, their lengths, and the frames. */
function layOut({ frames }: Serialized, bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, frames.length);
  let at = LENGTH_BYTES;
  for (const { length } of frames) {
    view.setUint32(at, length);
    at += LENGTH_BYTES;
  }
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

/** Compresses bytes if that pays; returns as many of their first ones as there are then. */
function compressInPlace(bytes: Uint8Array): Uint8Array {
  if (!sampleCompresses(bytes, COMPRESSION)) return bytes;
  const { frame, compression } = maybeCompress(bytes, COMPRESSION);
  if (compression === null) return bytes;
  bytes.set(frame);
  const { length } = frame;
  discard(frame);
  return bytes.subarray(0, length);
}

/** The value in what was read; its frames have memory of their own. */
function valueIn(stored: Uint8Array, { pack, size, length, checksum }: PackedResult): Serialized {
  if ((crc32(stored) | 0) !== checksum) {
    throw new SpilledFileError(`${pack.path} is not as it was written: a checksum differs`);
  }
  const bytes = size === length ? stored : decompress(stored, COMPRESSION, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const count = view.getUint32(0);
  const frames: Uint8Array[] = [];
  for (let i = 0, at = (1 + count) * LENGTH_BYTES; i < count; i++) {
    const end = at + view.getUint32((1 + i) * LENGTH_BYTES);
    frames.push(bytes.slice(at, end));
    at = end;
  }
  discard(bytes);
  if (bytes !== stored) discard(stored);
  return new Serialized(frames);
}
