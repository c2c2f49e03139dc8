/**
 * Bytes being read, piece by piece, none beyond the end: the counterpart of `byte_sink.ts`.
 *
 * @module
 */
import { DeserializationError, SHORT_STRING_MAX, Tag } from "./values_format.ts";

/** Strings up to this length are read by a loop, longer ones by TextDecoder (measured). */
const LOOP_MAX = 24;
/** Code units that one call of `fromCharCode` takes. */
const CHUNK = 4096;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Checking costs eight times the decoding; it is done where the result gives reason to. */
const checkingDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads from `position` on, up to `end`. */
export class ByteCursor {
  /** Where the next byte comes from. */
  position = 0;
  /** Where the bytes end. */
  end: number;
  private readonly view: DataView;

  /** @param bytes What is read. */
  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  /** One byte. */
  byte(): number {
    if (this.position >= this.end) throw truncated();
    return this.bytes[this.position++];
  }

  /** Pass over `size` bytes; returns where they start. */
  skip(size: number): number {
    const { position } = this;
    if (size > this.end - position) throw truncated();
    this.position = position + size;
    return position;
  }

  /** Four bytes, the low one first. */
  uint32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  /** Eight bytes of a float. */
  float(): number {
    return this.view.getFloat64(this.skip(8), true);
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte. */
  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let number = byte & 0x7f;
    let factor = 128;
    do {
      byte = this.byte();
      number += (byte & 0x7f) * factor;
      factor *= 128;
    } while (byte >= 0x80 && factor < 2 ** 56);
    if (byte >= 0x80 || number > Number.MAX_SAFE_INTEGER) {
      throw new DeserializationError("a number is too large");
    }
    return number;
  }

  /** A count of things of which each takes at least `size` bytes, so that a false one is noticed at once. */
  count(size: number): number {
    const count = this.varint();
    if (count * size > this.end - this.position) throw truncated();
    return count;
  }

  /** An integer of 32 bits. */
  integer(): number {
    const zigzag = this.varint();
    if (zigzag > 0xffffffff) throw new DeserializationError("an integer is too large");
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  /** A bigint's magnitude. */
  bigint(): bigint {
    const length = this.count(1);
    const start = this.skip(length);
    const digits: string[] = ["0x0"];
    for (let i = start + length - 1; i >= start; i--) {
      digits.push(this.bytes[i].toString(16).padStart(2, "0"));
    }
    return BigInt(digits.join(""));
  }

  /** A string with its tag. */
  string(): string {
    return this.stringAfter(this.byte());
  }

  /** A string whose tag has been read. */
  stringAfter(tag: number): string {
    if (tag >= Tag.SHORT_STRING && tag <= Tag.SHORT_STRING + SHORT_STRING_MAX) {
      return this.utf8(tag - Tag.SHORT_STRING);
    }
    switch (tag) {
      case Tag.STRING8:
        return this.utf8(this.byte());
      case Tag.STRING32:
        return this.utf8(this.uint32());
      case Tag.STRING16:
        return this.codeUnits(this.uint32());
      default:
        throw new DeserializationError("a string was expected");
    }
  }

  /** A string of `length` bytes of UTF-8. */
  utf8(length: number): string {
    if (length === 0) return "";
    const start = this.skip(length);
    const { bytes } = this;
    if (length <= LOOP_MAX) {
      const units = new Array<number>(length);
      let i = 0;
      for (; i < length; i++) {
        const byte = bytes[start + i];
        if (byte > 0x7f) break;
        units[i] = byte;
      }
      if (i === length) return String.fromCharCode.apply(null, units);
    }
    const part = bytes.subarray(start, start + length);
    const string = decoder.decode(part);
    return string.includes("\ufffd") ? checked(part) : string;
  }

  private codeUnits(length: number): string {
    let position = this.skip(length * 2);
    const parts: string[] = [];
    for (let left = length; left > 0; left -= CHUNK) {
      const units = new Array<number>(Math.min(left, CHUNK));
      for (let i = 0; i < units.length; i++, position += 2) {
        units[i] = this.bytes[position] | (this.bytes[position + 1] << 8);
      }
      parts.push(String.fromCharCode.apply(null, units));
    }
    return parts.join("");
  }
}

function checked(bytes: Uint8Array): string {
  try {
    return checkingDecoder.decode(bytes);
  } catch (error) {
    throw new DeserializationError("a string is not valid UTF-8", { cause: error });
  }
}

/** The error of bytes that end too early. */
export function truncated(): DeserializationError {
  return new DeserializationError("the bytes end too early");
}
