/**
 * Classes that a module of this program exports. They travel as imports of that module, so that they are
 * the same class to its own functions, to those that import it, and in values, whatever was sent before.
 *
 * @module
 */
import type { CodePart } from "../messages.ts";
import { deserialize } from "../values.ts";
import { readVariable } from "./cells.ts";
import type { AnyFunction } from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import type { ImportedValue } from "./import_values.ts";
import { inspectFunction, mayInspect } from "./inspector.ts";
import type { ModuleResolver, ResolvedModule } from "./modules.ts";
import { packageFileOf } from "./package_class.ts";
import { type Script, scriptOf } from "./script.ts";

/**
 * The import that gives a class of one of this program's files.
 *
 * @param cls The class. @param name What error messages call it.
 * @returns Undefined for those of the main module and of packages, and those that no module exports.
 */
export function exportedClass(cls: AnyFunction, name: string): ImportedValue | undefined {
  const inspected = mayInspect() ? inspectFunction(cls, name) : undefined;
  const module = inspected?.scopes.find(({ description }) => description === "Module");
  if (inspected === undefined || module === undefined) return undefined;
  const script = readable(inspected.scriptId, name);
  if (script === undefined || !isOwnModule(script)) return undefined;
  const { url } = script;
  for (const [local, exported] of script.exports) {
    if (!Object.hasOwn(module.object, local)) continue;
    if (readVariable(module, local, undefined) !== cls) continue;
    return { specifier: url, name: exported, referrer: url };
  }
  return undefined;
}

/**
 * Whether a module can be had as a part, and, asked by itself, without running the main module.
 *
 * @param specifier The module. @param referrer URL of the module that imports it, which may be itself.
 * @param modules Makes parts of modules.
 */
export function isPortable(specifier: string, referrer: string, modules: ModuleResolver): boolean {
  let resolved: ResolvedModule;
  try {
    resolved = modules.resolve(specifier, referrer);
  } catch (error) {
    if (error instanceof FunctionError) return false;
    throw error;
  }
  // What others import of it they get, whatever that runs.
  if (specifier !== referrer || resolved.part === undefined) return true;
  const parts = resolved.parts?.values() ?? [resolved.part];
  return ![...parts].some((part) => sourcesOf(part).includes(Deno.mainModule));
}

function sourcesOf({ origin }: CodePart): readonly string[] {
  return origin === undefined
    ? []
    : (deserialize(origin) as { sources: readonly string[] }).sources;
}

/** Undefined for a script whose text cannot be read: there is no telling what it exports. */
function readable(scriptId: string, name: string): Script | undefined {
  try {
    const script = scriptOf(scriptId, name);
    return script.exports && script;
  } catch (error) {
    if (error instanceof FunctionError) return undefined;
    throw error;
  }
}

/** Whether a script is a file that other modules of this program import. */
function isOwnModule({ url, isModule }: Script): boolean {
  return isModule && url.startsWith("file:") && url !== Deno.mainModule && !packageFileOf(url);
}
