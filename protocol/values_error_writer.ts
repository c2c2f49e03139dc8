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

/**
 * Write an error that has its number: its standard class, the name of its class, its fields.
 *
 * @param writer Writes the value.
 * @param error The error.
 * @param isInstance Its class is written, and what else is not enumerable follows.
 */
export function writeError(writer: ValueWriter, error: object, isInstance: boolean): void {
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
  writeFields(writer, error, ERROR_FIELDS, isInstance ? [] : hiddenData(error));
}

/** Write a DOMException that has its number. */
export function writeDomException(writer: ValueWriter, error: object): void {
  const { sink } = writer;
  sink.byte(Tag.DOM_EXCEPTION);
  sink.string(String(readSafely(error, "message") ?? ""));
  sink.string(String(readSafely(error, "name") ?? "Error"));
  writeFields(writer, error, DOM_FIELDS, []);
}

/**
 * The error's fields: first those not enumerable, then the others. Little is on the stack for each cause.
 *
 * @param writer Writes the value.
 * @param error The error.
 * @param usual Those that are usually not enumerable.
 * @param hidden Others that are not. They travel as data: classes and functions in there tend to be of
 * the package that made the error, such as the receiver may not have.
 */
function writeFields(
  writer: ValueWriter,
  error: object,
  usual: readonly string[],
  hidden: readonly string[],
): void {
  const { sink, path } = writer;
  const level = writer.enter(MEMBER);
  const concealed: (string | typeof END)[] = [...fieldsOf(error, usual), ...hidden, END];
  for (const field of concealed.concat(Object.keys(error), END)) {
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
      if (hidden.includes(field)) writer.data(value);
      else writer.value(value);
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

/** The usual fields that the error has, and that are not enumerable. */
function fieldsOf(error: object, usual: readonly string[]): string[] {
  return usual.filter((field) => {
    if (Object.hasOwn(error, field)) return !isEnumerable.call(error, field);
    // A class may have a getter for the message.
    if (field !== "message") return false;
    const message = readSafely(error, field);
    return typeof message === "string" && message !== "";
  });
}

/** Other names of data that is not enumerable. A getter belongs to the object alone. */
function hiddenData(error: object): string[] {
  return Object.getOwnPropertyNames(error).filter((name) => {
    if (isEnumerable.call(error, name) || ERROR_FIELDS.includes(name)) return false;
    return "value" in (Object.getOwnPropertyDescriptor(error, name) ?? {});
  });
}
