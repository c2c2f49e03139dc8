/**
 * A server: answers requests by named operations, and turns a comm into a stream of messages where a
 * handler asks for it. Scheduler and worker are servers.
 *
 * @module
 */
import { getLogger } from "../config/logging.ts";
import { quoted } from "../protocol/message_error.ts";
import type { Message } from "../protocol/messages.ts";
import { describe, readSafely } from "../protocol/values_kinds.ts";
import { type Comm, CommClosedError, listen, type Listener, type ListenOptions } from "./comm.ts";
import { UNCAUGHT_ERROR } from "./remote.ts";

/**
 * Answers one operation. Gets the comm and the message, which it must check, for the message comes
 * from outside. What it returns, or its promise's value, is the reply.
 */
// deno-lint-ignore no-explicit-any -- a handler names the fields that it expects
export type Handler = (comm: Comm, message: any) => unknown;

/** Takes one message of a stream, at once, without waiting for anything. */
// deno-lint-ignore no-explicit-any -- see Handler
export type StreamHandler = (message: any, extra: any) => void;

/** Options of {@linkcode Server}. */
export interface ServerOptions {
  /** What each operation does. */
  handlers: Record<string, Handler>;
  /** What {@linkcode Server.handleStream} does with each message, by its `op`. */
  streamHandlers?: Record<string, StreamHandler>;
  /** Called by {@linkcode Server.handleStream} after each batch, with its `extra`. */
  // deno-lint-ignore no-explicit-any -- see Handler
  afterBatch?: (extra: any) => void;
  /**
   * How many comms may be open for requests at once; more are told so and closed. Comms that have
   * become streams do not count: those are the cluster's own workers and clients. Default 512.
   */
  connectionLimit?: number;
  /** Called with what a handler threw, after it was logged and, for a request, before the reply. */
  onHandlerError?: (error: unknown, op: string) => void;
}

/** Options of {@linkcode Server.handleStream}. */
export interface StreamOptions {
  /** Takes the place of the server's `streamHandlers`. */
  handlers?: Record<string, StreamHandler>;
  /** Takes the place of the server's `afterBatch`. */
  // deno-lint-ignore no-explicit-any -- see Handler
  afterBatch?: (extra: any) => void;
}

/** Name of the error that a server with its limit of connections answers all requests with. */
export const CONNECTION_LIMIT_ERROR = "ConnectionLimitError";

const DEFAULT_CONNECTION_LIMIT = 512;
const DEFAULT_CLOSE_TIMEOUT = 5;

const NO_REPLY: unique symbol = Symbol("no reply");

const logger = getLogger("distributed.core");

/**
 * Serves operations on any number of addresses.
 *
 * A request is a map with an `op` and the operation's fields; `reply: false` asks for no answer. The
 * requests of one comm are served one after the other, those of different comms overlap.
 *
 * @example
 * ```ts ignore
 * const server = new Server({
 *   handlers: { add: (_comm, { x, y }) => x + y },
 * });
 * await server.listen("tcp://127.0.0.1:8888");
 * console.log(await rpc(server.address).add({ x: 1, y: 2 })); // 3
 * await server.close();
 * ```
 */
export class Server {
  /**
   * What a handler returns that wants no reply written: it has written what there was to write. The
   * handler must not return while it still uses the comm; then the next request is read from it.
   */
  static readonly noReply: typeof NO_REPLY = NO_REPLY;

