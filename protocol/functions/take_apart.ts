/**
 * Takes a live function or class apart: finds out what each name in its text means, and rewrites the
 * text where it cannot travel as it stands.
 *
 * @module
 */
import type { Range } from "./class_text.ts";
import {
  Closure,
  type ClosureParts,
  initialized,
  nameOf,
  placeOf,
  scopeOf,
  type Slot,
  type Source,
} from "./closure.ts";
import { computedNames } from "./computed_names.ts";
import { type AnyFunction, ImportReference } from "./definition.ts";
import { FreeNameError, FunctionError } from "./function_error.ts";
import {
  type FreeName,
  type FunctionText,
  isWithin,
  readFunction,
  sourceOf,
} from "./function_text.ts";
import { importValues } from "./import_values.ts";
import {
  type InspectedFunction,
  inspectFunction,
  type LiveScope,
  mayInspect,
} from "./inspector.ts";
import type { ModuleResolver, ResolvedModule } from "./modules.ts";
import { packageImport } from "./package_class.ts";
import { refuseBuiltIn, refuseOpaque, refuseProxy, refuseText, whoIs } from "./refuse.ts";
import { blankStatics, type Edit, replaceImports, replaceKey, replaceName } from "./rewrite.ts";
import { runtimeNames } from "./runtime_names.ts";
import type { Binding, ImportSource } from "./bindings.ts";
import type { Place } from "./script.ts";
import { standardGlobals } from "./standard_globals.ts";
import { standardPath } from "./standard_values.ts";

/** Names that have no variable behind them, whatever the module says. */
const CONSTANT_NAMES: ReadonlySet<string> = new Set(["undefined", "NaN", "Infinity", "globalThis"]);
const NOT_SOUGHT = Symbol("not sought");
/** Imports of these types are data, not code. */
const DATA_TYPES: ReadonlySet<string | undefined> = new Set(["json", "text", "bytes"]);

/**
 * Take a function or class apart.
 *
 * @param fn The function.
 * @param modules Finds what it imports.
 * @throws {FunctionError} When it cannot travel.
 * @throws {FreeNameError} When it uses names that mean nothing.
 */
export function takeApart(fn: AnyFunction, modules: ModuleResolver): Closure {
  const name = nameOf(fn);
  const source = sourceOf(fn);
  refuseOpaque(fn, name, source);
  const who = whoIs(name, source);
  const text = readFunction(source, who);
  refuseText(text, who);
  return new Closure(new Assembly(fn, name, text, who, modules).parts());
}

/** The work of taking one function apart. */
class Assembly {
  readonly #fn: AnyFunction;
  readonly #name: string;
  readonly #text: FunctionText;
  readonly #who: string;
  readonly #modules: ModuleResolver;
  readonly #slots: Slot[] = [];
  readonly #edits: Edit[] = [];
  readonly #imports = new Map<string, string>();
  readonly #resolved = new Map<string, ResolvedModule>();
  readonly #taken: Set<string>;
  #inspected: InspectedFunction | undefined;
  #found: Place | undefined | typeof NOT_SOUGHT = NOT_SOUGHT;

  constructor(
    fn: AnyFunction,
    name: string,
    text: FunctionText,
    who: string,
    modules: ModuleResolver,
  ) {
    this.#fn = fn;
    this.#name = name;
    this.#text = text;
    this.#who = who;
    this.#modules = modules;
    this.#taken = new Set(text.identifiers);
  }

