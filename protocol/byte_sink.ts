/**
 * A growing buffer that values are written into, byte by byte, and used again for the next value.
 *
 * @module
 */
import { compactCopy } from "./compact_copy.ts";
import { SHORT_STRING_MAX, Tag } from "./values_format.ts";

const INITIAL_SIZE = 64 * 1024;
/** A buffer that one large value made grow beyond this is given back. */
const KEEP_SIZE = 1024 * 1024;
/** Strings up to this length are written by a loop, longer ones by TextEncoder (measured). */
const LOOP_MAX = 40;
/** Strings longer than this are encoded apart, so that room is made for their bytes only. */
const LONG_STRING = 64 * 1024;

const encoder = new TextEncoder();

/** Bytes being written. */
export class ByteSink {
  /** What was written, and room for more. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_SIZE);
  /** Where the next byte goes. */
  position = 0;
  private floats = new DataView(this.bytes.buffer);

  /** A copy of what was written. */
  finish(): Uint8Array {
    return compactCopy(this.bytes, 0, this.position);
  }

  /** Begin anew; give back the memory of a large value. */
  clear(): void {
    this.position = 0;
    if (this.bytes.length > KEEP_SIZE) {
      this.bytes = new Uint8Array(INITIAL_SIZE);
      this.floats = new DataView(this.bytes.buffer);
    }
  }

  /** Make room for `size` more bytes. */
  reserve(size: number): void {
    const needed = this.position + size;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
    this.floats = new DataView(grown.buffer);
  }

  /** One byte. */
  byte(byte: number): void {
    if (this.position === this.bytes.length) this.reserve(1);
    this.bytes[this.position++] = byte;
  }

  /** A whole number from 0 to 2^53, seven bits a byte. */
  varint(number: number): void {
    this.reserve(8);
    const bytes = this.bytes;
    let position = this.position;
    // Beyond 32 bits the shift operators lose bits.
    while (number > 0x7fffffff) {
      bytes[position++] = (number % 128) | 0x80;
      number = Math.floor(number / 128);
    }
    while (number > 0x7f) {
      bytes[position++] = (number & 0x7f) | 0x80;
      number >>>= 7;
    }
    bytes[position++] = number;
    this.position = position;
  }

  /** Four bytes, the low one first. */
  uint32(number: number): void {
    this.reserve(4);
    this.floats.setUint32(this.position, number, true);
    this.position += 4;
  }

  /** A number with its tag: an integer of 32 bits as such, anything else as a float. */
  number(number: number): void {
    const integer = number | 0;
    // 1 / -0 is negative: -0 is no integer here.
    if (integer === number && (integer !== 0 || 1 / number > 0)) {
      if (integer >= 0 && integer < 0x80) return this.byte(integer);
      this.byte(Tag.INT);
      return this.varint(((integer << 1) ^ (integer >> 31)) >>> 0);
    }
    // Which of its many bit patterns a NaN has is up to the engine.
    if (number !== number) return this.byte(Tag.NAN);
    this.reserve(9);
    this.bytes[this.position] = Tag.FLOAT;
    this.floats.setFloat64(this.position + 1, number, true);
    this.position += 9;
  }

  /** A bigint with its tag. */
  bigint(bigint: bigint): void {
    const negative = bigint < 0n;
    let digits = (negative ? -bigint : bigint).toString(16);
    if (digits.length % 2 === 1) digits = `0${digits}`;
    const length = digits.length / 2;
    this.byte(negative ? Tag.BIGINT_NEGATIVE : Tag.BIGINT_POSITIVE);
    this.varint(length);
    this.reserve(length);
    for (let i = length - 1; i >= 0; i--) {
      this.bytes[this.position++] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    }
  }

  /** A string with its tag. */
  string(string: string): void {
    const length = string.length;
    if (length <= LOOP_MAX) {
      this.reserve(length + 2);
      const bytes = this.bytes;
      let position = this.position;
      if (length <= SHORT_STRING_MAX) {
        bytes[position++] = Tag.SHORT_STRING + length;
      } else {
        bytes[position++] = Tag.STRING8;
        bytes[position++] = length;
      }
      let i = 0;
      for (; i < length; i++) {
        const code = string.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[position++] = code;
      }
      if (i === length) {
        this.position = position;
        return;
      }
    }
    if (!string.isWellFormed()) return this.codeUnits(string);
    if (length > LONG_STRING) {
      const encoded = encoder.encode(string);
      this.stringHeader(encoded.length);
      this.reserve(encoded.length);
      this.bytes.set(encoded, this.position);
      this.position += encoded.length;
      return;
    }
    this.reserve(length * 3 + 5);
    // Most strings are ASCII: leave as much room for the header as that needs, and move if not.
    const position = this.position;
    const room = headerSize(length);
    const { written } = encoder.encodeInto(string, this.bytes.subarray(position + room));
    const size = headerSize(written);
    if (size !== room) {
      this.bytes.copyWithin(position + size, position + room, position + room + written);
    }
    this.stringHeader(written);
    this.position += written;
  }

  private stringHeader(length: number): void {
    if (length <= SHORT_STRING_MAX) {
      this.byte(Tag.SHORT_STRING + length);
    } else if (length <= 0xff) {
      this.byte(Tag.STRING8);
      this.byte(length);
    } else {
      this.byte(Tag.STRING32);
      this.uint32(length);
    }
  }

  /** A string with lone surrogates, which UTF-8 cannot hold. */
  private codeUnits(string: string): void {
    this.byte(Tag.STRING16);
    this.uint32(string.length);
    this.reserve(string.length * 2);
    for (let i = 0; i < string.length; i++) {
      const code = string.charCodeAt(i);
      this.bytes[this.position++] = code & 0xff;
      this.bytes[this.position++] = code >> 8;
    }
  }
}

function headerSize(length: number): number {
  return length <= SHORT_STRING_MAX ? 1 : length <= 0xff ? 2 : 5;
}
