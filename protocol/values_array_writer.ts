/**
 * Writes arrays: dense ones, and those with holes or named properties.
 *
 * @module
 */
import { SHORT_ARRAY_MAX, SPARSE_MIN, Tag } from "./values_format.ts";
import { MEMBER } from "./values_path.ts";
import type { ValueWriter } from "./values_writer.ts";

/** Write an array that has its number. */
export function writeArray(writer: ValueWriter, array: unknown[]): void {
  const { sink, path } = writer;
  const { length } = array;
  // The indices come first and in order: if there are `length` keys and the last of them is the
  // last index, then there are no holes and no named properties.
  const keys = Object.keys(array);
  if (keys.length !== length || (length > 0 && keys[length - 1] !== String(length - 1))) {
    return unusualArray(writer, array, keys);
  }
  if (length <= SHORT_ARRAY_MAX) {
    sink.byte(Tag.SHORT_ARRAY + length);
  } else {
    sink.byte(Tag.ARRAY);
    sink.varint(length);
  }
  const level = writer.enter(MEMBER);
  for (let i = 0; i < length; i++) {
    path.at(level, i);
    writer.value(array[i]);
  }
  path.leave(level);
}

/** An array with holes, or with named properties as well. */
function unusualArray(writer: ValueWriter, array: unknown[], keys: string[]): void {
  const { sink, path } = writer;
  const { length } = array;
  const indexed = countIndices(keys);
  sink.byte(Tag.ARRAY_SPARSE);
  sink.varint(length);
  const level = writer.enter(MEMBER);
  const sparse = length >= SPARSE_MIN && indexed * 8 < length;
  sink.byte(sparse ? 1 : 0);
  if (sparse) sink.varint(indexed);
  let hole = 0;
  for (let i = 0; i < indexed; i++) {
    const index = Number(keys[i]);
    if (sparse) sink.varint(index);
    else for (; hole < index; hole++) sink.byte(Tag.HOLE);
    hole = index + 1;
    path.at(level, index);
    writer.value(array[index]);
  }
  if (!sparse) { for (; hole < length; hole++) sink.byte(Tag.HOLE); }
  sink.varint(keys.length - indexed);
  for (let i = indexed; i < keys.length; i++) writer.property(array, keys[i], level);
  path.leave(level);
}

/** How many of an array's keys are indices; they come first. */
export function countIndices(keys: string[]): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isIndex(keys[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isIndex(key: string): boolean {
  const number = Number(key);
  return Number.isInteger(number) && number >= 0 && number < 2 ** 32 - 1 && String(number) === key;
}
