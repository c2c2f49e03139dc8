/**
 * From live functions and classes back to the names by which they came, so that results can refer to
 * them.
 *
 * @module
 */
import { type AnyFunction, type CodeForm, ImportReference } from "./definition.ts";
import type { Namespace } from "./linked_modules.ts";

/** How something came that is live here. */
export interface KnownCode {
  readonly form: CodeForm;
  /** Name of the part that it came in; undefined: it needs none. */
  readonly part: string | undefined;
}

const MODULE_PART = /^m[0-9a-f]{32}$/;

/** What came to one thread. */
export class KnownCodes {
  readonly #codes = new WeakMap<AnyFunction, KnownCode>();
  readonly #modules: ReadonlyMap<string, Namespace>;
  readonly #listed = new WeakSet<Namespace>();

  /** @param modules The modules that are there. */
  constructor(modules: ReadonlyMap<string, Namespace>) {
    this.#modules = modules;
  }

  /** A class came. @param id Its own part's name. @param part The part that it came in. */
  addClass(cls: AnyFunction, id: string, part: string): void {
    this.#codes.set(cls, { form: { type: "class", part: id }, part });
  }

  /** A function or class is what a module exports. */
  addImport(fn: AnyFunction, module: string, name: string): void {
    const reference = new ImportReference(module, name);
    const part = MODULE_PART.test(module) ? module : undefined;
    this.#codes.set(fn, { form: { type: "import", reference }, part });
  }

  /** How a function or class came; undefined: it was made here. */
  find(fn: AnyFunction): KnownCode | undefined {
    const known = this.#codes.get(fn);
    if (known !== undefined) return known;
    // Nobody may have imported it by name yet.
    let added = false;
    for (const [module, namespace] of this.#modules) {
      if (this.#listed.has(namespace)) continue;
      this.#listed.add(namespace);
      this.#list(module, namespace);
      added = true;
    }
    return added ? this.#codes.get(fn) : undefined;
  }

  #list(module: string, namespace: Namespace): void {
    for (const name of Object.keys(namespace)) {
      let value: unknown;
      try {
        value = namespace[name];
      } catch {
        continue; // Its module has not come to initialize it: nothing can be an instance of it.
      }
      if (typeof value === "function" && !this.#codes.has(value)) {
        this.addImport(value, module, name);
      }
    }
  }
}
