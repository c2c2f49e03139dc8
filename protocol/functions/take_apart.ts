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
import { handOutFunctions, launchesTasks } from "./made_functions.ts";
import {
  type InspectedFunction,
  inspectFunction,
  type LiveScope,
  mayInspect,
} from "./inspector.ts";
import type { ModuleResolver, ResolvedModule } from "./modules.ts";
import { packageCode } from "./package_class.ts";
import {
  refuseBuiltIn,
  refuseFieldName,
  refuseOpaque,
  refusePlace,
  refuseProxy,
  refuseText,
  refuseUndeclared,
  refuseUnseen,
  whoIs,
} from "./refuse.ts";
import { blankStatics, type Edit, replaceImports, replaceKey, replaceName } from "./rewrite.ts";
import { runtimeNames } from "./runtime_names.ts";
import type { Binding, ImportSource } from "./bindings.ts";
import { isTopScope, type Place } from "./script.ts";
import { standardGlobals } from "./standard_globals.ts";
import { standardPath } from "./standard_values.ts";

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
  /** What the text calls the variables around it, in the end, by the names that they have there. */
  readonly #variables = new Map<string, string>();
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
    const names = [...this.#text.free.values()];
    const standard = names.every(({ name, typeofOnly }) => standardGlobals.has(name) || typeofOnly);
    // Without permission a function that uses standard names only is taken to mean the standard ones.
    const needed = names.length > 0 && !standard;
    const useful = names.length > 0 || this.#text.ownName !== undefined;
    if (needed || useful && mayInspect()) {
      this.#inspected = inspectFunction(this.#fn, this.#who);
    }
    const place = this.#text.class !== undefined && mayInspect() ? this.#find() : undefined;
    if (place !== undefined) refuseBuiltIn(place.script.url, this.#name, this.#who);
    // Classes of packages are imports, whatever they use.
    const inPackage = packageCode(this.#fn, place, this.#inspected?.scopes ?? []);
    if (inPackage === undefined) this.#takeAll(names);
    return {
      ...{ fn: this.#fn, name: this.#name, text: this.#text, who: this.#who },
      place: this.#found === NOT_SOUGHT ? undefined : this.#found,
      inspected: this.#inspected,
      ...{ resolved: this.#resolved, slots: this.#slots, edits: this.#edits },
      imports: this.#imports,
      inPackage,
      imported: this.#found === NOT_SOUGHT || this.#found === undefined || inPackage
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
    this.#takeMade();
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
      const binding = this.#binding(free);
      if (binding !== undefined && !this.#isThere(free, binding, scopes[at])) {
        refuseUnseen(name, binding.kind, this.#who);
      }
      this.#takeVariable(free, scopes[at], binding);
      return true;
    }
    const kind = scopes.length > 1 ? this.#binding(free)?.kind : undefined;
    if (kind !== undefined) refuseUnseen(name, kind, this.#who);
    if (standardGlobals.has(name)) return true;
    if (Object.hasOwn(globalThis, name)) {
      this.#takeGlobal(free);
      return true;
    }
    return free.typeofOnly;
  }

  /** Whether a live variable is the one that is meant, and not another one of the same name. */
  #isThere({ references }: FreeName, { kind, scope, name }: Binding, live: LiveScope): boolean {
    if (kind === "function-name") return false;
    if (scope.parent === undefined) return true;
    // V8 lets go of what was used only when a class was made.
    const mayBeGone = references.every(({ start }) => this.#isEarly(start));
    return !isTopScope(live) && !(mayBeGone && scope.parent.find(name) !== undefined);
  }

  #takeGlobal(free: FreeName): void {
    const { name } = free;
    const value = (globalThis as Record<string, unknown>)[name];
    if (standardPath(value) === name) return;
    refuseProxy(value, name, this.#who);
    this.#addCell(free, { type: "global", name });
  }

  #takeVariable(free: FreeName, scope: LiveScope, binding: Binding | undefined): void {
    const { name } = free;
    const value = initialized(scope, name, this.#who);
    refuseProxy(value, name, this.#who);
    if (binding?.import !== undefined && !DATA_TYPES.has(binding.import.type)) {
      return this.#takeImport(free, binding.import, value);
    }
    if (binding?.assignedInside) return this.#addCell(free, { type: "cell", name, binding });
    if (binding === undefined) {
      if (free.assigned) refuseUndeclared(name, this.#who);
      refusePlace(name, this.#who);
    }
    // A variable that is still undefined may be about to get its value; and in a script, "arguments"
    // can change parameters, and other scripts what is at the top.
    const constant = binding !== undefined && !binding.reassigned && value !== undefined &&
      (binding.kind === "const" || this.#place().script.isModule ||
        binding.kind !== "param" && !isTopScope(scope));
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
    this.#variables.set(free.name, variable);
    const early = free.references.some(({ start }) => this.#isEarly(start));
    if (early && source.type !== "constant") refuseFieldName(free.name, this.#who);
    return { variable, source, early };
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
    const path = source.type === "constant" ? this.#standardPath(value) : undefined;
    if (path !== undefined) {
      if (path !== free.name) this.#edits.push(...replaceName(free, path));
      return;
    }
    this.#slots.push(this.#slot(free, free.name, source));
  }

  /** What a standard object is called inside of the text. Functions among them can be values, too. */
  #standardPath(value: unknown): string | undefined {
    const path = standardPath(value);
    if (path === undefined || !this.#isHidden(path)) return path;
    if (typeof value === "function") return undefined;
    if (!this.#isHidden("globalThis")) return `globalThis.${path}`;
    throw new FunctionError(
      `${this.#who} uses the standard object ${path} and has a variable of that name; rename it`,
    );
  }

  /** Whether the first name of a path means something else in the text. */
  #isHidden(path: string): boolean {
    const root = path.split(".", 1)[0];
    return this.#text.bound.has(root) ||
      this.#text.free.has(root) && scopeOf(this.#inspected?.scopes ?? [], root) >= 0;
  }

  #addCell(free: FreeName, source: Source): void {
    const variable = this.#fresh(free.name);
    this.#edits.push(...replaceName(free, `${variable}.v`));
    this.#slots.push(this.#slot(free, variable, source));
  }

  /** Whether a place of the text is computed when the class is made. */
  #isEarly(position: number): boolean {
    return isWithin(position, this.#text.class?.early ?? []);
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
    if (binding?.kind !== "function" || !binding.reassigned) return;
    this.#addCell(ownName, { type: "cell", name: binding.name, binding });
  }

  /** A task may submit the functions that it makes. */
  #takeMade(): void {
    const { text, class: cls } = this.#text;
    if (cls !== undefined) return;
    const script = typeof this.#found === "symbol" ? undefined : this.#found?.script;
    if (!launchesTasks(text) && !script?.launchesTasks) return;
    this.#edits.push(...handOutFunctions(text, (name) => this.#variables.get(name)));
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
    const path = this.#standardPath(value);
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
    for (const { name, start, end } of cls.privateStatics) {
      const variable = this.#fresh(name.slice(1));
      this.#edits.push({ start, end, text: accessors(name, variable) });
      this.#slots.push({ variable, source: { type: "private", name }, early: false });
    }
  }
}

/** A private static field that lives in a variable, which can be set also when the class is there. */
function accessors(name: string, variable: string): string {
  return `static get ${name}(){return ${variable}}static set ${name}(_${variable}){${variable}=_${variable}}`;
}

/** How a member is named after its object. */
function memberAccess(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)
    ? `.${name}`
    : `[${JSON.stringify(name)}]`;
}