  parts(): ClosureParts {
    const names = [...this.#text.free.values()].filter(({ name }) => !CONSTANT_NAMES.has(name));
    const standard = names.every(({ name, typeofOnly }) => standardGlobals.has(name) || typeofOnly);
    // Without permission a function that uses standard names only is taken to mean the standard ones.
    const needed = names.length > 0 && !standard;
    const useful = names.length > 0 || this.#text.ownName !== undefined;
    if (needed || useful && mayInspect()) {
      this.#inspected = inspectFunction(this.#fn, this.#who);
    }
    // Classes of packages are imports, whatever they use.
    const place = this.#text.class !== undefined && mayInspect() ? this.#find() : undefined;
    if (place !== undefined) refuseBuiltIn(place.script.url, this.#name, this.#who);
    const isImport = packageImport(this.#name, place) !== undefined;
    if (!isImport) this.#takeAll(names);
    return {
      ...{ fn: this.#fn, name: this.#name, text: this.#text, who: this.#who },
      place: this.#found === NOT_SOUGHT ? undefined : this.#found,
      inspected: this.#inspected,
      ...{ resolved: this.#resolved, slots: this.#slots, edits: this.#edits },
      imports: this.#imports,
      imported: this.#found === NOT_SOUGHT || this.#found === undefined || isImport
        ? undefined
        : importValues(this.#found.script, this.#inspected?.scopes ?? []),
    };
  }

  #takeAll(names: readonly FreeName[]): void {
    const missing = names.filter((free) => !this.#takeName(free)).map(({ name }) => name);
    if (missing.length > 0) throw new FreeNameError(this.#name, missing);
    this.#takeOwnName();
    this.#takeImports();
    this.#takeClass();
    this.#edits.push(...replaceKey(this.#text, this.#name));
  }

  /** Where the text stands; asked for only when there is something to know. */
  #find(): Place | undefined {
    if (this.#found === NOT_SOUGHT) {
      this.#inspected ??= inspectFunction(this.#fn, this.#who)!;
      this.#found = placeOf(this.#inspected, this.#text.text, this.#who);
    }
    return this.#found;
  }

  #place(): Place {
    const place = this.#find();
    if (place === undefined) {
      throw new FunctionError(
        `${this.#who} uses variables from around it, and its text is not found in its script; ` +
          `pass them as arguments`,
      );
    }
    refuseBuiltIn(place.script.url, this.#name, this.#who);
    return place;
  }

  #binding(free: FreeName): Binding | undefined {
    const { script, start } = this.#place();
    return script.bindingAt(start + free.references[0].start);
  }

  /** Find out about a name; false if it means nothing. */
  #takeName(free: FreeName): boolean {
    const { name } = free;
    const scopes = this.#inspected?.scopes ?? [];
    const at = scopeOf(scopes, name);
    if (at >= 0) {
      this.#takeVariable(free, scopes[at], this.#binding(free));
      return true;
    }
    if (standardGlobals.has(name)) return true;
    if (Object.hasOwn(globalThis, name)) {
      const value = (globalThis as Record<string, unknown>)[name];
      if (standardPath(value) !== name) this.#add(free, { type: "global", name }, value);
      return true;
    }
    if (this.#inspected !== undefined && this.#inspected.scopes.length > 1) {
      const kind = this.#binding(free)?.kind;
      if (kind === "function-name") {
        throw new FunctionError(
          `${this.#who} uses "${name}", the name that a function expression around it has inside of ` +
            `itself, and which cannot be seen from outside; declare it: function ${name}(…) {…}`,
        );
      }
      if (kind !== undefined) {
        throw new FunctionError(
          `${this.#who} uses "${name}", whose value cannot be seen; pass it as an argument`,
        );
      }
    }
    return free.typeofOnly;
  }

  #takeVariable(free: FreeName, scope: LiveScope, binding: Binding | undefined): void {
    const { name } = free;
    const value = initialized(scope, name, this.#who);
    refuseProxy(value, name, this.#who);
    if (binding?.import !== undefined && !DATA_TYPES.has(binding.import.type)) {
      return this.#takeImport(free, binding.import, value);
    }
    if (binding?.assignedInside) return this.#addCell(free, binding);
    // A variable that is still undefined may be about to get its value.
    const constant = binding !== undefined && !binding.reassigned && value !== undefined;
    this.#add(free, constant ? { type: "constant", value } : { type: "variable", name }, value);
  }

  #takeImport(free: FreeName, { specifier, name: exported }: ImportSource, live: unknown): void {
    const module = this.#resolve(specifier);
    if (module === "dusk:" && exported !== "*" && !runtimeNames.has(exported)) {
      throw new FunctionError(
        `${this.#who} uses "${exported}" of Dusk, which is not there in a task; ` +
          `a task has ${[...runtimeNames].join(", ")}`,
      );
    }
    if (exported === "*" || typeof live === "function") {
      const value = new ImportReference(module, exported);
      this.#slots.push(this.#slot(free, free.name, { type: "constant", value }));
      return;
    }
    // The module may give its variable another value: it is looked up in the module each time.
    const variable = this.#fresh(free.name);
    this.#edits.push(...replaceName(free, `${variable}${memberAccess(exported)}`));
    const value = new ImportReference(module, "*");
    this.#slots.push(this.#slot(free, variable, { type: "constant", value }));
  }

  #slot(free: FreeName, variable: string, source: Source): Slot {
    return { variable, source, early: this.#isEarly(free) };
  }

  #resolve(specifier: string): string {
    let resolved = this.#resolved.get(specifier);
    if (resolved === undefined) {
      resolved = this.#modules.resolve(specifier, this.#referrer(specifier));
      this.#resolved.set(specifier, resolved);
    }
    return resolved.module;
  }

  /** The module that imports. Full URLs mean the same from everywhere. */
  #referrer(specifier: string): string {
    const isFull = /^[a-z][a-z0-9+.-]*:/i.test(specifier);
    return isFull && !mayInspect() ? Deno.mainModule : this.#place().script.url || Deno.mainModule;
  }

  #add(free: FreeName, source: Source, value: unknown): void {
    // Standard objects are no data; functions among them travel as values too, but this is shorter.
    const path = source.type === "constant" ? standardPath(value) : undefined;
    if (path !== undefined) {
      if (path !== free.name) this.#edits.push(...replaceName(free, path));
      return;
    }
    this.#slots.push(this.#slot(free, free.name, source));
  }

  #addCell(free: FreeName, binding: Binding): void {
    const variable = this.#fresh(free.name);
    const { name } = free;
    this.#edits.push(...replaceName(free, `${variable}.v`));
    this.#slots.push(this.#slot(free, variable, { type: "cell", name, binding }));
  }

