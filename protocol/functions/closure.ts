/**
 * One live function or class, taken apart: its definition, and where each of its variables has its
 * value. What never changes is looked up once; all else anew whenever the function is written.
 *
 * @module
 */
import type { Cells } from "./cells.ts";
import { readVariable } from "./cells.ts";
import { type AnyFunction, type Definition, ImportReference } from "./definition.ts";
import { FreeNameError, FunctionError } from "./function_error.ts";
import {
  type FreeName,
  type FunctionText,
  isWithin,
  readFunction,
  sourceOf,
} from "./function_text.ts";
import {
  type InspectedFunction,
  inspectFunction,
  inspectPrivateMembers,
  type LiveScope,
  mayInspect,
} from "./inspector.ts";
import { type ImportValues, importValues } from "./import_values.ts";
import type { ModuleResolver, ResolvedModule } from "./modules.ts";
import { packageImport } from "./package_class.ts";
import { refuseOpaque, refuseText, whoIs } from "./refuse.ts";
import {
  blankStatics,
  type Edit,
  replaceImports,
  replaceKey,
  replaceName,
  RewrittenText,
} from "./rewrite.ts";
import { runtimeNames } from "./runtime_names.ts";
import type { Binding } from "./scope_analysis.ts";
import { findText, type Place, scriptOf } from "./script.ts";
import { standardGlobals } from "./standard_globals.ts";
import { standardPath } from "./standard_values.ts";

/** Where a variable has its value. */
type Source =
  /** It never changes; what it refers to may. */
  | { type: "constant"; value: unknown }
  /** A variable that changes, but not by any function that could travel. */
  | { type: "variable"; name: string }
  /** A variable that functions change. */
  | { type: "cell"; name: string; binding: Binding }
  /** A property that somebody has given to the global object. */
  | { type: "global"; name: string }
  /** A private static field. */
  | { type: "private"; name: string };

/** A variable of the definition, and where its value comes from. */
interface Slot {
  readonly variable: string;
  readonly source: Source;
  readonly early: boolean;
}

/** Names that have no variable behind them, whatever the module says. */
const CONSTANT_NAMES: ReadonlySet<string> = new Set(["undefined", "NaN", "Infinity", "globalThis"]);
const NOTHING = Symbol("nothing");
/** Imports of these types are data, not code. */
const DATA_TYPES: ReadonlySet<string | undefined> = new Set(["json", "text", "bytes"]);

/** A function or class and what it closes over. */
export class Closure {
  readonly fn: AnyFunction;
  readonly name: string;
  readonly text: FunctionText;
  readonly definition: Definition;
  /** Its text as the definition has it. */
  readonly rewritten: RewrittenText;
  /** Where its text stands, if that had to be looked up. */
  readonly place: Place | undefined;
  /** Modules that it imports, by specifier. */
  readonly resolved: ReadonlyMap<string, ResolvedModule>;
  /** What its module imports, if that had to be looked up. */
  readonly imported: ImportValues | undefined;
  /** Nothing it closes over can change, unless by changing itself. */
  readonly isConstant: boolean;
  readonly #slots: readonly Slot[];
  readonly #who: string;

