/**
 * Finds where generated code comes from, by the mappings of a source map (version 3). They are decoded
 * when the first position is asked for: most modules never throw.
 *
 * @module
 */

/** A place in a source, as stacks show it. */
export interface Place {
  /** URL of the source. */
  file: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** Longest mappings that are read, in characters: those of some 30 MB of code. */
const MAX_MAPPINGS = 2 ** 26;
/** Generated column, source, line, column: what is kept of a segment. */
const FIELDS = 4;

const DIGITS = new Int8Array(128).fill(-1);
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".split("").forEach(
  (digit, value) => DIGITS[digit.charCodeAt(0)] = value,
);

const COMMA = 44;
const SEMICOLON = 59;

/** The decoded mappings: segments, and at which segment each generated line begins. */
interface Segments {
  fields: Int32Array;
  lines: Int32Array;
}

/** The mappings of one generated text. */
export class SourceMap {
  readonly #sources: readonly string[];
  #mappings: string;
  #segments: Segments | undefined;

  /**
   * @param sources URLs of the sources.
   * @param mappings The field `mappings` of the source map.
   */
  constructor(sources: readonly string[], mappings: string) {
    this.#sources = sources;
    this.#mappings = mappings;
  }

  /**
   * The place that a generated position comes from.
   *
   * @param line Line in the generated text, from 0.
   * @param column Column in it, from 0.
   * @returns The place; undefined where the text comes from no source, or the mappings make no sense.
   */
  place(line: number, column: number): Place | undefined {
    if (this.#segments === undefined) {
      this.#segments = decodeMappings(this.#mappings);
      this.#mappings = "";
    }
    const { fields, lines } = this.#segments;
    if (line < 0 || line >= lines.length - 1) return undefined;
    // The last segment of the line that begins at the column or before.
    let low = lines[line];
    let high = lines[line + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fields[middle * FIELDS] <= column) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    if (at < lines[line]) return undefined;
    const file = this.#sources[fields[at * FIELDS + 1]];
    if (typeof file !== "string") return undefined;
    return { file, line: fields[at * FIELDS + 2] + 1, column: fields[at * FIELDS + 3] + 1 };
  }
}

/**
 * Decodes mappings: lines are separated by ";", segments by ",", and a segment is 1, 4 or 5 numbers in
 * base 64, each the difference to the one before. What makes no sense ends the list.
 */
function decodeMappings(mappings: string): Segments {
  if (mappings.length > MAX_MAPPINGS) {
    return { fields: new Int32Array(0), lines: new Int32Array(1) };
  }
  let segments = 0;
  let count = 1;
  for (let i = 0; i < mappings.length; i++) {
    const code = mappings.charCodeAt(i);
    if (code === SEMICOLON) count++;
    if (code === COMMA || code === SEMICOLON) segments++;
  }
  const fields = new Int32Array((segments + 1) * FIELDS);
  const lines = new Int32Array(count + 1);
  let line = 0;
  let kept = 0;
  let column = 0;
  let source = 0;
  let sourceLine = 0;
  let sourceColumn = 0;
  let position = 0;
  const end = () => position >= mappings.length || isSeparator(mappings.charCodeAt(position));
  const number = () => {
    let value = 0;
    let shift = 0;
    for (;;) {
      const digit = DIGITS[mappings.charCodeAt(position++)] ?? -1;
      if (digit < 0 || shift > 30) return NaN;
      value |= (digit & 31) << shift;
      if ((digit & 32) === 0) return value & 1 ? -(value >>> 1) : value >>> 1;
      shift += 5;
    }
  };
  while (position < mappings.length) {
    const code = mappings.charCodeAt(position);
    if (isSeparator(code)) {
      position++;
      if (code === SEMICOLON) {
        lines[++line] = kept;
        column = 0;
      }
      continue;
    }
    column += number();
    let from = -1;
    if (!end()) {
      from = source += number();
      sourceLine += number();
      sourceColumn += number();
      if (!end()) number();
    }
    // Numbers that are none are not at least 0, either.
    if (!end() || !(Math.min(column, source, sourceLine, sourceColumn) >= 0)) break;
    fields.set([column, from, sourceLine, sourceColumn], kept * FIELDS);
    kept++;
  }
  lines.fill(kept, line + 1);
  return { fields, lines };
}

function isSeparator(code: number): boolean {
  return code === COMMA || code === SEMICOLON;
}
