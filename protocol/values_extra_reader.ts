/**
 * Reads what an object has besides its enumerable properties with names.
 *
 * @module
 */
import { defineProperty } from "./define_property.ts";
import {
  DeserializationError,
  ENUMERABLE,
  isObjectTag,
  SYMBOL_KEY,
  Tag,
  UNSENT,
} from "./values_format.ts";
import type { ValueReader } from "./values_reader.ts";
import { symbolOf } from "./values_symbols.ts";

/** What may have such properties. */
const OBJECTS: readonly number[] = [Tag.OBJECT_NULL, Tag.INSTANCE, Tag.CUSTOM];
const ALL_FLAGS = SYMBOL_KEY | ENUMERABLE | UNSENT;

/** Read an object and its properties, after their tag. */
export function readExtras(reader: ValueReader): object {
  const { cursor } = reader;
  const tag = cursor.byte();
  if (!isObjectTag(tag) && !OBJECTS.includes(tag)) {
    throw new DeserializationError("there are properties of something that has none");
  }
  const object = reader.tagged(tag) as object;
  reader.enter();
  for (let flags = cursor.byte(); flags !== Tag.HOLE; flags = cursor.byte()) {
    if (flags > ALL_FLAGS) throw new DeserializationError(`a property has the flags ${flags}`);
    const name = reader.key();
    const key = (flags & SYMBOL_KEY) !== 0 ? symbolOf(name) : name;
    const value = key === "constructor" ? reader.constructorOf(object) : reader.value();
    // A registered serialization made the object with what it knows of: that stays as it is.
    if (Object.hasOwn(object, key)) continue;
    if ((flags & UNSENT) !== 0) {
      throw new DeserializationError(
        `an object made by a registered serialization lacks a property of its subclass that does not travel, ${value}; register the subclass as well`,
      );
    }
    defineProperty(object, key, value, (flags & ENUMERABLE) !== 0);
  }
  reader.leave();
  return object;
}
