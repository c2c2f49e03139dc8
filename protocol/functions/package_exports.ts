/**
 * What packages export: a class that a package keeps to itself cannot be imported by anybody.
 *
 * @module
 */
import { createRequire } from "node:module";
import type { CodePart } from "../messages.ts";
import { deserialize } from "../values.ts";
import type { AnyFunction } from "./definition.ts";

/** What a script returns that is a bundle of an ES module, and the names in that. */
const NAMESPACE = /\nreturn ([\p{ID_Start}$_][\p{ID_Continue}$]*);/u;
const EXPORT = /^\s*(?:([\p{ID_Start}$_][\p{ID_Continue}$]*)|("(?:[^"\\]|\\.)*")): \(\) =>/gmu;

/**
 * The name under which a package exports a class.
 *
 * @param cls The class. @param name Its own name.
 * @param part The package as a part.
 * @param specifier `npm:name@version`. @param url Where the class's text stands.
 * @returns Undefined if the package does not export it, and where there is no telling.
 */
export function nameInPackage(
  cls: AnyFunction,
  name: string,
  part: CodePart | undefined,
  specifier: string,
  url: string,
): string | undefined {
  const names = part && staticNames(part);
  if (names !== undefined) return names.has(name) ? name : undefined;
  const exports = loadedPackage(specifier, url);
  if (exports === undefined) return undefined;
  if (exports === cls) return "default";
  return Object.getOwnPropertyDescriptor(exports, name)?.value === cls ? name : undefined;
}

const known = new WeakMap<CodePart, ReadonlySet<string> | undefined>();

/** The names that a bundle says it exports; undefined where that shows only when it runs. */
function staticNames(part: CodePart): ReadonlySet<string> | undefined {
  if (!known.has(part)) {
    const code = deserialize(part.code) as { source: string; exports?: string[] };
    known.set(part, code.exports ? new Set(code.exports) : namesIn(code.source));
  }
  return known.get(part);
}

function namesIn(source: string): ReadonlySet<string> | undefined {
  const namespace = NAMESPACE.exec(source)?.[1];
  const begin = `\n__export(${namespace}, {\n`;
  const start = source.indexOf(begin);
  // What is exported again of a CommonJS module is not listed.
  if (start < 0 || source.includes(`\n__reExport(${namespace},`)) return undefined;
  const list = source.slice(start + begin.length, source.indexOf("\n});", start));
  return new Set(
    Array.from(list.matchAll(EXPORT), ([, name, quoted]) => name ?? JSON.parse(quoted)),
  );
}

/** What a CommonJS package has exported in this program; undefined if its main module is not loaded. */
function loadedPackage(specifier: string, url: string): object | undefined {
  const require = createRequire(url);
  let exports: unknown;
  try {
    const path = require.resolve(specifier.replace(/^npm:/, "").replace(/(?<=.)@.*/, ""));
    exports = require.cache[path]?.exports;
  } catch {
    return undefined; // It has no main module that can be required.
  }
  return typeof exports === "function" || typeof exports === "object" && exports !== null
    ? exports
    : undefined;
}
