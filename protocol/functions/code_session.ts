/**
 * Says how code travels in one value: what is written where it stands, what by the name of a part, and
 * what as an import; and collects the parts.
 *
 * @module
 */
import type { CodePart } from "../messages.ts";
import { findRegistration } from "../registrations.ts";
import { handleRefusal } from "../values_refusals.ts";
import { Cells } from "./cells.ts";
import { type Closure, nameOf } from "./closure.ts";
import type { CodeBook } from "./code_book.ts";
import type { CodeParts, MadePart, NamedPart } from "./code_parts.ts";
import { propertiesOf } from "./code_properties.ts";
import {
  type AnyFunction,
  type CodeForm,
  CodeRefusal,
  type CodeWriter,
  type FunctionProperty,
  ImportReference,
  type InlineForm,
  type RegisteredClass,
} from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import type { Homes } from "./homes.ts";
import { sourceOf } from "./function_text.ts";
import type { ImportedValue, ImportValues } from "./import_values.ts";
import type { ResolvedModule } from "./modules.ts";
import { type PackageCode, packageName } from "./package_class.ts";
import { nameInPackage } from "./package_exports.ts";
import { inspectFunction, inspectScript, mayInspect } from "./inspector.ts";
import { BuiltInError } from "./refuse.ts";
import { sharedBuffer } from "./shared_buffers.ts";
import { whyStays } from "./staying_classes.ts";
import { standardPath } from "./standard_values.ts";

/** What a session is for. */
export interface SessionOptions {
  /** The function or class that becomes a part: it is written where it stands. */
  readonly root?: AnyFunction;
  /** Names of the parts of the classes inside of a class's part. They are written where they stand. */
  readonly ids?: (cls: AnyFunction) => string | undefined;
  /** Follows what is written; classes come with what they close over. */
  readonly homes?: Homes;
  /** The function that gets the values: what its module imports is the same import in them. */
  readonly user?: AnyFunction;
  /** During it, a class is looked at once. */
  readonly epoch: object;
}

/** Writes code for one value after another. */
export class CodeSession implements CodeWriter {
  /** Parts that what was written refers to, and all that they need. */
  readonly parts: Map<string, CodePart> = new Map();
  /** What was written where it stands, in order; what only an expression stands for has no closure. */
  readonly written: Map<AnyFunction, Closure | undefined> = new Map();
  /** Nothing that was written can change, unless these get properties. */
  isConstant = true;
  readonly bare: Set<Closure> = new Set();
  /** Something refers to a class's part. */
  hasClasses = false;
  readonly #needs = new Set<string>();
  readonly #book: CodeBook;
  readonly #makers: CodeParts;
  readonly #options: SessionOptions;
  /** The imports of the modules whose functions were met. */
  readonly #imports = new Set<ImportValues>();
  #hasMetUser = false;
  #cells = new Cells();

  /** @param book What is known. @param makers Makes parts. @param options What it is for. */
  constructor(book: CodeBook, makers: CodeParts, options: SessionOptions) {
    this.#book = book;
    this.#makers = makers;
    this.#options = options;
    // Buffers of values stay in their frames; those of parts become parts.
    if (options.root === undefined) this.share = undefined;
  }

  get homes(): Homes | undefined {
    return this.#options.homes;
  }

