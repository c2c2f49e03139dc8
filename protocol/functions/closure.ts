/**
 * One live function or class, taken apart: its definition, and where each of its variables has its
 * value. What never changes is looked up once; all else anew whenever the function is written.
 *
 * @module
 */
import { type Cells, readVariable } from "./cells.ts";
import { type AnyFunction, type Definition, ImportReference } from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import type { FunctionText } from "./function_text.ts";
import type { ImportValues } from "./import_values.ts";
import {
  type InspectedFunction,
  inspectFunction,
  inspectPrivateMembers,
  type LiveScope,
  mayInspect,
} from "./inspector.ts";
import type { ResolvedModule } from "./modules.ts";
import type { PackageCode } from "./package_class.ts";
import { type Edit, RewrittenText } from "./rewrite.ts";
import type { Binding } from "./bindings.ts";
import { findText, type Place, scriptOf } from "./script.ts";

/** Where a variable has its value. */
export type Source =
  /** It never changes; what it refers to may. */
  | { type: "constant"; value: unknown }
  /** A variable that changes, but not by any function that could travel. */
  | { type: "variable"; name: string }
  /** A variable that functions change. */
  | { type: "cell"; name: string; binding: Binding }
  /** A property that somebody has given to the global object: any function can change it. */
  | { type: "global"; name: string }
  /** A private static field. */
  | { type: "private"; name: string };

/** A variable of the definition, and where its value comes from. */
export interface Slot {
  readonly variable: string;
  readonly source: Source;
  readonly early: boolean;
}

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
  /** Of which package it is, if it is of one and that had to be looked up. */
  readonly inPackage: PackageCode | undefined;
  /** Nothing it closes over can change, unless by changing itself. */
  readonly isConstant: boolean;
  readonly #slots: readonly Slot[];
  readonly #who: string;
  #found: Place | undefined;
  #isSought = false;
  /** What was seen in this turn, for the first time that the values are asked for. */
  #seen: InspectedFunction | undefined;
  /** What was seen in an epoch: looking takes long, and a class is written several times in one. */
  #privates: { epoch: object; values: Map<string, unknown> } | undefined;

  /** Taken apart by {@linkcode takeApart}. */
  constructor(parts: ClosureParts) {
    const { fn, name, text, who, place, slots, edits, imports } = parts;
    this.fn = fn;
    this.name = name;
    this.text = text;
    this.place = place;
    this.resolved = parts.resolved;
    this.imported = parts.imported;
    this.inPackage = parts.inPackage;
    this.#who = who;
    this.#slots = [...slots.filter(({ early }) => early), ...slots.filter(({ early }) => !early)];
    this.rewritten = new RewrittenText(text.text, edits);
    this.isConstant = this.#slots.every(({ source }) =>
      source.type === "constant" && isUnchanging(source.value)
    );
    if (!this.isConstant) {
      this.#seen = parts.inspected;
      queueMicrotask(() => this.#seen = undefined);
    }
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
    if (!this.#isSought) {
      this.#isSought = true;
      this.#found = placeOf(inspectFunction(this.fn, this.#who)!, this.text.text, this.#who);
    }
    return this.#found;
  }

  /**
   * The values of its variables now.
   *
   * @param cells Those of the value being written.
   * @param epoch Within it, private members have not changed.
   * @throws {FunctionError} When a variable has no value yet.
   * @throws {CodeRefusal} When a variable that changes cannot be told from another.
   */
  values(cells: Cells, epoch: object): unknown[] {
    let inspected = this.#seen;
    this.#seen = undefined;
    return this.#slots.map(({ source }) => {
      switch (source.type) {
        case "constant":
          return source.value;
        case "global":
          return cells.global(source.name);
        case "private":
          if (this.#privates?.epoch !== epoch) {
            this.#privates = { epoch, values: inspectPrivateMembers(this.fn, this.#who) };
            queueMicrotask(() => this.#privates = undefined);
          }
          return this.#privates.values.get(source.name);
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
export interface ClosureParts {
  readonly fn: AnyFunction;
  readonly name: string;
  readonly text: FunctionText;
  readonly who: string;
  readonly place: Place | undefined;
  readonly inspected: InspectedFunction | undefined;
  readonly resolved: ReadonlyMap<string, ResolvedModule>;
  readonly imported: ImportValues | undefined;
  readonly inPackage: PackageCode | undefined;
  readonly slots: readonly Slot[];
  readonly edits: readonly Edit[];
  readonly imports: ReadonlyMap<string, string>;
}

/** Where the text of a function stands. */
export function placeOf(
  { scriptId, line, column }: InspectedFunction,
  text: string,
  who: string,
): Place | undefined {
  return findText(scriptOf(scriptId, who), text, line, column);
}

const NOTHING = Symbol("nothing");

/** Whether a value is what it is for ever: not an object that may be changed. */
function isUnchanging(value: unknown): boolean {
  return typeof value !== "object" || value === null || value instanceof ImportReference;
}

/** Which scope has a variable; -1: none but the global one. */
export function scopeOf(scopes: readonly LiveScope[], name: string): number {
  return scopes.findIndex(({ description, object }) =>
    description !== "Global" && Object.hasOwn(object, name)
  );
}

/**
 * The value of a variable.
 *
 * @throws {FunctionError} When it has none yet.
 */
export function initialized(scope: LiveScope, name: string, who: string): unknown {
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
