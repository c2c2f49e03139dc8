/**
 * The byte format of values, shared by its writer and its reader: tags, limits, error classes.
 *
 * Frame 0 is a version byte, one encoded value, and, when the value has binary buffers, a trailer:
 *
 *     version 1: value
 *     version 2: value, number of buffers, buffers, number of views, views, u32 length of the trailer
 *
 * A buffer is a kind byte (inline, frame or part; resizable or not), its length, its maximal length when it
 * is resizable, its bytes when it is inline, and the part's name when it is a part; otherwise the bytes
 * are the next frame. A view is its type, the number of its buffer, its byte offset and its length. The
 * value names both by number. The table comes last because only then it is known which part of each
 * buffer the views cover.
 *
 * Numbers: a varint is 7 bits a byte, low bits first. Floats are IEEE 754 little-endian, NaN has a tag
 * of its own. Every object gets a number in the order of appearance; a second appearance is a
 * reference to that number. Property keys are numbered the same way, so that a list of records says
 * each key once. The encoding of a value depends on nothing but the value.
 *
 * Code, as `functions/definition.ts` has it; `[key]` is written as a property key is:
 *
 *     FUNCTION  definition, values of its variables, number of properties, properties
 *               a property: flags, key (a string or a SYMBOL), value
 *     IMPORT    [module], [name]
 *     CLASS     [part], [name of the class]
 *     INSTANCE  class, object, properties            a class that has to be defined here comes last,
 *     INSTANCE  UNDEFINED, object, properties, class so that it may hold the instance itself
 *     CUSTOM    [part], [name of the class], header, array of frames, class or UNDEFINED
 *     EXTRA     OBJECT, OBJECT_NULL, INSTANCE or CUSTOM, then properties, then HOLE
 *               a property: flags, [name of the key], value, or text why that does not travel
 *
 * A function, import, class or custom object gets its number at the tag; an instance's number is that
 * of the built-in or plain object inside. Properties of an instance follow where that does not write
 * them itself: all but plain objects, arrays and errors. A function that has to have some of its
 * variables before it can be made is *unready* until then, and a custom object until it is read; a
 * reference to it may only be the value of a function's variable, which gets it later.
 *
 * @module
 */

/** Frame 0 starts with this when the value has no buffers. */
export const VERSION_PLAIN = 1;
/** Frame 0 starts with this when a table of buffers ends it. */
export const VERSION_BUFFERS = 2;

/** First byte of every encoded value. Bytes below 0x80 are the integers 0 to 127 themselves. */
export const Tag = {
  UNDEFINED: 0x80,
  NULL: 0x81,
  FALSE: 0x82,
  TRUE: 0x83,
  /** Zigzag varint, 32 bits. */
  INT: 0x84,
  FLOAT: 0x85,
  NAN: 0x86,
  /** Number of bytes, magnitude with the low byte first. */
  BIGINT_POSITIVE: 0x87,
  BIGINT_NEGATIVE: 0x88,
  /** UTF-8 with a length of one byte, or of four. */
  STRING8: 0x89,
  STRING32: 0x8a,
  /** UTF-16 little-endian code units, for strings that are not well-formed. */
  STRING16: 0x8b,
  /** An object that has appeared: its number. */
  BACK: 0x8c,
  /** Something that the caller names, such as a future: its key. */
  REFERENCE: 0x8d,
  OBJECT: 0x8e,
  OBJECT_NULL: 0x8f,
  ARRAY: 0x90,
  /** Array with holes or named properties: length, indexed entries, named entries. */
  ARRAY_SPARSE: 0x91,
  MAP: 0x92,
  SET: 0x93,
  DATE: 0x94,
  REGEXP: 0x95,
  /** Boxed primitive. */
  BOXED: 0x96,
  ERROR: 0x97,
  DOM_EXCEPTION: 0x98,
  BUFFER: 0x99,
  VIEW: 0x9a,
  /** A hole in an array. */
  HOLE: 0x9b,
  /** A function or class that is defined where it stands. */
  FUNCTION: 0x9c,
  /** What a module exports. */
  IMPORT: 0x9d,
  /** A class that is a part of its own. */
  CLASS: 0x9e,
  /** An object of a class of the user's. */
  INSTANCE: 0x9f,
  /** An object of a class with a registered serialization. */
  CUSTOM: 0xa0,
  /** An object of the platform's, such as a URL: name and content. */
  STANDARD: 0xa1,
  /** A symbol that is the same everywhere: its name. */
  SYMBOL: 0xa2,
  /** An object, and properties of it that are not enumerable or have symbols for keys. */
  EXTRA: 0xa3,
  /** 32 tags for short strings, 16 for short arrays, 16 for small objects. */
  SHORT_STRING: 0xc0,
  SHORT_ARRAY: 0xe0,
  SHORT_OBJECT: 0xf0,
} as const;