  #isEarly({ references }: FreeName): boolean {
    const early = this.#text.class?.early ?? [];
    return early.length > 0 && references.some(({ start }) => isWithin(start, early));
  }

  #fresh(name: string): string {
    let fresh = `${name}$`;
    while (this.#taken.has(fresh)) fresh += "$";
    this.#taken.add(fresh);
    return fresh;
  }

  /** A declared function calls itself by a variable, which may have another value by now. */
  #takeOwnName(): void {
    const { ownName } = this.#text;
    if (ownName === undefined || this.#inspected === undefined) return;
    const at = scopeOf(this.#inspected.scopes, ownName.name);
    if (at < 0) return;
    const binding = this.#binding(ownName);
    if (binding?.kind === "function" && binding.reassigned) this.#addCell(ownName, binding);
  }

  #takeImports(): void {
    for (const { specifier } of this.#text.imports) {
      if (specifier === undefined || this.#imports.has(specifier)) continue;
      if (this.#modules.isUploaded(specifier)) continue;
      this.#imports.set(specifier, this.#resolve(specifier));
    }
    this.#edits.push(...replaceImports(this.#text));
  }

  /** Put a value that the live class has in the place of the expression that gave it. */
  #putEarly({ start, end }: Range, name: string, value: unknown): void {
    const path = standardPath(value);
    const variable = path ?? this.#fresh(name);
    this.#edits.push({ start, end, text: variable });
    if (path !== undefined) return;
    this.#slots.push({ variable, source: { type: "constant", value }, early: true });
  }

  /** The live class has the values of what its text computes when it is made. */
  #takeClass(): void {
    const { class: cls, text } = this.#text;
    if (cls === undefined) return;
    this.#edits.push(...blankStatics(text, cls));
    // V8 lets go of variables that were used only when the class was made.
    if (cls.heritage !== undefined) {
      this.#putEarly(cls.heritage, "super", Object.getPrototypeOf(this.#fn));
    }
    for (const [key, name] of computedNames(this.#fn, cls, this.#who)) {
      this.#putEarly(key, "key", name);
    }
    for (const { name, value } of cls.privateStatics) {
      const variable = this.#fresh(name.slice(1));
      this.#edits.push({ ...value, text: ` = ${variable};` });
      this.#slots.push({ variable, source: { type: "private", name }, early: true });
    }
  }
}

/** How a member is named after its object. */
function memberAccess(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)
    ? `.${name}`
    : `[${JSON.stringify(name)}]`;
}
