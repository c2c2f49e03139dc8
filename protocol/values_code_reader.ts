/**
 * Reads functions, classes, instances of classes, and objects with a serialization of their own. They
 * are made live by a {@linkcode CodeReader}.
 *
 * @module
 */
import { defineProperty } from "./define_property.ts";
import { readDefinition } from "./functions/read_definition.ts";
import type { AnyFunction, CodeReader, Defined, Definition } from "./functions/definition.ts";
import { LATER, readError } from "./values_error_reader.ts";
import {
  DeserializationError,
  ENUMERABLE,
  INHERITED,
  isArrayTag,
  isObjectTag,
  ON_PROTOTYPE,
  Tag,
} from "./values_format.ts";
import { describe } from "./values_kinds.ts";
import { numbered } from "./values_numbers.ts";
import type { ValueReader } from "./values_reader.ts";
import { Absent, ClassOnly, Pending, Unready } from "./values_unready.ts";

/** Built-ins that a class may extend and whose properties follow them. */
const WITH_PROPERTIES: readonly number[] = [
  Tag.MAP,
  Tag.SET,
  Tag.DATE,
  Tag.REGEXP,
  Tag.BOXED,
  Tag.BUFFER,
  Tag.VIEW,
  Tag.STANDARD,
];

/** Reads the code of one value. */
export class CodeDecoder {
  /** How many functions and classes have been met. */
  private definitions = 0;
  /** Imports that are not to be had here, by their numbers. */
  private readonly absent = new Map<number, Absent>();

  /**
   * @param reader Reads the value.
   * @param code Makes code live.
   */
  constructor(private readonly reader: ValueReader, private readonly code: CodeReader) {}

  /** Read what begins with one of the tags of code, which has been read. */
  read(tag: number): unknown {
    switch (tag) {
      case Tag.FUNCTION:
        return this.function();
      case Tag.IMPORT:
        return this.imported();
      case Tag.CLASS:
        return this.asValue(this.present(this.class()));
      case Tag.INSTANCE:
        return this.instance();
      default:
        return this.custom();
    }
  }

  private function(): AnyFunction {
    const { reader, code } = this;
    const index = this.definitions++;
    const number = reader.objects.length;
    const pending = new Pending("a function or class");
    reader.objects.push(pending);
    const definition = this.definition();
    const { variables } = definition;
    reader.enter();
    const early: unknown[] = [];
    while (early.length < definition.early) early.push(reader.value());
    const defined = reader.outside(() => code.define(definition, early, index));
    this.complete(number, pending, defined.value);
    for (let i = early.length; i < variables.length; i++) this.variable(defined, variables[i]);
    for (let left = reader.cursor.count(2); left > 0; left--) this.property(defined);
    reader.leave();
    return defined.value;
  }

  private definition(): Definition {
    const { reader } = this;
    const tag = reader.cursor.byte();
    if (tag !== Tag.BACK && !isObjectTag(tag)) {
      throw new DeserializationError("the definition of a function is no object");
    }
    return readDefinition(reader.tagged(tag));
  }

  /** Something is there that others may wait for. */
  private complete(number: number, pending: Pending, value: object): void {
    const { reader } = this;
    reader.objects[number] = value;
    reader.outside(() => pending.complete(value));
  }

  private variable(defined: Defined, name: string): void {
    const { reader } = this;
    const { cursor } = reader;
    const tag = cursor.byte();
    if (tag !== Tag.BACK) return this.bind(defined, name, reader.tagged(tag));
    const value = numbered(reader.objects, cursor.varint(), "object");
    if (!(value instanceof Unready)) return this.bind(defined, name, value);
    if (!(value instanceof Pending)) throw value.error();
    if (!defined.known) value.bindLater(defined, name);
  }

  private bind(defined: Defined, name: string, value: unknown): void {
    if (!defined.known) this.reader.outside(() => defined.bind(name, value));
  }

