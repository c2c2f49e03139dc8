/**
 * Compression of frames, when it pays: a sample is tried before the whole.
 *
 * @module
 */

import { quoted } from "./message_error.ts";

/** Names of the compressions that this program can do, best first; what peers agree on. */
export const COMPRESSIONS: readonly Compression[] = ["lz4"];

/** A compression, as messages name it. */
export type Compression = "lz4";

/** A frame cannot be decompressed: an unknown compression, damaged bytes, or more than was announced. */
export class CompressionError extends Error {
  /** The name of this class. */
  override readonly name = "CompressionError";
}

/** A frame, and how it is compressed. */
export interface CompressedFrame {
  /** The compression; null: none. */
  compression: Compression | null;
  /** The bytes. */
  frame: Uint8Array;
}

/** Frames of this many bytes or less stay as they are. */
const MIN_SIZE = 1000;
/** The sample: so many pieces of so many bytes, from evenly spaced places. */
const SAMPLE_PIECES = 5;
const SAMPLE_PIECE_SIZE = 10_000;
/** Compressed, a frame must be at most this part of its size. */
const WORTHWHILE = 0.9;
/** The compressed form starts with the original size, as 32 bits little-endian. */
const SIZE_BYTES = 4;

/**
 * Largest frame that is compressed in one piece: the memory that the compressor takes for it is never
 * given back. Larger payloads are cut.
 */
export const MAX_COMPRESSED_SIZE: number = 16 * 1024 * 1024;

interface Lz4 {
  compress(bytes: Uint8Array): Uint8Array;
  decompress(bytes: Uint8Array): Uint8Array;
}

let lz4: Lz4 | undefined;
let loading: Promise<void> | undefined;

/**
 * Load a compression, once. Both peers do when they agree on it, before the first message: compressing and
 * decompressing are then synchronous.
 *
 * @param compression Which one.
 */
export function loadCompression(compression: Compression): Promise<void> {
  if (compression !== "lz4") {
    return Promise.reject(new CompressionError(`unknown compression ${quoted(compression)}`));
  }
  return loading ??= import("npm:lz4-wasm-nodejs@0.9.2").then((module) => {
    lz4 = module as unknown as Lz4;
  }, (error) => {
    // The next one who asks may have more luck.
    loading = undefined;
    throw new CompressionError("lz4 cannot be loaded", { cause: error });
  });
}

/**
 * Compress a frame if that pays: it is over 1 kB, and both a sample of it (five pieces of 10 kB) and the whole
 * become at least 10 % smaller.
 *
 * @param frame The frame, at most {@linkcode MAX_COMPRESSED_SIZE} bytes.
 * @param compression Which compression, loaded before.
 * @returns The compressed frame, or the frame itself with compression null.
 * @throws {CompressionError} If the compression was not loaded.
 */
export function maybeCompress(
  frame: Uint8Array,
  compression: Compression = "lz4",
): CompressedFrame {
  const { length } = frame;
  if (length <= MIN_SIZE || length > MAX_COMPRESSED_SIZE) return { compression: null, frame };
  const { compress } = loaded(compression);
  if (!sampleCompresses(frame, compression)) return { compression: null, frame };
  const compressed = compress(frame);
  return compressed.length > length * WORTHWHILE
    ? { compression: null, frame }
    : { compression, frame: compressed };
}

/**
 * Whether a sample of a frame becomes at least 10 % smaller; true for frames that are no larger than a sample.
 *
 * @param frame The frame, of any length.
 * @param compression Which compression, loaded before.
 * @throws {CompressionError} If the compression was not loaded.
 */
export function sampleCompresses(frame: Uint8Array, compression: Compression = "lz4"): boolean {
  const { compress } = loaded(compression);
  if (frame.length <= SAMPLE_PIECES * SAMPLE_PIECE_SIZE) return true;
  const sample = takeSample(frame);
  return compress(sample).length <= sample.length * WORTHWHILE;
}

/**
 * Decompress a frame.
 *
 * @param frame The compressed frame.
 * @param compression How it was compressed; null: not at all.
 * @param length How many bytes it must give. Checked before anything is allocated.
 * @throws {CompressionError} If the compression is unknown or not loaded, or the bytes are damaged.
 */
export function decompress(
  frame: Uint8Array,
  compression: string | null,
  length: number,
): Uint8Array {
  if (compression === null) return frame;
  const { decompress } = loaded(compression);
  if (frame.length < SIZE_BYTES) throw new CompressionError("a compressed frame is too short");
  const declared = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
  if (declared !== length || length > MAX_COMPRESSED_SIZE) {
    throw new CompressionError(
      `a compressed frame holds ${declared} bytes, ${
        Math.min(length, MAX_COMPRESSED_SIZE)
      } are expected`,
    );
  }
  // The decompressor takes memory for it that is never given back.
  if (frame.length > SIZE_BYTES + length) {
    throw new CompressionError(
      `a compressed frame of ${frame.length} bytes holds only ${length}: it would not be compressed`,
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = decompress(frame);
  } catch (error) {
    throw new CompressionError("a compressed frame is damaged", { cause: error });
  }
  if (bytes.length !== length) {
    throw new CompressionError(`a frame holds ${bytes.length} bytes, ${length} are expected`);
  }
  return bytes;
}

function loaded(compression: string): Lz4 {
  if (compression !== "lz4") {
    throw new CompressionError(`unknown compression ${quoted(compression)}`);
  }
  if (lz4 === undefined) {
    throw new CompressionError("lz4 is not loaded; call loadCompression first");
  }
  return lz4;
}

function takeSample(frame: Uint8Array): Uint8Array {
  const sample = new Uint8Array(SAMPLE_PIECES * SAMPLE_PIECE_SIZE);
  const last = frame.length - SAMPLE_PIECE_SIZE;
  for (let i = 0; i < SAMPLE_PIECES; i++) {
    const start = Math.floor((last * i) / (SAMPLE_PIECES - 1));
    sample.set(frame.subarray(start, start + SAMPLE_PIECE_SIZE), i * SAMPLE_PIECE_SIZE);
  }
  return sample;
}
