/**
 * Changes to a text that keep its source map right: no change moves a line, so all that changes in the
 * map is where in their lines its segments stand.
 *
 * @module
 */

/** A piece of text to replace. The new text has as many line breaks as the old one. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** Code and the source map v3 mappings of it. */
export interface MappedText {
  code: string;
  mappings: string;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const valueOf = new Uint8Array(128);
for (let i = 0; i < digits.length; i++) valueOf[digits.charCodeAt(i)] = i;

/** Read one number of a mapping. @returns It, and where the next one begins. */
function readNumber(text: string, start: number): [value: number, next: number] {
  let bits = 0;
  let shift = 0;
  let position = start;
  let digit: number;
  do {
    digit = valueOf[text.charCodeAt(position++)];
    bits |= (digit & 31) << shift;
    shift += 5;
  } while (digit >= 32);
  return [bits & 1 ? -(bits >>> 1) : bits >>> 1, position];
}

function writeNumber(value: number): string {
  let bits = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const rest = bits >>> 5;
    text += digits[(bits & 31) | (rest > 0 ? 32 : 0)];
    bits = rest;
  } while (bits > 0);
  return text;
}

/** Where each line of a text begins. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The line that a position is in. */
export function lineOf(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Apply edits.
 *
 * @param input The text and its map.
 * @param edits In any order; none overlaps another.
 * @returns The changed text and its map.
 */
export function applyEdits({ code, mappings }: MappedText, edits: readonly Edit[]): MappedText {
  const sorted = edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  const starts = lineStarts(code);
  const lines = mappings.split(";");
  let text = "";
  let at = 0;
  for (let i = 0; i < sorted.length;) {
    const line = lineOf(starts, sorted[i].start);
    const end = starts[line + 1] ?? Infinity;
    let first = i;
    for (; i < sorted.length && sorted[i].start < end; i++) {
      text += code.slice(at, sorted[i].start) + sorted[i].text;
      at = sorted[i].end;
    }
    if (lines[line]) lines[line] = moveSegments(lines[line], sorted.slice(first, i), starts[line]);
    first = i;
  }
  return { code: text + code.slice(at), mappings: lines.join(";") };
}

/** The first number of a segment is its column, as the difference from the one before. */
function moveSegments(line: string, edits: readonly Edit[], lineStart: number): string {
  let before = 0;
  let column = 0;
  return line.split(",").map((segment) => {
    const [step, rest] = readNumber(segment, 0);
    column += step;
    let moved = column;
    for (const { start, end, text } of edits) {
      const from = start - lineStart;
      if (column < from) break;
      const length = end - start;
      if (column < from + length) moved -= Math.max(0, column - from - text.length);
      else moved += text.length - length;
    }
    const difference = moved - before;
    before = moved;
    return writeNumber(difference) + segment.slice(rest);
  }).join(",");
}

/**
 * Leave out blank lines at the beginning.
 *
 * @param input The text and its map.
 * @returns The rest and its map.
 */
export function withoutBlankStart({ code, mappings }: MappedText): MappedText {
  const blank = /^(?:[ \t]*\n)*/.exec(code)![0];
  let kept = 0;
  for (let line = lineStarts(blank).length - 1; line > 0; line--) {
    const end = mappings.indexOf(";", kept);
    kept = end < 0 ? mappings.length : end + 1;
  }
  return { code: code.slice(blank.length), mappings: mappings.slice(kept) };
}