  private property(defined: Defined): void {
    const { reader } = this;
    const flags = reader.cursor.byte();
    const onPrototype = (flags & ON_PROTOTYPE) !== 0;
    if ((flags & ~ON_PROTOTYPE) === INHERITED) return this.inherited(defined, onPrototype);
    if (flags > (ON_PROTOTYPE | ENUMERABLE)) {
      throw new DeserializationError(`a property of a function has the flags ${flags}`);
    }
    const key = reader.value();
    if (typeof key !== "string" && typeof key !== "symbol") {
      throw new DeserializationError("the key of a property is neither a string nor a symbol");
    }
    const value = reader.value();
    if (defined.known) return;
    const target = onPrototype ? prototypeOf(defined.value) : defined.value;
    const enumerable = (flags & ENUMERABLE) !== 0;
    if (defined.later === undefined) return defineProperty(target, key, value, enumerable);
    const property = { value, enumerable, writable: true, configurable: true };
    // What a task has frozen in the meantime stays as it is.
    defined.later(() => Reflect.defineProperty(target, key, property));
  }

  /** What a function inherits from, or what is made with it. */
  private inherited(defined: Defined, onPrototype: boolean): void {
    const value = this.reader.value();
    const isMaker = typeof value === "function";
    if (!isMaker && !(onPrototype && typeof value === "object")) {
      throw new DeserializationError(`a function inherits from ${describe(value)}`);
    }
    if (defined.known) return;
    const heir = onPrototype ? prototypeOf(defined.value) : defined.value;
    const parent = onPrototype && isMaker ? prototypeOf(value) : value;
    if (defined.later !== undefined) {
      defined.later(() => Reflect.setPrototypeOf(heir, parent));
    } else if (!Reflect.setPrototypeOf(heir, parent)) {
      throw new DeserializationError("a function inherits from what inherits from it");
    }
  }

  /** An import that is a value. A variable may well be undefined; a class may not. */
  private imported(): unknown {
    const number = this.reader.objects.length;
    const value = this.import();
    if (value === undefined && this.code.classesOnly) throw this.absent.get(number)!.error();
    return this.asValue(value);
  }

  private import(): unknown {
    const { reader, code } = this;
    const module = reader.key();
    const name = reader.key();
    const value = reader.outside(() => code.import(module, name));
    if (value === undefined) this.absent.set(reader.objects.length, new Absent(module, name));
    return reader.number(this.guarded(value, `${name} of ${module}`));
  }

  private class(): AnyFunction | ClassOnly | Absent {
    const { reader, code } = this;
    const part = reader.key();
    const name = reader.key();
    const cls = reader.outside(() => code.class(part));
    return reader.number(
      cls === undefined ? new Absent(part, name) : this.guarded(cls, `${name} (${part})`),
    );
  }

  /** What stands for a class or an import where not all of them may be values. */
  private guarded<T>(value: T, name: string): T | ClassOnly {
    if (!this.code.classesOnly || value === undefined || isClass(value)) return value;
    if (typeof value === "function") return new ClassOnly(value, name);
    throw new DeserializationError(`it refers to ${name}, which is no class`);
  }

  private asValue<T>(value: T | ClassOnly): T {
    if (value instanceof ClassOnly) throw value.error();
    return value;
  }

  /** The class of an object; undefined if it follows the object, or there is none. */
  private classNode(): AnyFunction | Absent | undefined {
    const { reader } = this;
    const tag = reader.cursor.byte();
    let number = reader.objects.length;
    let cls: unknown;
    switch (tag) {
      case Tag.UNDEFINED:
        return undefined;
      case Tag.BACK:
        number = reader.cursor.varint();
        cls = numbered(reader.objects, number, "object");
        break;
      case Tag.CLASS:
        cls = this.class();
        break;
      case Tag.IMPORT:
        cls = this.import();
        break;
      case Tag.FUNCTION:
        cls = this.function();
        break;
    }
    cls ??= this.absent.get(number);
    if (cls instanceof ClassOnly) return cls.fn;
    if (typeof cls === "function" || cls instanceof Absent) return cls;
    if (cls instanceof Unready) throw cls.error();
    throw new DeserializationError("the class of an object is no class");
  }

