/**
 * How code travels inside values: what the writer of values asks of whoever knows about functions
 * and classes, and what the reader does. Types and names only; `capture.ts` makes definitions of live
 * functions, `linker.ts` makes live functions of definitions.
 *
 * Code that is shared is a *part*, named by the hash of its content. The first letter of a name says
 * what it is: `f` a function, `c` a class, `m` a module, `b` a buffer, `r` a registered serialization.
 *
 * @module
 */

import type { Homes } from "./homes.ts";

/** Any function or class. */
// deno-lint-ignore ban-types
export type AnyFunction = Function;

/** Code of one function or class, apart from what it closes over. */
export interface Definition {
  /** JavaScript: an expression, a method as it stands in an object literal, or a class. */
  source: string;
  /** `part`: the class whose part is `id`. It is there, and only gets other values; `source` is empty. */
  kind: "expression" | "method" | "class" | "part";
  /** Its name, "" if it has none. */
  name: string;
  /** Names of the variables of its surroundings that it uses. Their values follow in this order. */
  variables: string[];
  /** How many of them, the first ones, must have their values before a class can be made. */
  early: number;
  /** Modules that it imports by `import("specifier")`: part or name of a built-in, by specifier. */
  imports?: Record<string, string>;
  /** Name of the class's own part, where a class, or what it closes over, is inside of another part. */
  id?: string;
  /** Names of private instance members (`#balance`), its superclasses' included. */
  privates?: string[];
}

/** A property of a function or of its prototype, beyond those that every function has. */
export interface FunctionProperty {
  on: "function" | "prototype";
  key: string | symbol;
  value: unknown;
  enumerable: boolean;
  /**
   * It is no property, but what the function or its prototype inherits from: `value` is a function, whose
   * own prototype is meant where it is about the prototype, or another object.
   */
  inherited?: true;
}

/** A function or class that travels where it stands. */
export interface InlineForm {
  type: "inline";
  definition: Definition;
  /** Values of `definition.variables`. */
  values: readonly unknown[];
  properties: readonly FunctionProperty[];
  /** The package that its text is of; undefined for the program's own. Said in errors only. */
  package?: string;
}

/** How a function or class travels: where it stands, by the name of its part, or as an import. */
export type CodeForm =
  | InlineForm
  | { type: "class"; part: string }
  | { type: "import"; reference: ImportReference };

/** A binding of a module: stands for its value in what a function closes over. */
export class ImportReference {
  /** Name of the module's part, or a built-in: `node:crypto`, `dusk:`. */
  readonly module: string;
  /** What the module exports it as; "*" is the whole namespace. */
  readonly name: string;

  /** @param module Part or built-in. @param name Exported name, or "*". */
  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }
}

/** A class with a serialization of its own, as the writer needs it. */
export interface RegisteredClass {
  /** Name of the registration's part. */
  part: string;
  /** The class that was registered; the object may be of a subclass. */
  class: AnyFunction;
  serialize(
    object: object,
  ): readonly [header: unknown, frames: readonly (ArrayBuffer | ArrayBufferView)[]];
}

/** Why code cannot travel, and what to do instead. The writer adds where it stands. */
export class CodeRefusal extends Error {
  override readonly name = "CodeRefusal";
  /** The package that the code is of; undefined for the program's own. */
  readonly package: string | undefined;

  /** @param message Why. @param options The cause, and the package. */
  constructor(message: string, options?: ErrorOptions & { package?: string }) {
    super(message, options);
    this.package = options?.package;
  }
}

/** Knows how code travels, for one value at a time. */
export interface CodeWriter {
  /**
   * How a function or class that is a value travels.
   *
   * @throws {CodeRefusal} When it cannot.
   */
  describe(fn: AnyFunction): CodeForm;
  /**
   * How the class of an instance travels; asked for the first instance of a class in a value.
   * `lenient` (for errors): undefined instead of throwing.
   *
   * @throws {CodeRefusal} When instances of it cannot travel.
   */
  describeClass(cls: AnyFunction, instance: object, lenient: boolean): CodeForm | undefined;
  /** The registered serialization of an object that is neither plain nor an array; undefined: none. */
  registration(object: object): RegisteredClass | undefined;
  /** Name of the part that a large buffer travels as; undefined: it stays a frame of the value. */
  share?(bytes: Uint8Array): string | undefined;
  /** Follows what is written; undefined: nobody asks. */
  readonly homes?: Homes;
}

/** A live function or class and the way to give its variables their values. */
export interface Defined {
  value: AnyFunction;
  /** It was there already: its variables and properties stay as they are. */
  known: boolean;
  bind(variable: string, value: unknown): void;
  /** Takes what is to be done to its properties, where that has to wait; absent: it is done at once. */
  later?(change: () => void): void;
  /** The values of its variables now, in the order of the definition; absent where nobody asks. */
  read?(): unknown[];
}

/** Makes code live, for the reader of values. */
export interface CodeReader {
  /**
   * What is read comes from others, and nothing in it may lead to a call: a value may be a class, and
   * no other function, since `toJSON: execSync` would be called by `JSON.stringify`. Default false.
   */
  readonly classesOnly?: boolean;
  /**
   * Make a function or class. `early` has the values of the first `definition.early` variables;
   * `index` is the number of the definition in its value, in order of appearance, from 0. Equal
   * definitions of one value may be one object: it is not to be changed.
   */
  define(definition: Definition, early: readonly unknown[], index: number): Defined;
  /** The value of a binding of a module. */
  import(module: string, name: string): unknown;
  /** The class with that part; undefined if it is not to be had here. */
  class(part: string): AnyFunction | undefined;
  /** How a registered class is read; undefined if the registration is not to be had here. */
  registration(part: string): ((header: unknown, frames: Uint8Array[]) => object) | undefined;
  /** The memory of a buffer that is a part of its own; undefined if it is not to be had here. */
  buffer(part: string): ArrayBuffer | undefined;
}
