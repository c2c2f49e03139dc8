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
const ERROR_FIELDS = ["name", "message", "stack", "cause", "errors", "error", "suppressed"];
const DOM_FIELDS = ["stack", "cause"];

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

/** The error's fields: first those not enumerable, then the others. */
function writeFields(writer: ValueWriter, error: object, fields: readonly string[]): void {
  const level = writer.enter(MEMBER);
  for (const field of fields) {
    if (Object.hasOwn(error, field)) {
      if (Object.prototype.propertyIsEnumerable.call(error, field)) continue;
    } else {
      // A class may have a getter for the message.
      if (field !== "message") continue;
      const message = readSafely(error, field);
      if (typeof message !== "string" || message === "") continue;
    }
    writeField(writer, error, field, level);
  }
  writer.sink.byte(Tag.HOLE);
  for (const field of Object.keys(error)) writeField(writer, error, field, level);
  writer.sink.byte(Tag.HOLE);
  writer.path.leave(level);
}

/** One field of an error: left out if it cannot travel; a cause that cannot becomes a text. */
function writeField(writer: ValueWriter, error: object, field: string, level: number): void {
  const { sink, path } = writer;
  const mark = writer.mark();
  let value: unknown;
  try {
    value = (error as Record<string, unknown>)[field];
    if (field === "stack" && typeof value !== "string") return;
    path.at(level, field);
    sink.byte(Tag.NULL);
    writer.key(field);
    writer.value(value);
  } catch {
    // Whatever failed in there, a getter of the user's for one: as if it had not been tried.
    writer.rollback(mark);
    if (field !== "cause" || value === undefined) return;
    sink.byte(Tag.NULL);
    writer.key(field);
    sink.string(describe(value));
  }
}
