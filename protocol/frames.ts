/**
 * Messages on a stream of bytes: each is a number of frames, their lengths, and the frames, all
 * numbers 64 bits little-endian.
 *
 * @module
 */
import { LargeBuffer } from "./large_memory.ts";

/** What a reader of frames takes; anything beyond is a {@linkcode FrameError}. */
export interface FrameLimits {
  /** Frames in a message. */
  frames: number;
  /** Bytes in a frame. */
  frameBytes: number;
  /** Bytes in all frames of a message. */
  messageBytes: number;
}

/** The limits if none are given: 1,048,576 frames and 16 GiB a message. */
export const DEFAULT_FRAME_LIMITS: Readonly<FrameLimits> = {
  frames: 1_048_576,
  frameBytes: 16 * 1024 ** 3,
  messageBytes: 16 * 1024 ** 3,
};

/** The bytes are not frames, or more than the limits allow, or they end within a message. */
export class FrameError extends Error {
  /** The name of this class. */
  override readonly name = "FrameError";
}

/** Where a {@linkcode FrameReader} gets its bytes. */
export interface ByteSource {
  /** Read up to `into.length` bytes (at least one); returns their number, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/** Frames larger than this are written as they are and read into memory of their own. */
const LARGE_FRAME = 64 * 1024;
/** Bytes asked of the source at a time. */
const CHUNK_SIZE = 128 * 1024;
/** When less than this is left of a chunk, the next read goes to a new one. */
const CHUNK_REST = 16 * 1024;
const WORD = 8;

/**
 * Frame a message for a stream.
 *
 * @param frames The frames of the message.
 * @returns Buffers to write one after another: small frames joined into one, frames of more than 64 kB as they
 * are, not copied.
 */
export function encodeFrames(frames: readonly Uint8Array[]): Uint8Array[] {
  const count = frames.length;
  // How much goes into the joined buffer: everything but the large frames.
  let joined = WORD * (1 + count);
  let large = 0;
  for (let i = 0; i < count; i++) {
    const { length } = frames[i];
    if (length > LARGE_FRAME) large++;
    else joined += length;
  }
  const buffer = new Uint8Array(joined);
  writeWord(buffer, 0, count);
  let position = WORD;
  for (let i = 0; i < count; i++, position += WORD) writeWord(buffer, position, frames[i].length);
  if (large === 0) {
    for (let i = 0; i < count; i++) {
      buffer.set(frames[i], position);
      position += frames[i].length;
    }
    return [buffer];
  }
  const buffers: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < count; i++) {
    const frame = frames[i];
    if (frame.length <= LARGE_FRAME) {
      buffer.set(frame, position);
      position += frame.length;
      continue;
    }
    if (position > start) buffers.push(buffer.subarray(start, position));
    buffers.push(frame);
    start = position;
  }
  if (position > start) buffers.push(buffer.subarray(start, position));
  return buffers;
}

function writeWord(bytes: Uint8Array, position: number, number: number): void {
  let low = number;
  if (number > 0xffffffff) {
    const high = Math.floor(number / 2 ** 32);
    low = number - high * 2 ** 32;
    bytes[position + 4] = high;
    bytes[position + 5] = high >>> 8;
    bytes[position + 6] = high >>> 16;
    bytes[position + 7] = high >>> 24;
  }
  bytes[position] = low;
  bytes[position + 1] = low >>> 8;
  bytes[position + 2] = low >>> 16;
  bytes[position + 3] = low >>> 24;
}

/** A number of 64 bits; beyond 2^53 rounded, which is above every limit anyway. */
function readWord(bytes: Uint8Array, position: number): number {
  const low = (bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) |
    (bytes[position + 3] << 24)) >>> 0;
  const high = (bytes[position + 4] | (bytes[position + 5] << 8) | (bytes[position + 6] << 16) |
    (bytes[position + 7] << 24)) >>> 0;
  return high * 2 ** 32 + low;
}

/**
 * Reads messages from a stream of bytes.
 *
 * Small messages are parsed without a promise each, out of chunks that are filled by large reads; their
 * frames are views on the chunk, which is not written again. A frame of more than 64 kB is read straight
 * into memory of its own, of exactly its size.
 *
 * @example
 * ```ts
 * const reader = new FrameReader(conn);
 * for (let frames; (frames = await reader.next()) !== null;) {
 *   do handle(frames); while ((frames = reader.nextBuffered()) !== undefined);
 * }
 * ```
 */
export class FrameReader {
  /** What is accepted; may be changed between messages. */
  readonly limits: FrameLimits;

  private readonly source: ByteSource;
  /** Bytes that were read and not yet parsed: `chunk[start]` to `chunk[end - 1]`. */
  private chunk = new Uint8Array(0);
  private start = 0;
  private end = 0;
  /** Frames of the message that is being read; -1 between messages. */
  private count = -1;
  private lengths: number[] = [];
  private total = 0;
  private frames: Uint8Array[] = [];
  /** The large frame that is being read, and how much of it is there. */
  private large: LargeBuffer | undefined;
  private filled = 0;