  readonly #handlers: Map<string, Handler>;
  readonly #streamHandlers: Map<string, StreamHandler>;
  readonly #afterBatch: ((extra: unknown) => void) | undefined;
  readonly #connectionLimit: number;
  readonly #onHandlerError: ((error: unknown, op: string) => void) | undefined;
  readonly #listeners: Listener[] = [];
  /** Every open comm, and the operation it is busy with. */
  readonly #comms = new Map<Comm, string | undefined>();
  readonly #streams = new Set<Comm>();
  /** One promise for each comm being served; none of them rejects. */
  readonly #serving = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /**
   * Sets up a server; it serves once it listens.
   *
   * @param options Handlers and limits.
   */
  constructor(options: ServerOptions) {
    this.#handlers = new Map(Object.entries(options.handlers));
    this.#streamHandlers = new Map(Object.entries(options.streamHandlers ?? {}));
    this.#afterBatch = options.afterBatch;
    this.#connectionLimit = options.connectionLimit ?? DEFAULT_CONNECTION_LIMIT;
    if (!(this.#connectionLimit > 0)) {
      throw new RangeError(`connectionLimit must be above 0, got ${options.connectionLimit}`);
    }
    this.#onHandlerError = options.onHandlerError;
  }

  /**
   * Listens on one more address.
   *
   * @param address Such as `tcp://` (every interface, random port), `tcp://127.0.0.1:8786`, `inproc://`.
   * @param options Options of the transport.
   * @throws {AddressError} When the address is malformed or in use.
   */
  async listen(address: string, options?: ListenOptions): Promise<void> {
    if (this.closing.aborted) throw new Error("the server is closed");
    const listener = listen(address, (comm) => this.#accept(comm), options);
    await listener.start();
    if (this.closing.aborted) {
      await listener.stop();
      throw new Error("the server was closed while it began to listen");
    }
    this.#listeners.push(listener);
  }

  /** The contact addresses of all that it listens on, in the order of the calls of `listen`. */
  get addresses(): string[] {
    return this.#listeners.map((listener) => listener.contactAddress);
  }

  /**
   * The contact address of what it listened on first.
   *
   * @throws {Error} When it does not listen yet.
   */
  get address(): string {
    if (this.#listeners.length === 0) throw new Error("the server does not listen yet");
    return this.#listeners[0].contactAddress;
  }

  /** The listeners themselves, in the order of the calls of `listen`. */
  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** How many comms are open, for requests and as streams. */
  get connections(): { requests: number; streams: number } {
    return { requests: this.#comms.size - this.#streams.size, streams: this.#streams.size };
  }

  /** Aborts when the server closes: for handlers that wait for something. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Stops listening, closes every comm, and waits for the handlers that run. So a handler that makes
   * the server close must not itself wait for that.
   *
   * @param options `timeout`: seconds to wait for handlers, default 5. Those that still run then are
   * named in the log and left alone.
   */
  close(options: { timeout?: number } = {}): Promise<void> {
    return this.#closed ??= this.#close(options.timeout ?? DEFAULT_CLOSE_TIMEOUT);
  }

  async #close(timeout: number): Promise<void> {
    this.#closing.abort();
    const stopped = this.#listeners.map((listener) => listener.stop());
    await Promise.all([...this.#comms.keys()].map((comm) => comm.close()));
    await Promise.all(stopped);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(() => resolve(true), timeout * 1000);
    });
    const isLate = await Promise.race([Promise.all(this.#serving), late]) === true;
    clearTimeout(timer);
    if (isLate) {
      const ops = [...this.#comms.values()].filter((op) => op !== undefined).join(", ");
      logger.warn(`Closed while handlers still ran: ${ops}`);
    }
  }

  #accept(comm: Comm): void {
    const serving = this.#isFull() ? this.#refuse(comm) : this.#serve(comm);
    this.#serving.add(serving);
    void serving.finally(() => this.#serving.delete(serving));
  }

  #isFull(): boolean {
    return this.#comms.size - this.#streams.size >= this.#connectionLimit;
  }

  async #refuse(comm: Comm): Promise<void> {
    const message = `the server has its limit of ${this.#connectionLimit} connections`;
    logger.warn(`Refused a connection from ${comm.peerAddress}: ${message}`);
    await this.#replyError(comm, CONNECTION_LIMIT_ERROR, message);
    await comm.close();
  }

  /** Serves the requests of one comm until it closes. Never throws. */
  async #serve(comm: Comm): Promise<void> {
    if (this.closing.aborted) return comm.abort();
    this.#comms.set(comm, undefined);
    try {
      while (!comm.closed && !this.closing.aborted) {
        const message = await comm.read() as Message;
        if (!await this.#answer(comm, message)) break;
        this.#comms.set(comm, undefined);
      }
      await comm.close();
    } catch (error) {
      if (!(error instanceof CommClosedError)) {
        logger.error(`Serving ${comm.peerAddress} failed`, { error });
      }
      comm.abort();
    } finally {
      this.#comms.delete(comm);
      this.#streams.delete(comm);
    }
  }

  /** Answers one request; false when the comm is of no more use. */
  async #answer(comm: Comm, message: Message): Promise<boolean> {
    if (!isMessage(message)) {
      const why = `a request must be a map with a string "op", got ${kindOf(message)}`;
      logger.warn(`Closed the comm from ${comm.peerAddress}: ${why}`);
      await this.#replyError(comm, "TypeError", why);
      return false;
    }
    const { op } = message;
    const wantsReply = message.reply !== false;
    const handler = this.#handlers.get(op);
    if (handler === undefined) {
      const known = [...this.#handlers.keys()].sort().join(", ");
      const why = `unknown operation ${quoted(op)}: known are ${known}`;
      logger.warn(`Request from ${comm.peerAddress}: ${why}`);
      if (wantsReply) await this.#replyError(comm, "UnknownOperationError", why);
      return true;
    }
    this.#comms.set(comm, op);
    try {
      const result = await handler(comm, message);
      if (wantsReply && result !== NO_REPLY && !comm.closed) {
        await comm.write(result === undefined ? null : result);
      }
    } catch (error) {
      // The peer has gone while the handler wrote to it or read from it: nobody to tell.
      if (comm.closed && error instanceof CommClosedError) return false;
      logger.error(`Operation ${quoted(op)} for ${comm.peerAddress} failed`, { error });
      this.#onHandlerError?.(error, op);
      if (wantsReply) await this.#replyError(comm, ...toldOf(error));
    }
    return true;
  }

  async #replyError(comm: Comm, name: string, message: string): Promise<void> {
    if (comm.closed) return;
    try {
      await comm.write({ status: UNCAUGHT_ERROR, name, message });
    } catch (error) {
      // Gone before it could hear of it; its next request would tell it.
      if (!(error instanceof CommClosedError)) throw error;
    }
  }

  /**
   * Exempts a comm from the limit on requests, for a handler that makes a stream of it by itself and
   * does not return before it has closed the comm.
   *
   * @param comm The comm that the handler got.
   */
  countAsStream(comm: Comm): void {
    if (this.#comms.has(comm)) this.#streams.add(comm);
  }

  /**
   * Makes a stream of a comm: reads batches of messages, and calls the stream handler of each, until
   * either side closes. An unknown or failing message is logged and the next one taken; a batch that
   * is no array of maps ends the stream.
   *
   * @param comm The comm, which a handler got and does not use otherwise meanwhile.
   * @param extra Handed to each stream handler as it is.
   * @param options Handlers of this stream, where they are not the server's.
   * @returns Settles when the stream has ended; the comm is closed then.
   */
  async handleStream(comm: Comm, extra: unknown, options: StreamOptions = {}): Promise<void> {
    const handlers = options.handlers === undefined
      ? this.#streamHandlers
      : new Map(Object.entries(options.handlers));
    const afterBatch = options.afterBatch ?? this.#afterBatch;
    this.countAsStream(comm);
    try {
      while (!comm.closed) {
        const batch = await comm.read();
        if (!Array.isArray(batch)) {
          logger.error(
            `Closed the stream of ${comm.peerAddress}: got ${kindOf(batch)}, no batch`,
          );
          return comm.abort();
        }
        for (let i = 0; i < batch.length; i++) {
          if (!isMessage(batch[i])) {
            logger.error(
              `Closed the stream of ${comm.peerAddress}: got ${kindOf(batch[i])}, no message`,
            );
            return comm.abort();
          }
          this.#handleStreamMessage(comm, handlers, batch[i], extra);
        }
        if (afterBatch !== undefined) this.#handleAfterBatch(comm, afterBatch, extra);
      }
    } catch (error) {
      if (!(error instanceof CommClosedError)) throw error;
    }
    await comm.close();
  }

  #handleStreamMessage(
    comm: Comm,
    handlers: Map<string, StreamHandler>,
    message: Message,
    extra: unknown,
  ): void {
    const handler = handlers.get(message.op);
    if (handler === undefined) {
      logger.error(`Unknown operation ${quoted(message.op)} on the stream of ${comm.peerAddress}`);
      return;
    }
    try {
      handler(message, extra);
    } catch (error) {
      logger.error(
        `Operation ${quoted(message.op)} on the stream of ${comm.peerAddress} failed`,
        { error },
      );
      this.#onHandlerError?.(error, message.op);
    }
  }

  #handleAfterBatch(comm: Comm, afterBatch: (extra: unknown) => void, extra: unknown): void {
    try {
      afterBatch(extra);
    } catch (error) {
      logger.error(`After a batch on the stream of ${comm.peerAddress}: failed`, { error });
      this.#onHandlerError?.(error, "after-batch");
    }
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null &&
    typeof (value as Message).op === "string";
}

/** Name and message of what was thrown, which may be anything. */
function toldOf(error: unknown): [name: string, message: string] {
  return error instanceof Error
    ? [describe(readSafely(error, "name")), describe(readSafely(error, "message"))]
    : ["Error", describe(error)];
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") {
    return "op" in value ? `a map whose "op" is a ${typeof value.op}` : 'a map without an "op"';
  }
  return `a ${typeof value}`;
}