  /** Names of the parts that what was written refers to. */
  get needs(): string[] {
    return [...this.#needs];
  }

  /** Begin with another value: what changed and is shared is so within one value. */
  begin(): void {
    this.#cells = new Cells();
  }

  /** Know the imports of a module: what it imports travels as that import. */
  meet(imports: ImportValues | undefined): void {
    if (imports !== undefined) this.#imports.add(imports);
  }

  describe(fn: AnyFunction): CodeForm {
    return refusing(() => this.#form(fn), fn);
  }

  describeClass(cls: AnyFunction, instance: object, lenient: boolean): CodeForm | undefined {
    const stays = whyStays(cls);
    // Its class may be an import that cannot travel either, for reasons that would tell nobody anything.
    if (stays !== undefined && !lenient) throw new CodeRefusal(stays);
    try {
      // First of all: whose class it is decides what to do about it.
      if (this.#importOf(cls) === undefined) this.#book.closure(cls);
      // What is private is the business of a registered serialization, of a superclass's too.
      const isRegistered = findRegistration(instance) !== undefined;
      const privates = isRegistered ? [] : this.#book.privatesOf(cls);
      if (privates.length > 0) throw new FunctionError(privateRefusal(cls, privates));
      return refusing(() => this.#form(cls, true), cls);
    } catch (error) {
      if (lenient) return undefined;
      if (!(error instanceof BuiltInError)) throw refusalOf(error, cls);
      const name = nameOf(cls);
      throw new CodeRefusal(
        handleRefusal(name) ??
          `its class ${name} is Deno's own, and its objects do not travel; make it in the task, ` +
            `or send plain data`,
      );
    }
  }

  registration(object: object): RegisteredClass | undefined {
    let registration = findRegistration(object);
    if (registration === undefined && this.#book.modules.recognize?.(object)) {
      registration = findRegistration(object);
    }
    if (registration === undefined) return undefined;
    const { class: cls, serialize } = registration;
    const part = refusing(() => this.#makers.registration(registration, this.#options.epoch));
    this.#needMade(part);
    return {
      part: part.name,
      class: cls,
      serialize: serialize as unknown as RegisteredClass["serialize"],
    };
  }

  share?(bytes: Uint8Array): string | undefined {
    const buffer = sharedBuffer(bytes);
    if (buffer === undefined) return undefined;
    this.#need({ ...buffer, parts: new Map() });
    return buffer.name;
  }

  #need({ name, part, parts }: NamedPart): void {
    this.#needs.add(name);
    this.parts.set(name, part);
    for (const [name, part] of parts) this.parts.set(name, part);
  }

  #needModule({ module, part, parts = new Map() }: ResolvedModule): void {
    if (part !== undefined) this.#need({ name: module, part, parts });
  }

  #needMade(part: MadePart): void {
    this.isConstant &&= part.isConstant;
    for (const closure of part.bare) this.bare.add(closure);
    this.#need(part);
  }

  #form(fn: AnyFunction, ofInstance = false): CodeForm {
    const path = standardPath(fn);
    if (path !== undefined) return this.#expression(fn, path);
    const { root, ids, epoch } = this.#options;
    const found = fn === root ? undefined : this.#importOf(fn);
    if (found !== undefined) return this.#import(fn, ...found);
    const closure = this.#book.find(fn);
    if (closure instanceof ImportReference) return { type: "import", reference: closure };
    const imported = fn !== root && closure.inPackage &&
      this.#ofPackage(closure, closure.inPackage);
    if (imported) {
      return this.#import(fn, imported, undefined);
    }
    if (fn !== root && ids === undefined && (ofInstance || isConstructor(closure))) {
      const part = this.#makers.class(fn, epoch);
      this.#needMade(part);
      this.hasClasses = true;
      if (this.homes !== undefined) return this.#surroundings(closure, part.name);
      return { type: "class", part: part.name };
    }
    return this.#inline(closure);
  }

  /** Most values have no code in them, and then it does not matter. */
  #meetUser(): void {
    const { user } = this.#options;
    if (user === undefined || this.#hasMetUser) return;
    this.#hasMetUser = true;
    this.meet(this.#book.importsOf(user));
  }

  #importOf(fn: AnyFunction): [ImportedValue, ImportValues | undefined] | undefined {
    this.#meetUser();
    for (const imports of this.#imports) {
      const value = imports.find(fn);
      if (value !== undefined && this.#book.isPortable(value)) return [value, imports];
    }
    const value = isClass(fn) ? this.#book.exported(fn) : undefined;
    return value && [value, undefined];
  }

  /**
   * The import as which something of a package travels; undefined: by value. Classes are imports of the
   * package where that exports them, since that is where others have them from.
   *
   * @throws {FunctionError} When nobody can import the class.
   */
  #ofPackage(
    closure: Closure,
    { package: specifier, own }: PackageCode,
  ): ImportedValue | undefined {
    const { fn, name } = closure;
    if (specifier === undefined) return own;
    const referrer = Deno.mainModule;
    const { part } = this.#book.modules.resolve(specifier, referrer);
    const exported = nameInPackage(fn, name, part, specifier, closure.place!.script.url);
    if (exported !== undefined) return { specifier, name: exported, referrer };
    if (own !== undefined) return own;
    throw new FunctionError(
      `the class ${
        name || "without a name"
      } is of the package ${specifier}, and none of its files ` +
        `exports it; make what uses it inside the task, or in a module that the function imports`,
    );
  }

  #import(fn: AnyFunction, value: ImportedValue, imports: ImportValues | undefined): CodeForm {
    const { specifier, name, member, referrer } = value;
    const resolved = this.#book.modules.resolve(specifier, referrer);
    this.#needModule(resolved);
    const { module } = resolved;
    if (imports !== undefined) this.#book.addImport(resolved, specifier, imports);
    else this.#book.addPackageClass(resolved, name, fn);
    const reference = new ImportReference(module, name);
    return member === undefined
      ? { type: "import", reference }
      : this.#expression(fn, `m.${member}`, ["m", reference]);
  }

