/**
 * Writing and reading the fields of the records that pool and thread exchange: numbers, strings and
 * serialized values, in a ring's memory or in a buffer of their own.
 *
 * Everything read is copied out of the memory, which the other side writes again. A frame above
 * {@linkcode MAX_INLINE_BYTES} is not in the record: it is one of the buffers that travel beside it.
 *
 * @module
 */
import { Serialized } from "../../protocol/serialized.ts";
import { compactCopy } from "../../protocol/compact_copy.ts";
import { copyBytes } from "../../protocol/large_memory.ts";
import { MAX_INLINE_BYTES } from "./thread_memory.ts";

/** In place of a frame's length: the frame is the next of the buffers beside the record. */
const BESIDE = 0xffff_ffff;
/** Strings up to this length are written and read by a loop, longer ones by TextEncoder (measured). */
const LOOP_MAX = 48;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A bound for the bytes a string takes in a record. */
export function stringBound(text: string): number {
  return 4 + 3 * text.length;
}

/** The bytes a value takes in a record. */
export function serializedBytes(serialized: Serialized): number {
  const frames = serialized.frames;
  let bytes = 4;
  for (let i = 0; i < frames.length; i++) {
    const length = frames[i].byteLength;
    bytes += length > MAX_INLINE_BYTES ? 4 : 4 + length;
  }
  return bytes;
}

/** Whether a frame of the value is too large for a record. */
export function hasLargeFrame(serialized: Serialized): boolean {
  const frames = serialized.frames;
  for (let i = 0; i < frames.length; i++) {
    if (frames[i].byteLength > MAX_INLINE_BYTES) return true;
  }
  return false;
}

/** Writes the fields of one record after the other. There must be room: see the bounds above. */
export class RecordWriter {
  position = 0;
  /** Copies of the large frames, in the order of writing. */
  beside: ArrayBuffer[] = [];
  #bytes: Uint8Array;
  #view: DataView;

  constructor(bytes: Uint8Array, view?: DataView) {
    this.#bytes = bytes;
    this.#view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** What was written, in the form in which it is posted. */
  posted(): { record: Uint8Array<ArrayBuffer>; beside: ArrayBuffer[] } {
    const record = this.#bytes.subarray(0, this.position) as Uint8Array<ArrayBuffer>;
    return { record, beside: this.beside };
  }

  u8(value: number): void {
    this.#bytes[this.position++] = value;
  }

  u32(value: number): void {
    this.#view.setUint32(this.position, value, true);
    this.position += 4;
  }

  f64(value: number): void {
    this.#view.setFloat64(this.position, value, true);
    this.position += 8;
  }

  string(text: string): void {
    const bytes = this.#bytes;
    const start = this.position + 4;
    const length = text.length;
    if (length <= LOOP_MAX) {
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[start + i] = code;
      }
      if (i === length) {
        this.u32(length);
        this.position = start + length;
        return;
      }
    }
    const { written } = encoder.encodeInto(text, bytes.subarray(start));
    this.u32(written);
    this.position = start + written;
  }

  /** @param isMoved Whether its large frames may be given away instead of copied. */
  serialized(serialized: Serialized, isMoved = false): void {
    const frames = serialized.frames;
    this.u32(frames.length);
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i];
      const length = frame.byteLength;
      if (length > MAX_INLINE_BYTES) {
        this.u32(BESIDE);
        const { buffer } = frame;
        const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === length;
        this.beside.push(isMoved && isWhole ? buffer : copyBytes(frame).buffer);
      } else {
        this.u32(length);
        this.#bytes.set(frame, this.position);
        this.position += length;
      }
    }
  }
}

/** Reads the fields of a record; throws a RangeError when they go beyond its end. */
export class RecordReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #position = 0;
  #end = 0;
  #beside: (ArrayBuffer | undefined)[] = [];
  #nextBeside = 0;

  /**
   * Begins a record that lies in `bytes` from `start` to `end`, with these large frames beside it. Those that
   * are read are taken out of the list: until the next record they would count as used.
   */
  begin(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    beside: (ArrayBuffer | undefined)[],
  ): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#position = start;
    this.#end = end;
    this.#beside = beside;
    this.#nextBeside = 0;
  }

  /** Moves over `length` bytes; returns where they begin. */
  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) {
      throw new RangeError(`A field of ${length} bytes where ${this.#end - start} are left`);
    }
    this.#position = start + length;
    return start;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)];
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  string(): string {
    const length = this.u32();
    const start = this.#advance(length);
    const bytes = this.#bytes;
    if (length <= LOOP_MAX) {
      let text = "";
      let i = 0;
      for (; i < length; i++) {
        const code = bytes[start + i];
        if (code > 0x7f) break;
        text += String.fromCharCode(code);
      }
      if (i === length) return text;
    }
    return decoder.decode(bytes.subarray(start, start + length));
  }

  serialized(): Serialized {
    const count = this.u32();
    if (count > (this.#end - this.#position) / 4) {
      throw new RangeError(`${count} frames where ${this.#end - this.#position} bytes are left`);
    }
    const frames: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const length = this.u32();
      if (length === BESIDE) {
        const buffer = this.#beside[this.#nextBeside];
        if (buffer === undefined) throw new RangeError("A large frame is missing");
        this.#beside[this.#nextBeside++] = undefined;
        // In Deno 2.6 a port keeps what came last until the next message: that is to keep no memory.
        frames.push(new Uint8Array(buffer.transfer()));
      } else {
        const start = this.#advance(length);
        // A large array takes its frame over as its memory, so only the first may share memory.
        frames.push(
          i === 0
            ? compactCopy(this.#bytes, start, start + length)
            : this.#bytes.slice(start, start + length),
        );
      }
    }
    return new Serialized(frames);
  }
}
