/**
 * MessagePack with {@linkcode Serialized} values, and with limits on what is decoded.
 *
 * @module
 */
import { Decoder, Encoder, ExtData, type ExtensionCodecType } from "npm:@msgpack/msgpack@3.1.3";
import { compactCopy } from "./compact_copy.ts";
import { asMessageError, MessageError } from "./message_error.ts";
import type { Payload } from "./payloads.ts";
import { Serialized } from "./serialized.ts";
import { className } from "./values_kinds.ts";

/** Contents of fewer bytes travel inside the message, others as payloads. */
const INLINE_BELOW = 64 * 1024;
/** Types of extensions: a value that follows, and the number of one that is a payload. */
const EXT_INLINE = 1;
const EXT_PAYLOAD = 2;
/** How deep messages may be nested. */
const MAX_DEPTH = 100;
/**
 * How many elements the arrays and maps of a message may have. An element of a byte or two takes up to
 * 64 bytes of heap, so a few dozen megabytes of them could end the process.
 */
export const MAX_ELEMENTS: number = 2 ** 25;
/** Bytes take as much heap as so many elements more. */
const BYTES_ELEMENTS = 3;
/** Coders that have grown beyond this for one large message are not kept for the next. */
const KEEP_BYTES = 16 * 1024 * 1024;

/** What {@linkcode makeDecoder} needs of the decoder beyond its types; the version is pinned. */
interface DecoderInside {
  readonly stack: {
    readonly length: number;
    pushArrayState(size: number): void;
    pushMapState(size: number): void;
  };
  decodeBinary(size: number, headOffset: number): Uint8Array;
}

const NO_PAYLOADS: Payload[] = [];
/** Payloads of the message that is being encoded or decoded. */
let payloads: (Payload | undefined)[] = NO_PAYLOADS;
/** Bytes of the message being decoded that its arrays and maps have not yet laid claim to. */
let unclaimed = 0;
/** How many more elements it may have. */
let elementsLeft = 0;

const codec: ExtensionCodecType<undefined> = {
  tryToEncode(object: unknown): ExtData | null {
    if (Array.isArray(object)) return null;
    if (object instanceof Serialized) {
      const { frames } = object;
      return frames.length === 1 && frames[0].length < INLINE_BELOW
        ? new ExtData(EXT_INLINE, frames[0])
        : encodePayload(object);
    }
    if (object instanceof Uint8Array) {
      return object.length < INLINE_BELOW ? null : encodePayload(object);
    }
    if (typeof object === "object") {
      const prototype = Object.getPrototypeOf(object);
      if (prototype === Object.prototype || prototype === null) {
        // The decoder refuses it, and the message of a peer that sends it costs the connection.
        if (!Object.hasOwn(object!, "__proto__")) return null;
        throw new MessageError('cannot pack a message: "__proto__" cannot be the name of a field');
      }
    }
    // The encoder would make an empty map of it.
    const kind = typeof object === "object" ? className(object!) : typeof object;
    throw new MessageError(`cannot pack a message: it contains a ${kind}; serialize that first`);
  },

  decode(data: Uint8Array, type: number): unknown {
    if (type === EXT_INLINE) return new Serialized([compactCopy(data, 0, data.length)]);
    if (type !== EXT_PAYLOAD || data.length !== 4) {
      throw new MessageError(`cannot unpack a message: unknown extension ${type}`);
    }
    const number = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
    const payload = payloads[number];
    if (payload === undefined) {
      throw new MessageError(
        `cannot unpack a message: there is no payload ${number}, or it is there twice`,
      );
    }
    // Each has its own memory: who is done with one of them may give that up.
    payloads[number] = undefined;
    return payload;
  },
};

let encoder = makeEncoder();
let decoder = makeDecoder();

/** Encode a message; its large contents are appended to `into`. */
export function encodeBody(message: unknown, into: Payload[]): Uint8Array {
  payloads = into;
  try {
    const shared = encoder.encodeSharedRef(message);
    if (shared.buffer.byteLength > KEEP_BYTES) encoder = makeEncoder();
    return compactCopy(shared, 0, shared.length);
  } catch (error) {
    throw asMessageError(error, "cannot pack a message");
  } finally {
    payloads = NO_PAYLOADS;
  }
}

/** Decode a message, given its payloads: they are taken out of the list, each once. */
export function decodeBody(
  bytes: Uint8Array,
  from: (Payload | undefined)[] = NO_PAYLOADS,
): unknown {
  payloads = from;
  unclaimed = bytes.length;
  elementsLeft = MAX_ELEMENTS;
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw asMessageError(error, "cannot unpack a message");
  } finally {
    payloads = NO_PAYLOADS;
    // It keeps the bytes until it gets others, and what it was at work on when it failed.
    if (bytes.length > KEEP_BYTES) decoder = makeDecoder();
  }
}

function encodePayload(payload: Payload): ExtData {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, payloads.length, true);
  payloads.push(payload);
  return new ExtData(EXT_PAYLOAD, number);
}

function makeEncoder(): Encoder<undefined> {
  return new Encoder({ extensionCodec: codec, ignoreUndefined: true, maxDepth: MAX_DEPTH });
}

/**
 * A decoder that allocates no arrays that a message only claims to have: every element takes at least
 * a byte, so all arrays and maps together have no more elements than the message has bytes.
 */
function makeDecoder(): Decoder<undefined> {
  const decoder = new Decoder({ extensionCodec: codec });
  const inside = decoder as unknown as DecoderInside;
  const { stack, decodeBinary } = inside;
  const { pushArrayState, pushMapState } = stack;
  stack.pushArrayState = (size) => {
    claim(size, stack.length);
    pushArrayState.call(stack, size);
  };
  stack.pushMapState = (size) => {
    claim(size * 2, stack.length);
    pushMapState.call(stack, size);
  };
  inside.decodeBinary = (size, headOffset) => {
    count(BYTES_ELEMENTS);
    return decodeBinary.call(inside, size, headOffset);
  };
  return decoder;
}

function claim(elements: number, depth: number): void {
  unclaimed -= elements;
  if (unclaimed < 0) throw new MessageError("cannot unpack a message: it ends too early");
  if (depth >= MAX_DEPTH) {
    throw new MessageError(`cannot unpack a message: it is nested more than ${MAX_DEPTH} levels`);
  }
  count(elements);
}

function count(elements: number): void {
  elementsLeft -= elements;
  if (elementsLeft < 0) {
    throw new MessageError(
      `cannot unpack a message: it has more than ${MAX_ELEMENTS} elements; send it in parts`,
    );
  }
}
