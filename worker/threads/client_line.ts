/**
 * The task's end of the line between its client and its worker: streams and calls that go through the
 * worker, since the thread itself may have no permission to reach anybody.
 *
 * @module
 */
import { CallTimeoutError, RemoteError } from "../../comm/remote.ts";
import { type Comm, CommClosedError } from "../../comm/transport.ts";
import {
  type FromClient,
  fromPort,
  type PortedError,
  type ToClient,
  toPort,
} from "./client_messages.ts";

/** Who waits for an answer. */
interface Waiter {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** Options of a call; as those of `ConnectionPool.call`. */
interface LineCallOptions {
  timeout?: number;
  signal?: AbortSignal;
}

const EMPTY_INFO: Readonly<Record<string, unknown>> = Object.freeze({});

/** A line to the worker. */
export class ClientLine {
  readonly #port: MessagePort;
  /** Calls, and streams that are being opened, by id. */
  readonly #waiting = new Map<number, Waiter>();
  readonly #streams = new Map<number, PortComm>();
  #nextId = 1;
  readonly #ready: PromiseWithResolvers<string> = Promise.withResolvers();
  #closed = false;

  /** @param port Leads to the worker. */
  constructor(port: MessagePort) {
    this.#port = port;
    // Whoever waits for it gets the error.
    this.#ready.promise.catch(() => {});
    port.onmessage = (event: MessageEvent<ToClient>) => this.#receive(event.data);
  }

  /** Wait until the worker is there. @returns The address of the scheduler. */
  async ready(): Promise<string> {
    return await this.#ready.promise;
  }

  /** Open a stream to the scheduler. */
  async connect(address: string, options: { signal?: AbortSignal } = {}): Promise<Comm> {
    const id = this.#nextId++;
    await this.#ask({ kind: "open", id }, options.signal);
    const comm = new PortComm(id, address, (message) => this.#post(message), () => {
      this.#streams.delete(id);
    });
    this.#streams.set(id, comm);
    return comm;
  }

  /**
   * Call an operation of a worker, or of the scheduler ("").
   *
   * @throws {RemoteError} When it could not be carried out there.
   * @throws {CallTimeoutError} When it was not answered in time.
   * @throws {CommClosedError} When nobody could be reached.
   */
  async call<T>(
    address: string,
    op: string,
    args: Record<string, unknown> = {},
    { timeout, signal }: LineCallOptions = {},
  ): Promise<T> {
    const id = this.#nextId++;
    return await this.#ask({ kind: "call", id, address, op, args, timeout }, signal) as T;
  }

  /** End the line, and all that goes over it. */
  close(): void {
    if (this.#closed) return;
    this.#post({ kind: "end" });
    this.#closed = true;
    this.#port.close();
    this.#ready.reject(closedError());
    for (const waiter of this.#waiting.values()) waiter.reject(closedError());
    this.#waiting.clear();
    for (const stream of [...this.#streams.values()]) stream.end(closedError());
  }

  #ask(message: FromClient & { id: number }, signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#closed) return Promise.reject(closedError());
    const { id } = message;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(id);
        this.#post({ kind: "close", id });
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", giveUp, { once: true });
      const settle = () => signal?.removeEventListener("abort", giveUp);
      this.#waiting.set(id, {
        resolve: (answer) => (settle(), resolve(answer)),
        reject: (error) => (settle(), reject(error)),
      });
      this.#post(message);
    });
  }

  #post(message: FromClient): void {
    if (this.#closed) return;
    const transfer: ArrayBuffer[] = [];
    this.#port.postMessage(toPort(message, transfer), transfer);
  }

  #receive(message: ToClient): void {
    if (message.kind === "ready") return this.#ready.resolve(message.schedulerAddress);
    const { id } = message;
    const stream = this.#streams.get(id);
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (message.kind === "failed") {
      const error = errorOf(message.error);
      if (id === 0) this.#ready.reject(error);
      else if (stream !== undefined) stream.end(error);
      else waiter?.reject(error);
    } else if (message.kind === "message") {
      const content = fromPort(message.message);
      if (stream !== undefined) stream.received(content);
      else waiter?.resolve(content);
    } else {
      if (stream !== undefined) stream.taken();
      else waiter?.resolve(undefined);
    }
  }
}

function closedError(): CommClosedError {
  return new CommClosedError("the line of this task to its cluster is closed");
}

function errorOf({ name, message, remoteName }: PortedError): Error {
  if (remoteName !== undefined) {
    const error = new RemoteError(remoteName, "", "", "");
    error.message = message;
    return error;
  }
  if (name === "CallTimeoutError") return new CallTimeoutError(message);
  return new CommClosedError(message);
}

/** A stream through the worker. One message is under way in each direction. */
class PortComm implements Comm {
  readonly localAddress = "";
  readonly peerAddress: string;
  readonly extraInfo = EMPTY_INFO;
  readonly sharesMemory = false;
  readonly pendingBytes = 0;
  readonly #id: number;
  readonly #post: (message: FromClient) => void;
  readonly #onEnd: () => void;
  #reading: Waiter | undefined;
  #writing: Waiter | undefined;
  #writes: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;

  constructor(
    id: number,
    address: string,
    post: (message: FromClient) => void,
    onEnd: () => void,
  ) {
    this.#id = id;
    this.peerAddress = address;
    this.#post = post;
    this.#onEnd = onEnd;
  }

  get closed(): boolean {
    return this.#failure !== undefined;
  }

  read(): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#reading !== undefined) {
      return Promise.reject(new Error(`a read on ${this.peerAddress} is under way already`));
    }
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
      this.#post({ kind: "read", id: this.#id });
    });
  }

  async write(message: unknown): Promise<void> {
    const write = this.#writes.then(() => this.#write(message));
    // The next one waits for this one, however it ends.
    this.#writes = write.catch(() => {});
    await write;
  }

  #write(message: unknown): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#writing = { resolve, reject };
      this.#post({ kind: "write", id: this.#id, message });
    });
  }

  async close(): Promise<void> {
    await this.#writes;
    this.abort();
  }

  abort(): void {
    if (this.#failure !== undefined) return;
    this.#post({ kind: "close", id: this.#id });
    this.end(new CommClosedError(`the stream to ${this.peerAddress} was closed here`));
  }

  /** A message has come. */
  received(message: unknown): void {
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.resolve(message);
  }

  /** What was written is on its way. */
  taken(): void {
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.resolve(undefined);
  }

  /** The stream is no more. */
  end(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#reading?.reject(error);
    this.#writing?.reject(error);
    this.#reading = this.#writing = undefined;
    this.#onEnd();
  }
}