  private instance(): object {
    const { reader } = this;
    const cls = this.classNode();
    const tag = reader.cursor.byte();
    if (tag === Tag.ERROR) {
      if (cls !== undefined) return readError(reader, cls instanceof Absent ? undefined : cls);
      const error = readError(reader, LATER);
      Object.setPrototypeOf(error, prototypeOf(this.present(this.classNode())));
      return error;
    }
    if (cls !== undefined && isObjectTag(tag)) {
      const size = tag === Tag.OBJECT ? reader.cursor.count(2) : tag - Tag.SHORT_OBJECT;
      const object = reader.number(Object.create(prototypeOf(this.present(cls))));
      reader.members(object, size);
      return object;
    }
    return this.builtinInstance(cls, tag);
  }

  /** An instance that gets its class when it is complete. */
  private builtinInstance(cls: AnyFunction | Absent | undefined, tag: number): object {
    const { reader } = this;
    const follow = WITH_PROPERTIES.includes(tag);
    if (
      !follow && !isObjectTag(tag) && !isArrayTag(tag) && tag !== Tag.ARRAY_SPARSE &&
      tag !== Tag.DOM_EXCEPTION
    ) {
      throw new DeserializationError("an instance is of nothing that has classes");
    }
    const object = reader.tagged(tag) as object;
    if (follow) reader.members(object, reader.cursor.count(2));
    cls ??= this.classNode();
    if (!(cls instanceof Absent && tag === Tag.DOM_EXCEPTION)) {
      Object.setPrototypeOf(object, prototypeOf(this.present(cls)));
    }
    return object;
  }

  private present<T>(cls: T | Absent | undefined): T {
    if (cls === undefined) throw new DeserializationError("an instance has no class");
    if (cls instanceof Absent) throw cls.error();
    return cls;
  }

  private custom(): object {
    const { reader, code } = this;
    const part = reader.key();
    const name = reader.key();
    const number = reader.objects.length;
    const pending = new Pending(`an object of the class ${name}`);
    reader.objects.push(pending);
    reader.enter();
    const header = reader.value();
    const frames: Uint8Array[] = [];
    for (let left = reader.cursor.count(2); left > 0; left--) frames.push(this.frame());
    reader.leave();
    const deserialize = reader.outside(() => code.registration(part));
    if (deserialize === undefined) {
      throw new DeserializationError(
        `the serialization that was registered for ${name} (${part}) is not known here; call registerSerialization before reading`,
      );
    }
    const object = made(deserialize, header, frames, name);
    this.complete(number, pending, object);
    const cls = this.classNode();
    if (cls !== undefined) Object.setPrototypeOf(object, prototypeOf(this.present(cls)));
    return object;
  }

  private frame(): Uint8Array {
    const { reader } = this;
    const frame = reader.cursor.byte() === Tag.VIEW ? reader.view() : undefined;
    if (!(frame instanceof Uint8Array)) throw new DeserializationError("a frame is not bytes");
    return frame;
  }
}

/** Whether something is a class by its text: it cannot be called. */
function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

/** What the user's function makes of header and frames. */
function made(
  deserialize: (header: unknown, frames: Uint8Array[]) => object,
  header: unknown,
  frames: Uint8Array[],
  name: string,
): object {
  let object: unknown;
  try {
    object = deserialize(header, frames);
  } catch (error) {
    if (error instanceof DeserializationError) throw error;
    throw new DeserializationError(
      `the deserialize that was registered for ${name} failed: ${describe(error)}`,
      { cause: error },
    );
  }
  if (typeof object !== "object" || object === null) {
    throw new DeserializationError(
      `the deserialize that was registered for ${name} must return an object, not ${
        describe(object)
      }`,
    );
  }
  return object;
}

function prototypeOf(fn: AnyFunction): object {
  const { prototype } = fn;
  if (typeof prototype !== "object" || prototype === null) {
    throw new DeserializationError("something is an instance of a function that is no class");
  }
  return prototype;
}
