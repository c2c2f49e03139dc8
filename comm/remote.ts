/**
 * One request and its reply over a comm, and the object whose methods are a remote server's
 * operations. Where the comms come from is handed in.
 *
 * @module
 */
import { awakeTimer } from "./awake_timer.ts";
import { type Comm, CommClosedError } from "./transport.ts";

/** `status` of a reply that says that the operation failed. */
export const UNCAUGHT_ERROR = "uncaught-error";

/** The remote server could not carry out an operation: its handler threw, or it knows none. */
export class RemoteError extends Error {
  /** Name of the class. */
  override readonly name = "RemoteError";
  /** Name of the error on the other side, such as "TypeError". */
  readonly remoteName: string;
  /** The operation. */
  readonly op: string;
  /** The server. */
  readonly address: string;

  /**
   * Tells of a failure on the other side.
   *
   * @param remoteName Name of the error on the other side.
   * @param remoteMessage Its message.
   * @param op The operation.
   * @param address The server.
   */
  constructor(remoteName: string, remoteMessage: string, op: string, address: string) {
    super(`"${op}" at ${address} failed with ${remoteName}: ${remoteMessage}`);
    this.remoteName = remoteName;
    this.op = op;
    this.address = address;
  }
}

/** A call was not answered within its timeout. */
export class CallTimeoutError extends Error {
  /** Name of the class. */
  override readonly name = "CallTimeoutError";
}

/** Options of a single call. */
export interface CallOptions {
  /** Seconds for the whole call, connecting included. Default: 5 to connect, no limit on the answer. */
  timeout?: number;
  /** Gives up when aborted. */
  signal?: AbortSignal;
}

/** Calls an operation with its fields; what it resolves to is for the caller to know. */
export type RemoteCall = (
  args?: Record<string, unknown>,
  options?: CallOptions,
  // deno-lint-ignore no-explicit-any -- the server decides
) => Promise<any>;

/**
 * A remote server as an object: each method is an operation, its name turned to kebab-case
 * (`getData` calls `get-data`). Calls may overlap.
 */
export interface Remote {
  /** Closes the comms that the calls used; later calls open new ones. */
  closeComms(): Promise<void>;
  /** As `closeComms`. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Any other method: the operation of that name. */
  [op: string]: RemoteCall;
}

/** Carries out one call. */
export type Caller = (
  op: string,
  args: Record<string, unknown> | undefined,
  options: CallOptions | undefined,
) => Promise<unknown>;

/**
 * Makes the object whose methods are a server's operations.
 *
 * @param call Carries out a call.
 * @param closeComms Closes the comms that the calls used.
 * @returns The object.
 */
export function makeRemote(call: Caller, closeComms: () => Promise<void>): Remote {
  const methods = new Map<string | symbol, unknown>([
    ["closeComms", closeComms],
    [Symbol.asyncDispose, closeComms],
    // Not thenable: an async function must be able to return it.
    ["then", undefined],
  ]);
  return new Proxy(Object.create(null), {
    get(_target, property): unknown {
      if (methods.has(property) || typeof property === "symbol") return methods.get(property);
      const op = toKebabCase(property);
      const method: RemoteCall = (args, options) => call(op, args, options);
      methods.set(property, method);
      return method;
    },
  });
}

/**
 * Turns `getData` into `get-data`; a name that is in kebab-case stays.
 *
 * @param name The method's name.
 * @returns The operation's name.
 */
function toKebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Makes a message of an operation and its fields.
 *
 * @param op The operation.
 * @param args Its fields.
 * @returns The message.
 */
export function makeRequest(op: string, args: Record<string, unknown> | undefined): unknown {
  return args === undefined ? { op } : { ...args, op };
}

/**
 * Gives the value of a reply, or throws the error that it tells of.
 *
 * @param reply What the server sent.
 * @param op The operation.
 * @param address The server.
 * @returns The reply, when it is no error.
 * @throws {RemoteError} When it is one.
 */
export function checkReply(reply: unknown, op: string, address: string): unknown {
  if (typeof reply === "object" && reply !== null) {
    const { status, name, message } = reply as Record<string, unknown>;
    if (status === UNCAUGHT_ERROR) {
      throw new RemoteError(String(name), String(message), op, address);
    }
  }
  return reply;
}

/**
 * Says which call a comm broke in.
 *
 * @param error What the comm threw.
 * @param op The operation.
 * @param address The server.
 * @returns An error that names both; another error than of a closed comm as it is.
 */
export function nameCall(error: unknown, op: string, address: string): unknown {
  if (!(error instanceof CommClosedError)) return error;
  return new CommClosedError(`lost ${address} during "${op}": ${error.message}`, { cause: error });
}

/**
 * Bounds a call in time: aborts its comm when the time is over or the caller gives up.
 *
 * @param comm The comm of the call.
 * @param options The call's options; `timeout` is what is left of it, in seconds.
 * @param tooLate The error's message when the time is over.
 * @param work The call.
 * @returns What the call gives.
 * @throws {CallTimeoutError} When the time was over first.
 */
export async function bounded<T>(
  comm: Comm,
  options: CallOptions,
  tooLate: () => string,
  work: Promise<T>,
): Promise<T> {
  const { timeout, signal } = options;
  let timedOut = false;
  const giveUp = () => comm.abort();
  const stopTimer = awakeTimer(timeout ?? Infinity, () => {
    timedOut = true;
    giveUp();
  });
  signal?.addEventListener("abort", giveUp);
  if (signal?.aborted) giveUp();
  try {
    return await work;
  } catch (error) {
    if (timedOut) throw new CallTimeoutError(tooLate(), { cause: error });
    signal?.throwIfAborted();
    throw error;
  } finally {
    stopTimer();
    signal?.removeEventListener("abort", giveUp);
  }
}
