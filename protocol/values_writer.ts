/**
 * Turns a value into frames, in the format that `values_format.ts` describes.
 *
 * @module
 */
import { BufferTable } from "./buffer_table.ts";
import { ByteSink } from "./byte_sink.ts";
import {
  MAX_DEPTH,
  MAX_KEYS,
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
  describe,
  errorBase,
  errorClassName,
  isPlainPrototype,
  readSafely,
  refusal,
  unbox,
  viewName,
} from "./values_kinds.ts";
import { Numbers } from "./values_numbers.ts";
import { MAP_KEY, MAP_VALUE, MEMBER, SET_VALUE, ValuePath } from "./values_path.ts";

/** Names an object that travels as a reference, such as a future; undefined for all others. */
export type Referrer = (object: object) => string | undefined;

/** Properties of errors that are usually not enumerable, yet travel. */
const ERROR_FIELDS = ["name", "message", "stack", "cause", "errors", "error", "suppressed"];

const viewNumbers = new Map(VIEW_NAMES.map((name, i) => [name, i]));
const objectPrototype = Object.prototype;

/** Thrown inside the writer; {@linkcode ValueWriter.write} adds the path. */
class Refusal extends Error {}

/** Writes one value at a time; kept and used again, so that a small value costs little. */
export class ValueWriter {
  private readonly sink = new ByteSink();
  private readonly objects = new Numbers<object>();
  private readonly keys = new Numbers<string>();
  private readonly buffers = new BufferTable();
  private readonly path = new ValuePath();
  private reference: Referrer | undefined;

