/**
 * Reads of a large file of a bundle only what has to be read as syntax. The bundler writes one module
 * after the other, each below a comment with its name, and in one style: a module in which nothing stands
 * that is looked for gives the names of its variables line by line, ten times as fast as a parser.
 *
 * @module
 */
import {
  type AnyNode,
  type Comment,
  parsePiece,
  parseScript,
  type Program,
} from "../../protocol/functions/parse.ts";

/** A piece that was not parsed: a module, and the variables that it declares at its top level. */
export interface PlainPiece {
  title: Comment;
  variables: string[];
}

/** A file's syntax. */
export interface Pieces {
  /** The statements of what was parsed. */
  tree: Program;
  /** The comments in what was parsed, and the titles of the rest. */
  comments: Comment[];
  plain: PlainPiece[];
}

/** Tells where in the text anything stands that is looked for, in order, given what was parsed so far. */
export type Places = (body: Program["body"]) => readonly number[];

/** Below that, all is parsed. */
const SMALL = 2 ** 16;
const TITLE = /^\/\/.*$/gm;
/** What may go on over the end of a line, and so make lines look like what they are not. */
const MULTILINE = /`|\/\*(?! @__PURE__ \*\/)/;
/** Lines that say all that there is to know: the beginnings and ends of statements, as the bundler writes them. */
const PLAIN_LINES = [
  /^(?:\s|$)/,
  /^[\])}]+;?$/,
  /^(?:async )?function\*? ?([\w$]+)\([\w$, ]*\) \{\}?$/,
  /^class ([\w$]+)(?: extends [\w$.]+)? \{\}?$/,
  /^var ([\w$]+)(?: = [^,]*)?;?$/,
  /^var ([\w$]+) = (?:async )?function\*?(?: [\w$]+)?\([\w$, ]*\) \{\}?;?$/,
  /^var ([\w$]+) = (?:async )?\([\w$, ]*\) => [^,]*$/,
];

/**
 * Read a file.
 *
 * @param code What the bundler wrote.
 * @param places Is asked until there is nothing more to parse, and at last with all that was.
 * @throws {SyntaxError} When it is no JavaScript.
 */
export function readPieces(code: string, places: Places): Pieces {
  return (code.length < SMALL ? undefined : readLarge(code, places)) ?? readWhole(code, places);
}

function readWhole(code: string, places: Places): Pieces {
  const comments: Comment[] = [];
  const tree = parseScript(code, true, comments);
  places(tree.body);
  return { tree, comments, plain: [] };
}

/** @returns Undefined if the file is not written as it is thought to be. */
function readLarge(code: string, places: Places): Pieces | undefined {
  const starts = [0, ...[...code.matchAll(TITLE)].map(({ index }) => index)];
  const plain = new Map<number, PlainPiece>();
  for (let i = 1; i < starts.length; i++) {
    const piece = plainPiece(code, starts[i], starts[i + 1] ?? code.length);
    if (piece !== undefined) plain.set(i, piece);
  }
  const comments: Comment[] = [];
  const body: Program["body"] = [];
  const parsed = new Set<number>();
  try {
    while (true) {
      let i = 0;
      const asked = new Set<number>();
      for (const place of places(body)) {
        while (place >= (starts[i + 1] ?? Infinity)) i++;
        asked.add(i);
      }
      const before = parsed.size;
      for (let i = 0; i < starts.length; i++) {
        if (parsed.has(i) || plain.has(i) && !asked.has(i)) continue;
        parsed.add(i);
        plain.delete(i);
        body.push(...parsePiece(code, starts[i], starts[i + 1] ?? code.length, comments));
      }
      if (parsed.size === before) break;
    }
  } catch (error) {
    // What looks like a title stands within something.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  comments.push(...[...plain.values()].map(({ title }) => title));
  const inOrder = (a: { start: number }, b: { start: number }) => a.start - b.start;
  const tree: Program = {
    type: "Program",
    start: 0,
    end: code.length,
    sourceType: "module",
    body: body.sort(inOrder as (a: AnyNode, b: AnyNode) => number),
  };
  return { tree, comments: comments.sort(inOrder), plain: [...plain.values()] };
}

/** A piece as its lines tell it; undefined if they leave anything open. */
function plainPiece(code: string, start: number, end: number): PlainPiece | undefined {
  const text = code.slice(start, end);
  if (MULTILINE.test(text)) return undefined;
  const [first, ...lines] = text.split("\n");
  const variables: string[] = [];
  for (const line of lines) {
    if (line === "" || line[0] === " ") continue;
    const match = matchLine(line);
    if (match === undefined) return undefined;
    if (match[1] !== undefined) variables.push(match[1]);
  }
  const title: Comment = {
    type: "Line",
    value: first.slice(2),
    start,
    end: start + first.length,
  };
  return { title, variables };
}

function matchLine(line: string): RegExpExecArray | undefined {
  for (const pattern of PLAIN_LINES) {
    const match = pattern.exec(line);
    if (match !== null) return match;
  }
  return undefined;
}
