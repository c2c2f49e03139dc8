/**
 * A function's source text as a syntax tree. The one place that knows the parser.
 *
 * @module
 */
import {
  type AnyNode,
  type Comment,
  type Expression,
  parse as acornParse,
  type Program,
} from "npm:acorn@8.19.0";

export type { AnyNode, Comment, Expression, Program };

/** How a function's text has to be put into a program. */
export interface ParsedFunction {
  /** `expression`: `(text)`; `method`: `({ text })[name]`. */
  kind: "expression" | "method";
  /** The function, arrow function or class. */
  node: Expression;
  /** For a method: its name unless that is computed, and where in the text its parameters begin. */
  method?: { name: string | undefined; isAccessor: boolean; parameters: number };
}

/**
 * How the text may be meant: as a module's, where most functions come from, or as a script's. Threads
 * run it in strict mode, whatever it was written in.
 */
const readings = [{ sourceType: "module", before: "" }, {
  sourceType: "script",
  before: `"use strict";`,
}] as const;

function tryParse(text: string, sourceType: "module" | "script"): Program | undefined {
  try {
    return acornParse(text, { ecmaVersion: "latest", sourceType });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser calls it bad syntax when it has no stack left.
    if (error.message.includes("stack space")) throw new RangeError(error.message);
    return undefined;
  }
}

/** Whether a text is a function in sloppy mode only: it uses `with`, octal numbers, … */
export function isSloppy(text: string): boolean {
  return tryParse(`(${text}\n)`, "script") !== undefined;
}

/**
 * Parse the text of a module.
 *
 * @param text JavaScript.
 * @param comments Takes the comments, in order.
 * @returns Its tree.
 * @throws {SyntaxError} When it is not a module's text.
 */
export function parseModule(text: string, comments: Comment[] = []): Program {
  return acornParse(text, { ecmaVersion: "latest", sourceType: "module", onComment: comments });
}

/**
 * Parse what `Function.prototype.toString` gave.
 *
 * @param text Source of one function.
 * @returns Its tree, or undefined when it is neither an expression nor a method.
 * @throws {RangeError} When it is nested too deeply for the parser.
 */
export function parseFunction(text: string): ParsedFunction | undefined {
  for (const { sourceType, before } of readings) {
    // The line break ends a comment on the text's last line.
    const asExpression = tryParse(`${before}(${text}\n)`, sourceType);
    const statement = asExpression?.body.at(-1);
    if (statement?.type === "ExpressionStatement") {
      return { kind: "expression", node: statement.expression };
    }
    const prefix = `${before}({`;
    const asMethod = tryParse(`${prefix}${text}\n})`, sourceType);
    const object = asMethod?.body.at(-1);
    if (object?.type !== "ExpressionStatement") continue;
    if (object.expression.type !== "ObjectExpression") continue;
    const property = object.expression.properties[0];
    if (property?.type !== "Property") continue;
    const { key } = property;
    let name: string | undefined;
    if (key.type === "Identifier" && !property.computed) name = key.name;
    if (key.type === "Literal" && !property.computed) name = String(key.value);
    return {
      kind: "method",
      node: property.value,
      method: {
        name,
        isAccessor: property.kind !== "init",
        parameters: property.value.start - prefix.length,
      },
    };
  }
  return undefined;
}