  /**
   * Encode a value.
   *
   * @param value The value.
   * @param name What error messages call it.
   * @param reference Names objects that travel as references.
   * @throws {SerializationError} If it cannot travel.
   */
  write(value: unknown, name: string, reference: Referrer | undefined): Uint8Array[] {
    const { sink, buffers } = this;
    this.reference = reference;
    try {
      sink.byte(VERSION_PLAIN);
      this.value(value);
      if (buffers.isEmpty) return [sink.finish()];
      sink.bytes[0] = VERSION_BUFFERS;
      const frames = buffers.write(sink);
      frames.unshift(sink.finish());
      return frames;
    } catch (error) {
      const path = this.path.show(name);
      if (error instanceof Refusal) throw new SerializationError(path, error.message);
      throw new SerializationError(path, `reading it failed: ${describe(error)}`, { cause: error });
    } finally {
      this.reference = undefined;
      this.path.depth = 0;
      this.objects.truncate(0);
      this.keys.truncate(0);
      buffers.clear();
      sink.clear();
    }
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
        return value === null ? this.sink.byte(Tag.NULL) : this.object(value);
      default:
        throw new Refusal(refusal(value));
    }
  }

  private object(object: object): void {
    if (Array.isArray(object)) {
      if (!this.appeared(object)) this.array(object);
      return;
    }
    const prototype = Object.getPrototypeOf(object);
    if (prototype === objectPrototype) {
      if (!this.appeared(object)) this.plain(object, false);
      return;
    }
    const key = this.reference?.(object);
    if (key !== undefined) {
      this.sink.byte(Tag.REFERENCE);
      this.sink.string(key);
      return;
    }
    if (isPlainPrototype(prototype)) {
      if (!this.appeared(object)) this.plain(object, prototype === null);
      return;
    }
    this.builtin(object);
  }

  private builtin(object: object): void {
    const kind = builtinKind(object);
    if (kind === undefined) throw new Refusal(refusal(object));
    if (this.appeared(object)) return;
    const { sink } = this;
    switch (kind) {
      case "View":
        return this.view(object as ArrayBufferView);
      case "ArrayBuffer":
        sink.byte(Tag.BUFFER);
        return sink.varint(this.buffer(object as ArrayBuffer, 0, -1, 1));
      case "Map":
        return this.map(object as Map<unknown, unknown>);
      case "Set":
        return this.set(object as Set<unknown>);
      case "Date":
        sink.byte(Tag.DATE);
        return sink.number(Date.prototype.getTime.call(object));
      case "RegExp":
        sink.byte(Tag.REGEXP);
        sink.string((object as RegExp).source);
        return sink.string((object as RegExp).flags);
      case "Error":
        return this.error(object);
      case "DOMException":
        sink.byte(Tag.DOM_EXCEPTION);
        sink.string(String(readSafely(object, "message") ?? ""));
        sink.string(String(readSafely(object, "name") ?? "Error"));
        return this.errorFields(object, ["stack", "cause"]);
      case "Boxed":
        sink.byte(Tag.BOXED);
        return this.value(unbox(object));
    }
  }

  /** Whether an object has appeared, and a reference to it is written; if not, it has a number now. */
  private appeared(object: object): boolean {
    const number = this.objects.find(object);
    if (number < 0) {
      this.objects.add(object);
      return false;
    }
    this.sink.byte(Tag.BACK);
    this.sink.varint(number);
    return true;
  }

  /** Step into a container; returns the level of its members. */
  private enter(kind: number): number {
    const level = this.path.enter(kind);
    if (level < 0) {
      throw new Refusal(
        `it is nested more than ${MAX_DEPTH} levels deep; send a flatter structure, such as an array`,
      );
    }
    return level;
  }

  private array(array: unknown[]): void {
    const { sink, path } = this;
    const { length } = array;
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
    const level = this.enter(MEMBER);
    for (let i = 0; i < length; i++) {
      path.at(level, i);
      this.value(array[i]);
    }
    path.leave(level);
  }

  /** An array with holes, or with named properties as well. */
  private unusualArray(array: unknown[], keys: string[]): void {
    const { sink, path } = this;
    const { length } = array;
    const indexed = countIndices(keys);
    sink.byte(Tag.ARRAY_SPARSE);
    sink.varint(length);
    const level = this.enter(MEMBER);
    const sparse = length >= SPARSE_MIN && indexed * 8 < length;
    sink.byte(sparse ? 1 : 0);
    if (sparse) sink.varint(indexed);
    let hole = 0;
    for (let i = 0; i < indexed; i++) {
      const index = Number(keys[i]);
      if (sparse) sink.varint(index);
      else for (; hole < index; hole++) sink.byte(Tag.HOLE);
      hole = index + 1;
      path.at(level, index);
      this.value(array[index]);
    }
    if (!sparse) { for (; hole < length; hole++) sink.byte(Tag.HOLE); }
    sink.varint(keys.length - indexed);
    for (let i = indexed; i < keys.length; i++) this.property(array, keys[i], level);
    path.leave(level);
  }

  private plain(object: object, nullPrototype: boolean): void {
    const { sink } = this;
    const keys = Object.keys(object);
    const { length } = keys;
    if (nullPrototype || length > SHORT_OBJECT_MAX) {
      sink.byte(nullPrototype ? Tag.OBJECT_NULL : Tag.OBJECT);
      sink.varint(length);
    } else {
      sink.byte(Tag.SHORT_OBJECT + length);
    }
    const level = this.enter(MEMBER);
    for (let i = 0; i < length; i++) this.property(object, keys[i], level);
    this.path.leave(level);
  }

  private property(object: object, key: string, level: number): void {
    this.path.at(level, key);
    this.key(key);
    this.value((object as Record<string, unknown>)[key]);
  }

  /** A property key: its number plus one if it has appeared, otherwise 0 and the key. */
  private key(key: string): void {
    const { keys, sink } = this;
    const number = keys.find(key);
    if (number >= 0) return sink.varint(number + 1);
    sink.byte(0);
    sink.string(key);
    if (keys.size < MAX_KEYS) keys.add(key);
  }

  private map(map: Map<unknown, unknown>): void {
    const { sink, path } = this;
    const { size } = map;
    sink.byte(Tag.MAP);
    sink.varint(size);
    const level = this.enter(MAP_KEY);
    let n = 0;
    for (const [key, value] of Map.prototype.entries.call(map)) {
      // A getter may have changed the map: more entries than were announced.
      if (n === size) throw this.changed(level);
      path.atEntry(level, MAP_KEY, key, n++);
      this.value(key);
      path.atEntry(level, MAP_VALUE, key, n);
      this.value(value);
    }
    if (n !== size) throw this.changed(level);
    path.leave(level);
  }

  private set(set: Set<unknown>): void {
    const { sink, path } = this;
    const { size } = set;
    sink.byte(Tag.SET);
    sink.varint(size);
    const level = this.enter(SET_VALUE);
    let n = 0;
    for (const value of Set.prototype.values.call(set)) {
      if (n === size) throw this.changed(level);
      path.at(level, n++);
      this.value(value);
    }
    if (n !== size) throw this.changed(level);
    path.leave(level);
  }

  private changed(level: number): Refusal {
    this.path.leave(level);
    return new Refusal("it changed while it was being serialized; send a copy");
  }

  private view(view: ArrayBufferView): void {
    const name = viewName(view);
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
    const { sink } = this;
    const [number, base] = errorBase(error);
    const shown = readSafely(error, "name");
    const shownName = typeof shown === "string" ? shown : "";
    let name = errorClassName(error);
    // An error whose class was not known where it was decoded has its class's name as its own.
    if (name === base && Object.hasOwn(error, "name")) name = shownName;
    sink.byte(Tag.ERROR);
    sink.byte(number);
    sink.string(name === base ? "" : name);
    sink.string(shownName);
    this.errorFields(error, ERROR_FIELDS);
  }

  /** The error's fields: first those not enumerable, then the others. */
  private errorFields(error: object, fields: readonly string[]): void {
    const level = this.enter(MEMBER);
    for (const field of fields) {
      if (Object.hasOwn(error, field)) {
        if (objectPrototype.propertyIsEnumerable.call(error, field)) continue;
      } else {
        // A class may have a getter for the message.
        if (field !== "message") continue;
        const message = readSafely(error, field);
        if (typeof message !== "string" || message === "") continue;
      }
      this.errorField(error, field, level);
    }
    this.sink.byte(Tag.HOLE);
    for (const field of Object.keys(error)) this.errorField(error, field, level);
    this.sink.byte(Tag.HOLE);
    this.path.leave(level);
  }

  /**
   * One field of an error. An error must always be able to travel, because it says what went wrong:
   * a field that cannot is left out, and a cause that cannot becomes a text.
   */
  private errorField(error: object, field: string, level: number): void {
    const { sink, path } = this;
    const { position } = sink;
    const objects = this.objects.size;
    const keys = this.keys.size;
    const buffers = this.buffers.mark();
    let value: unknown;
    try {
      value = (error as Record<string, unknown>)[field];
      if (field === "stack" && typeof value !== "string") return;
      path.at(level, field);
      sink.byte(Tag.NULL);
      this.key(field);
      this.value(value);
    } catch {
      // Whatever failed in there, a getter of the user's for one: as if it had not been tried.
      sink.position = position;
      this.objects.truncate(objects);
      this.keys.truncate(keys);
      this.buffers.rollback(buffers);
      path.leave(level + 1);
      if (field !== "cause" || value === undefined) return;
      sink.byte(Tag.NULL);
      this.key(field);
      sink.string(describe(value));
    }
  }
}

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
  return Number.isInteger(number) && number >= 0 && number < 2 ** 32 - 1 && String(number) === key;
}
