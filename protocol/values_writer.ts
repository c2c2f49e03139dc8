/**
 * Turns a value into frames, in the format that `values_format.ts` describes.
 *
 * @module
 */
import {
  BUFFER_FRAME,
  BUFFER_RESIZABLE,
  ERROR_CLASSES,
  MAX_DEPTH,
  MAX_KEYS,
  OUT_OF_BAND,
  SerializationError,
  SHORT_ARRAY_MAX,
  SHORT_OBJECT_MAX,
  SPARSE_MIN,
  Tag,
  VERSION_BUFFERS,
  VERSION_PLAIN,
  VIEW_NAMES,
} from "./values_format.ts";
import {
  builtinKind,
  className,
  errorBase,
  errorClassName,
  isPlainPrototype,
  refusal,
} from "./values_kinds.ts";
import { ByteSink } from "./byte_sink.ts";
import { BufferTable } from "./buffer_table.ts";

/** Names an object that travels as a reference, such as a future; undefined for all others. */
export type Referrer = (object: object) => string | undefined;

/** Up to this many objects are looked up by walking a list, which beats hashing them. */
const LIST_MAX = 8;

/** How a step of the path to a value is shown. */
const STEP_PROPERTY = 0;
const STEP_MAP_VALUE = 1;
const STEP_MAP_KEY = 2;
const STEP_SET = 3;

/** Properties of errors that are usually not enumerable, yet travel. */
const ERROR_FIELDS = ["name", "message", "stack", "cause", "errors", "error", "suppressed"];

const viewTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;
const viewNumbers = new Map(VIEW_NAMES.map((name, i) => [name, i]));
const objectPrototype = Object.prototype;

/** Writes one value at a time; kept and used again, so that a small value costs little. */
export class ValueWriter {
  private readonly sink = new ByteSink();
  private readonly objects: object[] = [];
  private readonly objectNumbers = new Map<object, number>();
  private readonly keys = new Map<string, number>();
  private readonly keyList: string[] = [];
  private readonly buffers = new BufferTable();
  private depth = 0;
  private readonly path: (string | number)[] = [];
  private readonly steps = new Uint8Array(MAX_DEPTH + 2);
  private reference: Referrer | undefined;

  /** Encode a value; `name` is what error messages call it. */
  write(value: unknown, name: string, reference: Referrer | undefined): Uint8Array[] {
    this.reference = reference;
    const sink = this.sink;
    try {
      sink.start();
      sink.byte(VERSION_PLAIN);
      this.value(value);
      if (this.buffers.isEmpty) return [sink.finish()];
      sink.bytes[0] = VERSION_BUFFERS;
      const frames = this.buffers.write(sink, OUT_OF_BAND, BUFFER_FRAME, BUFFER_RESIZABLE);
      frames.unshift(sink.finish());
      return frames;
    } catch (error) {
      throw this.explain(error, name);
    } finally {
      this.reset();
    }
  }

  private reset(): void {
    this.depth = 0;
    this.objects.length = 0;
    if (this.objectNumbers.size > 0) this.objectNumbers.clear();
    if (this.keyList.length > 0) {
      this.keyList.length = 0;
      this.keys.clear();
    }
    if (!this.buffers.isEmpty) this.buffers.clear();
    this.reference = undefined;
    this.sink.release();
  }

  private value(value: unknown): void {
    switch (typeof value) {
      case "number":
        return this.sink.number(value);
      case "string":
        return this.sink.string(value);
      case "boolean":
        return this.sink.byte(value ? Tag.TRUE : Tag.FALSE);
      case "undefined":
        return this.sink.byte(Tag.UNDEFINED);
      case "bigint":
        return this.sink.bigint(value);
      case "object":
        if (value === null) return this.sink.byte(Tag.NULL);
        return this.object(value);
      default:
        throw new Refusal(refusal(value));
    }
  }

