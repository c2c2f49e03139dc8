/**
 * What a module of this program exports, whether or not anybody imports it by its name: the scopes of any
 * of its functions lead to all of its variables.
 *
 * @module
 */
import { readVariable } from "./cells.ts";
import { scopeOf } from "./closure.ts";
import type { AnyFunction } from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import { inspectFunction, mayInspect } from "./inspector.ts";
import { scriptOf } from "./script.ts";

/**
 * An export of the module that a function belongs to.
 *
 * @param fn The function.
 * @param url URL of the module that is meant.
 * @param name Name of the export.
 * @returns Undefined if the function belongs to another module, or the export cannot be seen.
 */
export function exportBeside(fn: AnyFunction, url: string, name: string): unknown {
  const inspected = mayInspect() ? inspectFunction(fn, fn.name) : undefined;
  if (inspected === undefined) return undefined;
  const local = localName(inspected.scriptId, url, name);
  const scope = inspected.scopes[local === undefined ? -1 : scopeOf(inspected.scopes, local)];
  return scope && readVariable(scope, local!, undefined);
}

/** What the module calls its export inside; undefined if the script is not that module. */
function localName(scriptId: string, url: string, name: string): string | undefined {
  try {
    const script = scriptOf(scriptId, name);
    if (script.url !== url) return undefined;
    for (const [local, exported] of script.exports) if (exported === name) return local;
    return undefined;
  } catch (error) {
    // Its text cannot be read, so there is no telling.
    if (error instanceof FunctionError) return undefined;
    throw error;
  }
}
