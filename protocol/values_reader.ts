/**
 * Turns frames back into a value, in the format that `values_format.ts` describes. The bytes may be
 * anything: each length is checked against what is there before something is made of it.
 *
 * @module
 */
import { type BufferTables, readBuffers } from "./buffer_table_reader.ts";
import { ByteCursor, truncated } from "./byte_cursor.ts";
import { defineProperty } from "./define_property.ts";
import type { CodeReader } from "./functions/definition.ts";
import { CodeDecoder } from "./values_code_reader.ts";
import { readDomException, readError } from "./values_error_reader.ts";
import { readExtras } from "./values_extra_reader.ts";
import {
  DeserializationError,
  isArrayTag,
  isStringTag,
  MAX_DEPTH,
  MAX_KEYS,
  SHORT_ARRAY_MAX,
  SHORT_OBJECT_MAX,
  SHORT_STRING_MAX,
  SPARSE_MIN,
  Tag,
  VERSION_BUFFERS,
  VERSION_PLAIN,
} from "./values_format.ts";
import { numbered } from "./values_numbers.ts";
import { standardNamed } from "./values_standard.ts";
import { symbolOf } from "./values_symbols.ts";
import { ClassOnly, Pending, Unready } from "./values_unready.ts";

/** What the reader asks its caller for. */
export interface ReadOptions {
  resolve?: (key: string) => unknown;
  copy?: boolean;
  errorClass?: (name: string) => ErrorConstructor | undefined;
  code?: CodeReader;
}

const NO_BUFFERS: BufferTables = { buffers: [], views: [] };

/** Reads one value. What reads errors and code lies in files of its own and works on this reader's parts. */
export class ValueReader {
  /** Frame 0. */
  readonly cursor: ByteCursor;
  /** What numbers of objects stand for. */
  readonly objects: unknown[] = [];
  private readonly keys: string[] = [];
  private tables = NO_BUFFERS;
  private depth = 0;
  private decoder: CodeDecoder | undefined;
  /** Whether code of the caller's runs, whose errors pass through. */
  private running = false;

  /**
   * @param frames Frame 0 the value, further frames its large buffers.
   * @param options What the value needs from outside.
   */
  constructor(
    private readonly frames: readonly Uint8Array[],
    private readonly options: ReadOptions,
  ) {
    if (frames.length === 0) throw new DeserializationError("there are no frames");
    this.cursor = new ByteCursor(frames[0]);
  }