  private object(object: object): void {
    if (Array.isArray(object)) {
      if (this.seen(object)) return;
      return this.array(object);
    }
    const prototype = Object.getPrototypeOf(object);
    if (prototype === objectPrototype) {
      if (this.seen(object)) return;
      return this.plain(object, false);
    }
    const key = this.reference?.(object);
    if (key !== undefined) {
      this.sink.byte(Tag.REFERENCE);
      return this.sink.string(key);
    }
    if (prototype === null || isPlainPrototype(prototype)) {
      if (this.seen(object)) return;
      return this.plain(object, prototype === null);
    }
    const kind = builtinKind(object);
    if (kind === undefined) throw new Refusal(refusal(object));
    if (this.seen(object)) return;
    switch (kind) {
      case "View":
        return this.view(object as ArrayBufferView);
      case "ArrayBuffer":
        this.sink.byte(Tag.BUFFER);
        return this.sink.varint(this.buffer(object as ArrayBuffer, 0, -1, 1));
      case "Map":
        return this.map(object as Map<unknown, unknown>);
      case "Set":
        return this.set(object as Set<unknown>);
      case "Date":
        this.sink.byte(Tag.DATE);
        return this.sink.number(Date.prototype.getTime.call(object));
      case "RegExp":
        this.sink.byte(Tag.REGEXP);
        this.sink.string((object as RegExp).source);
        return this.sink.string((object as RegExp).flags);
      case "Error":
        return this.error(object);
      case "DOMException":
        this.sink.byte(Tag.DOM_EXCEPTION);
        this.sink.string(String((object as DOMException).message));
        this.sink.string(String((object as DOMException).name));
        return this.errorFields(object, ["stack", "cause"]);
      case "Boxed":
        this.sink.byte(Tag.BOXED);
        return this.value(unbox(object));
    }
  }

  /** Write a reference if the object has appeared, otherwise give it the next number. */
  private seen(object: object): boolean {
    const objects = this.objects;
    const n = objects.length;
    let number = -1;
    if (n < LIST_MAX) {
      for (let i = 0; i < n; i++) {
        if (objects[i] === object) {
          number = i;
          break;
        }
      }
    } else {
      const numbers = this.objectNumbers;
      if (numbers.size === 0) {
        for (let i = 0; i < n; i++) numbers.set(objects[i], i);
      }
      number = numbers.get(object) ?? -1;
      if (number < 0) numbers.set(object, n);
    }
    if (number < 0) {
      objects.push(object);
      return false;
    }
    this.sink.byte(Tag.BACK);
    this.sink.varint(number);
    return true;
  }

  /** Step into a container: the level at which its members' names belong in the path. */
  private enter(step: number): number {
    const depth = ++this.depth;
    if (depth > MAX_DEPTH) {
      throw new Refusal(
        `it is nested more than ${MAX_DEPTH} levels deep; send a flatter structure, such as an array`,
      );
    }
    this.steps[depth] = step;
    return depth;
  }

  private array(array: unknown[]): void {
    const length = array.length;
    const sink = this.sink;
    // The indices come first and in order: if there are `length` keys and the last of them is the
    // last index, then there are no holes and no named properties.
    const keys = Object.keys(array);
    if (keys.length !== length || (length > 0 && keys[length - 1] !== String(length - 1))) {
      return this.unusualArray(array, keys);
    }
    if (length <= SHORT_ARRAY_MAX) {
      sink.byte(Tag.SHORT_ARRAY + length);
    } else {
      sink.byte(Tag.ARRAY);
      sink.varint(length);
    }
    const depth = this.enter(STEP_PROPERTY);
    const path = this.path;
    for (let i = 0; i < length; i++) {
      path[depth] = i;
      this.value(array[i]);
    }
    this.depth = depth - 1;
  }

  /** An array with holes, or with named properties as well. */
  private unusualArray(array: unknown[], keys: string[]): void {
    const sink = this.sink;
    const { length } = array;
    const indexed = countIndices(keys);
    sink.byte(Tag.ARRAY_SPARSE);
    sink.varint(length);
    const depth = this.enter(STEP_PROPERTY);
    const sparse = length >= SPARSE_MIN && indexed * 8 < length;
    sink.byte(sparse ? 1 : 0);
    if (sparse) {
      sink.varint(indexed);
      for (let i = 0; i < indexed; i++) {
        const index = Number(keys[i]);
        sink.varint(index);
        this.path[depth] = index;
        this.value(array[index]);
      }
    } else {
      for (let i = 0, next = 0; i < length; i++) {
        if (next < indexed && Number(keys[next]) === i) {
          next++;
          this.path[depth] = i;
          this.value(array[i]);
        } else {
          sink.byte(Tag.HOLE);
        }
      }
    }
    sink.varint(keys.length - indexed);
    for (let i = indexed; i < keys.length; i++) {
      this.path[depth] = keys[i];
      this.key(keys[i]);
      this.value((array as unknown as Record<string, unknown>)[keys[i]]);
    }
    this.depth = depth - 1;
  }

