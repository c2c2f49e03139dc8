/**
 * The live values of what modules import, so that a function or class among them travels as that import
 * wherever it occurs.
 *
 * @module
 */
import { types } from "node:util";
import { isPlainPrototype } from "../values_kinds.ts";
import { readVariable } from "./cells.ts";
import type { LiveScope } from "./inspector.ts";
import { exportBeside } from "./module_exports.ts";
import type { ImportSource } from "./bindings.ts";
import type { Script } from "./script.ts";

/** How deep in objects that modules export functions are looked for. */
const MAX_DEPTH = 2;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** Where a module has a value from. */
export interface ImportedValue {
  readonly specifier: string;
  /** Name of the export. */
  readonly name: string;
  /** Name of the member, where the value is not an export but a member of one. */
  readonly member?: string;
  /** URL of the module that imports. */
  readonly referrer: string;
}

/** The imports of one module. */
export class ImportValues {
  readonly #values = new Map<unknown, ImportedValue>();
  readonly #exports = new Map<string, Map<string, unknown>>();
  readonly #url: string;

  /** @param script The module. @param scope Its scope. */
  constructor(script: Script, scope: LiveScope) {
    this.#url = script.url;
    const found: [value: unknown, source: ImportSource][] = [];
    for (const { name, import: source } of script.imports) {
      if (source === undefined || source.type !== undefined) continue;
      if (!Object.hasOwn(scope.object, name)) continue;
      const value = readVariable(scope, name, undefined);
      const exports = this.#exports.get(source.specifier) ?? new Map();
      this.#exports.set(source.specifier, exports.set(source.name, value));
      found.push([value, source]);
    }
    // What is imported by its own name comes before what is a member of something.
    let level = found.map(([value, { specifier, name }]): [unknown, ImportedValue] => [
      value,
      { specifier, name, referrer: script.url },
    ]);
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      for (const [value, source] of level) {
        if (typeof value === "function" && !this.#values.has(value)) {
          this.#values.set(value, source);
        }
      }
      level = level.flatMap(([value, source]) => membersOf(value, source));
    }
  }

  /** What the module imports by a specifier under an export's name; undefined if it does not. */
  value(specifier: string, name: string): unknown {
    const exports = this.#exports.get(specifier);
    return exports?.get(name) ?? (exports?.get("*") as Record<string, unknown> | undefined)?.[name];
  }

  /** The same for what the module does not import by that name: found by another import of it. */
  unnamed(specifier: string, name: string): unknown {
    const url = URL.parse(specifier, this.#url)?.href;
    if (url === undefined) return undefined;
    for (const value of this.#exports.get(specifier)?.values() ?? []) {
      const found = typeof value === "function" ? exportBeside(value, url, name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Where the module has this value from; undefined: it does not import it. */
  find(value: unknown): ImportedValue | undefined {
    return this.#values.get(value);
  }
}

/** The functions, and objects that may have functions, among the members of a value. */
function membersOf(value: unknown, source: ImportedValue): [unknown, ImportedValue][] {
  if (typeof value !== "function" && !isPlain(value)) return [];
  const { name: space, member: path } = source;
  const members: [unknown, ImportedValue][] = [];
  for (const name of Object.getOwnPropertyNames(value)) {
    if (!IDENTIFIER.test(name) || name === "prototype" || name === "constructor") continue;
    const member = memberOf(value, name);
    if (typeof member !== "function" && !isPlain(member)) continue;
    members.push([
      member,
      space === "*"
        ? { ...source, name }
        : { ...source, member: path === undefined ? name : `${path}.${name}` },
    ]);
  }
  return members;
}

function memberOf(object: object, name: string): unknown {
  try {
    return Object.getOwnPropertyDescriptor(object, name)?.value;
  } catch (error) {
    // A module that has not come to initialize its export.
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

/** A module's namespace, or an object that is like one. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || types.isProxy(value)) return false;
  return isPlainPrototype(Object.getPrototypeOf(value));
}

const known = new WeakMap<Script, ImportValues>();

/** The imports of a module, looked at when the first function of it is captured. */
export function importValues(
  script: Script,
  scopes: readonly LiveScope[],
): ImportValues | undefined {
  let values = known.get(script);
  if (values === undefined) {
    const scope = scopes.find(({ description }) => description === "Module");
    if (scope === undefined) return undefined;
    values = new ImportValues(script, scope);
    known.set(script, values);
  }
  return values;
}
