/**
 * Where code that was sent comes from. Its frames in stacks are of URLs that name the part and the
 * definition in it; the part's origin leads to the line of the user's own file.
 *
 * @module
 */
import type { Serialized } from "../serialized.ts";
import { deserialize } from "../values.ts";
import { type Place, SourceMap } from "./source_map.ts";

/** What compiled code has before the sender's text: the text begins on the line after. */
export const LINES_BEFORE = 1;

const NOWHERE = "-";
const MAX_NAME = 100;
const URL_PARTS = /^dusk:\/\/\/([fcr][0-9a-f]{32}|-)\/(\d+)\/(.*)$/;
const MODULE_URL = /^dusk:\/\/\/(m[0-9a-f]{32})$/;

/** Where one definition comes from: `[line, column, original line, original column]`, all from 0, sorted. */
export interface DefinitionOrigin {
  url: string;
  lines: Int32Array;
}

type Origin = SourceMap | readonly (DefinitionOrigin | undefined)[];

/**
 * The URL that compiled code of a definition has.
 *
 * @param part Name of the part that the definition is in; undefined: it is in a value.
 * @param index Number of the definition in the part.
 * @param name Name of the function, for those that cannot be traced.
 */
export function definitionUrl(part: string | undefined, index: number, name: string): string {
  const shown = encodeURIComponent((name || "anonymous").slice(0, MAX_NAME).toWellFormed());
  return `dusk:///${part ?? NOWHERE}/${index}/${shown.replaceAll(/[()']/g, "_")}`;
}

/** The URL that the code of a module has. */
export function moduleUrl(part: string): string {
  return `dusk:///${part}`;
}

/** Finds the places of frames. */
export class CodePlaces {
  readonly #originOf: (part: string) => Serialized | undefined;
  readonly #origins = new Map<string, Origin>();

  /** @param originOf Gives the origin of a part that is known. */
  constructor(originOf: (part: string) => Serialized | undefined) {
    this.#originOf = originOf;
  }

  /** Drop what is known of a part. */
  forget(part: string): void {
    this.#origins.delete(part);
  }

  /**
   * The place of a frame.
   *
   * @param url URL of compiled code.
   * @param line Line in it, from 1.
   * @param column Column in it, from 1.
   * @returns The user's own place; if that is not known, the place in the function's text.
   */
  place(url: string, line: number, column: number): Place | undefined {
    const row = line - 1 - LINES_BEFORE;
    const module = MODULE_URL.exec(url);
    if (module !== null) {
      const origin = this.#origin(module[1]);
      return origin instanceof SourceMap ? origin.place(row, column - 1) : undefined;
    }
    const match = URL_PARTS.exec(url);
    if (match === null) return undefined;
    const [, part, index, name] = match;
    const origin = part === NOWHERE ? [] : this.#origin(part);
    const definition = origin instanceof SourceMap ? undefined : origin[Number(index)];
    const found = definition && nearest(definition, row, column - 1);
    return found ?? { file: `dusk:///${name}`, line: row + 1, column };
  }

  /** Where a definition of a part comes from, for a part that is made of it; undefined: nobody knows. */
  origin(part: string, index: number): DefinitionOrigin | undefined {
    const origin = this.#origin(part);
    return origin instanceof SourceMap ? undefined : origin[index];
  }

  #origin(part: string): Origin {
    const known = this.#origins.get(part);
    if (known !== undefined) return known;
    const serialized = this.#originOf(part);
    // Not remembered: it may still come, and nobody will say when a part is gone that never was there.
    if (serialized === undefined) return [];
    const origin = readOrigin(serialized);
    this.#origins.set(part, origin);
    return origin;
  }
}

/**
 * Where a part of a text comes from.
 *
 * @param origin Where all of it comes from.
 * @param text All of it.
 * @param inner The part.
 */
export function originInside(
  { url, lines }: DefinitionOrigin,
  text: string,
  inner: string,
): DefinitionOrigin {
  const before = text.slice(0, Math.max(0, text.indexOf(inner))).split("\n");
  const firstLine = before.length - 1;
  const firstColumn = before[firstLine].length;
  const lastLine = firstLine + inner.split("\n").length - 1;
  const kept: number[] = [];
  for (let i = 0; i < lines.length; i += 4) {
    const line = lines[i];
    const column = line === firstLine ? lines[i + 1] - firstColumn : lines[i + 1];
    if (line < firstLine || line > lastLine || column < 0) continue;
    kept.push(line - firstLine, column, lines[i + 2], lines[i + 3]);
  }
  return { url, lines: Int32Array.from(kept) };
}

/** Decodes an origin. One that makes no sense counts as none: a stack is shown as it is, then. */
function readOrigin(serialized: Serialized): Origin {
  let origin: unknown;
  try {
    origin = deserialize(serialized);
  } catch {
    return [];
  }
  if (Array.isArray(origin)) return origin.map((entry) => isOrigin(entry) ? entry : undefined);
  if (typeof origin !== "object" || origin === null) return [];
  const { sources, mappings } = origin as Record<string, unknown>;
  return Array.isArray(sources) && typeof mappings === "string"
    ? new SourceMap(sources, mappings)
    : [];
}

function isOrigin(entry: unknown): entry is DefinitionOrigin {
  if (typeof entry !== "object" || entry === null) return false;
  const { url, lines } = entry as Record<string, unknown>;
  return typeof url === "string" && lines instanceof Int32Array && lines.length % 4 === 0;
}

/**
 * The last entry at the position or before it on its line; else the first of that line; else the last
 * of the lines before.
 */
function nearest({ url, lines }: DefinitionOrigin, row: number, column: number): Place | undefined {
  let found = -1;
  for (let i = 0; i < lines.length && lines[i] <= row; i += 4) {
    const isFirst = found < 0 || lines[found] < lines[i];
    if (isFirst || lines[i] < row || lines[i + 1] <= column) found = i;
  }
  if (found < 0) return undefined;
  return { file: url, line: lines[found + 2] + 1, column: lines[found + 3] + 1 };
}
