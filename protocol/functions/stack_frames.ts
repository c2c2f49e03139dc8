/**
 * Stacks of errors as V8 writes them: frames of code that was sent are shown at their places in the
 * user's own files, frames of the machinery are left out, and the rest can be had as data.
 *
 * @module
 */
import type { Place } from "./source_map.ts";

/** One call on the stack of an error. */
export interface StackFrame {
  /** Name of the function, "" if it has none. */
  function: string;
  /** URL of the source file. */
  file: string;
  /** Line in the file, from 1. */
  line: number;
  /** Column in the line, from 1. */
  column: number;
}

/** Longest stack that is looked at, in characters. */
const MAX_STACK = 256 * 1024;
/** Longest stack that travels, in characters. */
const MAX_TEXT = 32 * 1024;

const FRAME = /^\s+at /;
/** A place in code that came as text; the runtime puts ", <anonymous>" after the name of such code. */
const SENT = /(dusk:\/\/\/[^\s,()]+?)(?:, <anonymous>)?:(\d+):(\d+)/g;
/** A function without a name, in code that came as text. */
const NAMELESS = /^(\s+at (?:async )?)eval \((dusk:\/\/\/[^()]+)\)$/;
const PARTS = /^\s+at (?:async )?(?:(.*?) \()?(.+?):(\d+):(\d+)\)?$/;

/** Says where code is that came as text. */
export type Locate = (url: string, line: number, column: number) => Place | undefined;

/**
 * Shows a stack as the user wrote the code.
 *
 * @param stack The stack as the runtime gave it.
 * @param locate Asked for each place in code that was sent.
 * @param isMachinery Whether a frame's line belongs to Dusk or to the runtime.
 * @returns The stack, cut where it is too long.
 */
export function rewriteStack(
  stack: string,
  locate: Locate,
  isMachinery: (line: string) => boolean,
): string {
  const kept: string[] = [];
  const text = stack.length > MAX_STACK ? stack.slice(0, MAX_STACK) : stack;
  let size = 0;
  for (const line of text.split("\n")) {
    const isFrame = FRAME.test(line);
    if (isFrame && isMachinery(line)) continue;
    const shown = isFrame ? showFrame(line, locate) : line;
    size += shown.length + 1;
    if (size > MAX_TEXT) {
      kept.push(kept.length === 0 ? `${shown.slice(0, MAX_TEXT)}…` : "    …");
      break;
    }
    kept.push(shown);
  }
  return kept.join("\n");
}

function showFrame(line: string, locate: Locate): string {
  return line.replace(NAMELESS, "$1$2").replace(SENT, (_, url, row, column) => {
    const place = locate(url, Number(row), Number(column));
    if (place === undefined) return `${url}:${row}:${column}`;
    return `${place.file}:${place.line}:${place.column}`;
  });
}

/**
 * The frames of a stack as data. Frames without a place, such as those of `Array.map`, are left out.
 *
 * @param stack The stack as text.
 * @returns The frames, the innermost first.
 */
export function parseStack(stack: string): StackFrame[] {
  const lines = stack.split("\n");
  // What comes after the frames says which task it was; a message before them may look like frames.
  let end = lines.length;
  while (end > 0 && !FRAME.test(lines[end - 1])) end--;
  let start = end;
  while (start > 0 && FRAME.test(lines[start - 1])) start--;
  const frames: StackFrame[] = [];
  for (const line of lines.slice(start, end)) {
    const match = PARTS.exec(line);
    if (match === null) continue;
    const [, name = "", file, row, column] = match;
    frames.push({ function: name, file, line: Number(row), column: Number(column) });
  }
  return frames;
}
