/**
 * Small changes to a function's text, and where each place of it comes to stand by them.
 *
 * @module
 */
import type { ClassText, Range } from "./class_text.ts";
import type { FreeName, FunctionText } from "./function_text.ts";
import { lineStarts } from "./script.ts";

/** Something put in the place of a part of a text. */
export interface Edit extends Range {
  readonly text: string;
}

/** Stands for `import` in a text: as long, and a name that the code around the text can declare. */
const IMPORT = "\u00ecmport";

/** Put an expression in the place of a name, wherever it is used. */
export function replaceName({ name, references }: FreeName, expression: string): Edit[] {
  return references.map(({ start, end, form }) => {
    let text = expression;
    // A member that is called gets its object as `this`, where the name had none.
    if (form === "call") text = `(0,${expression})`;
    // A bracket at the beginning of a line could belong to the line before.
    if (form === "call-statement") text = `0,(0,${expression})`;
    if (form === "shorthand") text = `${name}:${expression}`;
    return { start, end, text };
  });
}

/** Have `import(…)` call what the code around the text declares. */
export function replaceImports(text: FunctionText): Edit[] {
  return text.imports.map(({ start }) => ({ start, end: start + IMPORT.length, text: IMPORT }));
}

/** Give a method with a computed key the name that it came to have. */
export function replaceKey(text: FunctionText, name: string): Edit[] {
  const { method } = text;
  if (method === undefined || method.name === name) return [];
  const star = text.isGenerator ? "*" : "";
  const key = `${text.isAsync ? "async " : ""}${star}${JSON.stringify(name)}`;
  return [{ start: 0, end: method.parameters, text: key }];
}

/**
 * Take what a class does when it is made out of its text: the live class has what came of it. As many lines
 * stay, for stacks, and a semicolon: without one, what follows could belong to what comes before.
 */
export function blankStatics(text: string, { statics }: ClassText): Edit[] {
  return statics.map(({ start, end }) => {
    const lines = text.slice(start, end).replaceAll(/[^\n\r\u2028\u2029]/g, "");
    return { start, end, text: `;${lines}` };
  });
}

/** A text with changes made to it. */
export class RewrittenText {
  readonly source: string;
  readonly #edits: readonly Edit[];
  readonly #lineStarts: readonly number[];

  /** @param text The text. @param edits What to change; they do not overlap. */
  constructor(text: string, edits: readonly Edit[]) {
    this.#edits = edits.toSorted((a, b) => a.start - b.start);
    let source = "";
    let position = 0;
    for (const edit of this.#edits) {
      source += text.slice(position, edit.start) + edit.text;
      position = edit.end;
    }
    this.source = source + text.slice(position);
    this.#lineStarts = lineStarts(this.source);
  }

  /** Where a position of the original text has come to: line and column, both from 0. */
  place(position: number): [line: number, column: number] {
    let moved = position;
    for (const { start, end, text } of this.#edits) {
      if (start >= position) break;
      moved += text.length - (Math.min(end, position) - start);
    }
    let line = 0;
    while (line + 1 < this.#lineStarts.length && this.#lineStarts[line + 1] <= moved) line++;
    return [line, moved - this.#lineStarts[line]];
  }
}