  private plain(object: object, nullPrototype: boolean): void {
    const sink = this.sink;
    const keys = Object.keys(object);
    const length = keys.length;
    if (nullPrototype || length > SHORT_OBJECT_MAX) {
      sink.byte(nullPrototype ? Tag.OBJECT_NULL : Tag.OBJECT);
      sink.varint(length);
    } else {
      sink.byte(Tag.SHORT_OBJECT + length);
    }
    const depth = this.enter(STEP_PROPERTY);
    const path = this.path;
    for (let i = 0; i < length; i++) {
      const key = keys[i];
      path[depth] = key;
      this.key(key);
      this.value((object as Record<string, unknown>)[key]);
    }
    this.depth = depth - 1;
  }

  /** A property key: its number if it has appeared, otherwise 0 and the key. */
  private key(key: string): void {
    const number = this.keys.get(key);
    if (number !== undefined) return this.sink.varint(number);
    this.sink.byte(0);
    this.sink.string(key);
    if (this.keyList.length < MAX_KEYS) {
      this.keyList.push(key);
      this.keys.set(key, this.keyList.length);
    }
  }

  private map(map: Map<unknown, unknown>): void {
    const size = map.size;
    this.sink.byte(Tag.MAP);
    this.sink.varint(size);
    const depth = this.enter(STEP_MAP_KEY);
    let n = 0;
    for (const [key, value] of Map.prototype.entries.call(map)) {
      if (n === size) throw new Refusal(CHANGED);
      this.steps[depth] = STEP_MAP_KEY;
      this.path[depth] = n++;
      this.value(key);
      this.steps[depth] = STEP_MAP_VALUE;
      this.path[depth] = typeof key === "string" || typeof key === "number" ? key : "…";
      this.value(value);
    }
    if (n !== size) throw new Refusal(CHANGED);
    this.depth = depth - 1;
  }

  private set(set: Set<unknown>): void {
    const size = set.size;
    this.sink.byte(Tag.SET);
    this.sink.varint(size);
    const depth = this.enter(STEP_SET);
    let n = 0;
    for (const value of Set.prototype.values.call(set)) {
      if (n === size) throw new Refusal(CHANGED);
      this.path[depth] = n++;
      this.value(value);
    }
    if (n !== size) throw new Refusal(CHANGED);
    this.depth = depth - 1;
  }

