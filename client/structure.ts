/**
 * Walking through futures nested in arrays, plain objects, maps and sets.
 *
 * @module
 */
import { Future, stateOf } from "./future.ts";
import type { FutureState } from "./future_state.ts";

/** Deeper than this nobody nests futures on purpose. */
const maxDepth = 1000;

/** Whether a value is an object literal or has no prototype. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * Find the futures in a structure.
 *
 * @param value A future, or futures nested in arrays, sets, maps and plain objects.
 * @param found Takes the futures' states, each once.
 */
export function collectFutures(value: unknown, found: Set<FutureState>): void {
  collect(value, found, new Set(), 0);
}

function collect(value: unknown, found: Set<FutureState>, seen: Set<object>, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Future) {
    found.add(stateOf(value));
    return;
  }
  const items = itemsOf(value);
  if (items === undefined || seen.has(value)) return;
  if (depth >= maxDepth) {
    throw new RangeError(`futures are nested more than ${maxDepth} levels deep`);
  }
  seen.add(value);
  for (const item of items) collect(item, found, seen, depth + 1);
}

function itemsOf(value: object): Iterable<unknown> | undefined {
  if (Array.isArray(value) || value instanceof Set) return value;
  if (value instanceof Map) return value.values();
  return isPlainObject(value) ? Object.values(value) : undefined;
}

/** What stands in the place of a future that has to be left out. */
export const leftOut: unique symbol = Symbol("left out");

/**
 * Copy a structure with each future replaced.
 *
 * @param value The structure. Containers without futures in them are copied too.
 * @param replace Gives what to put in a future's place, or {@linkcode leftOut}.
 * @returns The copy; {@linkcode leftOut} when the value is itself a future that is left out.
 */
export function replaceFutures(value: unknown, replace: (state: FutureState) => unknown): unknown {
  return copy(value, replace, new Map());
}

function copy(
  value: unknown,
  replace: (state: FutureState) => unknown,
  copies: Map<object, unknown>,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Future) return replace(stateOf(value));
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
