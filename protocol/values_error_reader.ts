/**
 * Reads errors: of their class where that is known, of a standard one otherwise.
 *
 * @module
 */
import { defineProperty } from "./define_property.ts";
import type { AnyFunction } from "./functions/definition.ts";
import { ERROR_CLASSES, Tag } from "./values_format.ts";
import { denoErrorClass, shortErrorName } from "./values_kinds.ts";
import { numbered } from "./values_numbers.ts";
import type { ValueReader } from "./values_reader.ts";

/** The class of an error that is known only after it. */
export const LATER = Symbol("later");

/**
 * Read an error, after its tag.
 *
 * @param reader Reads the value.
 * @param cls Its class, where that is known; otherwise it is looked for by its name.
 */
export function readError(reader: ValueReader, cls?: AnyFunction | typeof LATER): Error {
  const { cursor } = reader;
  const base = numbered(ERROR_CLASSES, cursor.byte(), "error class");
  const name = cursor.string();
  const shown = cursor.string();
  let Class = name === "" || cls === LATER ? base : cls;
  Class ??= denoErrorClass(name) ?? reader.errorClass(name);
  const error = reader.number(makeError((Class ?? base) as ErrorConstructor));
  if (Class === undefined) {
    defineProperty(error, "name", shown === base.name ? shortErrorName(name) : shown, false);
  }
  readFields(reader, error);
  return error;
}

/** Read a DOMException, after its tag. */
export function readDomException(reader: ValueReader): DOMException {
  const message = reader.cursor.string();
  const error = reader.number(new DOMException(message, reader.cursor.string()));
  readFields(reader, error);
  return error;
}

function readFields(reader: ValueReader, error: object): void {
  reader.enter();
  for (const enumerable of [false, true]) {
    while (reader.cursor.byte() !== Tag.HOLE) {
      const key = reader.key();
      defineProperty(error, key, reader.value(), enumerable);
    }
  }
  reader.leave();
}

/** An error of a class, without running the class's constructor or walking the stack. */
function makeError(Class: ErrorConstructor): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const error = Reflect.construct(Error, [], Class) as Error;
    delete error.stack;
    return error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}