  /** Decode the value. */
  read(): unknown {
    const { cursor, frames } = this;
    try {
      const version = cursor.byte();
      if (version === VERSION_BUFFERS) {
        this.tables = this.buffers();
      } else if (version !== VERSION_PLAIN) {
        throw new DeserializationError(`unknown version ${version} of the format`);
      } else if (frames.length > 1) {
        throw new DeserializationError(`${frames.length - 1} frames that nothing refers to`);
      }
      const value = this.value();
      if (cursor.position !== cursor.end) {
        throw new DeserializationError(`${cursor.end - cursor.position} bytes follow the value`);
      }
      return value;
    } catch (error) {
      if (this.running || error instanceof DeserializationError) throw error;
      throw new DeserializationError(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  }

  private buffers(): BufferTables {
    const { copy = false, code } = this.options;
    return readBuffers(this.cursor, this.frames, copy, code);
  }

  /** Read a value. */
  value(): unknown {
    return this.tagged(this.cursor.byte());
  }

  /** Read a value whose tag has been read. */
  tagged(tag: number): unknown {
    const { cursor } = this;
    if (tag < 0x80) return tag;
    if (tag >= Tag.SHORT_STRING) {
      if (tag <= Tag.SHORT_STRING + SHORT_STRING_MAX) return cursor.utf8(tag - Tag.SHORT_STRING);
      if (tag <= Tag.SHORT_ARRAY + SHORT_ARRAY_MAX) return this.array(tag - Tag.SHORT_ARRAY);
      if (tag <= Tag.SHORT_OBJECT + SHORT_OBJECT_MAX) {
        return this.plain({}, tag - Tag.SHORT_OBJECT);
      }
    }
    switch (tag) {
      case Tag.UNDEFINED:
        return undefined;
      case Tag.NULL:
        return null;
      case Tag.FALSE:
        return false;
      case Tag.TRUE:
        return true;
      case Tag.INT:
        return cursor.integer();
      case Tag.FLOAT:
        return cursor.float();
      case Tag.NAN:
        return NaN;
      case Tag.BIGINT_POSITIVE:
        return cursor.bigint();
      case Tag.BIGINT_NEGATIVE:
        return -cursor.bigint();
      case Tag.STRING8:
      case Tag.STRING32:
      case Tag.STRING16:
        return cursor.stringAfter(tag);
      case Tag.BACK:
        return this.back();
      case Tag.REFERENCE:
        return this.resolve(cursor.string());
      case Tag.OBJECT:
        return this.plain({}, cursor.count(2));
      case Tag.OBJECT_NULL:
        return this.plain(Object.create(null), cursor.count(2));
      case Tag.ARRAY:
        return this.array(cursor.count(1));
      case Tag.ARRAY_SPARSE:
        return this.unusualArray();
      case Tag.MAP:
        return this.map();
      case Tag.SET:
        return this.set();
      case Tag.DATE:
        return this.number(new Date(this.time()));
      case Tag.REGEXP:
        return this.number(new RegExp(cursor.string(), cursor.string()));
      case Tag.BOXED:
        return this.boxed();
      case Tag.ERROR:
        return readError(this);
      case Tag.DOM_EXCEPTION:
        return readDomException(this);
      case Tag.BUFFER:
        return this.number(numbered(this.tables.buffers, cursor.varint(), "buffer"));
      case Tag.VIEW:
        return this.view();
      case Tag.STANDARD:
        return this.standard();
      case Tag.SYMBOL:
        return symbolOf(cursor.string());
      case Tag.EXTRA:
        return readExtras(this);
      case Tag.FUNCTION:
      case Tag.IMPORT:
      case Tag.CLASS:
      case Tag.INSTANCE:
      case Tag.CUSTOM:
        return this.coder().read(tag);
      default:
        throw new DeserializationError(`unknown tag 0x${tag.toString(16)}`);
    }
  }

  /** Give an object its number, which later references name. */
  number<T>(object: T): T {
    this.objects.push(object);
    return object;
  }

  /** The object that a reference names. */
  private back(): unknown {
    const object = numbered(this.objects, this.cursor.varint(), "object");
    if (object instanceof Unready) throw object.error();
    return object;
  }

  /** The view with a number, which becomes an object. */
  view(): ArrayBufferView {
    return this.number(numbered(this.tables.views, this.cursor.varint(), "view"));
  }

  private coder(): CodeDecoder {
    const { code } = this.options;
    if (code === undefined) {
      throw new DeserializationError(
        "it has functions or instances of classes, which need a reader that makes them live",
      );
    }
    return this.decoder ??= new CodeDecoder(this, code);
  }

  private standard(): object {
    const name = this.key();
    const standard = standardNamed(name);
    if (standard === undefined) {
      throw new DeserializationError(`this runtime has no ${name}; use a newer one`);
    }
    const number = this.objects.length;
    this.objects.push(new Pending(`a ${name}`));
    this.enter();
    const tag = this.cursor.byte();
    // A sparse array could claim any length, and what makes the object walks arrays.
    if (!isStringTag(tag) && !isArrayTag(tag)) {
      throw new DeserializationError(`the content of a ${name} is neither a text nor a list`);
    }
    const object = standard.make(this.tagged(tag) as never);
    this.depth--;
    return this.objects[number] = object;
  }

  /** Step into a container. */
  enter(): void {
    if (++this.depth > MAX_DEPTH) {
      throw new DeserializationError(`nested more than ${MAX_DEPTH} levels deep`);
    }
  }

  /** Step out of a container. */
  leave(): void {
    this.depth--;
  }

  /** Run code of the caller's, whose errors pass through. */
  outside<T>(run: () => T): T {
    this.running = true;
    const result = run();
    this.running = false;
    return result;
  }

  private time(): number {
    const time = this.value();
    if (typeof time !== "number") throw new DeserializationError("the time of a Date is no number");
    return time;
  }

  private resolve(key: string): unknown {
    const { resolve } = this.options;
    if (resolve === undefined) {
      throw new DeserializationError(`there is a reference to ${key}, and nothing to resolve it`);
    }
    return this.outside(() => resolve(key));
  }

  /** The class of errors with a name, where the caller has one. */
  errorClass(name: string): ErrorConstructor | undefined {
    const { errorClass } = this.options;
    return errorClass && this.outside(() => errorClass(name));
  }

  private array(length: number): unknown[] {
    if (length > this.cursor.end - this.cursor.position) throw truncated();
    const array = this.number<unknown[]>([]);
    this.enter();
    for (let i = 0; i < length; i++) array.push(this.value());
    this.depth--;
    return array;
  }

  private unusualArray(): unknown[] {
    const { cursor } = this;
    const array = this.number<unknown[]>([]);
    this.enter();
    const length = cursor.varint();
    if (length > 2 ** 32 - 1) throw new DeserializationError("an array is too long");
    if (cursor.byte() === 1) {
      if (length < SPARSE_MIN) throw new DeserializationError("an array is not sparse");
      // An entry far away makes the array a dictionary, so that the length alone takes no memory.
      array[length - 1] = undefined;
      delete array[length - 1];
      for (let left = cursor.count(2); left > 0; left--) {
        const index = cursor.varint();
        if (index >= length) throw new DeserializationError("an index is beyond its array's end");
        array[index] = this.value();
      }
    } else {
      if (length > cursor.end - cursor.position) throw truncated();
      array.length = length;
      for (let i = 0; i < length; i++) {
        if (cursor.bytes[cursor.position] === Tag.HOLE) cursor.skip(1);
        else array[i] = this.value();
      }
    }
    this.properties(array, cursor.count(2));
    this.depth--;
    return array;
  }

  /** Read the properties of an object that has no number. */
  plain(object: object, length: number): object {
    this.objects.push(object);
    this.enter();
    this.properties(object, length);
    this.depth--;
    return object;
  }

  /** Read properties. */
  properties(object: object, length: number): void {
    for (let i = 0; i < length; i++) {
      const key = this.key();
      const value = this.value();
      if (key === "__proto__") {
        defineProperty(object, key, value, true);
      } else if (key === "length" && Array.isArray(object)) {
        // Setting it would allocate as much.
        throw new DeserializationError("the length of an array is among its properties");
      } else {
        (object as Record<string, unknown>)[key] = value;
      }
    }
  }

  /** Read properties of an object whose class may have accessors of the same names. */
  members(object: object, length: number): void {
    this.enter();
    for (let i = 0; i < length; i++) {
      const key = this.key();
      const value = key === "constructor" ? this.constructorOf(object) : this.value();
      // An assignment is quicker, where it does the same.
      if (key in object) defineProperty(object, key, value, true);
      else (object as Record<string, unknown>)[key] = value;
    }
    this.leave();
  }

  /** Some libraries give each object its class as a property. That is no other function than it has anyway. */
  constructorOf(object: object): unknown {
    const tag = this.cursor.byte();
    if (tag !== Tag.BACK) return this.tagged(tag);
    const value = numbered(this.objects, this.cursor.varint(), "object");
    if (!(value instanceof Unready)) return value;
    const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(object) ?? {}, "constructor");
    if (value instanceof ClassOnly && own?.value === value.fn) return value.fn;
    throw value.error();
  }

  /** Read a property key. */
  key(): string {
    const { cursor, keys } = this;
    const number = cursor.varint();
    if (number > 0) return numbered(keys, number - 1, "property key");
    const key = cursor.string();
    if (keys.length < MAX_KEYS) keys.push(key);
    return key;
  }

  private map(): Map<unknown, unknown> {
    const map = this.number(new Map<unknown, unknown>());
    this.enter();
    for (let left = this.cursor.count(2); left > 0; left--) {
      const key = this.value();
      map.set(key, this.value());
    }
    this.depth--;
    return map;
  }

  private set(): Set<unknown> {
    const set = this.number(new Set<unknown>());
    this.enter();
    for (let left = this.cursor.count(1); left > 0; left--) set.add(this.value());
    this.depth--;
    return set;
  }

  private boxed(): unknown {
    const tag = this.cursor.bytes[this.cursor.position];
    if (tag === Tag.BOXED) throw new DeserializationError("a boxed value is boxed again");
    this.enter();
    const primitive = this.value();
    this.depth--;
    if (
      primitive === undefined || typeof primitive === "object" || typeof primitive === "function"
    ) {
      throw new DeserializationError("a boxed value is not a primitive");
    }
    return this.number(Object(primitive));
  }
}
