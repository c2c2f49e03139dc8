/**
 * What is known of the live functions and classes of this program: how each is taken apart, and, for
 * the way back, what each part and each import stands for.
 *
 * @module
 */
import { getBuiltinModule } from "node:process";
import { builtinFunction } from "./builtin_functions.ts";
import { Closure, nameOf } from "./closure.ts";
import type { AnyFunction, ImportReference } from "./definition.ts";
import { isNative, readFunction, sourceOf } from "./function_text.ts";
import { exportedClass, isPortable } from "./exported_class.ts";
import { type ImportedValue, type ImportValues, importValues } from "./import_values.ts";
import { inspectFunction } from "./inspector.ts";
import type { ModuleResolver, ResolvedModule } from "./modules.ts";
import { BuiltInError, whoIs } from "./refuse.ts";
import { standardPath } from "./standard_values.ts";
import { takeApart } from "./take_apart.ts";

/** So many names of things that are gone are kept before they are looked through. */
const MAX_GONE = 1000;

/** Live things by name, as long as they live. */
class LiveThings<T extends object> {
  readonly #things = new Map<string, WeakRef<T>>();
  #limit = MAX_GONE;

  set(name: string, thing: T): void {
    if (this.#things.get(name)?.deref() === thing) return;
    this.#things.set(name, new WeakRef(thing));
    if (this.#things.size < this.#limit) return;
    for (const [name, thing] of this.#things) {
      if (thing.deref() === undefined) this.#things.delete(name);
    }
    this.#limit = this.#things.size + MAX_GONE;
  }

  get(name: string): T | undefined {
    return this.#things.get(name)?.deref();
  }
}

/** Code that is known. */
export class CodeBook {
  readonly modules: ModuleResolver;
  /** Functions by the names of their parts. */
  readonly functions: LiveThings<AnyFunction> = new LiveThings();
  /** Classes by the names of their parts. A class whose statics change has one after another. */
  readonly classes: LiveThings<AnyFunction> = new LiveThings();
  readonly #closures = new WeakMap<AnyFunction, Closure>();
  readonly #packageClasses = new LiveThings<AnyFunction>();
  readonly #exported = new WeakMap<AnyFunction, ImportedValue | "by value">();
  /** By importer and specifier, whether a module can be had as a part. */
  readonly #portable = new Map<string, boolean>();
  readonly #privates = new WeakMap<AnyFunction, readonly string[]>();
  /** Which modules of this program import a module, and by which specifier. */
  readonly #imports = new Map<string, { values: ImportValues; specifier: string }[]>();

  /** @param modules Finds what functions import. */
  constructor(modules: ModuleResolver) {
    this.modules = modules;
  }

  /**
   * Take a function or class apart.
   *
   * @throws {FunctionError} When it cannot travel.
   */
  closure(fn: AnyFunction): Closure {
    let closure = this.#closures.get(fn);
    if (closure === undefined) {
      closure = takeApart(fn, this.modules);
      this.#closures.set(fn, closure);
      const { imported, resolved } = closure;
      if (imported !== undefined) {
        for (const [specifier, module] of resolved) this.addImport(module, specifier, imported);
      }
    }
    return closure;
  }

  /**
   * Take a function or class apart, or say which built-in module exports it.
   *
   * @throws {FunctionError} When it cannot travel.
   */
  find(fn: AnyFunction): Closure | ImportReference {
    try {
      return this.closure(fn);
    } catch (error) {
      const reference = error instanceof BuiltInError ? builtinFunction(fn) : undefined;
      if (reference === undefined) throw error;
      return reference;
    }
  }

  /** What the module of a function imports; undefined if that cannot be seen. */
  importsOf(fn: AnyFunction): ImportValues | undefined {
    if (standardPath(fn) !== undefined) return undefined;
    const closure = this.find(fn);
    if (!(closure instanceof Closure)) return undefined;
    if (closure.imported !== undefined) return closure.imported;
    const place = closure.findPlace();
    return place && importValues(place.script, inspectFunction(fn, "the function")!.scopes);
  }

  /**
   * The import as which a class of one of this program's modules travels; undefined: by value. The modules
   * that cannot be had as a part, and those that import the main module, keep their classes to themselves.
   */
  exported(cls: AnyFunction): ImportedValue | undefined {
    let found = this.#exported.get(cls);
    if (found === undefined) {
      const value = exportedClass(cls, nameOf(cls) || "the class");
      found = value !== undefined && this.isPortable(value) ? value : "by value";
      this.#exported.set(cls, found);
    }
    return found === "by value" ? undefined : found;
  }

  /**
   * Whether what a module imports can travel as that import. Asked once for each: it is to stay so, since a
   * class is one or the other.
   */
  isPortable({ specifier, referrer }: ImportedValue): boolean {
    const key = `${referrer}\n${specifier}`;
    let portable = this.#portable.get(key);
    if (portable === undefined) {
      portable = isPortable(specifier, referrer, this.modules);
      this.#portable.set(key, portable);
    }
    return portable;
  }

  /** Names of the private members that instances of a class have, by itself and by those it extends. */
  privatesOf(cls: AnyFunction): readonly string[] {
    let privates = this.#privates.get(cls);
    if (privates === undefined) {
      privates = [...this.#inherited(cls), ...this.#own(cls)];
      this.#privates.set(cls, privates);
    }
    return privates;
  }

  #inherited(cls: AnyFunction): readonly string[] {
    const parent = Object.getPrototypeOf(cls);
    return typeof parent === "function" && parent !== Function.prototype
      ? this.privatesOf(parent)
      : [];
  }

  #own(cls: AnyFunction): readonly string[] {
    const source = sourceOf(cls);
    // Most classes have none, and reading a large one takes time.
    if (isNative(source) || !source.includes("#")) return [];
    return readFunction(source, whoIs(nameOf(cls), source)).class?.privates ?? [];
  }

  /** The value of an import; undefined if this program does not have it. */
  import(module: string, name: string): unknown {
    const cls = this.#packageClasses.get(`${module} ${name}`);
    if (cls !== undefined) return cls;
    const imports = this.#imports.get(module) ?? [];
    for (const { values, specifier } of imports) {
      const value = values.value(specifier, name);
      if (value !== undefined) return value;
    }
    for (const { values, specifier } of imports) {
      const value = values.unnamed(specifier, name);
      if (value !== undefined) return value;
    }
    if (!module.startsWith("node:")) return undefined;
    const namespace = getBuiltinModule(module) as Record<string, unknown> | undefined;
    return name === "*" || name === "default" ? namespace : namespace?.[name];
  }

  /** A class of a package is what the package's module exports. */
  addPackageClass({ module }: ResolvedModule, name: string, cls: AnyFunction): void {
    this.#packageClasses.set(`${module} ${name}`, cls);
  }

  /** A module of this program imports another one. */
  addImport({ module }: ResolvedModule, specifier: string, values: ImportValues): void {
    let imports = this.#imports.get(module);
    if (imports === undefined) this.#imports.set(module, imports = []);
    if (imports.some((known) => known.values === values && known.specifier === specifier)) return;
    imports.push({ values, specifier });
  }
}
