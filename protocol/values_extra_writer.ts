/**
 * Writes what an object has besides the properties that its own encoding has: those of a built-in,
 * those that are not enumerable, and those with symbols for keys.
 *
 * @module
 */
import { CodeRefusal } from "./functions/definition.ts";
import { countIndices } from "./values_array_writer.ts";
import { ERROR_FIELDS } from "./values_error_writer.ts";
import { ENUMERABLE, SerializationError, SYMBOL_KEY, Tag, UNSENT } from "./values_format.ts";
import { builtinKind } from "./values_kinds.ts";
import { MEMBER } from "./values_path.ts";
import { Refusal } from "./values_refusals.ts";
import type { SpecialKind } from "./values_standard.ts";
import { symbolName } from "./values_symbols.ts";
import type { ValueWriter } from "./values_writer.ts";

/** Keys of properties that follow an object. */
export type Extras = readonly (string | symbol)[];

/** An object without any: nearly all. */
export const NO_EXTRAS: Extras = [];

/** Properties that are not enumerable, and belong to what the object is. */
const INHERENT: Partial<Record<string, readonly string[]>> = {
  Array: ["length"],
  Boxed: ["length"],
  RegExp: ["lastIndex"],
  Error: ERROR_FIELDS,
  DOMException: ERROR_FIELDS,
};

const { getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, keys } = Object;
const isEnumerable = Object.prototype.propertyIsEnumerable;

/** Keys of a plain object that travel, and that `Object.keys` does not have. */
export function extrasOfPlain(object: object): Extras {
  const symbols = getOwnPropertySymbols(object);
  if (symbols.length === 0) return NO_EXTRAS;
  return symbols.filter((key) => symbolName(key) !== undefined && isEnumerable.call(object, key));
}

/** Keys of an instance of a class that travel, and that `Object.keys` does not have. */
export function extrasOf(instance: object, inside: SpecialKind): Extras {
  const names = getOwnPropertyNames(instance);
  const symbols = getOwnPropertySymbols(instance);
  if (symbols.length === 0 && names.length === keys(instance).length) return NO_EXTRAS;
  const inherent = typeof inside === "string" ? INHERENT[inside] : undefined;
  const named = hasElements(instance) ? names.slice(countIndices(names)) : names;
  const hidden = named.filter((key) =>
    !isEnumerable.call(instance, key) && isData(instance, key) && !inherent?.includes(key)
  );
  const known = symbols.filter((key) =>
    symbolName(key) !== undefined && (isEnumerable.call(instance, key) || isData(instance, key))
  );
  return [...hidden, ...known];
}

/** Keys of all properties of an object that something else makes again, perhaps not as its whole class. */
export function allOf(instance: object, inside: SpecialKind): Extras {
  return [...namedKeys(instance), ...extrasOf(instance, inside)];
}

/** Write the enumerable properties with names of a built-in of a class of the user's, but not its elements. */
export function writeProperties(writer: ValueWriter, object: object): void {
  const { sink, path } = writer;
  const names = namedKeys(object);
  sink.varint(names.length);
  const level = writer.enter(MEMBER);
  for (let i = 0; i < names.length; i++) writer.property(object, names[i], level);
  path.leave(level);
}

/** Elements are no properties of an array or a view, but what it holds. */
function namedKeys(object: object): string[] {
  const names = keys(object);
  return hasElements(object) ? names.slice(countIndices(names)) : names;
}

function hasElements(object: object): boolean {
  return Array.isArray(object) || ArrayBuffer.isView(object) || builtinKind(object) === "Boxed";
}

/** A getter that is not enumerable belongs to the object alone. */
function isData(object: object, key: string | symbol): boolean {
  return "value" in getOwnPropertyDescriptor(object, key)!;
}

/** What becomes of a property that cannot travel. */
export type IfRefused = "refuse" | "leave out" | "say why";

/**
 * Write properties after their object, which began with the tag for that.
 *
 * @param writer Writes the value.
 * @param object The object.
 * @param extras Keys of the properties.
 * @param ifRefused "say why": the reader says it, if the object does not have the property anyway.
 */
export function writeExtras(
  writer: ValueWriter,
  object: object,
  extras: Extras,
  ifRefused: IfRefused,
): void {
  const { sink, path } = writer;
  const level = writer.enter(MEMBER);
  for (let i = 0; i < extras.length; i++) {
    const mark = ifRefused === "refuse" ? undefined : writer.mark();
    path.at(level, String(extras[i]));
    try {
      writeKey(writer, object, extras[i], 0);
      writer.value((object as Record<string | symbol, unknown>)[extras[i]]);
    } catch (error) {
      if (mark === undefined) throw error;
      const where = path.show("");
      writer.rollback(mark);
      if (ifRefused === "leave out") continue;
      if (!isRefusal(error)) throw error;
      writeKey(writer, object, extras[i], UNSENT);
      const reason = error instanceof SerializationError ? error.reason : error.message;
      sink.string(`${where}: ${reason}`);
    }
  }
  path.leave(level);
  sink.byte(Tag.HOLE);
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Refusal || error instanceof CodeRefusal ||
    error instanceof SerializationError;
}

function writeKey(writer: ValueWriter, object: object, key: string | symbol, flags: number): void {
  if (isEnumerable.call(object, key)) flags |= ENUMERABLE;
  if (typeof key === "symbol") flags |= SYMBOL_KEY;
  writer.sink.byte(flags);
  writer.key(typeof key === "symbol" ? symbolName(key)! : key);
}
