/**
 * Where the code of a part comes from: which line of the user's own files each place of it is, for the
 * stacks of errors.
 *
 * @module
 */
import type { Serialized } from "../serialized.ts";
import { serialize } from "../values.ts";
import type { Closure } from "./closure.ts";
import { type LineAndColumn, originalPlaces } from "./original_places.ts";
import type { Place, Script } from "./script.ts";
import { sourceMapOf } from "./script_maps.ts";

/** Of a function with more places, those that begin a line are told. */
const MAX_PLACES = 64;
/** Lines of a function that are told; later ones are shown as the last of these. */
const MAX_LINES = 1000;

/** Where one definition comes from: `[line, column, original line, original column]`, all from 0. */
interface Origin {
  url: string;
  lines: Int32Array;
}

/** A definition, and the places in it that are told. */
interface Sought {
  readonly closure: Closure;
  readonly place: Place;
  readonly marks: readonly number[];
}

/**
 * The origin of a part.
 *
 * @param written Its definitions, in order.
 * @returns Undefined if nothing is known of any of them.
 */
export function originOf(written: readonly (Closure | undefined)[]): Serialized | undefined {
  const sought = written.map(seek);
  const byScript = new Map<Script, Sought[]>();
  for (const one of sought) {
    if (one === undefined) continue;
    const { script } = one.place;
    byScript.set(script, [...byScript.get(script) ?? [], one]);
  }
  if (byScript.size === 0) return undefined;
  // Asking for many places of a script costs little more than asking for one.
  const found = new Map<Script, Map<number, LineAndColumn>>();
  for (const [script, those] of byScript) found.set(script, findPlaces(script, those));
  return serialize(sought.map((one) => one ? originFrom(one, found.get(one.place.script)!) : null));
}

function seek(closure: Closure | undefined): Sought | undefined {
  const place = closure?.findPlace();
  if (closure === undefined || place === undefined || place.script.url === "") return undefined;
  const { script, start } = place;
  const marks = choose(closure.text.marks, (mark) => script.lineAndColumn(start + mark)[0]);
  return { closure, place, marks };
}

function choose(marks: readonly number[], lineOf: (mark: number) => number): number[] {
  const unique = [...new Set([0, ...marks])].sort((a, b) => a - b);
  if (unique.length <= MAX_PLACES) return unique;
  return unique.filter((mark, i) => i === 0 || lineOf(mark) > lineOf(unique[i - 1]))
    .slice(0, MAX_LINES);
}

function findPlaces(script: Script, sought: readonly Sought[]): Map<number, LineAndColumn> {
  const positions = sought.flatMap(({ place, marks }) => marks.map((mark) => place.start + mark));
  const unique = [...new Set(positions)].sort((a, b) => a - b);
  const map = sourceMapOf(script.url);
  if (map !== undefined) {
    return new Map(unique.map((at) => {
      const here = script.lineAndColumn(at);
      const there = map.place(...here);
      return [at, there === undefined ? here : [there.line - 1, there.column - 1]];
    }));
  }
  const places = originalPlaces(script.url, unique.map((at) => script.lineAndColumn(at)));
  return new Map(unique.map((at, i) => [at, places[i]]));
}

function originFrom(
  { closure, place, marks }: Sought,
  found: ReadonlyMap<number, LineAndColumn>,
): Origin {
  const lines = marks.flatMap((mark) => [
    ...closure.rewritten.place(mark),
    ...found.get(place.start + mark)!,
  ]);
  const { script, start } = place;
  // A definition is of one file.
  const file = sourceMapOf(script.url)?.place(...script.lineAndColumn(start))?.file;
  return { url: file ?? script.url, lines: Int32Array.from(lines) };
}
