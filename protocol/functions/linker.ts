/**
 * Makes code live: parts by their names become functions, classes, modules, registered serializations
 * and buffers, each once. A class has one identity here, whichever way it comes.
 *
 * @module
 */
import type { Serialized } from "../serialized.ts";
import { LinkError } from "../task_failures.ts";
import { deserialize } from "../values.ts";
import { type ClassState, ClassStates } from "./class_states.ts";
import { CodePlaces, type DefinitionOrigin, definitionUrl } from "./code_places.ts";
import { compileDefinition, type Factory, setName } from "./compile_definition.ts";
import { MadeHere } from "./made_here.ts";
import type { AnyFunction, CodeReader, Defined, Definition } from "./definition.ts";
import { type KnownCode, KnownCodes } from "./known_code.ts";
import { LinkedModules, type Namespace } from "./linked_modules.ts";
import { LinkedRegistrations } from "./linked_registrations.ts";
import type { Place } from "./source_map.ts";

/** A part as it came. */
export interface LinkablePart {
  readonly code: Serialized;
  /** Where the code comes from, for stacks. */
  readonly origin?: Serialized;
}

/** What is there already, and need not be made of parts. */
export interface LocalCode {
  /** The class with that part; undefined: make it. */
  class(part: string): AnyFunction | undefined;
  /** Whether this program has that module's binding, and its value. */
  import(module: string, name: string): { value: unknown } | undefined;
}

/** Options of a {@linkcode Linker}. */
export interface LinkerOptions {
  /** What code gets that imports Dusk. */
  runtime: Namespace;
  /** What is there already. */
  local?: LocalCode;
}

/** A part; its code is dropped once it is live. */
interface KnownPart {
  code: Serialized | undefined;
  readonly origin: Serialized | undefined;
}

/** How a function that is here can be written again. */
export interface WritableFunction {
  readonly definition: Definition;
  /**
   * The values of its variables now.
   *
   * @throws {CodeRefusal} When they cannot be told.
   */
  read(): readonly unknown[];
  /** Where it comes from; undefined: nobody knows. */
  origin(): DefinitionOrigin | undefined;
}

/** The part that is being made. */
interface Scope {
  readonly part: string;
  /** The classes inside of it, by the names of their own parts: usable once all of it is made. */
  readonly classes: Map<string, AnyFunction>;
  /** What the classes have that share objects with a function. */
  readonly states: ClassState[];
}

/** So many functions that are no parts are kept compiled. */
const MAX_FACTORIES = 500;
/** So many classes that were forgotten are remembered while they live. */
const MAX_FORMER = 1000;

const nothing = () => {};

