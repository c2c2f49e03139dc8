/**
 * Arguments of a task as bytes: futures in them become references to their keys.
 *
 * @module
 */
import { copyBytes } from "../protocol/large_memory.ts";
import { Serialized } from "../protocol/serialized.ts";
import { serialize } from "../protocol/values.ts";
import { Future, type FutureOwner, isReleased, stateOf } from "./future.ts";
import { CancelledError } from "./future_state.ts";
import { OptionError } from "./task_options.ts";

/** From how many keys on a set finds one faster than a list. */
const manyKeys = 16;

/** What has been found in the arguments that are being encoded. */
let owner: FutureOwner;
let found: string[] | undefined;
/** The same, once there are many: the sum of a list of futures has them all. */
let foundKeys: Set<string> | undefined;
let refusal: Error | undefined;

/** Remember a future by its key; anything else is a value. */
function reference(object: object): string | undefined {
  if (!(object instanceof Future)) return undefined;
  refusal ??= refuse(object);
  const { key } = object;
  if (found === undefined) {
    found = [key];
  } else if (foundKeys !== undefined || found.length >= manyKeys) {
    foundKeys ??= new Set(found);
    if (!foundKeys.has(key)) {
      foundKeys.add(key);
      found.push(key);
    }
  } else if (!found.includes(key)) {
    found.push(key);
  }
  return key;
}

/** What is wrong with a future as an argument. */
function refuse(future: Future<unknown>): Error | undefined {
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

const options = { reference, name: "args" };

/** Encoded arguments. */
export interface EncodedArguments {
  args: Serialized;
  /** Keys of the futures in them, each once; undefined when there are none. */
  dependencies: string[] | undefined;
}

/**
 * Encode the arguments of one task. Their large buffers are copied: `submit` returns before anything
 * is sent, and what the task gets is what the arguments were at that moment.
 *
 * @param args The arguments.
 * @param client Whose futures may be among them.
 * @throws {SerializationError} When a value cannot travel.
 * @throws {CancelledError} When a future among them was cancelled or released.
 */
export function encodeArguments(args: readonly unknown[], client: FutureOwner): EncodedArguments {
  owner = client;
  found = undefined;
  foundKeys = undefined;
  refusal = undefined;
  const encoded = serialize(args, options);
  const dependencies = found as string[] | undefined;
  found = undefined;
  foundKeys = undefined;
  if (refusal !== undefined) {
    const error = refusal;
    refusal = undefined;
    throw error;
  }
  return { args: copyBuffers(encoded), dependencies };
}

/** The same bytes in memory that nobody else has: large buffers are views on the user's until then. */
export function copyBuffers(value: Serialized): Serialized {
  const { frames } = value;
  if (frames.length === 1) return value;
  const copies = [frames[0]];
  for (let i = 1; i < frames.length; i++) copies.push(copyBytes(frames[i]));
  return new Serialized(copies);
}
