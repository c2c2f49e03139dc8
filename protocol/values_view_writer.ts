/**
 * Writes buffers and views: their places in the table of buffers, which has the bytes.
 *
 * @module
 */
import { Tag, VIEW_NAMES } from "./values_format.ts";
import { builtinKind, viewName } from "./values_kinds.ts";
import { Refusal, refusal } from "./values_refusals.ts";
import type { ValueWriter } from "./values_writer.ts";

const viewNumbers = new Map(VIEW_NAMES.map((name, i) => [name, i]));
/** Number of `Uint8Array`. */
const BYTES_TYPE = VIEW_NAMES.indexOf("Uint8Array");
const bytesPrototype = Uint8Array.prototype;

/** Write a buffer that has its number. */
export function writeBuffer(writer: ValueWriter, buffer: ArrayBuffer): void {
  checkBuffer(buffer);
  writer.sink.byte(Tag.BUFFER);
  // To -1: all of it, as itself.
  writer.sink.varint(writer.memory(buffer, 0, -1, 1));
}

/** Write a view that has its number. */
export function writeView(writer: ValueWriter, view: ArrayBufferView): void {
  const name = viewName(view);
  const type = viewNumbers.get(name);
  if (type === undefined) throw new Refusal(`a ${name} does not travel; send a Float64Array`);
  viewAs(writer, view, type, bytesPerElement(view));
}

/** Write the bytes of a buffer or view, as a `Uint8Array`, which has a number of its own. */
export function writeBytes(writer: ValueWriter, bytes: ArrayBuffer | ArrayBufferView): void {
  const view = ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes);
  const { objects } = writer;
  const isItself = Object.getPrototypeOf(view) === bytesPrototype && objects.find(view) < 0;
  // The value may hold the view as well: as what it is, and as one object.
  objects.add(isItself ? view : {});
  // The other end may look at the bytes as what they are here: their alignment is kept.
  viewAs(writer, view, BYTES_TYPE, 1, bytesPerElement(view));
}

function bytesPerElement(view: ArrayBufferView): number {
  return (view as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
}

function viewAs(
  writer: ValueWriter,
  view: ArrayBufferView,
  type: number,
  size: number,
  alignment = size,
): void {
  const { byteOffset: start, byteLength } = view;
  checkBuffer(view.buffer);
  const { sink, buffers } = writer;
  const buffer = writer.memory(view.buffer, start, start + byteLength, alignment);
  sink.byte(Tag.VIEW);
  sink.varint(buffers.addView(type, buffer, start, byteLength / size));
}

function checkBuffer(buffer: ArrayBufferLike): asserts buffer is ArrayBuffer {
  if (!(buffer instanceof ArrayBuffer) && builtinKind(buffer) !== "ArrayBuffer") {
    throw new Refusal(refusal(buffer));
  }
  if ((buffer as ArrayBuffer).detached) {
    throw new Refusal("its ArrayBuffer is detached (it was transferred); send it before that");
  }
}
