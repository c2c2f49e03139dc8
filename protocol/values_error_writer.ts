/**
 * Writes errors. An error must always be able to travel, because it says what went wrong: what of it
 * cannot is left out.
 *
 * @module
 */
import { Tag } from "./values_format.ts";
import { describe, errorBase, errorClassName, readSafely } from "./values_kinds.ts";
import { MEMBER } from "./values_path.ts";
import type { ValueWriter } from "./values_writer.ts";

/** Properties of errors that are usually not enumerable, yet travel. */
export const ERROR_FIELDS = ["name", "message", "stack", "cause", "errors", "error", "suppressed"];
const DOM_FIELDS = ["stack", "cause"];
/** Ends a list of fields. */
const END = Symbol("end");
const isEnumerable = Object.prototype.propertyIsEnumerable;

/** Write an error that has its number: its standard class, the name of its class, its fields. */
export function writeError(writer: ValueWriter, error: object): void {
  const { sink } = writer;
  const [number, base] = errorBase(error);
  const shown = readSafely(error, "name");
  const shownName = typeof shown === "string" ? shown : "";
  let name = errorClassName(error);
  // An error whose class was not known where it was decoded has its class's name as its own.
  if (name === base && Object.hasOwn(error, "name")) name = shownName;
  sink.byte(Tag.ERROR);
  sink.byte(number);
  sink.string(name === base ? "" : name);
  sink.string(shownName);
  writeFields(writer, error, ERROR_FIELDS);
}

/** Write a DOMException that has its number. */
export function writeDomException(writer: ValueWriter, error: object): void {
  const { sink } = writer;
  sink.byte(Tag.DOM_EXCEPTION);
  sink.string(String(readSafely(error, "message") ?? ""));
  sink.string(String(readSafely(error, "name") ?? "Error"));
  writeFields(writer, error, DOM_FIELDS);
}

/** The error's fields: first those not enumerable, then the others. Little is on the stack for each cause. */
function writeFields(writer: ValueWriter, error: object, fields: readonly string[]): void {
  const { sink, path } = writer;
  const level = writer.enter(MEMBER);
  for (const field of fieldsOf(error, fields)) {
    if (field === END) {
      sink.byte(Tag.HOLE);
      continue;
    }
    const mark = writer.mark();
    let value: unknown;
    try {
      value = (error as Record<string, unknown>)[field];
      if (field === "stack" && typeof value !== "string") continue;
      path.at(level, field);
      sink.byte(Tag.NULL);
      writer.key(field);
      writer.value(value);
    } catch {
      // Whatever failed in there, a getter of the user's for one: as if it had not been tried.
      writer.rollback(mark);
      // A cause that cannot travel becomes a text.
      if (field === "cause" && value !== undefined) writeText(writer, field, value);
    }
  }
  path.leave(level);
}

function writeText(writer: ValueWriter, field: string, value: unknown): void {
  writer.sink.byte(Tag.NULL);
  writer.key(field);
  writer.sink.string(describe(value));
}

/** The names of those that are not enumerable, then those of the others, each list with its end. */
function fieldsOf(error: object, fields: readonly string[]): (string | typeof END)[] {
  const hidden = fields.filter((field) => {
    if (Object.hasOwn(error, field)) return !isEnumerable.call(error, field);
    // A class may have a getter for the message.
    if (field !== "message") return false;
    const message = readSafely(error, field);
    return typeof message === "string" && message !== "";
  });
  return [...hidden, END, ...Object.keys(error), END];
}
