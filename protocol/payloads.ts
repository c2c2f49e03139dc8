/**
 * Large contents of messages as frames: each frame may be compressed, and a long one is cut for that.
 *
 * @module
 */
import { compactCopy } from "./compact_copy.ts";
import {
  type Compression,
  decompress,
  MAX_COMPRESSED_SIZE,
  maybeCompress,
  sampleCompresses,
} from "./compression.ts";
import { asMessageError, MessageError, quoted } from "./message_error.ts";
import { Serialized } from "./serialized.ts";

/** What travels as a payload. */
export type Payload = Serialized | Uint8Array;

/** What a payload is, in its header. */
const TYPE_SERIALIZED = "serialized";
const TYPE_BYTES = "bytes";

/** The header of one payload; its frames follow in order. */
export interface PayloadHeader {
  type: typeof TYPE_SERIALIZED | typeof TYPE_BYTES;
  /** Number of frames. */
  count: number;
  /** Length of each frame in bytes, decompressed. */
  lengths: number[];
  /**
   * How each frame is compressed; absent when none is. A list stands for a frame that was cut into parts of
   * {@linkcode MAX_COMPRESSED_SIZE}.
   */
  compression?: (string | null | (string | null)[])[];
}

/** Frames up to this length are copied if they lie in a larger buffer, so as not to hold it back. */
const COPY_BELOW = 64 * 1024;

/**
 * Turn payloads into frames, which are appended to `frames`.
 *
 * @returns The header of each payload.
 */
export function packPayloads(
  payloads: Payload[],
  compression: Compression | null,
  frames: Uint8Array[],
): PayloadHeader[] {
  return payloads.map((payload) => {
    const contents = payload instanceof Serialized ? payload.frames : [payload];
    const header: PayloadHeader = {
      type: payload instanceof Serialized ? TYPE_SERIALIZED : TYPE_BYTES,
      count: contents.length,
      lengths: contents.map((content) => content.length),
    };
    if (compression === null) {
      for (const content of contents) frames.push(content);
    } else {
      const used = contents.map((content) => packFrame(content, compression, frames));
      if (used.some((used) => used !== null)) header.compression = used;
    }
    return header;
  });
}

function packFrame(
  content: Uint8Array,
  compression: Compression,
  frames: Uint8Array[],
): string | null | (string | null)[] {
  if (content.length <= MAX_COMPRESSED_SIZE) {
    const packed = maybeCompress(content, compression);
    frames.push(packed.frame);
    return packed.compression;
  }
  if (!sampleCompresses(content, compression)) {
    frames.push(content);
    return null;
  }
  const used: (string | null)[] = [];
  for (let start = 0; start < content.length; start += MAX_COMPRESSED_SIZE) {
    const part = content.subarray(start, Math.min(start + MAX_COMPRESSED_SIZE, content.length));
    const packed = maybeCompress(part, compression);
    frames.push(packed.frame);
    used.push(packed.compression);
  }
  return used;
}

/**
 * Turn frames back into payloads.
 *
 * @param headers What {@linkcode packPayloads} returned.
 * @param frames The frames of the message.
 * @param start The first frame of a payload.
 * @param maxBytes How many bytes the payloads may have, decompressed.
 * @throws {MessageError} If the headers and the frames do not fit.
 */
export function unpackPayloads(
  headers: unknown,
  frames: readonly Uint8Array[],
  start: number,
  maxBytes: number,
): Payload[] {
  if (!Array.isArray(headers)) throw new MessageError("a payload header has no headers");
  const reader = new PayloadReader(frames, start, maxBytes);
  const payloads = headers.map((header) => reader.payload(header));
  reader.finish();
  return payloads;
}

/**
 * Undo the compression of one frame.
 *
 * @param frame The frame.
 * @param compression Its compression, as the header has it.
 * @param length Its length before compression, as the header has it.
 * @param maxBytes The largest length that is accepted.
 * @throws {MessageError} If the header is not true, or the limit is exceeded.
 */
export function unpackFrame(
  frame: Uint8Array,
  compression: unknown,
  length: unknown,
  maxBytes: number,
): Uint8Array {
  checkLength(length, maxBytes);
  if (compression === null || compression === undefined) {
    if (frame.length !== length) {
      throw new MessageError(`a frame has ${frame.length} bytes instead of ${length}`);
    }
    return frame;
  }
  if (typeof compression !== "string") throw new MessageError("a compression is not a name");
  try {
    return decompress(frame, compression, length);
  } catch (error) {
    throw asMessageError(error, "cannot unpack a frame");
  }
}

/** Checks the length of a frame, as the header has it, before anything of that size is made. */
function checkLength(length: unknown, maxBytes: number): asserts length is number {
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
    throw new MessageError(`the length of a frame is ${String(length)}`);
  }
  if (length > maxBytes) {
    throw new MessageError(`a message of more bytes than are accepted (${maxBytes} are left)`);
  }
}

/** Takes the frames of payloads one after another. */
class PayloadReader {
  constructor(
    private readonly frames: readonly Uint8Array[],
    private next: number,
    private bytesLeft: number,
  ) {}

  payload(header: unknown): Payload {
    if (typeof header !== "object" || header === null) {
      throw new MessageError("the header of a payload is not a map");
    }
    const { type, count, lengths, compression } = header as Partial<PayloadHeader>;
    if (
      !Array.isArray(lengths) || lengths.length !== count || count === 0 ||
      (compression !== undefined &&
        !(Array.isArray(compression) && compression.length === count))
    ) {
      throw new MessageError("the header of a payload contradicts itself");
    }
    const contents = lengths.map((length, i) => this.content(length, compression?.[i] ?? null));
    if (type === TYPE_SERIALIZED) return new Serialized(contents);
    if (type === TYPE_BYTES && count === 1) return contents[0];
    throw new MessageError(`unknown type of payload ${quoted(type)}`);
  }

  finish(): void {
    const rest = this.frames.length - this.next;
    if (rest > 0) throw new MessageError(`${rest} frames that no payload refers to`);
  }

  private content(length: unknown, compression: unknown): Uint8Array {
    const frame = Array.isArray(compression)
      ? this.parts(length, compression)
      : unpackFrame(this.take(), compression, length, this.bytesLeft);
    if (!Array.isArray(compression)) this.bytesLeft -= frame.length;
    return frame.length < COPY_BELOW && frame.length < frame.buffer.byteLength
      ? compactCopy(frame, 0, frame.length)
      : frame;
  }

  /** A frame that was cut. */
  private parts(length: unknown, compressions: unknown[]): Uint8Array {
    checkLength(length, this.bytesLeft);
    if (compressions.length !== Math.ceil(length / MAX_COMPRESSED_SIZE)) {
      throw new MessageError("the parts of a frame do not add up to its length");
    }
    if (compressions.length > this.frames.length - this.next) {
      throw new MessageError("a payload has fewer frames than it says");
    }
    this.bytesLeft -= length;
    const whole = new Uint8Array(length);
    for (let i = 0, start = 0; i < compressions.length; i++, start += MAX_COMPRESSED_SIZE) {
      const size = Math.min(MAX_COMPRESSED_SIZE, length - start);
      whole.set(unpackFrame(this.take(), compressions[i], size, size), start);
    }
    return whole;
  }

  private take(): Uint8Array {
    const frame = this.frames[this.next++];
    if (frame === undefined) throw new MessageError("a payload has fewer frames than it says");
    return frame;
  }
}
