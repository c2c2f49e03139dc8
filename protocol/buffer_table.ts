/**
 * The binary buffers of a value being written, and the views on them. What travels of a buffer is the
 * range that the views cover, so that a small part of a large array is a small message; the buffer
 * travels whole where it is itself part of the value.
 *
 * @module
 */
import type { ByteSink } from "./byte_sink.ts";
import type { CodeWriter } from "./functions/definition.ts";
import {
  BUFFER_FRAME,
  BUFFER_PART,
  BUFFER_RESIZABLE,
  OUT_OF_BAND,
  SHARE_MIN,
} from "./values_format.ts";

interface Entry {
  readonly buffer: ArrayBuffer;
  start: number;
  end: number;
  /** Largest element of the views, in bytes: the range starts at a multiple of it. */
  alignment: number;
  /** Whether the buffer is part of the value, not only of views. */
  whole: boolean;
}

interface View {
  readonly type: number;
  readonly buffer: number;
  readonly start: number;
  readonly length: number;
}

/** Where {@linkcode BufferTable.rollback} returns to. */
export interface BufferMark {
  readonly entries: number;
  readonly views: number;
}

const EMPTY_MARK: BufferMark = { entries: 0, views: 0 };

/** Collects buffers and views; writes them once their ranges are known. */
export class BufferTable {
  private readonly entries: Entry[] = [];
  private readonly numbers = new Map<ArrayBuffer, number>();
  private readonly views: View[] = [];

  /** Whether the value has no buffers. */
  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** Note that bytes `start` to `end` of a buffer are in use (`end` -1: all of it). Returns its number. */
  add(buffer: ArrayBuffer, start: number, end: number, alignment: number): number {
    let number = this.numbers.get(buffer);
    if (number === undefined) {
      number = this.entries.length;
      this.numbers.set(buffer, number);
      this.entries.push({ buffer, start, end: Math.max(end, start), alignment, whole: end < 0 });
      return number;
    }
    const entry = this.entries[number];
    if (end < 0) {
      entry.whole = true;
    } else {
      if (start < entry.start) entry.start = start;
      if (end > entry.end) entry.end = end;
      if (alignment > entry.alignment) entry.alignment = alignment;
    }
    return number;
  }

  /** Note a view of `length` elements that starts at byte `start` of a buffer. Returns its number. */
  addView(type: number, buffer: number, start: number, length: number): number {
    this.views.push({ type, buffer, start, length });
    return this.views.length - 1;
  }

  /** The state now. */
  mark(): BufferMark {
    if (this.entries.length === 0) return EMPTY_MARK;
    return { entries: this.entries.length, views: this.views.length };
  }

  /** Forget what came after `mark`. Ranges that have grown since stay so. */
  rollback(mark: BufferMark): void {
    while (this.entries.length > mark.entries) this.numbers.delete(this.entries.pop()!.buffer);
    this.views.length = mark.views;
  }

  /** Forget everything. */
  clear(): void {
    if (this.isEmpty) return;
    this.entries.length = 0;
    this.views.length = 0;
    this.numbers.clear();
  }

  /**
   * Write the trailer.
   *
   * @param sink Where to.
   * @param code Asked whether large buffers travel as parts.
   * @returns The buffers that are frames of their own.
   */
  write(sink: ByteSink, code: CodeWriter | undefined): Uint8Array[] {
    const frames: Uint8Array[] = [];
    const begin = sink.position;
    sink.varint(this.entries.length);
    for (const entry of this.entries) {
      const { buffer } = entry;
      if (entry.whole) {
        entry.start = 0;
        entry.end = buffer.byteLength;
      }
      entry.start -= entry.start % entry.alignment;
      const length = entry.end - entry.start;
      const bytes = new Uint8Array(buffer, entry.start, length);
      const resizable = entry.whole && buffer.resizable;
      const inline = length <= OUT_OF_BAND;
      const part = length >= SHARE_MIN && !resizable ? code?.share?.(bytes) : undefined;
      if (part !== undefined) {
        sink.byte(BUFFER_PART);
        sink.varint(length);
        sink.string(part);
        continue;
      }
      sink.byte((inline ? 0 : BUFFER_FRAME) | (resizable ? BUFFER_RESIZABLE : 0));
      sink.varint(length);
      if (resizable) sink.varint(buffer.maxByteLength);
      if (inline) {
        sink.reserve(length);
        sink.bytes.set(bytes, sink.position);
        sink.position += length;
      } else {
        frames.push(bytes);
      }
    }
    sink.varint(this.views.length);
    for (const view of this.views) {
      sink.byte(view.type);
      sink.varint(view.buffer);
      sink.varint(view.start - this.entries[view.buffer].start);
      sink.varint(view.length);
    }
    sink.uint32(sink.position - begin);
    return frames;
  }
}
