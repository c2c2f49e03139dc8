/**
 * One result in a file: the frames that would go over the wire, compressed by the same rule. What is in
 * the file is not written into it but kept by whoever wrote it, with a checksum: a file that is not exactly
 * as it was written is never taken for a result.
 *
 * Results go to disk where memory is short, so what is made on the way is given back at once: as garbage it
 * would come to nearly twice the size of each result that is read.
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
import { LargeBuffer } from "../../protocol/large_memory.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { discard } from "../../protocol/spare_memory.ts";
import { readAll, readAllSync, writeAll } from "./file_bytes.ts";

/** Frames up to this many bytes go into a run with their neighbours. */
const SMALL_FRAME = 64 * 1024;
/** Most bytes in a run. */
const RUN_BYTES = 1024 * 1024;
/** Large frames are written and checked so many bytes at a time: the event loop gets its turn in between. */
const BLOCK_BYTES = 8 * 1024 * 1024;
/** As much is compressed at a time: the memory that it takes is never given back. */
const COMPRESSED_BYTES = 1024 * 1024;
const COMPRESSION: Compression = "lz4";

/** A file is not as it was written. */
export class SpilledFileError extends Error {
  override name = "SpilledFileError";
}

/** Bytes that stand together in the file. */
interface Block {
  /** Bytes in the file. */
  readonly stored: number;
  /** Bytes that they stand for. */
  readonly length: number;
  readonly compression: Compression | null;
}

/** One large frame, or a run of small ones, in blocks. */
interface Piece {
  readonly lengths: readonly number[];
  readonly blocks: readonly Block[];
}

/** A result on disk. */
export interface SpilledFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly checksum: number;
  readonly pieces: readonly Piece[];
}

/**
 * Write a result into a new file. When that fails, no file is left.
 *
 * @param path The file; there must be none of this name.
 * @param value The result; not to be changed until this is over.
 * @returns What it takes to read it.
 * @throws {Error} Such as when the disk is full.
 */
export async function writeSpilledFile(path: string, value: Serialized): Promise<SpilledFile> {
  await loadCompression(COMPRESSION);
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    let size = 0;
    let checksum = 0;
    const pieces: Piece[] = [];
    const { frames } = value;
    for (let i = 0; i < frames.length;) {
      const end = endOfRun(frames, i);
      const bytes = end === i + 1 ? frames[i] : joined(frames, i, end);
      const isCompressed = sampleCompresses(bytes, COMPRESSION);
      const blocks: Block[] = [];
      const step = isCompressed ? COMPRESSED_BYTES : BLOCK_BYTES;
      for (let at = 0; at < bytes.length; at += step) {
        const block = bytes.subarray(at, at + step);
        const { frame, compression } = isCompressed
          ? maybeCompress(block, COMPRESSION)
          : { frame: block, compression: null };
        checksum = crc32(frame, checksum);
        await writeAll(file, frame);
        blocks.push({ stored: frame.length, length: block.length, compression });
        size += frame.length;
        if (compression !== null) discard(frame);
      }
      pieces.push({ lengths: frames.slice(i, end).map(({ length }) => length), blocks });
      i = end;
    }
    return { path, size, checksum, pieces };
  } catch (error) {
    await removeSpilledFile(path);
    throw error;
  } finally {
    file.close();
  }
}

/**
 * Read a result back. Its large frames have memory of their own.
 *
 * @param spilled What {@linkcode writeSpilledFile} gave.
 * @throws {SpilledFileError} When the file is not as it was written.
 * @throws {Error} When it cannot be read.
 */
export async function readSpilledFile(spilled: SpilledFile): Promise<Serialized> {
  await loadCompression(COMPRESSION);
  const file = await Deno.open(spilled.path);
  try {
    const reading = new Reading(spilled);
    for (let into = reading.next(); into !== undefined; into = reading.next()) {
      if (!await readAll(file, into)) throw truncated(spilled.path, spilled.size);
    }
    return reading.value();
  } finally {
    file.close();
  }
}