  /**
   * Make a reader.
   *
   * @param source Where the bytes come from.
   * @param limits What is accepted; default {@linkcode DEFAULT_FRAME_LIMITS}.
   */
  constructor(source: ByteSource, limits: Partial<FrameLimits> = {}) {
    this.source = source;
    this.limits = { ...DEFAULT_FRAME_LIMITS, ...limits };
  }

  /**
   * Read a message.
   *
   * @returns Its frames; null if the stream ended after the message before.
   * @throws {FrameError} If a limit is exceeded or the stream ends within a message; the reader cannot be used after
   * that. Errors of the source pass through.
   */
  async next(): Promise<Uint8Array[] | null> {
    while (true) {
      const frames = this.nextBuffered();
      if (frames !== undefined) return frames;
      const { large } = this;
      let read: number | null;
      if (large !== undefined) {
        const ready = large.readyFrom(this.filled);
        read = await this.source.read(large.bytes.subarray(this.filled, ready));
        if (read !== null) this.filled += read;
      } else {
        this.makeRoom();
        read = await this.source.read(this.chunk.subarray(this.end));
        if (read !== null) this.end += read;
      }
      if (read === null) {
        if (this.count < 0 && this.start === this.end) return null;
        throw new FrameError(this.truncation());
      }
    }
  }

  /**
   * Take a message that is in memory already.
   *
   * @returns Its frames; undefined when some of it has yet to be read.
   * @throws {FrameError} If a limit is exceeded.
   */
  nextBuffered(): Uint8Array[] | undefined {
    if (this.count < 0) {
      if (this.end - this.start < WORD) return undefined;
      const count = readWord(this.chunk, this.start);
      if (count > this.limits.frames) {
        throw new FrameError(
          `a message of ${count} frames, at most ${this.limits.frames} are accepted`,
        );
      }
      this.start += WORD;
      this.count = count;
    }
    while (this.lengths.length < this.count) {
      if (this.end - this.start < WORD) return undefined;
      this.addLength(readWord(this.chunk, this.start));
      this.start += WORD;
    }
    while (this.frames.length < this.count) {
      const frame = this.frame(this.lengths[this.frames.length]);
      if (frame === undefined) return undefined;
      this.frames.push(frame);
    }
    const { frames } = this;
    this.count = -1;
    this.lengths = [];
    this.frames = [];
    this.total = 0;
    return frames;
  }

  /** Take the length of a frame. */
  private addLength(length: number): void {
    if (length > this.limits.frameBytes) {
      throw new FrameError(
        `a frame of ${length} bytes, at most ${this.limits.frameBytes} are accepted`,
      );
    }
    this.total += length;
    if (this.total > this.limits.messageBytes) {
      throw new FrameError(
        `a message of more than ${this.limits.messageBytes} bytes, which is the most accepted`,
      );
    }
    this.lengths.push(length);
  }

  /** The next frame, or undefined when it is not all there. */
  private frame(length: number): Uint8Array | undefined {
    const buffered = this.end - this.start;
    if (length <= LARGE_FRAME) {
      if (buffered < length) return undefined;
      this.start += length;
      return this.chunk.subarray(this.start - length, this.start);
    }
    let { large } = this;
    if (large === undefined) {
      large = this.large = allocate(length);
      this.filled = 0;
    }
    if (buffered > 0 && this.filled < length) {
      const taken = Math.min(buffered, large.readyFrom(this.filled) - this.filled);
      large.bytes.set(this.chunk.subarray(this.start, this.start + taken), this.filled);
      this.start += taken;
      this.filled += taken;
    }
    if (this.filled < length) return undefined;
    this.large = undefined;
    return large.bytes;
  }

  /** Go on to a new chunk, with what is left of this one, when the room left is too little. */
  private makeRoom(): void {
    const rest = this.end - this.start;
    const wanted = this.count >= 0 && this.lengths.length === this.count
      ? this.lengths[this.frames.length] - rest
      : WORD - rest;
    const room = this.chunk.length - this.end;
    if (room >= wanted && room >= CHUNK_REST) return;
    const chunk = new Uint8Array(CHUNK_SIZE);
    if (rest > 0) chunk.set(this.chunk.subarray(this.start, this.end));
    this.chunk = chunk;
    this.start = 0;
    this.end = rest;
  }

  /** What to say when the stream ends within a message. */
  private truncation(): string {
    if (this.large !== undefined) {
      return `the stream ended after ${this.filled} of the ${this.large.bytes.length} bytes of a frame`;
    }
    return this.count < 0
      ? "the stream ended within the header of a message"
      : `the stream ended after ${this.frames.length} of the ${this.count} frames of a message`;
  }
}

function allocate(length: number): LargeBuffer {
  try {
    return new LargeBuffer(length);
  } catch (error) {
    throw new FrameError(`there is no memory for a frame of ${length} bytes`, { cause: error });
  }
}
