/**
 * Reads the buffers of a value, and the views on them, from the trailer of frame 0 and the other frames.
 *
 * @module
 */
import { type ByteCursor, truncated } from "./byte_cursor.ts";
import type { CodeReader } from "./functions/definition.ts";
import { copyBytes } from "./large_memory.ts";
import {
  BUFFER_FRAME,
  BUFFER_PART,
  BUFFER_RESIZABLE,
  DeserializationError,
  MAX_RESIZABLE,
  VIEW_NAMES,
} from "./values_format.ts";

type ViewConstructor = new (
  buffer: ArrayBuffer,
  byteOffset: number,
  length: number,
) => ArrayBufferView;

const viewConstructors = VIEW_NAMES.map((name) =>
  (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name]
);

/** The buffers and views that a value refers to by number. */
export interface BufferTables {
  readonly buffers: ArrayBuffer[];
  readonly views: ArrayBufferView[];
}

/**
 * Read the trailer, and leave the cursor where it was, with its end before the trailer.
 *
 * @param cursor Frame 0, after the version.
 * @param frames All frames.
 * @param copy Whether large buffers are copied rather than used.
 * @param code Has the buffers that are parts.
 */
export function readBuffers(
  cursor: ByteCursor,
  frames: readonly Uint8Array[],
  copy: boolean,
  code: CodeReader | undefined,
): BufferTables {
  const start = cursor.position;
  cursor.position = Math.max(cursor.end - 4, start);
  const size = cursor.uint32();
  const end = cursor.end - 4;
  if (size > end - start) throw truncated();
  cursor.position = end - size;
  cursor.end = end;

  const buffers: ArrayBuffer[] = [];
  const parts = new Set<ArrayBuffer>();
  let frame = 1;
  for (let left = cursor.count(2); left > 0; left--) {
    const kind = cursor.byte();
    if (kind > (BUFFER_FRAME | BUFFER_RESIZABLE) && kind !== BUFFER_PART) {
      throw new DeserializationError(`unknown kind ${kind} of buffer`);
    }
    const length = cursor.varint();
    const maxLength = (kind & BUFFER_RESIZABLE) === 0 ? undefined : cursor.varint();
    if (maxLength !== undefined && (maxLength < length || maxLength > MAX_RESIZABLE)) {
      throw new DeserializationError(`a buffer cannot grow to ${maxLength} bytes`);
    }
    if (kind === BUFFER_PART) {
      const buffer = partOf(code, cursor.string(), length);
      // Buffers that had the same bytes are one part, but the value has two of them.
      const isTaken = parts.has(buffer);
      parts.add(buffer);
      buffers.push(copy || isTaken ? copyOf(new Uint8Array(buffer), undefined) : buffer);
    } else if ((kind & BUFFER_FRAME) === 0) {
      const position = cursor.skip(length);
      buffers.push(copyOf(cursor.bytes.subarray(position, position + length), maxLength));
    } else {
      const bytes = frameOf(frames, frame++, length);
      buffers.push(
        copy || maxLength !== undefined ? copyOf(bytes, maxLength) : adopt(bytes),
      );
    }
  }
  if (frame !== frames.length) {
    throw new DeserializationError(`${frames.length - frame} frames that nothing refers to`);
  }
  const views: ArrayBufferView[] = [];
  for (let left = cursor.count(4); left > 0; left--) views.push(readView(cursor, buffers));
  if (cursor.position !== end) {
    throw new DeserializationError(`${end - cursor.position} bytes follow the buffers`);
  }
  cursor.position = start;
  cursor.end = end - size;
  return { buffers, views };
}

function frameOf(frames: readonly Uint8Array[], number: number, length: number): Uint8Array {
  const bytes = frames[number];
  if (bytes === undefined) throw new DeserializationError(`frame ${number} is missing`);
  if (bytes.length !== length) {
    throw new DeserializationError(
      `frame ${number} has ${bytes.length} bytes instead of ${length}`,
    );
  }
  return bytes;
}

function partOf(code: CodeReader | undefined, part: string, length: number): ArrayBuffer {
  const buffer = code?.buffer(part);
  if (buffer === undefined) {
    throw new DeserializationError(`the buffer ${part} that the value refers to is not known here`);
  }
  if (buffer.byteLength !== length) {
    throw new DeserializationError(
      `the buffer ${part} has ${buffer.byteLength} bytes instead of ${length}`,
    );
  }
  return buffer;
}

/**
 * The ArrayBuffer of a frame: the frame's own if it holds nothing else, since code that looks at
 * `view.buffer` must see what was sent and no more; otherwise a copy.
 */
function adopt(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength &&
      !buffer.resizable
    ? buffer
    : copyOf(bytes, undefined);
}

function copyOf(bytes: Uint8Array, maxByteLength: number | undefined): ArrayBuffer {
  if (maxByteLength === undefined) return copyBytes(bytes).buffer;
  const copy = new ArrayBuffer(bytes.length, { maxByteLength });
  new Uint8Array(copy).set(bytes);
  return copy;
}

function readView(cursor: ByteCursor, buffers: ArrayBuffer[]): ArrayBufferView {
  const type = cursor.byte();
  const View = viewConstructors[type];
  if (View === undefined) {
    throw new DeserializationError(
      type < VIEW_NAMES.length
        ? `this runtime has no ${VIEW_NAMES[type]}; use a newer one`
        : `unknown type ${type} of view`,
    );
  }
  const number = cursor.varint();
  if (number >= buffers.length) throw new DeserializationError(`there is no buffer ${number}`);
  const offset = cursor.varint();
  return new View(buffers[number], offset, cursor.varint());
}
