/**
 * What standard functions, classes and objects are called, so that one that is captured under another
 * name (`const max = Math.max`) travels as that expression.
 *
 * @module
 */
import type { AnyFunction } from "./definition.ts";
import { isNative, sourceOf } from "./function_text.ts";
import { standardGlobals } from "./standard_globals.ts";

/** Objects that are made when they are first looked at, by what `Object.prototype.toString` says. */
const LAZY: ReadonlyMap<string, string> = new Map([
  ["[object Crypto]", "crypto"],
  ["[object Navigator]", "navigator"],
  ["[object CacheStorage]", "caches"],
  ["[object process]", "process"],
]);

const globals = globalThis as unknown as Record<string, unknown>;
const { getOwnPropertyDescriptor, getOwnPropertyDescriptors, prototype } = Object;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

let paths: Map<unknown, string> | undefined;

/**
 * The expression for a standard value.
 *
 * @param value Any value.
 * @returns Such as `Math.max`; undefined if it is nothing that every worker has.
 */
export function standardPath(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const path = (paths ??= findPaths()).get(value) ?? lazyGlobal(value);
  return path !== undefined && isAddition(path, value) ? undefined : path;
}

/** Whether somebody has added a function to what is the language's own, as `Array.prototype.last`. */
function isAddition(path: string, value: object): boolean {
  const root = path.slice(0, path.indexOf("."));
  return typeof value === "function" && root !== "" && typeof globals[root] === "function" &&
    isNative(sourceOf(globals[root])) && !isNative(sourceOf(value as AnyFunction));
}

/** Globals that Deno loads when they are first used: only those with the right name are looked at. */
function lazyGlobal(value: object): string | undefined {
  const name = typeof value === "function"
    ? getOwnPropertyDescriptor(value, "name")?.value
    : LAZY.get(prototype.toString.call(value));
  return standardGlobals.has(name) && globals[name] === value ? name : undefined;
}

/** The globals that are loaded, their members, and the members of those that are plain objects. */
function findPaths(): Map<unknown, string> {
  const found = new Map<unknown, string>([[globalThis, "globalThis"]]);
  // The shortest name is the one to use: the globals come first, then what they hold.
  let level: [path: string, holder: object][] = [];
  for (const name of standardGlobals) {
    const value = getOwnPropertyDescriptor(globalThis, name)?.value;
    if (!isObject(value) || found.has(value)) continue;
    found.set(value, name);
    level.push([name, value]);
  }
  for (let depth = 1; depth <= 2; depth++) {
    const next: typeof level = [];
    for (const [path, holder] of level) {
      for (const [key, { value }] of membersOf(holder)) {
        if (!isObject(value) || found.has(value) || !IDENTIFIER.test(key)) continue;
        const member = `${path}.${key}`;
        found.set(value, member);
        if (typeof value === "object") next.push([member, value]);
      }
    }
    level = next;
  }
  return found;
}

function membersOf(holder: object): [string, PropertyDescriptor][] {
  try {
    return Object.entries(getOwnPropertyDescriptors(holder));
  } catch (error) {
    // `process.env`, in a program that may not see the environment; it holds texts only.
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

function isObject(value: unknown): value is object {
  return value !== null && (typeof value === "object" || typeof value === "function");
}
