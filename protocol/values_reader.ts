/**
 * Turns frames back into a value, in the format that `values_format.ts` describes. The bytes may be
 * anything: each length is checked against what is there before something is made of it.
 *
 * @module
 */
import {
  BUFFER_FRAME,
  BUFFER_RESIZABLE,
  DeserializationError,
  ERROR_CLASSES,
  MAX_DEPTH,
  MAX_KEYS,
  MAX_RESIZABLE,
  SHORT_ARRAY_MAX,
  SHORT_OBJECT_MAX,
  SHORT_STRING_MAX,
  SPARSE_MIN,
  Tag,
  VERSION_BUFFERS,
  VERSION_PLAIN,
  VIEW_NAMES,
} from "./values_format.ts";
import { denoErrorClass, shortErrorName } from "./values_kinds.ts";

/** What the reader asks its caller for. */
export interface ReadOptions {
  resolve?: (key: string) => unknown;
  copy?: boolean;
  errorClass?: (name: string) => ErrorConstructor | undefined;
}

/** Strings up to this length are read by a loop, longer ones by TextDecoder (measured). */
const LOOP_MAX = 24;
/** Code units that one call of `fromCharCode` takes. */
const CHUNK = 4096;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Checking costs eight times the decoding; it is done where the result gives reason to. */
const checkingDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type ViewConstructor = new (
  buffer: ArrayBuffer,
  byteOffset: number,
  length: number,
) => ArrayBufferView;
const viewConstructors = VIEW_NAMES.map((name) =>
  (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name]
);

/** Reads one value. */
export class ValueReader {
  private bytes: Uint8Array;
  private floats: DataView;
  private position = 0;
  private end: number;
  private depth = 0;
  /** Whether code of the caller's runs, whose errors pass through. */
  private outside = false;
  private readonly objects: unknown[] = [];
  private readonly keys: string[] = [];
  private buffers: ArrayBuffer[] = [];
  private views: ArrayBufferView[] = [];