  /** A standard function, or a member of what a module exports: an expression says which. */
  #expression(
    fn: AnyFunction,
    source: string,
    early?: [variable: string, value: unknown],
  ): InlineForm {
    if (this.#options.root !== undefined) this.written.set(fn, undefined);
    return {
      type: "inline",
      definition: {
        ...{ source, kind: "expression", name: nameOf(fn) },
        variables: early ? [early[0]] : [],
        early: early ? 1 : 0,
      },
      values: early ? [early[1]] : [],
      properties: [],
    };
  }

  /** What a class closes over, without its text. */
  #surroundings(closure: Closure, id: string): InlineForm {
    const form = this.#inline(closure);
    this.written.set(closure.fn, undefined);
    const { name, variables } = form.definition;
    return {
      ...form,
      definition: { source: "", kind: "part", name, variables, early: 0, id },
      properties: [...form.properties, ...heritageOf(closure)],
    };
  }

  #inline(closure: Closure): InlineForm {
    const { fn, text, resolved } = closure;
    this.meet(closure.imported);
    for (const module of resolved.values()) this.#needModule(module);
    const values = closure.values(this.#cells, this.#options.epoch);
    const properties = propertiesOf(fn, text);
    this.isConstant &&= closure.isConstant && properties.length === 0;
    this.bare.add(closure);
    // Only parts have an origin, and values can be many.
    if (this.#options.root !== undefined) this.written.set(fn, closure);
    let { definition } = closure;
    if (isConstructor(closure)) {
      const id = fn === this.#options.root ? undefined : this.#options.ids?.(fn);
      const privates = text.class === undefined ? [] : this.#book.privatesOf(fn);
      definition = {
        ...definition,
        ...id !== undefined && { id },
        ...privates.length > 0 && { privates: [...privates] },
      };
    }
    const of = closure.place && packageName(closure.place.script.url);
    return {
      type: "inline",
      definition,
      values,
      properties,
      ...of !== undefined && { package: of },
    };
  }
}

/** That a class inherits from what its text says, for one that is there already. */
function heritageOf({ fn, text }: Closure): FunctionProperty[] {
  if (text.class?.heritage === undefined) return [];
  const inherited = { key: "__proto__", enumerable: false, inherited: true } as const;
  const value = Object.getPrototypeOf(fn);
  return [
    { on: "function", value, ...inherited },
    { on: "prototype", value, ...inherited },
  ];
}

/** Whether objects are made with it: those that come back are of it, so it has a name. */
function isConstructor({ fn, text }: Closure): boolean {
  return text.class !== undefined ||
    text.type === "function" && !text.isAsync && !text.isGenerator && hasMembers(fn.prototype);
}

function hasMembers(prototype: unknown): boolean {
  if (typeof prototype !== "object" || prototype === null) return false;
  return Object.getPrototypeOf(prototype) !== Object.prototype ||
    Reflect.ownKeys(prototype).some((key) => key !== "constructor");
}

function isClass(fn: AnyFunction): boolean {
  return sourceOf(fn).startsWith("class");
}

function privateRefusal(cls: AnyFunction, privates: readonly string[]): string {
  const name = nameOf(cls) || "an anonymous class";
  return `instances of ${name} have private members (${
    privates.join(", ")
  }), which cannot be seen ` +
    `from outside; tell how they travel with registerSerialization(${nameOf(cls) || "cls"}, …)`;
}

function refusing<T>(make: () => T, fn?: AnyFunction): T {
  try {
    return make();
  } catch (error) {
    throw refusalOf(error, fn);
  }
}

/** What is wrong with a function inside a value is told with the way to it. */
function refusalOf(error: unknown, fn: AnyFunction | undefined): unknown {
  if (!(error instanceof FunctionError)) return error;
  return new CodeRefusal(error.message, { cause: error, package: fn && packageOfFunction(fn) });
}

/** The package that a function's text is of; undefined where that cannot be seen. */
function packageOfFunction(fn: AnyFunction): string | undefined {
  const inspected = mayInspect() ? inspectFunction(fn, nameOf(fn)) : undefined;
  const script = inspected && inspectScript(inspected.scriptId);
  return script && packageName(script.url);
}
