/**
 * Writes maps and sets.
 *
 * @module
 */
import { Tag } from "./values_format.ts";
import { MAP_KEY, MAP_VALUE, SET_VALUE } from "./values_path.ts";
import { Refusal } from "./values_refusals.ts";
import type { ValueWriter } from "./values_writer.ts";

/** A class that extends them may have a size of its own. */
const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, "size")!.get!;
const setSize = Object.getOwnPropertyDescriptor(Set.prototype, "size")!.get!;

/** Write a map that has its number. */
export function writeMap(writer: ValueWriter, map: Map<unknown, unknown>): void {
  const { sink, path } = writer;
  const size = mapSize.call(map);
  sink.byte(Tag.MAP);
  sink.varint(size);
  const level = writer.enter(MAP_KEY);
  let n = 0;
  for (const [key, value] of Map.prototype.entries.call(map)) {
    // A getter may have changed the map: more entries than were announced.
    if (n === size) throw changed(writer, level);
    path.atEntry(level, MAP_KEY, key, n++);
    writer.value(key);
    path.atEntry(level, MAP_VALUE, key, n);
    writer.value(value);
  }
  if (n !== size) throw changed(writer, level);
  path.leave(level);
}

/** Write a set that has its number. */
export function writeSet(writer: ValueWriter, set: Set<unknown>): void {
  const { sink, path } = writer;
  const size = setSize.call(set);
  sink.byte(Tag.SET);
  sink.varint(size);
  const level = writer.enter(SET_VALUE);
  let n = 0;
  for (const value of Set.prototype.values.call(set)) {
    if (n === size) throw changed(writer, level);
    path.at(level, n++);
    writer.value(value);
  }
  if (n !== size) throw changed(writer, level);
  path.leave(level);
}

function changed(writer: ValueWriter, level: number): Refusal {
  writer.path.leave(level);
  return new Refusal("it changed while it was being serialized; send a copy");
}
