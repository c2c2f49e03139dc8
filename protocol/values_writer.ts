/**
 * Turns a value into frames, in the format that `values_format.ts` describes.
 *
 * @module
 */
import { UnreadBlobError } from "./blob_bytes.ts";
import { type BufferMark, BufferTable } from "./buffer_table.ts";
import { ByteSink } from "./byte_sink.ts";
import { type AnyFunction, CodeRefusal, type CodeWriter } from "./functions/definition.ts";
import type { Homes } from "./functions/homes.ts";
import { writeArray } from "./values_array_writer.ts";
import { CodeEncoder } from "./values_code_writer.ts";
import { writeMap, writeSet } from "./values_collection_writer.ts";
import { writeDomException, writeError } from "./values_error_writer.ts";
import { extrasOfPlain, NO_EXTRAS, writeExtras } from "./values_extra_writer.ts";
import {
  MAX_DEPTH,
  MAX_KEYS,
  SerializationError,
  SHORT_OBJECT_MAX,
  Tag,
  VERSION_BUFFERS,
  VERSION_PLAIN,
} from "./values_format.ts";
import { describe, isBuiltinPrototype, isPlainPrototype, unbox } from "./values_kinds.ts";
import { Numbers } from "./values_numbers.ts";
import { joinPaths, MEMBER, ValuePath } from "./values_path.ts";
import { Refusal, refusal, refusalInPackage } from "./values_refusals.ts";
import { singleOf, type SpecialKind, specialKind, type Standard } from "./values_standard.ts";
import { symbolName } from "./values_symbols.ts";
import { writeBuffer, writeView } from "./values_view_writer.ts";

/** Names an object that travels as a reference, such as a future; undefined for all others. */
export type Referrer = (object: object) => string | undefined;

const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;

/** How far a value is written. */
export interface WriterMark {
  readonly position: number;
  readonly objects: number;
  readonly keys: number;
  readonly buffers: BufferMark;
  readonly unready: number;
  readonly packages: number;
  readonly inCode: boolean;
  readonly depth: number;
}

/**
 * Writes one value at a time; kept and used again, so that a small value costs little. What writes
 * errors and code lies in files of its own and works on this writer's parts.
 */
export class ValueWriter {
  /** What is written. */
  readonly sink: ByteSink = new ByteSink();
  /** Numbers of objects. */
  readonly objects: Numbers<object> = new Numbers();
  /** Where the value being written is. */
  readonly path: ValuePath = new ValuePath();
  /** Numbers of objects that the reader will not have yet when it comes here. */
  readonly unready: number[] = [];
  /** Whether it is what a function closes over. */
  inCode = false;
  /** The packages that the functions are of that have it, the program's own undefined. */
  readonly packages: (string | undefined)[] = [];
  /** Memory that the value's views and buffers use. */
  readonly buffers: BufferTable = new BufferTable();
  private readonly keys = new Numbers<string>();

  private reference: Referrer | undefined;
  private code: CodeWriter | undefined;
  /** Those of the code, which also follow the data in it. */
  private homes: Homes | undefined;
  private encoder: CodeEncoder | undefined;
  /** Blobs whose bytes are not known, and where the first of them is. */
  private unread: Blob[] = [];
  private unreadPath = "";
  private name = "";

  /**
   * Encode a value.
   *
   * @param value The value.
   * @param name What error messages call it.
   * @param reference Names objects that travel as references.
   * @param code Knows how functions and classes travel.
   * @throws {SerializationError} If it cannot travel.
   */
  write(
    value: unknown,
    name: string,
    reference: Referrer | undefined,
    code: CodeWriter | undefined,
  ): Uint8Array[] {
    const { sink, buffers } = this;
    this.reference = reference;
    this.name = name;
    if (code !== undefined) {
      this.code = code;
      this.homes = code.homes;
    }
    try {
      sink.byte(VERSION_PLAIN);
      this.value(value);
      if (this.unread.length > 0) throw new UnreadBlobError(this.unreadPath, this.unread);
      if (buffers.isEmpty) return [sink.finish()];
      sink.bytes[0] = VERSION_BUFFERS;
      const frames = buffers.write(sink, code);
      frames.unshift(sink.finish());
      return frames;
    } catch (error) {
      throw this.failure(error);
    } finally {
      this.reference = undefined;
      if (code !== undefined) this.clearCode();
      if (this.unread.length > 0) this.unread = [];
      this.path.depth = 0;
      this.objects.truncate(0);
      this.keys.truncate(0);
      buffers.clear();
      sink.clear();
    }
  }