/** Longest string, array and object whose length is in the tag. */
export const SHORT_STRING_MAX = 31;
export const SHORT_ARRAY_MAX = 15;
export const SHORT_OBJECT_MAX = 15;

/** Whether a string begins with this tag. */
export function isStringTag(tag: number): boolean {
  return (tag >= Tag.STRING8 && tag <= Tag.STRING16) ||
    (tag >= Tag.SHORT_STRING && tag <= Tag.SHORT_STRING + SHORT_STRING_MAX);
}

/** Whether an array without holes begins with this tag. */
export function isArrayTag(tag: number): boolean {
  return tag === Tag.ARRAY ||
    (tag >= Tag.SHORT_ARRAY && tag <= Tag.SHORT_ARRAY + SHORT_ARRAY_MAX);
}

/** Whether a plain object with the usual prototype begins with this tag. */
export function isObjectTag(tag: number): boolean {
  return tag === Tag.OBJECT ||
    (tag >= Tag.SHORT_OBJECT && tag <= Tag.SHORT_OBJECT + SHORT_OBJECT_MAX);
}

/** A buffer longer than this many bytes is a frame of its own. */
export const OUT_OF_BAND = 4096;
/** Containers may be nested this deep. */
export const MAX_DEPTH = 1000;
/** This many different property keys are numbered; any more are written out each time. */
export const MAX_KEYS = 4096;
/** Arrays at least this long, and mostly holes, are written as a list of their entries. */
export const SPARSE_MIN = 2048;

/** Kinds of buffers in the trailer, as bits. */
export const BUFFER_FRAME = 1;
export const BUFFER_RESIZABLE = 2;
export const BUFFER_PART = 4;
/** A buffer of at least this many bytes that code closes over becomes a part. */
export const SHARE_MIN = 64 * 1024;
/** Largest `maxByteLength` of a resizable buffer: it reserves address space. */
export const MAX_RESIZABLE = 2 ** 32;

/** Flags of a property of a function. */
export const ON_PROTOTYPE = 1;
export const ENUMERABLE = 2;
/** It has no key: it is what a function or its prototype inherits from. */
export const INHERITED = 4;
/** Flags of a property that follows its object, besides ENUMERABLE. */
export const SYMBOL_KEY = 1;
export const UNSENT = 4;

/** Names of the views; the place in the list is the type's number. */
export const VIEW_NAMES: readonly string[] = [
  "DataView",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
];

/** Standard error classes; the place in the list is the class's number. */
export const ERROR_CLASSES: readonly ErrorConstructor[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError as unknown as ErrorConstructor,
  ...("SuppressedError" in globalThis
    ? [(globalThis as unknown as { SuppressedError: ErrorConstructor }).SuppressedError]
    : []),
];

/**
 * A value cannot travel: it is, or contains, something that is not data.
 *
 * @example
 * ```ts
 * import { serialize, SerializationError } from "./values.ts";
 *
 * try {
 *   serialize([{ conn: new WeakMap() }], { name: "args" });
 * } catch (error) {
 *   if (error instanceof SerializationError) console.log(error.path); // args[0].conn
 * }
 * ```
 */
export class SerializationError extends Error {
  /** The name of this class. */
  override readonly name = "SerializationError";
  /** Where the offending value is, such as `args[0].conn`, or `fn → helper → conn`. */
  readonly path: string;
  /** What it is and what to do instead. */
  readonly reason: string;

  /**
   * Make an error.
   *
   * @param path Where the offending value is.
   * @param reason What it is and what to do instead.
   * @param options The cause, if another error led to this one.
   */
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`cannot serialize ${path}: ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/** Bytes that are not an encoded value: damaged, cut off, or made by something else. */
export class DeserializationError extends Error {
  /** The name of this class. */
  override readonly name = "DeserializationError";

  /**
   * Make an error.
   *
   * @param reason What is wrong with the bytes.
   * @param options The cause, if another error led to this one.
   */
  constructor(reason: string, options?: ErrorOptions) {
    super(`cannot deserialize: ${reason}`, options);
  }
}