/**
 * As {@linkcode readSpilledFile}, at once: the event loop stands still meanwhile.
 *
 * @throws {SpilledFileError} When the file is not as it was written.
 * @throws {Error} When it cannot be read.
 */
export function readSpilledFileSync(spilled: SpilledFile): Serialized {
  const file = Deno.openSync(spilled.path);
  try {
    const reading = new Reading(spilled);
    for (let into = reading.next(); into !== undefined; into = reading.next()) {
      if (!readAllSync(file, into)) throw truncated(spilled.path, spilled.size);
    }
    return reading.value();
  } finally {
    file.close();
  }
}

/** Remove a file that is not needed any more, if it is still there. */
export async function removeSpilledFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Gives out memory to read into, piece by piece, and makes a value of it. */
class Reading {
  readonly #spilled: SpilledFile;
  readonly #frames: Uint8Array[] = [];
  #checksum = 0;
  #piece = 0;
  #block = 0;
  /** Memory of the piece that is being read, and where its next block goes. */
  #memory: LargeBuffer | undefined;
  #filled = 0;
  /** What was given out last. */
  #into: Uint8Array | undefined;

  constructor(spilled: SpilledFile) {
    this.#spilled = spilled;
  }

  /** Memory that the next bytes of the file are to be read into; undefined at its end. */
  next(): Uint8Array | undefined {
    this.#takeRead();
    const { pieces } = this.#spilled;
    while (this.#piece < pieces.length) {
      const { lengths, blocks } = pieces[this.#piece];
      this.#memory ??= new LargeBuffer(lengths.reduce((sum, length) => sum + length, 0));
      const block = blocks[this.#block];
      if (block !== undefined) {
        const into = block.compression === null
          ? this.#room(block.length)
          : new Uint8Array(block.stored);
        return this.#into = into;
      }
      this.#frames.push(...split(this.#memory.bytes, lengths));
      this.#memory = undefined;
      this.#filled = 0;
      this.#block = 0;
      this.#piece++;
    }
    return undefined;
  }

  /** The result, once all is read. */
  value(): Serialized {
    const { checksum, path } = this.#spilled;
    if (this.#checksum !== checksum) {
      throw new SpilledFileError(`${path} is not as it was written: its checksum differs`);
    }
    return new Serialized(this.#frames);
  }

  #takeRead(): void {
    const into = this.#into;
    if (into === undefined) return;
    this.#into = undefined;
    this.#checksum = crc32(into, this.#checksum);
    const { length, compression } = this.#spilled.pieces[this.#piece].blocks[this.#block++];
    if (compression !== null) {
      const bytes = decompress(into, compression, length);
      this.#room(length).set(bytes);
      discard(bytes);
      discard(into);
    }
    this.#filled += length;
  }

  #room(length: number): Uint8Array {
    const memory = this.#memory!;
    const end = this.#filled + length;
    for (let at = this.#filled; at < end;) at = memory.readyFrom(at);
    return memory.bytes.subarray(this.#filled, end);
  }
}

/** Where the frames end that go into the file together with frame `start`. */
function endOfRun(frames: readonly Uint8Array[], start: number): number {
  let end = start;
  for (let bytes = 0; end < frames.length && frames[end].length <= SMALL_FRAME; end++) {
    bytes += frames[end].length;
    if (bytes > RUN_BYTES) break;
  }
  return Math.max(end, start + 1);
}

function joined(frames: readonly Uint8Array[], start: number, end: number): Uint8Array {
  let length = 0;
  for (let i = start; i < end; i++) length += frames[i].length;
  const bytes = new Uint8Array(length);
  for (let i = start, at = 0; i < end; at += frames[i++].length) bytes.set(frames[i], at);
  return bytes;
}

function split(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  if (lengths.length === 1) return [bytes];
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, at += length));
}

/** A file that ends too early. @param size How many bytes of it were to be read. */
export function truncated(path: string, size: number): SpilledFileError {
  return new SpilledFileError(
    `${path} is not as it was written: ${size} bytes of it were to be read`,
  );
}