  private clearCode(): void {
    this.code = this.encoder = this.homes = undefined;
    this.inCode = false;
    this.unready.length = 0;
    this.packages.length = 0;
  }

  /** The error for what was thrown on the way to the value being written. */
  private failure(error: unknown): SerializationError {
    if (error instanceof UnreadBlobError) return error;
    const path = this.path.show(this.name);
    if (error instanceof Refusal || error instanceof CodeRefusal) {
      const inPackage = error instanceof CodeRefusal && error.package || this.packages.at(-1);
      const reason = inPackage ? refusalInPackage(error.message, inPackage) : error.message;
      return new SerializationError(path, reason, { cause: error.cause });
    }
    // Code that becomes a part is a value of its own, with a path of its own.
    if (error instanceof SerializationError) {
      return new SerializationError(joinPaths(path, error.path), error.reason, { cause: error });
    }
    return new SerializationError(path, `reading it failed: ${describe(error)}`, { cause: error });
  }

  /** Write a value. */
  value(value: unknown): void {
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
      case "symbol":
        return this.symbol(value);
      default:
        return this.function(value as AnyFunction);
    }
  }

  private symbol(symbol: symbol): void {
    const name = symbolName(symbol);
    if (name === undefined) {
      throw new Refusal(
        `${
          String(symbol)
        } does not travel, it is a symbol that no other program has; use Symbol.for, or send a string`,
      );
    }
    this.sink.byte(Tag.SYMBOL);
    this.sink.string(name);
  }

  private function(fn: AnyFunction): void {
    if (this.code === undefined) throw new Refusal(refusal(fn));
    this.coder(this.code).function(fn);
  }

  private object(object: object): void {
    if (Array.isArray(object)) {
      if (this.code !== undefined) {
        const prototype = Object.getPrototypeOf(object);
        if (prototype !== arrayPrototype) return this.special(object, prototype);
      }
      if (!this.appeared(object)) writeArray(this, object);
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
    this.special(object, prototype);
  }

  /** An object that is neither plain nor an array of no class. */
  private special(object: object, prototype: object | null): void {
    if (this.again(object)) return;
    const { code } = this;
    if (code !== undefined) {
      const registered = code.registration(object);
      if (registered !== undefined) return this.coder(code).custom(object, registered);
      if (
        prototype !== null && (this.encoder?.knows(prototype) || !isBuiltinPrototype(prototype))
      ) {
        const coder = this.coder(code);
        const begun = coder.begin(object, prototype);
        if (begun !== undefined) {
          this.objects.add(object);
          this.content(object, begun.inside, true);
          if (coder.end(object, begun)) return;
        }
      }
    }
    const kind = specialKind(object);
    if (kind === undefined) throw new Refusal(refusal(object));
    this.objects.add(object);
    this.content(object, kind);
  }

  /** Write a value that must be no code, nor have any in it: that is refused. */
  data(value: unknown): void {
    const { code } = this;
    this.code = undefined;
    try {
      this.value(value);
    } finally {
      this.code = code;
    }
  }

  private coder(code: CodeWriter): CodeEncoder {
    return this.encoder ??= new CodeEncoder(this, code);
  }

  /** The tag of an object that has its number, and all after it: of an instance whose class is written, or not. */
  private content(object: object, kind: SpecialKind, isInstance = false): void {
    const { sink } = this;
    switch (kind) {
      case "View":
        return writeView(this, object as ArrayBufferView);
      case "ArrayBuffer":
        return writeBuffer(this, object as ArrayBuffer);
      case "Map":
        return writeMap(this, object as Map<unknown, unknown>);
      case "Set":
        return writeSet(this, object as Set<unknown>);
      case "Date":
        sink.byte(Tag.DATE);
        return sink.number(Date.prototype.getTime.call(object));
      case "RegExp":
        sink.byte(Tag.REGEXP);
        sink.string((object as RegExp).source);
        return sink.string((object as RegExp).flags);
      case "Error":
        return writeError(this, object, isInstance);
      case "DOMException":
        return writeDomException(this, object);
      case "Boxed":
        sink.byte(Tag.BOXED);
        return this.value(unbox(object));
      case "Array":
        return writeArray(this, object as unknown[]);
      case "Object":
        return this.plain(object, false, NO_EXTRAS);
      default:
        return this.standard(object, kind);
    }
  }

  private standard(object: object, standard: Standard): void {
    const content = standard.content(object as never);
    if (content === undefined) {
      if (this.unread.length === 0) this.unreadPath = this.path.show(this.name);
      this.unread.push(object as Blob);
    }
    this.sink.byte(Tag.STANDARD);
    this.key(standard.name);
    this.value(content);
  }

  /** Whether an object has appeared, and a reference to it is written; if not, it has a number now. */
  private appeared(object: object): boolean {
    if (this.again(object)) return true;
    this.objects.add(object);
    return false;
  }

  /** Whether an object has appeared, and a reference to it is written. */
  again(object: object): boolean {
    const number = this.objects.find(object);
    if (number < 0) return false;
    this.backTo(number);
    return true;
  }

  /** A reference to the object with a number. */
  backTo(number: number): void {
    if (this.unready.length > 0 && this.unready.includes(number)) {
      throw new Refusal(
        "it is needed before it is complete: by its own superclass or static initializer, or in what its serialize returned; take it out there",
      );
    }
    this.backAnyway(number);
  }

  /** A reference to the object with a number, which the reader need not have yet. */
  backAnyway(number: number): void {
    this.homes?.back(number);
    this.sink.byte(Tag.BACK);
    this.sink.varint(number);
  }

  /** Note that bytes of a buffer are in use: see {@linkcode BufferTable.add}. */
  memory(buffer: ArrayBuffer, start: number, end: number, alignment: number): number {
    this.homes?.memory(buffer);
    return this.buffers.add(buffer, start, end, alignment);
  }

  /** How far the value is written. */
  mark(): WriterMark {
    return {
      position: this.sink.position,
      objects: this.objects.size,
      keys: this.keys.size,
      buffers: this.buffers.mark(),
      unready: this.unready.length,
      packages: this.packages.length,
      inCode: this.inCode,
      depth: this.path.depth,
    };
  }

  /** As if nothing had been written since. */
  rollback(mark: WriterMark): void {
    this.sink.position = mark.position;
    this.objects.truncate(mark.objects);
    this.keys.truncate(mark.keys);
    this.buffers.rollback(mark.buffers);
    this.unready.length = mark.unready;
    this.packages.length = mark.packages;
    this.inCode = mark.inCode;
    this.path.depth = mark.depth;
    this.homes?.rollback(mark.objects);
  }

  /** Step into a container; returns the level of its members. */
  enter(kind: number): number {
    const level = this.path.enter(kind);
    if (level < 0) {
      throw new Refusal(
        `it is nested more than ${MAX_DEPTH} levels deep; send a flatter structure, such as an array`,
      );
    }
    return level;
  }

  private plain(
    object: object,
    nullPrototype: boolean,
    // To look for symbols costs half as much as to write a small object: data goes without.
    extras = this.inCode ? extrasOfPlain(object) : NO_EXTRAS,
  ): void {
    const { sink } = this;
    const keys = Object.keys(object);
    const { length } = keys;
    // What looks empty may be one of the language's own.
    const standard = length === 0 ? singleOf(object) : undefined;
    if (standard !== undefined) return this.standard(object, standard);
    if (extras.length > 0) sink.byte(Tag.EXTRA);
    if (nullPrototype || length > SHORT_OBJECT_MAX) {
      sink.byte(nullPrototype ? Tag.OBJECT_NULL : Tag.OBJECT);
      sink.varint(length);
    } else {
      sink.byte(Tag.SHORT_OBJECT + length);
    }
    const level = this.enter(MEMBER);
    for (let i = 0; i < length; i++) {
      const key = keys[i];
      this.path.at(level, key);
      this.key(key);
      this.value((object as Record<string, unknown>)[key]);
    }
    this.path.leave(level);
    if (extras.length > 0) writeExtras(this, object, extras, "refuse");
  }

  /** A property, of an object whose level this is. */
  property(object: object, key: string, level: number): void {
    this.path.at(level, key);
    this.key(key);
    this.value((object as Record<string, unknown>)[key]);
  }

  /** A property key: its number plus one if it has appeared, otherwise 0 and the key. */
  key(key: string): void {
    const { keys, sink } = this;
    const number = keys.find(key);
    if (number >= 0) return sink.varint(number + 1);
    sink.byte(0);
    sink.string(key);
    if (keys.size < MAX_KEYS) keys.add(key);
  }
}