  private view(view: ArrayBufferView): void {
    const name: string = viewTag.call(view) ?? "DataView";
    const type = viewNumbers.get(name);
    if (type === undefined) throw new Refusal(`a ${name} does not travel; send a Float64Array`);
    const bytes = (view as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    const start = view.byteOffset;
    const buffer = this.buffer(view.buffer, start, start + view.byteLength, bytes);
    this.sink.byte(Tag.VIEW);
    this.sink.varint(this.buffers.addView(type, buffer, start, view.byteLength / bytes));
  }

  /** Number of a buffer, of which bytes `start` to `end` are in use; `end` -1: all of it, as itself. */
  private buffer(buffer: ArrayBufferLike, start: number, end: number, alignment: number): number {
    if (!(buffer instanceof ArrayBuffer) && builtinKind(buffer) !== "ArrayBuffer") {
      throw new Refusal(refusal(buffer));
    }
    if ((buffer as ArrayBuffer).detached) {
      throw new Refusal("its ArrayBuffer is detached (it was transferred); send it before that");
    }
    return this.buffers.add(buffer as ArrayBuffer, start, end, alignment);
  }

  private error(error: object): void {
    const sink = this.sink;
    const base = errorBase(error);
    sink.byte(Tag.ERROR);
    sink.byte(base);
    let name = errorClassName(error);
    // A class that could not be found again on another machine has left its name on the error.
    const shown = read(error, "name");
    if (name === ERROR_CLASSES[base].name) {
      name = typeof shown === "string" && Object.hasOwn(error, "name") && shown !== "" ? shown : "";
      if (name === ERROR_CLASSES[base].name) name = "";
    }
    sink.string(name);
    sink.string(typeof shown === "string" ? shown : "");
    this.errorFields(error, ERROR_FIELDS);
  }

  /** The error's fields: first those not enumerable, then the others. */
  private errorFields(error: object, fields: readonly string[]): void {
    const depth = this.enter(STEP_PROPERTY);
    for (const field of fields) {
      if (!Object.hasOwn(error, field)) {
        // A message or a cause may come from a getter of the class.
        if (field !== "message" || typeof read(error, field) !== "string") continue;
        if (read(error, field) === "") continue;
      } else if (objectPrototype.propertyIsEnumerable.call(error, field)) {
        continue;
      }
      this.errorField(error, field, depth);
    }
    this.sink.byte(Tag.HOLE);
    for (const field of Object.keys(error)) this.errorField(error, field, depth);
    this.sink.byte(Tag.HOLE);
    this.depth = depth - 1;
  }

  /**
   * One field of an error. An error must always be able to travel, because it says what went wrong:
   * a field that cannot is left out, and a cause that cannot becomes a text.
   */
  private errorField(error: object, field: string, depth: number): void {
    const sink = this.sink;
    const position = sink.position;
    const objects = this.objects.length;
    const keys = this.keyList.length;
    const buffers = this.buffers.mark();
    let value: unknown;
    try {
      value = (error as Record<string, unknown>)[field];
      if (field === "stack" && typeof value !== "string") return;
      this.path[depth] = field;
      sink.byte(Tag.NULL);
      this.key(field);
      this.value(value);
    } catch {
      // Whatever failed in there, a getter of the user's for one, the error itself still travels.
      sink.position = position;
      this.objects.length = objects;
      this.objectNumbers.clear();
      while (this.keyList.length > keys) this.keys.delete(this.keyList.pop()!);
      this.buffers.rollback(buffers);
      this.depth = depth;
      this.steps[depth] = STEP_PROPERTY;
      if (field === "cause" && value !== undefined) {
        sink.byte(Tag.NULL);
        this.key(field);
        sink.string(describe(value));
      }
    }
  }

  /** The error to throw for one that occurred: with the path to where it did. */
  private explain(error: unknown, name: string): unknown {
    if (error instanceof SerializationError) return error;
    const path = this.showPath(name);
    if (error instanceof Refusal) return new SerializationError(path, error.message);
    return new SerializationError(path, `reading it failed: ${describe(error)}`, { cause: error });
  }

  private showPath(name: string): string {
    let path = name;
    // A path of a thousand steps helps nobody.
    const shown = Math.min(this.depth, 12);
    for (let i = 1; i <= shown; i++) {
      const step = this.path[i];
      if (step === undefined) break;
      switch (this.steps[i]) {
        case STEP_MAP_VALUE:
          path += `.get(${step === "…" ? step : JSON.stringify(step)})`;
          break;
        case STEP_MAP_KEY:
          path += `.keys[${step}]`;
          break;
        case STEP_SET:
          path += `.values[${step}]`;
          break;
        default:
          path += typeof step === "number"
            ? `[${step}]`
            : /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(step)
            ? `.${step}`
            : `[${JSON.stringify(step)}]`;
      }
    }
    return this.depth > shown ? `${path}…` : path;
  }
}

const CHANGED = "it changed while it was being serialized; send a copy";

/** Thrown inside the writer; its caller adds the path. */
class Refusal extends Error {}

/** How many of an array's keys are indices; they come first. */
function countIndices(keys: string[]): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isIndex(keys[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isIndex(key: string): boolean {
  const number = Number(key);
  return Number.isInteger(number) && number >= 0 && number < 4294967295 && String(number) === key;
}

/** Read a property that may have a getter that throws. */
function read(object: object, field: string): unknown {
  try {
    return (object as Record<string, unknown>)[field];
  } catch {
    return undefined;
  }
}

/** A value as a short text, whatever it is. */
function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value === "object" && value !== null ? className(value) : typeof value;
  }
}

/** The primitive in a boxed primitive. */
function unbox(object: object): unknown {
  const valueOfs: ((this: unknown) => unknown)[] = [
    Number.prototype.valueOf,
    String.prototype.valueOf,
    Boolean.prototype.valueOf,
    BigInt.prototype.valueOf,
  ];
  for (const valueOf of valueOfs) {
    try {
      return valueOf.call(object);
    } catch {
      // Not of this type: the next.
    }
  }
  throw new Refusal(refusal(object));
}
