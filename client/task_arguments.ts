/**
 * Arguments of a task as bytes: futures in them become references to their keys.
 *
 * @module
 */
import { UnreadBlobError } from "../protocol/blob_bytes.ts";
import { withBlobsSync } from "../protocol/blob_sync.ts";
import type { ValueCodeWriter } from "../protocol/functions/capture.ts";
import type {
  AnyFunction,
  CodeForm,
  CodeWriter,
  RegisteredClass,
} from "../protocol/functions/definition.ts";
import { copyBytes } from "../protocol/large_memory.ts";
import { Serialized } from "../protocol/serialized.ts";
import { recycleOnceSent } from "../protocol/spare_memory.ts";
import { serialize, type SerializeOptions } from "../protocol/values.ts";
import { Future, type FutureOwner, isReleased, stateOf } from "./future.ts";
import { CancelledError } from "./future_state.ts";
import type { NeededParts } from "./outbox.ts";
import { OptionError } from "./task_options.ts";

/** From how many keys on a set finds one faster than a list. */
const manyKeys = 16;

/** Encoded arguments. */
export interface EncodedArguments {
  args: Serialized;
  /** Keys of the futures in them, each once; undefined when there are none. */
  dependencies: string[] | undefined;
}

/**
 * Encodes the arguments of the tasks of one call. Most arguments refer to no code: what knows about it
 * is made when the first function, class or instance is met.
 */
export class ArgumentEncoder implements CodeWriter {
  readonly #owner: FutureOwner;
  readonly #makeWriter: () => ValueCodeWriter;
  readonly #options: SerializeOptions;
  readonly #isShared: boolean;
  #writer: ValueCodeWriter | undefined;
  /** What has been found in the arguments that are being encoded. */
  #found: string[] | undefined;
  /** The same, once there are many: the sum of a list of futures has them all. */
  #foundKeys: Set<string> | undefined;
  #refusal: Error | undefined;

  /**
   * @param owner Whose futures may be among the arguments.
   * @param makeWriter Makes what says how functions and classes among them travel.
   * @param isShared Whether the scheduler is in this process, and gets the memory itself.
   */
  constructor(owner: FutureOwner, makeWriter: () => ValueCodeWriter, isShared: boolean) {
    this.#owner = owner;
    this.#makeWriter = makeWriter;
    this.#isShared = isShared;
    const reference = (object: object) => {
      return object instanceof Future ? this.#reference(object) : undefined;
    };
    this.#options = { reference, name: "args", code: this };
  }

  /** The parts that the arguments refer to, of all tasks together; undefined: none. */
  get code(): NeededParts | undefined {
    const writer = this.#writer;
    if (writer === undefined) return undefined;
    const { needs, parts } = writer;
    return needs.length > 0 ? { needs, parts } : undefined;
  }

  /** See {@linkcode CodeWriter}. */
  describe(fn: AnyFunction): CodeForm {
    return (this.#writer ??= this.#makeWriter()).describe(fn);
  }

  /** See {@linkcode CodeWriter}. */
  describeClass(cls: AnyFunction, instance: object, lenient: boolean): CodeForm | undefined {
    return (this.#writer ??= this.#makeWriter()).describeClass(cls, instance, lenient);
  }

  /** See {@linkcode CodeWriter}. */
  registration(object: object): RegisteredClass | undefined {
    return (this.#writer ??= this.#makeWriter()).registration(object);
  }

  /**
   * Encode the arguments of one task. Their large buffers are copied: `submit` returns before anything
   * is sent, and what the task gets is what the arguments were at that moment.
   *
   * @param args The arguments.
   * @throws {SerializationError} When a value cannot travel.
   * @throws {CancelledError} When a future among them was cancelled or released.
   */
  encode(args: readonly unknown[]): EncodedArguments {
    this.#found = undefined;
    this.#foundKeys = undefined;
    this.#writer?.begin();
    const encoded = this.#serialize(args);
    if (this.#refusal !== undefined) throw this.#refusal;
    const copied = copyBuffers(encoded);
    // Nobody else has the copies; the outbox sends them once, and forgets them. A scheduler in this
    // process keeps them, and sends them to workers elsewhere as often as it takes.
    if (!this.#isShared) {
      for (let i = 1; i < copied.frames.length; i++) recycleOnceSent(copied.frames[i]);
    }
    return { args: copied, dependencies: this.#found };
  }

  #serialize(args: readonly unknown[]): Serialized {
    try {
      return serialize(args, this.#options);
    } catch (error) {
      if (!(error instanceof UnreadBlobError)) throw error;
      return withBlobsSync(() => serialize(args, this.#options));
    }
  }

  /** Remember a future by its key. */
  #reference(future: Future<unknown>): string {
    this.#refusal ??= refuse(future, this.#owner);
    const { key } = future;
    const found = this.#found;
    if (found === undefined) {
      this.#found = [key];
    } else if (this.#foundKeys !== undefined || found.length >= manyKeys) {
      this.#foundKeys ??= new Set(found);
      if (!this.#foundKeys.has(key)) {
        this.#foundKeys.add(key);
        found.push(key);
      }
    } else if (!found.includes(key)) {
      found.push(key);
    }
    return key;
  }
}

/** What is wrong with a future as an argument. */
function refuse(future: Future<unknown>, owner: FutureOwner): Error | undefined {
  const state = stateOf(future);
  if (state.owner !== owner) {
    return new OptionError(
      `argument ${future.key} is a future of another client; submit it there, or gather and scatter it`,
    );
  }
  if (isReleased(future)) {
    return new CancelledError(future.key, "the argument is a future that was released");
  }
  return state.status === "cancelled" ? state.failure : undefined;
}

/** The same bytes in memory that nobody else has: large buffers are views on the user's until then. */
export function copyBuffers(value: Serialized): Serialized {
  const { frames } = value;
  if (frames.length === 1) return value;
  const copies = [frames[0]];
  for (let i = 1; i < frames.length; i++) copies.push(copyBytes(frames[i]));
  return new Serialized(copies);
}
