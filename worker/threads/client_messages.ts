/**
 * What the client of a task and its worker say to each other, over a port: the worker speaks to the
 * scheduler and to other workers for the task, whose thread may not.
 *
 * @module
 */
import { PartReference } from "../../protocol/part_reference.ts";
import { Serialized } from "../../protocol/serialized.ts";

/** What a client asks of its worker. `id` counts up, over streams and calls. */
export type FromClient =
  /** Open a stream to the scheduler. The first message on it registers the client. */
  | { kind: "open"; id: number }
  /** Send on the stream; the next one only when this was taken. */
  | { kind: "write"; id: number; message: unknown }
  /** Send the next message that comes on the stream. */
  | { kind: "read"; id: number }
  /** Call an operation of the scheduler (""), or of a worker. */
  | {
    kind: "call";
    id: number;
    address: string;
    op: string;
    args: unknown;
    timeout: number | undefined;
  }
  /** Close the stream, or give up the call. */
  | { kind: "close"; id: number }
  /** The client is closed. */
  | { kind: "end" };

/** What a worker answers. */
export type ToClient =
  /** The line is there. */
  | { kind: "ready"; schedulerAddress: string }
  /** The stream is open; what was written was taken. */
  | { kind: "done"; id: number }
  /** What came on the stream, or what the call has given. */
  | { kind: "message"; id: number; message: unknown }
  /** It did not go well; for a stream: it is closed. */
  | { kind: "failed"; id: number; error: PortedError };

/** An error as it goes over a port. */
export interface PortedError {
  name: string;
  message: string;
  /** Of an error of another server: its name there. */
  remoteName?: string;
}

/** Buffers of at least this many bytes are transferred: smaller ones are quicker copied. */
const TRANSFERRED = 4096;

const isView = ArrayBuffer.isView;
const { entries, fromEntries, keys } = Object;

/**
 * Make a message one that can be posted: values and bytes become maps, which messages do not have otherwise.
 *
 * @param message The message; it stays as it is, and shares no memory with what is posted.
 * @param transfer Gets the buffers to transfer.
 */
export function toPort(message: unknown, transfer: ArrayBuffer[]): unknown {
  if (typeof message !== "object" || message === null) return message;
  if (message instanceof PartReference) return new Map([["part", message.part]]);
  if (message instanceof Serialized) {
    return new Map([["frames", message.frames.map((frame) => copyOf(frame, transfer))]]);
  }
  if (isView(message)) return copyOf(message as Uint8Array, transfer);
  if (Array.isArray(message)) return message.map((item) => toPort(item, transfer));
  return fromEntries(entries(message).map(([key, value]) => [key, toPort(value, transfer)]));
}

function copyOf(bytes: Uint8Array, transfer: ArrayBuffer[]): Uint8Array {
  const copy = new Uint8Array(bytes);
  if (copy.byteLength >= TRANSFERRED) transfer.push(copy.buffer);
  return copy;
}

/**
 * The message that was posted.
 *
 * @param posted What came over the port; it is changed.
 * @throws {TypeError} When it holds what {@linkcode toPort} makes of nothing.
 */
export function fromPort(posted: unknown): unknown {
  if (typeof posted !== "object" || posted === null) return posted;
  if (posted instanceof Map) return valueOf(posted);
  if (posted instanceof Uint8Array) return posted;
  const items = posted as Record<string, unknown>;
  const prototype = Object.getPrototypeOf(posted);
  if (!Array.isArray(posted) && prototype !== Object.prototype) {
    throw new TypeError("A message of a task's client holds what no message holds");
  }
  // Each is a property of its own already: a name such as "__proto__" means nothing special.
  for (const key of keys(posted)) items[key] = fromPort(items[key]);
  return posted;
}

function valueOf(posted: Map<unknown, unknown>): Serialized {
  const part = posted.get("part");
  if (typeof part === "string") return new PartReference(part);
  const frames = posted.get("frames");
  if (!Array.isArray(frames) || !frames.every((frame) => frame instanceof Uint8Array)) {
    throw new TypeError("A value in a message of a task's client is not made of bytes");
  }
  return new Serialized(frames);
}
