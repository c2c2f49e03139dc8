/**
 * Checks that what came in the place of a definition is one.
 *
 * @module
 */
import { DeserializationError } from "../values_format.ts";
import type { Definition } from "./definition.ts";

/** No function uses more; a false length of an array must not be walked. */
const MAX_NAMES = 65_536;
const KINDS: readonly unknown[] = ["expression", "method", "class", "part"];

/**
 * The definition that a decoded value is.
 *
 * @param value Anything.
 * @throws {DeserializationError} If it is none.
 */
export function readDefinition(value: unknown): Definition {
  if (typeof value !== "object" || value === null) throw malformed("is no object");
  const { source, kind, name, variables, early, imports, id, privates } = value as Record<
    string,
    unknown
  >;
  if (typeof source !== "string") throw malformed("has no source");
  if (!KINDS.includes(kind)) throw malformed("is of no kind");
  if (typeof name !== "string") throw malformed("has no name");
  if (!isNames(variables)) throw malformed("has no list of variables");
  if (new Set(variables).size < variables.length) throw malformed("has a variable twice");
  if (!Number.isInteger(early) || (early as number) < 0 || (early as number) > variables.length) {
    throw malformed("has an impossible number of early variables");
  }
  if (imports !== undefined && !isRecord(imports)) throw malformed("has no list of imports");
  if (id === undefined ? kind === "part" : typeof id !== "string") {
    throw malformed("has no name of a part");
  }
  if (privates !== undefined && !isNames(privates)) throw malformed("has no list of privates");
  return value as Definition;
}

function malformed(what: string): DeserializationError {
  return new DeserializationError(`the definition of a function ${what}`);
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_NAMES &&
    value.every((name) => typeof name === "string");
}

function isRecord(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && isNames(Object.values(value));
}