  /** Taken apart by {@linkcode takeApart}. */
  constructor(parts: ClosureParts) {
    const { fn, name, text, who, place, slots, edits, imports } = parts;
    this.fn = fn;
    this.name = name;
    this.text = text;
    this.place = place;
    this.resolved = parts.resolved;
    this.imported = parts.imported;
    this.#who = who;
    this.#slots = [...slots.filter(({ early }) => early), ...slots.filter(({ early }) => !early)];
    this.rewritten = new RewrittenText(text.text, edits);
    this.isConstant = this.#slots.every(({ source }) =>
      source.type === "constant" && isUnchanging(source.value)
    );
    this.definition = {
      source: this.rewritten.source,
      kind: text.kind,
      name,
      variables: this.#slots.map(({ variable }) => variable),
      early: this.#slots.filter(({ early }) => early).length,
      ...imports.size > 0 && { imports: Object.fromEntries(imports) },
    };
  }

  /** Where its text stands; undefined where that cannot be seen. */
  findPlace(): Place | undefined {
    if (this.place !== undefined || !mayInspect()) return this.place;
    const inspected = inspectFunction(this.fn, this.#who)!;
    return placeOf(inspected, this.text.text, this.#who);
  }

  /**
   * The values of its variables now.
   *
   * @param cells Those of the value being written.
   * @throws {FunctionError} When a variable has no value yet.
   * @throws {CodeRefusal} When a variable that changes cannot be told from another.
   */
  values(cells: Cells): unknown[] {
    let inspected: InspectedFunction | undefined;
    let privates: Map<string, unknown> | undefined;
    return this.#slots.map(({ source }) => {
      switch (source.type) {
        case "constant":
          return source.value;
        case "global":
          return (globalThis as Record<string, unknown>)[source.name];
        case "private":
          privates ??= inspectPrivateMembers(this.fn, this.#who);
          return privates.get(source.name);
      }
      inspected ??= inspectFunction(this.fn, this.#who)!;
      const { scopes } = inspected;
      const at = scopeOf(scopes, source.name);
      const value = initialized(scopes[at], source.name, this.#who);
      if (source.type === "variable") return value;
      const { start } = this.place!;
      return cells.get(source.binding, value, scopes.slice(at), this.fn, start);
    });
  }
}

/** What a closure consists of. */
interface ClosureParts {
  readonly fn: AnyFunction;
  readonly name: string;
  readonly text: FunctionText;
  readonly who: string;
  readonly place: Place | undefined;
  readonly resolved: ReadonlyMap<string, ResolvedModule>;
  readonly imported: ImportValues | undefined;
  readonly slots: readonly Slot[];
  readonly edits: readonly Edit[];
  readonly imports: ReadonlyMap<string, string>;
}

function placeOf(
  { scriptId, line, column }: InspectedFunction,
  text: string,
  who: string,
): Place | undefined {
  return findText(scriptOf(scriptId, who), text, line, column);
}

/** Whether a value is what it is for ever: not an object that may be changed. */
function isUnchanging(value: unknown): boolean {
  return typeof value !== "object" || value === null || value instanceof ImportReference;
}

/** Which scope has a variable; -1: none but the global one. */
function scopeOf(scopes: readonly LiveScope[], name: string): number {
  return scopes.findIndex(({ description, object }) =>
    description !== "Global" && Object.hasOwn(object, name)
  );
}

function initialized(scope: LiveScope, name: string, who: string): unknown {
  const value = readVariable(scope, name, NOTHING);
  if (value !== NOTHING) return value;
  throw new FunctionError(
    `${who} uses "${name}", which is not initialized yet when submit is called; ` +
      `declare it above the call`,
  );
}

/** Its name, unless it has given itself a property called "name". */
export function nameOf(fn: AnyFunction): string {
  const own = Object.getOwnPropertyDescriptor(fn, "name");
  return own !== undefined && !own.writable && typeof own.value === "string" ? own.value : "";
}

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
  #found: Place | undefined | typeof NOTHING = NOTHING;

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
    const isImport = packageImport(this.#name, place) !== undefined;
    if (!isImport) this.#takeAll(names);
    return {
      ...{ fn: this.#fn, name: this.#name, text: this.#text, who: this.#who },
      place: this.#found === NOTHING ? undefined : this.#found,
      ...{ resolved: this.#resolved, slots: this.#slots, edits: this.#edits },
      imports: this.#imports,
      imported: this.#found === NOTHING || this.#found === undefined || isImport
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
    if (this.#found === NOTHING) {
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
    const { url } = place.script;
    if (/^(?:ext|node):/.test(url)) {
      throw new FunctionError(
        `${this.#who} is part of Deno (${url}) and cannot be sent; call it in a function of your own`,
      );
    }
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
    if (binding?.import !== undefined && !DATA_TYPES.has(binding.import.type)) {
      return this.#takeImport(free, binding.import.specifier, binding.import.name);
    }
    if (binding?.assignedInside) return this.#addCell(free, binding);
    // A variable that is still undefined may be about to get its value.
    const constant = binding !== undefined && !binding.reassigned && value !== undefined;
    this.#add(free, constant ? { type: "constant", value } : { type: "variable", name }, value);
  }

  #takeImport(free: FreeName, specifier: string, exported: string): void {
    const module = this.#resolve(specifier);
    if (module === "dusk:" && exported !== "*" && !runtimeNames.has(exported)) {
      throw new FunctionError(
        `${this.#who} uses "${exported}" of Dusk, which is not there in a task; ` +
          `a task has ${[...runtimeNames].join(", ")}`,
      );
    }
    const value = new ImportReference(module, exported);
    this.#add(free, { type: "constant", value }, undefined);
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
    this.#slots.push({ variable: free.name, source, early: this.#isEarly(free) });
  }

  #addCell(free: FreeName, binding: Binding): void {
    const variable = this.#fresh(free.name);
    const { name } = free;
    this.#edits.push(...replaceName(free, `${variable}.v`));
    this.#slots.push({
      variable,
      source: { type: "cell", name, binding },
      early: this.#isEarly(free),
    });
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

  /** The live class has the values of what its text computes when it is made. */
  #takeClass(): void {
    const { class: cls, text } = this.#text;
    if (cls === undefined) return;
    this.#edits.push(...blankStatics(text, cls));
    if (cls.heritageIsComputed) {
      const variable = this.#fresh("super");
      const { start, end } = cls.heritage!;
      this.#edits.push({ start, end, text: variable });
      const value = Object.getPrototypeOf(this.#fn);
      this.#slots.push({ variable, source: { type: "constant", value }, early: true });
    }
    for (const { name, value } of cls.privateStatics) {
      const variable = this.#fresh(name.slice(1));
      this.#edits.push({ ...value, text: ` = ${variable};` });
      this.#slots.push({ variable, source: { type: "private", name }, early: true });
    }
  }
}
