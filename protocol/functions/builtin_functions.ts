/**
 * What Node's built-in modules export: a function of theirs travels as that export, though nothing says
 * how this program came to have it.
 *
 * @module
 */
import { builtinModules } from "node:module";
import { getBuiltinModule } from "node:process";
import { type AnyFunction, ImportReference } from "./definition.ts";

/** Not looked through: they are old names of others, or do something when they are loaded. */
const SKIPPED = /^_|^(?:console|domain|process|punycode|repl|sys|test|trace_events|wasi)(?:\/|$)/;

let exported: Map<AnyFunction, ImportReference> | undefined;

/**
 * The export that a function is.
 *
 * @param fn A function of Deno's own.
 * @returns Undefined if no built-in module exports it.
 */
export function builtinFunction(fn: AnyFunction): ImportReference | undefined {
  return (exported ??= findExports()).get(fn);
}

function findExports(): Map<AnyFunction, ImportReference> {
  const found = new Map<AnyFunction, ImportReference>();
  for (const name of builtinModules) {
    if (SKIPPED.test(name)) continue;
    const module = `node:${name}`;
    const namespace = getBuiltinModule(module) as Record<string, unknown> | undefined;
    for (
      const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(namespace ?? {}))
    ) {
      if (typeof value !== "function" || found.has(value)) continue;
      found.set(value, new ImportReference(module, name));
    }
  }
  return found;
}
