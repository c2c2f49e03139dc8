/**
 * Cheap checks of what comes in from outside, before it reaches the core: is every field there, and
 * of the kind that the core relies on? A message that fails is a {@linkcode MalformedMessageError},
 * and whoever sent it is cut off.
 *
 * @module
 */
import type { CodePart, Message } from "../protocol/messages.ts";
import { isName, isPartName, isPartNames, LONGEST_NAME, MOST_NEEDS } from "../protocol/names.ts";
import { Serialized } from "../protocol/serialized.ts";

export { isName, isPartName, isPartNames, MOST_NEEDS } from "../protocol/names.ts";

/** A message that no honest peer sends: an unknown `op`, or a field that is missing or of a wrong kind. */
export class MalformedMessageError extends Error {
  override name = "MalformedMessageError";
}

/** @throws {MalformedMessageError} Always: `field` of `message` is not `expected`. */
export function refuse(message: Message, field: string, expected: string): never {
  throw new MalformedMessageError(
    `message '${message.op}': ${field} must be ${expected}, got ${show(message[field])}`,
  );
}

/** Check that `field` is a name, see {@linkcode isName}. */
export function checkName(message: Message, field: string): string {
  const value = message[field];
  if (!isName(value)) refuse(message, field, `a name of 1 to ${LONGEST_NAME} characters`);
  return value;
}

/** Check that `field` is a number that is at least `least` and finite. */
export function checkNumber(message: Message, field: string, least = -Infinity): number {
  const value = message[field];
  if (typeof value !== "number" || !(value >= least) || value === Infinity) {
    refuse(message, field, least === -Infinity ? "a number" : `a number of at least ${least}`);
  }
  return value;
}

/** Check that `field` is a whole number that is not negative. */
export function checkCount(message: Message, field: string): number {
  const value = message[field];
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    refuse(message, field, "a whole number of at least 0");
  }
  return value as number;
}

/** Check that `field` is a list of names. */
export function checkNames(message: Message, field: string): string[] {
  const value = message[field];
  if (!isNames(value)) refuse(message, field, "a list of texts");
  return value;
}

/** Check that `field` is a map from names to lists of names. */
export function checkNamesByName(message: Message, field: string): Record<string, string[]> {
  const value = checkMap(message, field);
  for (const name in value) {
    if (!isNames(value[name])) refuse(message, field, "a map to lists of texts");
  }
  return value as Record<string, string[]>;
}

/** Check that `field` is a map from names to numbers that are not negative. */
export function checkNumbersByName(message: Message, field: string): Record<string, number> {
  const value = checkMap(message, field);
  for (const name in value) {
    const number = value[name];
    if (typeof number !== "number" || !(number >= 0 && number < Infinity)) {
      refuse(message, field, "a map to numbers of at least 0");
    }
  }
  return value as Record<string, number>;
}

/** Check that `field` is a map from names to texts, or absent. */
export function checkTextsByName(
  message: Message,
  field: string,
): Record<string, string> | undefined {
  if (message[field] === undefined || message[field] === null) return undefined;
  const value = checkMap(message, field);
  for (const name in value) {
    if (typeof value[name] !== "string") refuse(message, field, "a map to texts");
  }
  return value as Record<string, string>;
}

/** Check that `field` is a map from names to serialized values. */
export function checkSerializedByName(message: Message, field: string): Record<string, Serialized> {
  const value = checkMap(message, field);
  for (const name in value) {
    if (!(value[name] instanceof Serialized)) refuse(message, field, "a map to serialized values");
  }
  return value as Record<string, Serialized>;
}

/** Check that `field` is a map from names of parts to parts. */
export function checkParts(message: Message, field: string): Record<string, CodePart> {
  const parts = checkMap(message, field);
  for (const name in parts) {
    if (!isPartName(name)) {
      throw new MalformedMessageError(
        `message '${message.op}': ${field} must be named by their hashes, not ${show(name)}`,
      );
    }
    if (!isPart(parts[name])) {
      throw new MalformedMessageError(
        `message '${message.op}': ${field}.${name} must be a part: code, needs and origin`,
      );
    }
  }
  return parts as unknown as Record<string, CodePart>;
}

function isPart(value: unknown): boolean {
  if (!isMap(value)) return false;
  const { code, needs, origin } = value;
  return code instanceof Serialized && (needs === undefined || isPartNames(needs)) &&
    (origin === undefined || origin instanceof Serialized);
}

/** Check that `field` is a list of names of parts. */
export function checkPartNames(message: Message, field: string): string[] {
  const value = message[field];
  if (!isPartNames(value)) refuse(message, field, `a list of at most ${MOST_NEEDS} names of parts`);
  return value;
}

/** Check that `field` is a map from names to lists of names of parts. */
export function checkNeedsByName(message: Message, field: string): Record<string, string[]> {
  const value = checkMap(message, field);
  for (const name in value) {
    if (!isPartNames(value[name])) refuse(message, field, "a map to lists of names of parts");
  }
  return value as Record<string, string[]>;
}

/** Check that `field` is a map from names, to import modules by, to the modules' parts. */
export function checkModules(message: Message, field: string): Record<string, string> {
  const value = checkMap(message, field);
  for (const name in value) {
    if (isName(name) && isPartName(value[name])) continue;
    throw new MalformedMessageError(
      `message '${message.op}': ${field} must be a map from names of modules to names of parts, ` +
        `not ${show(name)} to ${show(value[name])}`,
    );
  }
  return value as Record<string, string>;
}

/** Check that `field` is a map. */
export function checkMap(message: Message, field: string): Record<string, unknown> {
  const value = message[field];
  if (!isMap(value)) refuse(message, field, "a map");
  return value;
}

/** Whether a value is a list of names. */
export function isNames(value: unknown): value is string[] {
  if (!Array.isArray(value)) return false;
  for (let i = 0; i < value.length; i++) {
    if (!isName(value[i])) return false;
  }
  return true;
}

/** Whether a value is a map: an object that is neither a list nor bytes. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !ArrayBuffer.isView(value) && !(value instanceof Serialized);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    return value.length > 40 ? `a text of ${value.length} characters` : JSON.stringify(value);
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") return `${value}`;
  if (Array.isArray(value)) return "a list";
  return value instanceof Serialized ? "a serialized value" : `a value of type ${typeof value}`;
}
