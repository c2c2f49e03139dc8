/**
 * Code that travels without an inspector: a test says what a function closes over, and the reader
 * compiles it.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type AnyFunction,
  type CodeForm,
  type CodeReader,
  CodeRefusal,
  type CodeWriter,
  type Defined,
  type Definition,
  type FunctionProperty,
  type RegisteredClass,
} from "../../protocol/functions/definition.ts";
import { functionName } from "../../protocol/values_kinds.ts";
import {
  deserialize,
  SerializationError,
  serialize,
  type SerializeOptions,
} from "../../protocol/values.ts";

type Registered = RegisteredClass & { deserialize(header: unknown, frames: Uint8Array[]): object };

/** What a test says of a function or class. */
interface Spec {
  /** What it closes over, by name. */
  variables?: Record<string, unknown>;
  /** How many of them come before a class can be made. */
  early?: number;
  properties?: FunctionProperty[];
  /** The rest of the definition. */
  definition?: Partial<Definition>;
}

/** Writer and reader at once, so that the reader finds what was written. */
export class FakeCode implements CodeWriter, CodeReader {
  /** Functions that were defined by the reader, in order. */
  readonly defined: { definition: Definition; early: readonly unknown[]; index: number }[] = [];
  /** Functions that are there already, by name. */
  readonly known: Map<string, AnyFunction> = new Map();
  /** What modules export, by module and name. */
  readonly modules: Map<string, unknown> = new Map();
  /** Classes by part. */
  readonly classes: Map<string, AnyFunction> = new Map();
  /** Buffers by part. */
  readonly buffers: Map<string, ArrayBuffer> = new Map();
  /** Set to have large buffers shared. */
  share?: (bytes: Uint8Array) => string | undefined;
  private readonly forms = new Map<AnyFunction, CodeForm>();
  private readonly registrations: Registered[] = [];

  /** Say how a function or class travels where it stands. */
  inline<T extends AnyFunction>(fn: T, spec: Spec = {}): T {
    const { variables = {}, early = 0, properties = [] } = spec;
    const source = Function.prototype.toString.call(fn);
    const definition: Definition = {
      source,
      kind: source.startsWith("class") ? "class" : "expression",
      name: functionName(fn),
      variables: Object.keys(variables),
      early,
      ...spec.definition,
    };
    this.forms.set(fn, {
      type: "inline",
      definition,
      values: Object.values(variables),
      properties,
    });
    return fn;
  }

  /** Say that a class is a part. */
  part<T extends AnyFunction>(cls: T, part = `c${functionName(cls)}`): T {
    this.forms.set(cls, { type: "class", part });
    this.classes.set(part, cls);
    return cls;
  }

  /** Say in which way a function or class travels. */
  as<T extends AnyFunction>(fn: T, form: CodeForm): T {
    this.forms.set(fn, form);
    return fn;
  }

  /** Register a serialization. */
  register<T extends object>(
    cls: abstract new (...args: never[]) => T,
    serialize: (object: T) => unknown,
    deserialize: (header: never, frames: Uint8Array[]) => unknown,
  ): void {
    const registered = { part: `r${functionName(cls)}`, class: cls, serialize, deserialize };
    this.registrations.push(registered as unknown as Registered);
  }

  describe(fn: AnyFunction): CodeForm {
    const form = this.forms.get(fn);
    if (form === undefined) throw new CodeRefusal(`${functionName(fn)} is native; call it here`);
    return form;
  }

  describeClass(cls: AnyFunction, _instance: object, lenient: boolean): CodeForm | undefined {
    return lenient && !this.forms.has(cls) ? undefined : this.describe(cls);
  }

  registration(object: object): RegisteredClass | undefined;
  registration(part: string): Registered["deserialize"] | undefined;
  registration(key: object | string): RegisteredClass | Registered["deserialize"] | undefined {
    return typeof key === "string"
      ? this.registrations.find(({ part }) => part === key)?.deserialize
      : this.registrations.find((registered) => key instanceof registered.class);
  }

  define(definition: Definition, early: readonly unknown[], index: number): Defined {
    this.defined.push({ definition, early, index });
    const known = this.known.get(definition.name);
    if (known !== undefined) {
      const bind = () => {
        throw new Error("a known function was bound");
      };
      return { value: known, known: true, bind };
    }
    const { source, kind, variables } = definition;
    const declared = variables.length === 0 ? "" : `let ${variables.join()};`;
    const given = variables.slice(0, definition.early);
    const setters = variables.map((name) => `${JSON.stringify(name)}: (v) => { ${name} = v; }`);
    const value = kind === "method"
      ? `({ ${source} })[${JSON.stringify(definition.name)}]`
      : source;
    const [fn, set] = new Function(
      "early",
      `"use strict"; ${declared} [${given}] = early; return [(${value}), {${setters}}];`,
    )(early) as [AnyFunction, Record<string, (value: unknown) => void>];
    return { value: fn, known: false, bind: (variable, value) => set[variable](value) };
  }

  import(module: string, name: string): unknown {
    return this.modules.get(`${module} ${name}`);
  }

  class(part: string): AnyFunction | undefined {
    return this.classes.get(part);
  }

  buffer(part: string): ArrayBuffer | undefined {
    return this.buffers.get(part);
  }

  /** Write and read a value. */
  roundTrip<T>(value: T, options: SerializeOptions = {}): T {
    return deserialize(serialize(value, { ...options, code: this }), { code: this }) as T;
  }
}

/** The error of a value that cannot travel. */
export function refusalOf(value: unknown, code: FakeCode, name = "fn"): SerializationError {
  try {
    serialize(value, { name, code });
  } catch (error) {
    assert.ok(error instanceof SerializationError, String(error));
    return error;
  }
  assert.fail("the value was taken");
}
