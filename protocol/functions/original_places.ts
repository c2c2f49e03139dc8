/**
 * Which places in the user's own files those in a module's code are.
 *
 * What runs is JavaScript that Deno made of TypeScript; its source maps cannot be had. But Deno applies
 * them to stacks, by the name of the file. So code is run under the name of the user's module, in which a
 * function stands at each place in question and calls the next: the stack of the last tells them all.
 *
 * @module
 */
import { runInThisContext } from "node:vm";

/** Both from 0. */
export type LineAndColumn = readonly [line: number, column: number];

/**
 * Where places of a module's code are in the user's file.
 *
 * @param url URL of the module. @param places Sorted, each once.
 */
export function originalPlaces(url: string, places: readonly LineAndColumn[]): LineAndColumn[] {
  const found: LineAndColumn[] = [];
  let left = places.map((_, i) => i);
  while (left.length > 0) {
    const chain = new Chain(places[left[0]][0] - 1, left.length);
    const asked: number[] = [];
    const near: number[] = [];
    for (const i of left) (chain.add(...places[i]) ? asked : near).push(i);
    const answers = stackOf(url, chain, asked.length);
    asked.forEach((i, n) => found[i] = answers[n]);
    // What was too near to another place goes into the next chain.
    left = near;
  }
  return found;
}

/** Code of functions that call one another, each from a given place. */
class Chain {
  /** The line it begins on: the one before the first function's. */
  readonly start: number;
  #text: string;
  #line: number;
  #column = 0;
  #length = 0;

  /** @param start The line it begins on. @param most So many functions at most. */
  constructor(start: number, most: number) {
    this.start = start;
    this.#line = start;
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
function stackOf(url: string, code: Chain, length: number): LineAndColumn[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    const chain = runInThisContext(code.finish(), { filename: url, lineOffset: code.start });
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
