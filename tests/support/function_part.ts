/**
 * Functions and modules as parts of code, made of their text: for tests of what passes parts on, and of
 * what runs them, that need no capture.
 *
 * @module
 */
import type { CodeWriter } from "../../protocol/functions/definition.ts";
import type { CodePart } from "../../protocol/messages.ts";
import { tokenize } from "../../protocol/tokenize.ts";
import { serialize } from "../../protocol/values.ts";

/** A part and its name. */
export interface NamedPart {
  name: string;
  part: CodePart;
}

/** How a function is written. */
export interface FunctionText {
  /** Its name; default "f". */
  name?: string;
  /** Whether it is an expression, or a method as in an object literal. */
  kind?: "expression" | "method";
}

/**
 * The part of a function that closes over nothing.
 *
 * @param source JavaScript.
 */
export function functionPart(source: string, text: FunctionText = {}): NamedPart {
  const { name = "f", kind = "expression" } = text;
  const writer: CodeWriter = {
    describe: () => ({
      type: "inline",
      definition: { source, kind, name, variables: [], early: 0 },
      values: [],
      properties: [],
    }),
    describeClass: () => undefined,
    registration: () => undefined,
  };
  const code = serialize(() => {}, { code: writer });
  return { name: `f${tokenize(code)}`, part: { code } };
}

/**
 * The part of a module.
 *
 * @param source A script, as the bundler makes it: `(function($builtin, $meta) { return … })`.
 * @param isAsync Whether its function is async.
 */
export function modulePart(source: string, isAsync = false): NamedPart {
  const code = serialize({ url: "file:///module.js", source, isAsync });
  return { name: `m${tokenize(code)}`, part: { code } };
}