  /**
   * @param frames Frame 0 the value, further frames its large buffers.
   * @param options What the value needs from outside.
   */
  constructor(
    private readonly frames: readonly Uint8Array[],
    private readonly options: ReadOptions,
  ) {
    if (frames.length === 0) throw new DeserializationError("there are no frames");
    const bytes = this.bytes = frames[0];
    this.floats = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  /** Decode the value. */
  read(): unknown {
    try {
      const version = this.byte();
      if (version === VERSION_BUFFERS) this.trailer();
      else if (version !== VERSION_PLAIN) {
        throw new DeserializationError(`unknown version ${version} of the format`);
      } else if (this.frames.length > 1) {
        throw new DeserializationError(`${this.frames.length - 1} frames that nothing refers to`);
      }
      const value = this.value();
      if (this.position !== this.end) {
        throw new DeserializationError(`${this.end - this.position} bytes follow the value`);
      }
      return value;
    } catch (error) {
      if (this.outside || error instanceof DeserializationError) throw error;
      throw new DeserializationError(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  }

  private byte(): number {
    if (this.position >= this.end) throw truncated();
    return this.bytes[this.position++];
  }

  private varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let number = byte & 0x7f;
    let factor = 128;
    do {
      byte = this.byte();
      number += (byte & 0x7f) * factor;
      factor *= 128;
    } while (byte >= 0x80 && factor < 2 ** 56);
    if (byte >= 0x80 || number > Number.MAX_SAFE_INTEGER) {
      throw new DeserializationError("a number is too large");
    }
    return number;
  }

  /** A count of things of at least `size` bytes each. */
  private count(size: number): number {
    const count = this.varint();
    if (count * size > this.end - this.position) throw truncated();
    return count;
  }

  private value(): unknown {
    const tag = this.byte();
    if (tag < 0x80) return tag;
    if (tag >= Tag.SHORT_STRING) {
      if (tag <= Tag.SHORT_STRING + SHORT_STRING_MAX) return this.utf8(tag - Tag.SHORT_STRING);
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
      case Tag.INT: {
        const zigzag = this.varint();
        if (zigzag > 0xffffffff) throw new DeserializationError("an integer is too large");
        return (zigzag >>> 1) ^ -(zigzag & 1);
      }
      case Tag.FLOAT: {
        const position = this.skip(8);
        return this.floats.getFloat64(position, true);
      }
      case Tag.NAN:
        return NaN;
      case Tag.BIGINT_POSITIVE:
        return this.bigint();
      case Tag.BIGINT_NEGATIVE:
        return -this.bigint();
      case Tag.STRING8:
      case Tag.STRING32:
      case Tag.STRING16:
        return this.longString(tag);
      case Tag.BACK: {
        const number = this.varint();
        if (number >= this.objects.length) {
          throw new DeserializationError(`reference to object ${number} before it appeared`);
        }
        return this.objects[number];
      }
      case Tag.REFERENCE:
        return this.resolve(this.string());
      case Tag.OBJECT:
        return this.plain({}, this.count(2));
      case Tag.OBJECT_NULL:
        return this.plain(Object.create(null), this.count(2));
      case Tag.ARRAY:
        return this.array(this.count(1));
      case Tag.ARRAY_SPARSE:
        return this.unusualArray();
      case Tag.MAP:
        return this.map();
      case Tag.SET:
        return this.set();
      case Tag.DATE:
        return this.leaf(new Date(this.number()));
      case Tag.REGEXP:
        return this.leaf(new RegExp(this.string(), this.string()));
      case Tag.BOXED:
        return this.boxed();
      case Tag.ERROR:
        return this.error();
      case Tag.DOM_EXCEPTION:
        return this.domException();
      case Tag.BUFFER:
        return this.leaf(this.tabled(this.buffers));
      case Tag.VIEW:
        return this.leaf(this.tabled(this.views));
      default:
        throw new DeserializationError(`unknown tag 0x${tag.toString(16)}`);
    }
  }

  private leaf<T>(object: T): T {
    this.objects.push(object);
    return object;
  }

  private tabled<T>(table: T[]): T {
    const number = this.varint();
    if (number >= table.length) throw new DeserializationError(`no buffer or view ${number}`);
    return table[number];
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) {
      throw new DeserializationError(`nested more than ${MAX_DEPTH} levels deep`);
    }
  }

  /** Take `size` bytes; returns where they start. */
  private skip(size: number): number {
    const { position } = this;
    if (size > this.end - position) throw truncated();
    this.position = position + size;
    return position;
  }

  private string(): string {
    const tag = this.byte();
    if (tag >= Tag.SHORT_STRING && tag <= Tag.SHORT_STRING + SHORT_STRING_MAX) {
      return this.utf8(tag - Tag.SHORT_STRING);
    }
    return this.longString(tag);
  }

  private longString(tag: number): string {
    if (tag === Tag.STRING8) return this.utf8(this.byte());
    const size = tag === Tag.STRING32 || tag === Tag.STRING16
      ? this.floats.getUint32(this.skip(4), true)
      : -1;
    if (tag === Tag.STRING32) return this.utf8(size);
    if (tag !== Tag.STRING16) throw new DeserializationError("a string was expected");
    let position = this.skip(size * 2);
    const parts: string[] = [];
    for (let left = size; left > 0; left -= CHUNK) {
      const units = new Array<number>(Math.min(left, CHUNK));
      for (let i = 0; i < units.length; i++, position += 2) {
        units[i] = this.bytes[position] | (this.bytes[position + 1] << 8);
      }
      parts.push(String.fromCharCode.apply(null, units));
    }
    return parts.join("");
  }

  private utf8(length: number): string {
    if (length === 0) return "";
    const start = this.skip(length);
    const { bytes } = this;
    if (length <= LOOP_MAX) {
      const units = new Array<number>(length);
      let i = 0;
      for (; i < length; i++) {
        const byte = bytes[start + i];
        if (byte > 0x7f) break;
        units[i] = byte;
      }
      if (i === length) return String.fromCharCode.apply(null, units);
    }
    const part = bytes.subarray(start, start + length);
    const string = decoder.decode(part);
    return string.includes("\ufffd") ? checkingDecoder.decode(part) : string;
  }

  private number(): number {
    const number = this.value();
    if (typeof number !== "number") throw new DeserializationError("a number was expected");
    return number;
  }

  private bigint(): bigint {
    const length = this.count(1);
    const start = this.skip(length);
    const digits: string[] = ["0x0"];
    for (let i = start + length - 1; i >= start; i--) {
      digits.push(this.bytes[i].toString(16).padStart(2, "0"));
    }
    return BigInt(digits.join(""));
  }

  private resolve(key: string): unknown {
    const { resolve } = this.options;
    if (resolve === undefined) {
      throw new DeserializationError(`there is a reference to ${key}, and nothing to resolve it`);
    }
    this.outside = true;
    const value = resolve(key);
    this.outside = false;
    return value;
  }

  private array(length: number): unknown[] {
    if (length > this.end - this.position) throw truncated();
    const array: unknown[] = [];
    this.objects.push(array);
    this.enter();
    for (let i = 0; i < length; i++) array.push(this.value());
    this.depth--;
    return array;
  }

  private unusualArray(): unknown[] {
    const array: unknown[] = [];
    this.objects.push(array);
    this.enter();
    const length = this.varint();
    if (length > 0xffffffff) throw new DeserializationError("an array is too long");
    const sparse = this.byte() === 1;
    if (sparse) {
      if (length < SPARSE_MIN) throw new DeserializationError("an array is not sparse");
      // An entry far away makes the array a dictionary, so that the length alone takes no memory.
      array[length - 1] = undefined;
      delete array[length - 1];
      for (let left = this.count(2); left > 0; left--) {
        const index = this.varint();
        if (index >= length) {
          throw new DeserializationError("an index is beyond its array's length");
        }
        array[index] = this.value();
      }
    } else {
      if (length > this.end - this.position) throw truncated();
      array.length = length;
      for (let i = 0; i < length; i++) {
        if (this.bytes[this.position] === Tag.HOLE) this.skip(1);
        else array[i] = this.value();
      }
    }
    this.properties(array, this.count(2));
    this.depth--;
    return array;
  }

  private plain(object: object, length: number): object {
    this.objects.push(object);
    this.enter();
    this.properties(object, length);
    this.depth--;
    return object;
  }

  private properties(object: object, length: number): void {
    for (let i = 0; i < length; i++) {
      const key = this.key();
      const value = this.value();
      if (key === "__proto__") define(object, key, value, true);
      else (object as Record<string, unknown>)[key] = value;
    }
  }

  private key(): string {
    const number = this.varint();
    if (number > 0) {
      if (number > this.keys.length) throw new DeserializationError(`no property key ${number}`);
      return this.keys[number - 1];
    }
    const key = this.string();
    if (this.keys.length < MAX_KEYS) this.keys.push(key);
    return key;
  }

  private map(): Map<unknown, unknown> {
    const map = this.leaf(new Map<unknown, unknown>());
    this.enter();
    for (let left = this.count(2); left > 0; left--) {
      const key = this.value();
      map.set(key, this.value());
    }
    this.depth--;
    return map;
  }

  private set(): Set<unknown> {
    const set = this.leaf(new Set<unknown>());
    this.enter();
    for (let left = this.count(1); left > 0; left--) set.add(this.value());
    this.depth--;
    return set;
  }

  private boxed(): unknown {
    // The object's number precedes those of its contents, of which a primitive has none.
    const primitive = this.value();
    if ((typeof primitive === "object" && primitive !== null) || typeof primitive === "function") {
      throw new DeserializationError("a boxed value is not a primitive");
    }
    return this.leaf(Object(primitive));
  }

  private error(): Error {
    const base = this.byte();
    if (base >= ERROR_CLASSES.length) throw new DeserializationError(`no error class ${base}`);
    const name = this.string();
    const shown = this.string();
    let Class = ERROR_CLASSES[base];
    let found = name === "";
    if (!found) {
      const custom = denoErrorClass(name) ?? this.errorClass(name);
      if (custom !== undefined) {
        Class = custom;
        found = true;
      }
    }
    const error = this.leaf(makeError(Class));
    if (!found) define(error, "name", shown === Class.name ? shortErrorName(name) : shown, false);
    this.errorFields(error);
    return error;
  }

  private errorClass(name: string): ErrorConstructor | undefined {
    const { errorClass } = this.options;
    if (errorClass === undefined) return undefined;
    this.outside = true;
    const found = errorClass(name);
    this.outside = false;
    return found;
  }

  private domException(): DOMException {
    const message = this.string();
    const error = this.leaf(new DOMException(message, this.string()));
    this.errorFields(error);
    return error;
  }

  private errorFields(error: object): void {
    this.enter();
    for (const enumerable of [false, true]) {
      while (this.byte() !== Tag.HOLE) {
        const key = this.key();
        define(error, key, this.value(), enumerable);
      }
    }
    this.depth--;
  }

  /** Read the tables of buffers and views at the end of frame 0. */
  private trailer(): void {
    const start = this.position;
    const size = this.end - 4 - start < 0 ? -1 : this.floats.getUint32(this.end - 4, true);
    const body = this.end - 4 - size;
    if (size < 0 || body < start) throw truncated();
    this.position = body;
    this.end -= 4;
    let frame = 1;
    for (let left = this.count(2); left > 0; left--) {
      const kind = this.byte();
      if (kind > (BUFFER_FRAME | BUFFER_RESIZABLE)) {
        throw new DeserializationError(`unknown kind ${kind} of buffer`);
      }
      const length = this.varint();
      const limit = (kind & BUFFER_RESIZABLE) === 0 ? -1 : this.varint();
      if (limit !== -1 && (limit < length || limit > MAX_RESIZABLE)) {
        throw new DeserializationError(`a buffer cannot grow to ${limit} bytes`);
      }
      let bytes: Uint8Array;
      if ((kind & BUFFER_FRAME) === 0) {
        const position = this.skip(length);
        bytes = this.bytes.subarray(position, position + length);
      } else {
        bytes = this.frames[frame++];
        if (bytes === undefined) throw new DeserializationError(`frame ${frame - 1} is missing`);
        if (bytes.length !== length) {
          throw new DeserializationError(
            `frame ${frame - 1} has ${bytes.length} bytes instead of ${length}`,
          );
        }
      }
      this.buffers.push(this.adopt(bytes, limit, (kind & BUFFER_FRAME) !== 0));
    }
    if (frame !== this.frames.length) {
      throw new DeserializationError(`${this.frames.length - frame} frames nothing refers to`);
    }
    for (let left = this.count(4); left > 0; left--) this.view();
    if (this.position !== this.end) {
      throw new DeserializationError(`${this.end - this.position} bytes follow the buffers`);
    }
    this.position = start;
    this.end = body;
  }

  /**
   * The ArrayBuffer of a frame: the frame's own if it holds nothing else, since code that looks at
   * `view.buffer` must see what was sent and no more; otherwise a copy.
   */
  private adopt(bytes: Uint8Array, limit: number, isFrame: boolean): ArrayBuffer {
    const { buffer } = bytes;
    if (
      isFrame && limit < 0 && !this.options.copy && buffer instanceof ArrayBuffer &&
      buffer.byteLength === bytes.byteLength && !buffer.resizable
    ) {
      return buffer;
    }
    const copy = limit < 0
      ? new ArrayBuffer(bytes.length)
      : new ArrayBuffer(bytes.length, { maxByteLength: limit });
    new Uint8Array(copy).set(bytes);
    return copy;
  }

  private view(): void {
    const type = this.byte();
    const View = viewConstructors[type];
    if (View === undefined) {
      throw new DeserializationError(
        type < VIEW_NAMES.length
          ? `this runtime has no ${VIEW_NAMES[type]}; use a newer one`
          : `unknown type ${type} of view`,
      );
    }
    const buffer = this.tabled(this.buffers);
    const offset = this.varint();
    this.views.push(new View(buffer, offset, this.varint()));
  }
}

function truncated(): DeserializationError {
  return new DeserializationError("the bytes end too early");
}

function define(object: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
}

/** An error of a class, without running the class's constructor or walking the stack. */
function makeError(Class: ErrorConstructor): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const error = Reflect.construct(Error, [], Class) as Error;
    delete error.stack;
    return error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}
