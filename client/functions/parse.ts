/**
 * A function's source text as a syntax tree. The one place that knows the parser.
 *
 * @module
 */
import { type AnyNode, type Expression, parse as acornParse, type Program } from "npm:acorn@8.19.0";

export type { AnyNode, Expression };

/** How a function's text has to be put into a program. */
export interface ParsedFunction {
  /** `expression`: `(text)`; `method`: `({ text })[name]`. */
  kind: "expression" | "method";
  /** The function, arrow function or class. */
  node: Expression;
  /** For a method: its key, where that stands in the text, and its name unless it is computed. */
  key?: { start: number; end: number; name: string | undefined; accessor: boolean };
}

const sourceTypes = ["module", "script"] as const;

function tryParse(text: string, sourceType: "module" | "script"): Program | undefined {
  try {
    return acornParse(text, { ecmaVersion: "latest", sourceType });
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Parse what `Function.prototype.toString` gave.
 *
 * @param text Source of one function.
 * @returns Its tree, or undefined when it is neither an expression nor a method.
 * @throws {RangeError} When it is nested too deeply for the parser.
 */
export function parseFunction(text: string): ParsedFunction | undefined {
  for (const sourceType of sourceTypes) {
    // The line break ends a comment on the text's last line.
    const asExpression = tryParse(`(${text}\n)`, sourceType);
    const statement = asExpression?.body[0];
    if (statement?.type === "ExpressionStatement") {
      return { kind: "expression", node: statement.expression };
    }
    const prefix = "({";
    const asMethod = tryParse(`${prefix}${text}\n})`, sourceType);
    const object = asMethod?.body[0];
    if (object?.type !== "ExpressionStatement") continue;
    if (object.expression.type !== "ObjectExpression") continue;
    const property = object.expression.properties[0];
    if (property?.type !== "Property") continue;
    const { key } = property;
    let [start, end] = [key.start - prefix.length, key.end - prefix.length];
    if (property.computed) {
      start = text.lastIndexOf("[", start - 1);
      end = text.indexOf("]", end) + 1;
    }
    let name: string | undefined;
    if (key.type === "Identifier" && !property.computed) name = key.name;
    if (key.type === "Literal") name = String(key.value);
    return {
      kind: "method",
      node: property.value,
      key: {
        start,
        end,
        name,
        accessor: property.kind !== "init",
      },
    };
  }
  return undefined;
}
