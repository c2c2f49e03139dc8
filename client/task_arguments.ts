/**
 * Arguments of a task as bytes: futures in them become references to their keys.
 *
 * @module
 */
import { Serialized } from "../protocol/serialized.ts";
import { serialize } from "../protocol/values.ts";
import { Future, type FutureOwner, isReleased, ownerOf, stateOf } from "./future.ts";
import { CancelledError } from "./future_state.ts";
import { OptionError } from "./task_options.ts";

/** What has been found in the arguments that are being encoded. */
let owner: FutureOwner;
let found: string[] | undefined;

/** Remember a future by its key; anything else is a value. */
function reference(object: object): string | undefined {
  if (!(object instanceof Future)) return undefined;
  if (ownerOf(object) !== owner) {
    throw new OptionError(
      `argument ${object.key} is a future of another client; submit it there, or gather and scatter it`,
    );
  }
  if (isReleased(object)) {
    throw new CancelledError(object.key, "the argument is a future that was released");
  }
  const state = stateOf(object);
  if (state.status === "cancelled") throw state.failure!;
  if (found === undefined) found = [state.key];
  else if (!found.includes(state.key)) found.push(state.key);
  return state.key;
}

const options = { reference };

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
  const encoded = serialize(args, options);
  const dependencies = found as string[] | undefined;
  found = undefined;
  return { args: copyBuffers(encoded), dependencies };
}

/** The same bytes in memory that nobody else has: large buffers are views on the user's until then. */
export function copyBuffers(value: Serialized): Serialized {
  const { frames } = value;
  if (frames.length === 1) return value;
  const copies = [frames[0]];
  for (let i = 1; i < frames.length; i++) copies.push(frames[i].slice());
  return new Serialized(copies);
}
