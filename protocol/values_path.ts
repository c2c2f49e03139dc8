/**
 * Where in a value its writer is, for error messages such as `cannot serialize args[0].conn`.
 *
 * @module
 */
import { MAX_DEPTH } from "./values_format.ts";

/** How members of a container are shown. */
export const MEMBER = 0;
/** A map's values, by key. */
export const MAP_VALUE = 1;
/** A map's keys, by place. */
export const MAP_KEY = 2;
/** A set's values, by place. */
export const SET_VALUE = 3;
/** Variables that a function closes over, by name; and the class of an instance. */
export const VARIABLE = 4;

/** A path of a thousand steps helps nobody: so many are shown. */
const MAX_SHOWN = 12;
const OTHER_KEY = "…";

/** The steps from the value as a whole to the member being written. */
export class ValuePath {
  /** Number of containers entered. */
  depth = 0;
  private readonly names: (string | number)[] = [];
  private readonly kinds = new Uint8Array(MAX_DEPTH + 1);

  /** Enter a container; returns the level of its members, or -1 if that is too deep. */
  enter(kind: number): number {
    if (this.depth >= MAX_DEPTH) return -1;
    this.kinds[++this.depth] = kind;
    return this.depth;
  }

  /** Come to a member of the container at a level. */
  at(level: number, name: string | number): void {
    this.names[level] = name;
  }

  /** Come to the key or the value of an entry of the map at a level. */
  atEntry(level: number, kind: number, key: unknown, place: number): void {
    this.kinds[level] = kind;
    if (kind === MAP_KEY) this.names[level] = place;
    else this.names[level] = typeof key === "string" || typeof key === "number" ? key : OTHER_KEY;
  }

  /** Leave the container at a level. */
  leave(level: number): void {
    this.depth = level - 1;
  }

  /** The path as text. */
  show(root: string): string {
    let path = root;
    const shown = Math.min(this.depth, MAX_SHOWN);
    for (let level = 1; level <= shown; level++) {
      path += showStep(this.kinds[level], this.names[level]);
    }
    return this.depth > shown ? `${path}…` : path;
  }
}

function showStep(kind: number, name: string | number): string {
  switch (kind) {
    case MAP_VALUE:
      return `.get(${name === OTHER_KEY ? name : JSON.stringify(name)})`;
    case MAP_KEY:
      return `.keys[${name}]`;
    case SET_VALUE:
      return `.values[${name}]`;
    case VARIABLE:
      return ` → ${name}`;
    default:
      if (typeof name === "number") return `[${name}]`;
      return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name)
        ? `.${name}`
        : `[${JSON.stringify(name)}]`;
  }
}

/**
 * Where something is within a value that is itself somewhere.
 *
 * @param outer Where the value is.
 * @param inner Where in it; may repeat the last step to it.
 */
export function joinPaths(outer: string, inner: string): string {
  const root = /^[^\s.[]*/.exec(inner)![0];
  return outer === root || outer.endsWith(` → ${root}`)
    ? outer + inner.slice(root.length)
    : `${outer} → ${inner}`;
}