/** Makes code live in one thread. */
export class Linker implements CodeReader {
  readonly #parts = new Map<string, KnownPart>();
  readonly #functions = new Map<string, AnyFunction>();
  readonly #classes = new Map<string, AnyFunction>();
  /** Names of the classes that came inside of a class's part. */
  readonly #inner = new Map<string, readonly string[]>();
  /** Classes whose parts were forgotten: if they come again while instances live, they are the same. */
  readonly #former = new Map<string, WeakRef<AnyFunction>>();
  readonly #buffers = new Map<string, ArrayBuffer>();
  readonly #factories = new Map<string, Factory>();
  readonly #writable = new WeakMap<AnyFunction, WritableFunction>();
  readonly #privates = new WeakMap<AnyFunction, readonly string[]>();
  readonly #states = new ClassStates();
  readonly #modules: LinkedModules;
  readonly #known: KnownCodes;
  readonly #places = new CodePlaces((part) => this.#parts.get(part)?.origin);
  readonly #registrations = new LinkedRegistrations((part) => {
    return this.#decode(part, { part, classes: new Map(), states: [] });
  });
  readonly #local: LocalCode | undefined;
  readonly #linking = new Set<string>();
  #uploads: ReadonlyMap<string, string> = new Map();
  #scope: Scope | undefined;

  /** @param options See {@linkcode LinkerOptions}. */
  constructor(options: LinkerOptions) {
    this.#local = options.local;
    this.#modules = new LinkedModules({
      runtime: options.runtime,
      moduleCode: (part) => this.#decode(part, undefined),
      loaded: (part) => this.#dropCode(part),
      uploaded: (name) => this.#uploads.get(name),
    });
    this.#known = new KnownCodes(this.#modules.imported);
    // Instances of the runtime's classes are known without anybody having imported them.
    this.#modules.namespace("dusk:");
  }

  // ------------------------------------------------------------------------------------- parts

  /** A part has come. Nothing is made of it until it is needed. */
  learn(name: string, part: LinkablePart): void {
    this.#parts.set(name, { code: part.code, origin: part.origin });
  }

  /** Nothing needs a part any more. */
  forget(name: string): void {
    this.#parts.delete(name);
    this.#functions.delete(name);
    this.#buffers.delete(name);
    this.#modules.forget(name);
    this.#registrations.forget(name);
    this.#places.forget(name);
    this.#forgetClass(name);
    for (const id of this.#inner.get(name) ?? []) this.#forgetClass(id);
    this.#inner.delete(name);
  }

  #forgetClass(name: string): void {
    const cls = this.#classes.get(name);
    if (cls === undefined) return;
    this.#classes.delete(name);
    if (this.#former.size >= MAX_FORMER) this.#former.delete(this.#former.keys().next().value!);
    this.#former.set(name, new WeakRef(cls));
  }

  /** Whether a part is here. */
  has(name: string): boolean {
    return this.#parts.has(name);
  }

  /** @param uploads Parts of the modules that can be imported by name: all that there are now. */
  setUploads(uploads: ReadonlyMap<string, string>): void {
    this.#uploads = uploads;
  }

  /**
   * After an error: resolves when a module is there that had to be waited for, so that it is worth
   * trying again; rejects with what the module threw. Undefined if that was not the reason.
   */
  takeAwaited(): Promise<unknown> | undefined {
    return this.#modules.takeAwaited();
  }

  // ------------------------------------------------------------------------------ what is made

  /**
   * The function with that part.
   *
   * @throws {LinkError} When the part is not here, or no function.
   * @throws Whatever its code throws, such as a `SyntaxError`.
   */
  function(part: string): AnyFunction {
    let fn = this.#functions.get(part);
    if (fn === undefined) {
      fn = this.#link(part);
      this.#functions.set(part, fn);
      this.#dropCode(part);
    }
    this.use(fn);
    return fn;
  }

  /** A function is about to run again, which may share objects with classes. */
  use(fn: AnyFunction): void {
    this.#states.use(fn);
  }

  class(part: string): AnyFunction | undefined {
    const known = this.#classFor(part);
    if (known !== undefined) return known;
    if (this.#parts.has(part)) return this.#linkClass(part);
    return this.#findInside(part);
  }

  import(module: string, name: string): unknown {
    const local = this.#local?.import(module, name);
    if (local !== undefined) return local.value;
    const value = this.#modules.binding(module, name);
    if (typeof value === "function") this.#known.addImport(value, module, name);
    return value;
  }

  registration(part: string): ((header: unknown, frames: Uint8Array[]) => object) | undefined {
    return this.#parts.has(part) ? this.#registrations.get(part).deserialize : undefined;
  }

  buffer(part: string): ArrayBuffer | undefined {
    let buffer = this.#buffers.get(part);
    if (buffer === undefined && this.#parts.has(part)) {
      const value = this.#decode(part, undefined);
      if (!(value instanceof ArrayBuffer)) throw new LinkError(`Part ${part} is not a buffer`);
      this.#buffers.set(part, buffer = value);
      this.#dropCode(part);
    }
    return buffer;
  }

  define(definition: Definition, early: readonly unknown[], index: number): Defined {
    const { id, kind } = definition;
    const scope = this.#scope;
    if (kind === "part") return this.#states.meet(this.#needClass(id!), scope?.states ?? []);
    if (id !== undefined) {
      const value = scope?.classes.get(id) ?? this.#classFor(id);
      if (value !== undefined) return { value, known: true, bind: nothing };
    }
    const make = scope === undefined
      ? this.#factory(definition, index)
      : compileDefinition(definition, definitionUrl(scope.part, index, definition.name));
    const part = scope?.part;
    const origin = () => part === undefined ? undefined : this.#places.origin(part, index);
    const defined = make(
      early,
      this.#modules.importer(definition.imports),
      (fn, variables, name, shared) => {
        if (name !== undefined) setName(fn, name);
        this.#writable.set(fn, new MadeHere({ fn, variables, shared, definition, origin }));
        return fn;
      },
    );
    if (kind !== "class" && !this.#writable.has(defined.value)) {
      this.#writable.set(defined.value, { definition, origin, read: defined.read! });
    }
    if (id !== undefined) scope?.classes.set(id, defined.value);
    if (id !== undefined || part?.startsWith("c")) this.#states.made(defined);
    if (definition.privates !== undefined && definition.privates.length > 0) {
      this.#privates.set(defined.value, definition.privates);
    }
    return defined;
  }

  // ---------------------------------------------------------------------------- the other way

  /** How a function or class came; undefined if it was made here. */
  codeOf(fn: AnyFunction): KnownCode | undefined {
    return this.#known.find(fn);
  }

  /** How a function can be written again that came here, or was made by one that launches tasks. */
  writable(fn: AnyFunction): WritableFunction | undefined {
    return this.#writable.get(fn);
  }

  /** The module or built-in whose exports these are. */
  moduleOf(namespace: object): string | undefined {
    for (const [module, exports] of this.#modules.imported) {
      if (exports === namespace) return module;
    }
    return undefined;
  }

  /** Names of the private instance members of a class that came as a part. */
  privatesOf(cls: AnyFunction): readonly string[] | undefined {
    return this.#privates.get(cls);
  }

  /** The registered serializations. */
  get registrations(): LinkedRegistrations {
    return this.#registrations;
  }

  /**
   * The place of a frame in code that was made here.
   *
   * @param url URL of the code. @param line From 1. @param column From 1.
   */
  place(url: string, line: number, column: number): Place | undefined {
    return this.#places.place(url, line, column);
  }

  // ------------------------------------------------------------------------------------ linking

  #classFor(part: string): AnyFunction | undefined {
    return this.#classes.get(part) ?? this.#local?.class(part) ?? this.#former.get(part)?.deref();
  }

  /**
   * The class that came inside of another class's part, which nothing may have asked for yet.
   *
   * @throws Why a part could not be made, when the class is in none of the others.
   */
  #findInside(part: string): AnyFunction | undefined {
    let failure: { error: unknown } | undefined;
    for (const name of this.#parts.keys()) {
      if (!name.startsWith("c") || this.#linking.has(name) || this.#classFor(name) !== undefined) {
        continue;
      }
      try {
        this.#linkClass(name);
      } catch (error) {
        failure ??= { error };
        continue;
      }
      const found = this.#classes.get(part);
      if (found === undefined) continue;
      // Nobody has to wait for what others await.
      this.#modules.takeAwaited();
      return found;
    }
    if (failure !== undefined) throw failure.error;
    return undefined;
  }

  #needClass(part: string): AnyFunction {
    const cls = this.class(part);
    if (cls === undefined) throw new LinkError(`Part ${part} was never sent`);
    return cls;
  }

  #linkClass(part: string): AnyFunction {
    const cls = this.#link(part);
    this.#classes.set(part, cls);
    this.#known.addClass(cls, part, part);
    this.#dropCode(part);
    return cls;
  }

  #link(part: string): AnyFunction {
    if (this.#linking.has(part)) throw new LinkError(`Part ${part} needs itself`);
    const scope: Scope = { part, classes: new Map(), states: [] };
    this.#linking.add(part);
    let value: unknown;
    try {
      value = this.#decode(part, scope);
    } finally {
      this.#linking.delete(part);
    }
    if (typeof value !== "function") throw new LinkError(`Part ${part} is not a function or class`);
    if (scope.classes.size > 0) this.#inner.set(part, [...scope.classes.keys()]);
    for (const [id, cls] of scope.classes) {
      this.#classes.set(id, cls);
      this.#known.addClass(cls, id, part);
    }
    this.#states.keep(value, scope.states);
    return value;
  }

  #decode(name: string, scope: Scope | undefined): unknown {
    const code = this.#parts.get(name)?.code;
    if (code === undefined) throw new LinkError(`Part ${name} was never sent`);
    const outer = this.#scope;
    this.#scope = scope;
    try {
      return deserialize(code, { code: this });
    } finally {
      this.#scope = outer;
    }
  }

  #dropCode(name: string): void {
    const part = this.#parts.get(name);
    if (part !== undefined) part.code = undefined;
  }

  /** Functions among arguments come with each task: compiled once, they are made anew. */
  #factory(definition: Definition, index: number): Factory {
    const { source, kind, name, variables, early } = definition;
    const key = JSON.stringify([source, kind, name, variables, early]);
    let factory = this.#factories.get(key);
    if (factory === undefined) {
      factory = compileDefinition(definition, definitionUrl(undefined, index, name));
      if (this.#factories.size >= MAX_FACTORIES) this.#factories.clear();
      this.#factories.set(key, factory);
    }
    return factory;
  }
}
