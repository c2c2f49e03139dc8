/**
 * Where the code of a part comes from: which line of the user's own files each place of it is, for the
 * stacks of errors.
 *
 * What runs is JavaScript that Deno made of TypeScript; its source maps cannot be had. But Deno applies
 * them to stacks, by the name of the file. So code is run under the name of the user's module, in which a
 * function stands at each place in question and calls the next: the stack of the last tells them all.
 *
 * @module
 */
import { runInThisContext } from "node:vm";
import type { Serialized } from "../serialized.ts";
import { serialize } from "../values.ts";
import type { Closure } from "./closure.ts";

/** So many places of one function are told; of the others the line is that of the nearest one. */
const MAX_PLACES = 64;

/** Where one definition comes from: `[line, column, original line, original column]`, all from 0. */
interface Origin {
  url: string;
  lines: Int32Array;
}

/**
 * The origin of a part.
 *
 * @param written Its definitions, in order.
 * @returns Undefined if nothing is known of any of them.
 */
export function originOf(written: readonly (Closure | undefined)[]): Serialized | undefined {
  const origins = written.map(originOfClosure);
  return origins.some((origin) => origin !== null) ? serialize(origins) : undefined;
}

function originOfClosure(closure: Closure | undefined): Origin | null {
  if (closure === undefined) return null;
  const { text, rewritten } = closure;
  const place = closure.findPlace();
  if (place === undefined || place.script.url === "") return null;
  const { script, start } = place;
  const marks = choose(text.marks, (mark) => script.lineAndColumn(start + mark)[0]);
  const original = originalPlaces(
    script.url,
    marks.map((mark) => script.lineAndColumn(start + mark)),
  );
  const lines = marks.flatMap((mark, i) => [...rewritten.place(mark), ...original[i]]);
  return { url: script.url, lines: Int32Array.from(lines) };
}

/** The places to ask for: the first of each line, and as many others as there may be. */
function choose(marks: readonly number[], lineOf: (mark: number) => number): number[] {
  const unique = [...new Set([0, ...marks])].sort((a, b) => a - b);
  if (unique.length <= MAX_PLACES) return unique;
  const firsts = unique.filter((mark, i) => i === 0 || lineOf(mark) > lineOf(unique[i - 1]));
  return firsts.length > MAX_PLACES ? firsts.slice(0, MAX_PLACES) : firsts;
}

type LineAndColumn = readonly [line: number, column: number];

/**
 * Where places of a module's code are in the user's file.
 *
 * @param url URL of the module. @param places Sorted, each once.
 */
function originalPlaces(url: string, places: readonly LineAndColumn[]): LineAndColumn[] {
  const found: LineAndColumn[] = [];
  let left = places.map((_, i) => i);
  while (left.length > 0) {
    const chain = new Chain(left.length);
    const asked = left.filter((i) => chain.add(...places[i]));
    const answers = stackOf(url, chain.finish(), asked.length);
    asked.forEach((i, n) => found[i] = answers[n]);
    // What was too near to another place goes into the next chain.
    left = left.filter((i) => !asked.includes(i));
  }
  return found;
}

/** Code of functions that call one another, each from a given place. */
class Chain {
  #text: string;
  #line = -1;
  #column = 0;
  #length = 0;

  /** @param most So many functions at most. It begins on the line before the first. */
  constructor(most: number) {
    const names = Array.from({ length: most + 1 }, (_, i) => nameAt(i));
    this.#text = `(${names.join()})=>{`;
  }

  /** Have a function that calls the next one there; false if there is no room. Places come in order. */
  add(line: number, column: number): boolean {
    const opening = `${nameAt(this.#length)}=()=>`;
    if (line === this.#line && column < this.#column + opening.length) return false;
    const call = `${nameAt(this.#length + 1)}();`;
    const sameLine = line === this.#line;
    const space = sameLine
      ? " ".repeat(column - this.#column - opening.length)
      : "\n".repeat(line - this.#line) + " ".repeat(column);
    this.#text += opening + space + call;
    this.#line = line;
    this.#column = column + call.length;
    this.#length++;
    return true;
  }

  /** A function's text; when called, it returns the stack at the end of the chain. */
  finish(): string {
    return `(${this.#text}${nameAt(this.#length)}=()=>new Error().stack;return _0()})`;
  }
}

function nameAt(index: number): string {
  return `_${index.toString(36)}`;
}

/** Run a chain, and give the places of its functions. */
function stackOf(url: string, code: string, length: number): LineAndColumn[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    const chain = runInThisContext(code, { filename: url, lineOffset: -1 });
    // The innermost frame is that of the function that has the stack.
    Error.stackTraceLimit = length + 1;
    Error.prepareStackTrace = (_error, sites) =>
      sites.slice(1).map((site) => [site.getLineNumber()! - 1, site.getColumnNumber()! - 1])
        .reverse();
    return chain();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
}
