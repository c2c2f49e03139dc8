/**
 * The live values of what modules import, so that a function or class among them travels as that import
 * wherever it occurs.
 *
 * @module
 */
import { readVariable } from "./cells.ts";
import type { LiveScope } from "./inspector.ts";
import type { ImportSource } from "./scope_analysis.ts";
import type { Script } from "./script.ts";

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

  /** @param script The module. @param scope Its scope. */
  constructor(script: Script, scope: LiveScope) {
    const spaces: [object, ImportSource][] = [];
    for (const { name, import: source } of script.imports) {
      if (source === undefined || source.type !== undefined) continue;
      const value = Object.hasOwn(scope.object, name)
        ? readVariable(scope, name, undefined)
        : undefined;
      const exports = this.#exports.get(source.specifier) ?? new Map();
      this.#exports.set(source.specifier, exports.set(source.name, value));
      if (typeof value === "function" && source.name !== "*") {
        this.#add(value, { ...source, referrer: script.url });
      }
      if (source.name === "*" || source.name === "default" && isObject(value)) {
        spaces.push([value as object, source]);
      }
    }
    for (const [space, { specifier, name }] of spaces) {
      for (const [member, value] of functionsOf(space)) {
        this.#add(
          value,
          name === "*"
            ? { specifier, name: member, referrer: script.url }
            : { specifier, name, member, referrer: script.url },
        );
      }
    }
  }

  #add(value: unknown, source: ImportedValue): void {
    if (!this.#values.has(value)) this.#values.set(value, source);
  }

  /** What the module imports by a specifier under an export's name; undefined if it does not. */
  value(specifier: string, name: string): unknown {
    const exports = this.#exports.get(specifier);
    return exports?.get(name) ?? (exports?.get("*") as Record<string, unknown> | undefined)?.[name];
  }

  /** Where the module has this value from; undefined: it does not import it. */
  find(value: unknown): ImportedValue | undefined {
    return this.#values.get(value);
  }
}

function isObject(value: unknown): boolean {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

/** The functions and classes among an object's members. */
function* functionsOf(space: object): Generator<[string, unknown]> {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(space))) {
    if (typeof value === "function" && name !== "prototype" && name !== "constructor") {
      yield [name, value];
    }
  }
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
