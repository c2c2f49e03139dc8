/**
 * Users' values as bytes and back: all that structured clone takes, and code, with large buffers as frames
 * of their own that are never copied. The same value gives the same bytes on every machine.
 *
 * @module
 */
import type { CodeReader, CodeWriter } from "./functions/definition.ts";
import { Serialized } from "./serialized.ts";
import { ValueReader } from "./values_reader.ts";
import { ValueWriter } from "./values_writer.ts";

export { UnreadBlobError } from "./blob_bytes.ts";
export { DeserializationError, SerializationError } from "./values_format.ts";
export { typeName } from "./values_kinds.ts";

/** Options of {@linkcode serialize}. */
export interface SerializeOptions {
  /**
   * Asked for every object that is neither array, plain object nor primitive: a key makes it travel as
   * a reference to that key (futures do), undefined as the value it is.
   */
  reference?: (object: object) => string | undefined;
  /** What error messages call the value. Default "value". */
  name?: string;
  /**
   * Says how functions, classes and registered serializations travel. Without it, functions and instances
   * of classes are refused, and errors travel by the name of their class.
   */
  code?: CodeWriter;
}

/** Options of {@linkcode deserialize}. */
export interface DeserializeOptions {
  /** Gives the value that a reference stands for; its errors pass through. */
  resolve?: (key: string) => unknown;
  /** Copy large buffers, so that changing the value leaves the frames as they are. Default false. */
  copy?: boolean;
  /** Finds an error class by its name; undefined when there is none, then the error is an `Error` of that name. */
  errorClass?: (name: string) => ErrorConstructor | undefined;
  /** Makes the value's functions and classes live; its errors pass through. Without it, they are refused. */
  code?: CodeReader;
}

const NO_OPTIONS = {};

/** The writer that is free; a getter that serializes something while one is at work gets another. */
let idle: ValueWriter | undefined;

/**
 * Encode a value as frames.
 *
 * Takes everything that structured clone takes: primitives, plain objects, arrays, `Map`, `Set`, `Date`,
 * `RegExp`, buffers and views, errors, boxed primitives, shared and cyclic references; and `URL`, `Headers`,
 * `Blob` (see `blob_bytes.ts`), `ImageData`, `Temporal`, and symbols that are the same everywhere. As there,
 * symbol keys and property attributes are not part of a value. Of a view's buffer, the part that the value's
 * views cover travels. An `ArrayBuffer` of more than 4 kB is a frame that views its memory: do not change
 * it while the result is in use.
 *
 * With `code`, functions, classes and instances of classes travel as well. Without it, of an instance of a
 * subclass of a built-in (`class Matrix extends Float64Array`) the built-in part travels.
 *
 * @param value The value.
 * @param options See {@linkcode SerializeOptions}.
 * @returns The frames.
 * @throws {SerializationError} If something in the value cannot travel, such as an open file.
 * @throws {UnreadBlobError} If it holds Blobs whose bytes are not known yet.
 *
 * @example
 * ```ts
 * const bytes = serialize({ name: "x", data: new Float64Array(1000) });
 * bytes.frames.length; // 2: the object, and the array's memory
 * ```
 */
export function serialize(value: unknown, options: SerializeOptions = NO_OPTIONS): Serialized {
  const writer = idle ?? new ValueWriter();
  idle = undefined;
  try {
    return new Serialized(
      writer.write(value, options.name ?? "value", options.reference, options.code),
    );
  } finally {
    idle = writer;
  }
}

/**
 * Decode what {@linkcode serialize} made.
 *
 * A large buffer is used as it is when its frame is all of the memory it lies in (a frame read from a
 * socket is), so changing the decoded array changes the frame, unless `copy` is set.
 *
 * @param serialized The frames.
 * @param options See {@linkcode DeserializeOptions}.
 * @returns The value.
 * @throws {DeserializationError} If the bytes are not an encoded value, or refer to a key and there is no `resolve`.
 *
 * @example
 * ```ts
 * deserialize(serialize(new Map([["a", 1]]))); // Map { "a" => 1 }
 * ```
 */
export function deserialize(
  serialized: Serialized,
  options: DeserializeOptions = NO_OPTIONS,
): unknown {
  return new ValueReader(serialized.frames, options).read();
}
