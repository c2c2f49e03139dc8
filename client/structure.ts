/**
 * Walking through futures nested in arrays, plain objects, maps and sets.
 *
 * @module
 */
import { Future, stateOf } from "./future.ts";
import type { FutureState } from "./future_state.ts";
import type { FuturesOrKeys, NestedFutures } from "./types.ts";

/** Deeper than this nobody nests futures on purpose. */
const maxDepth = 1000;

/** Whether a value is an object literal or has no prototype. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Whether a value is an iterator that can be gone through, such as one of a generator. */
export function isIterator(value: unknown): value is IterableIterator<unknown> {
  if (typeof value !== "object" || value === null || value instanceof Future) return false;
  const iterator = value as Partial<IterableIterator<unknown>>;
  return typeof iterator.next === "function" && typeof iterator[Symbol.iterator] === "function";
}

/** What stands in the place of a future that has to be left out. */
export const leftOut: unique symbol = Symbol("left out");

let walks = 0;

/**
 * Find the futures in a structure. Each state gets its place in the result; until the next walk only.
 *
 * @param value A future, or futures nested in arrays, sets, maps and plain objects.
 * @returns The futures' states, each once.
 */
export function collectFutures(value: unknown): FutureState[] {
  const found: FutureState[] = [];
  collect(value, found, ++walks, new Set(), 0);
  return found;
}

function collect(
  value: unknown,
  found: FutureState[],
  walk: number,
  seen: Set<object>,
  depth: number,
): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Future) {
    const state = stateOf(value);
    if (state.walk === walk) return;
    state.walk = walk;
    state.place = found.length;
    found.push(state);
    return;
  }
  const items = itemsOf(value);
  if (items === undefined || seen.has(value)) return;
  if (depth >= maxDepth) {
    throw new RangeError(`futures are nested more than ${maxDepth} levels deep`);
  }
  seen.add(value);
  for (const item of items) collect(item, found, walk, seen, depth + 1);
}

function itemsOf(value: object): Iterable<unknown> | undefined {
  if (Array.isArray(value) || value instanceof Set) return value;
  if (value instanceof Map) return value.values();
  return isPlainObject(value) ? Object.values(value) : undefined;
}

/**
 * The states of the futures that a method of the client was given, each once.
 *
 * @throws {TypeError} When it was given something else.
 */
export function statesOf(method: string, futures: NestedFutures): FutureState[] {
  if (typeof futures !== "object" || futures === null || futures instanceof Promise) {
    throw new TypeError(
      `${method}: futures is ${
        futures === null ? "null" : typeof futures === "object" ? "a promise" : typeof futures
      }, but must be a future, or an array, object, map or set of futures`,
    );
  }
  return collectFutures(isIterator(futures) ? [...futures] : futures);
}

/** Keys of futures; texts are keys already. */
export function keysOf(futures: FuturesOrKeys | undefined): string[] | undefined {
  if (futures === undefined) return undefined;
  if (typeof futures === "string") return [futures];
  const items = isIterator(futures) ? [...futures] : futures;
  const keys = collectFutures(items).map((state) => state.key);
  if (Array.isArray(items) || items instanceof Set) {
    for (const item of items) if (typeof item === "string") keys.push(item);
  }
  return keys;
}

/** A structure whose futures are to be replaced by values. */
export interface Template {
  /** The futures' states, each once. */
  readonly states: readonly FutureState[];
  /** Held on to: the garbage collector would release futures whose results are only waited for. */
  readonly structure: unknown;
  /**
   * Copy the structure with values in the place of futures. Containers without futures in them are
   * copied too.
   *
   * @param values A value for each of the states, or {@linkcode leftOut}.
   * @returns The copy; {@linkcode leftOut} when the structure is itself a future that is left out.
   */
  fill(values: readonly unknown[]): unknown;
}

/** Make a template of a structure: futures in arrays, sets, maps and plain objects. */
export function templateOf(structure: unknown): Template {
  const states = collectFutures(structure);
  if (isFlat(structure)) {
    // The usual case, and the one where there are many.
    const places = structure.map((future) => stateOf(future).place);
    const fill = (values: readonly unknown[]) => {
      return places.map((place) => values[place]).filter((value) => value !== leftOut);
    };
    return { states, structure, fill };
  }
  const places = new Map(states.map((state, place) => [state, place]));
  const fill = (values: readonly unknown[]) => {
    const replace = (future: Future<unknown>) => {
      const place = places.get(stateOf(future));
      return place === undefined ? future : values[place];
    };
    return copy(structure, replace, new Map());
  };
  return { states, structure, fill };
}

function isFlat(structure: unknown): structure is Future<unknown>[] {
  return Array.isArray(structure) && structure.every((item) => item instanceof Future);
}

function copy(
  value: unknown,
  replace: (future: Future<unknown>) => unknown,
  copies: Map<object, unknown>,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Future) return replace(value);
  if (itemsOf(value) === undefined) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const result: unknown[] = [];
    copies.set(value, result);
    for (const item of value) {
      const replaced = copy(item, replace, copies);
      if (replaced !== leftOut) result.push(replaced);
    }
    return result;
  }
  if (value instanceof Set) {
    const result = new Set();
    copies.set(value, result);
    for (const item of value) {
      const replaced = copy(item, replace, copies);
      if (replaced !== leftOut) result.add(replaced);
    }
    return result;
  }
  if (value instanceof Map) {
    const result = new Map();
    copies.set(value, result);
    for (const [key, item] of value) {
      const replaced = copy(item, replace, copies);
      if (replaced !== leftOut) result.set(key, replaced);
    }
    return result;
  }
  const result: Record<string, unknown> = {};
  copies.set(value, result);
  for (const [name, item] of Object.entries(value)) {
    const replaced = copy(item, replace, copies);
    // Not by assignment: a key of "__proto__" is a key like any other.
    if (replaced !== leftOut) {
      if (name === "__proto__") Object.defineProperty(result, name, dataProperty(replaced));
      else result[name] = replaced;
    }
  }
  return result;
}

function dataProperty(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true };
}
