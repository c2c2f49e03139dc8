/**
 * Messages as frames and back.
 *
 * A message is a header, the message itself in MessagePack, and, if it has large contents, a payload
 * header and payload frames. Small {@linkcode Serialized} values are in the message as extension 1;
 * larger ones, and large byte arrays, are payloads, for which the message has their number as
 * extension 2.
 *
 * @module
 */
import { type Compression, maybeCompress } from "./compression.ts";
import { MessageError } from "./message_error.ts";
import { decodeBody, encodeBody } from "./message_pack.ts";
import { packPayloads, type Payload, unpackFrame, unpackPayloads } from "./payloads.ts";

export { MessageError } from "./message_error.ts";

/** Options of {@linkcode dumps}. */
export interface DumpsOptions {
  /** Compress frames where that pays; both peers must have loaded it. Default null: never. */
  compression?: Compression | null;
}

/** What {@linkcode loads} takes; anything beyond is a {@linkcode MessageError}. */
export interface LoadsLimits {
  /** Bytes of a message after decompression. Default 16 GiB. */
  bytes?: number;
}

const DEFAULT_MAX_BYTES = 16 * 1024 ** 3;
/** The empty map. */
const EMPTY_HEADER = new Uint8Array([0x80]);

/**
 * Pack a message.
 *
 * Takes null, booleans, numbers, strings, arrays, plain objects, `Uint8Array` and `Serialized`. Fields that are
 * undefined are left out. Payload frames are not copied: they must not change until the message is written.
 *
 * @param message The message.
 * @param options See {@linkcode DumpsOptions}.
 * @returns The frames.
 * @throws {MessageError} If something in the message is of no such type, or nested more than 100 levels deep.
 */
export function dumps(message: unknown, options?: DumpsOptions): Uint8Array[] {
  const compression = options?.compression ?? null;
  const payloads: Payload[] = [];
  const body = encodeBody(message, payloads);
  const frames = [EMPTY_HEADER, body];
  if (compression !== null) {
    const packed = maybeCompress(body, compression);
    if (packed.compression !== null) {
      frames[0] = encodeBody({ compression: packed.compression, length: body.length }, []);
      frames[1] = packed.frame;
    }
  }
  if (payloads.length > 0) {
    frames.push(EMPTY_HEADER);
    const headers = packPayloads(payloads, compression, frames);
    frames[2] = encodeBody({ headers }, []);
  }
  return frames;
}

/**
 * Unpack a message.
 *
 * Small byte contents of the message are views on its frame; everything in a {@linkcode Serialized} that is
 * small is copied, so that keeping it does not keep the buffer that it was read into.
 *
 * @param frames What {@linkcode dumps} made.
 * @param limits See {@linkcode LoadsLimits}.
 * @returns The message.
 * @throws {MessageError} If the frames are not a message.
 */
export function loads(frames: readonly Uint8Array[], limits?: LoadsLimits): unknown {
  if (frames.length < 2) {
    throw new MessageError(`a message has at least 2 frames, this one has ${frames.length}`);
  }
  const maxBytes = limits?.bytes ?? DEFAULT_MAX_BYTES;
  let body = frames[1];
  if (frames[0].length !== 1 || frames[0][0] !== EMPTY_HEADER[0]) {
    const { compression, length } = decodeHeader(frames[0]);
    body = unpackFrame(body, compression, length ?? body.length, maxBytes);
  }
  if (frames.length === 2) return decodeBody(body);
  const { headers } = decodeHeader(frames[2]);
  return decodeBody(body, unpackPayloads(headers, frames, 3, maxBytes - body.length));
}

function decodeHeader(frame: Uint8Array): Record<string, unknown> {
  const header = decodeBody(frame);
  if (typeof header !== "object" || header === null) {
    throw new MessageError("the header of a message is not a map");
  }
  return header as Record<string, unknown>;
}
