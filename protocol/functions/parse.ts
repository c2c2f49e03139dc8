/**
 * JavaScript as a syntax tree. The one place that knows the parser.
 *
 * @module
 */
import {
  type AnyNode,
  type ClassExpression,
  type Comment,
  type Expression,
  type FunctionExpression,
  type Options,
  parse as acornParse,
  Parser,
  type Program,
} from "npm:acorn@8.19.0";

export type { AnyNode, ClassExpression, Comment, Expression, FunctionExpression, Program };

/** How a function's text has to be put into a program. */
export interface ParsedFunction {
  /** `expression`: `(text)`; `method`: `({ text })[name]`. */
  kind: "expression" | "method";
  /** The function, arrow function or class. */
  node: Expression;
  /** How far positions in the tree are ahead of those in the text. */
  offset: number;
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
 * Parse a script that is running, or a module.
 *
 * @param source Its text.
 * @param isModule Whether it is a module.
 * @param comments Takes its comments, where they matter.
 * @returns Its tree.
 * @throws {SyntaxError} When it is in no syntax that the parser knows.
 * @throws {RangeError} When it is nested too deeply for the parser.
 */
export function parseScript(source: string, isModule: boolean, comments?: Comment[]): Program {
  return acornParse(source, {
    onComment: comments,
    ecmaVersion: "latest",
    sourceType: isModule ? "module" : "script",
    allowHashBang: true,
    // What is run by eval or made a CommonJS module may be part of a function.
    allowReturnOutsideFunction: !isModule,
    allowSuperOutsideMethod: !isModule,
  });
}

/** Of one piece of a module it cannot say whether all is declared that is exported. */
class PieceParser extends Parser {
  constructor(options: Options, input: string, start: number) {
    super(options, input);
    // Given to it, the parser would count all lines before.
    const at = { pos: start, start, end: start, lastTokStart: start, lastTokEnd: start };
    Object.assign(this, at, { lineStart: start });
  }
  /** The parser's name for what it notes only when it has understood the syntax. */
  raiseRecoverable(): void {}
}

/**
 * Parse some statements in the middle of a module.
 *
 * @param source The module's text: positions are positions in it.
 * @param start Where the first statement begins. @param end Where the last one ends.
 * @param comments Takes the comments there.
 * @returns The statements.
 * @throws {SyntaxError} When these are no statements.
 */
export function parsePiece(
  source: string,
  start: number,
  end: number,
  comments: Comment[],
): Program["body"] {
  const options = { ecmaVersion: "latest", sourceType: "module", onComment: comments } as const;
  return new PieceParser(options, source.slice(0, end), start).parse().body;
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
      return { kind: "expression", node: statement.expression, offset: before.length + 1 };
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
      offset: prefix.length,
      method: {
        name,
        isAccessor: property.kind !== "init",
        parameters: property.value.start - prefix.length,
      },
    };
  }
  return undefined;
}
