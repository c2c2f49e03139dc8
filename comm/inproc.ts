/**
 * The `inproc` transport: both ends are in this process, and messages pass by reference, without
 * a copy. Delivery is asynchronous and in order.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { AddressError } from "./host_port.ts";
import {
  type Backend,
  type Comm,
  CommClosedError,
  type CommHandler,
  ConnectError,
  type Listener,
} from "./transport.ts";

/**
 * How many messages all inproc comms together deliver before one waits for a turn of the event loop.
 * Delivery takes microtasks only, so without it two chatting ends would keep out timers and sockets.
 */
const DELIVERIES_PER_TURN = 256;

const EMPTY_INFO: Readonly<Record<string, unknown>> = Object.freeze({});
const DONE = Promise.resolve();

const listeners = new Map<string, InprocListener>();
let nextNumber = 1;
let deliveries = 0;

/** Locations stay unique within the process and are never used twice. */
function nextLocation(): string {
  return `${Deno.pid}/${nextNumber++}`;
}

/** One end of an in-process channel. */
class InprocComm implements Comm {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly sharesMemory = true;
  readonly pendingBytes = 0;
  readonly extraInfo = EMPTY_INFO;
  /** Set once, right after both ends are made. */
  peer!: InprocComm;

  #inbox: unknown[] = [];
  /** Index in the inbox of the next message to read. */
  #head = 0;
  #closed = false;
  #peerClosed = false;
  /** Whether a read waits for its turn of the event loop. */
  #isTaking = false;
  #waiting: { resolve: (message: unknown) => void; reject: (error: Error) => void } | undefined;

  constructor(localAddress: string, peerAddress: string) {
    this.localAddress = localAddress;
    this.peerAddress = peerAddress;
  }

  /** Also when the peer has closed and all that it wrote is read. */
  get closed(): boolean {
    return this.#closed || (this.#peerClosed && this.#head === this.#inbox.length);
  }

  read(): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#waiting !== undefined || this.#isTaking) {
      return Promise.reject(new Error(`a read on ${this.localAddress} is under way already`));
    }
    if (this.#head < this.#inbox.length) {
      if (++deliveries < DELIVERIES_PER_TURN) return Promise.resolve(this.#take());
      deliveries = 0;
      return this.#takeNextTurn();
    }
    if (this.#peerClosed) {
      this.abort();
      return Promise.reject(this.#closedError());
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  write(message: unknown): Promise<void> {
    if (this.#closed || this.#peerClosed) return Promise.reject(this.#closedError());
    this.peer.#deliver(message);
    return DONE;
  }

  close(): Promise<void> {
    this.abort();
    return DONE;
  }

  abort(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox = [];
    this.#head = 0;
    this.#endWaiting();
    this.peer.#peerHasClosed();
  }

  #deliver(message: unknown): void {
    if (this.#waiting === undefined || ++deliveries >= DELIVERIES_PER_TURN) {
      this.#inbox.push(message);
      if (this.#waiting !== undefined) {
        deliveries = 0;
        const { resolve, reject } = this.#waiting;
        this.#waiting = undefined;
        this.#takeNextTurn().then(resolve, reject);
      }
      return;
    }
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(message);
  }

  #take(): unknown {
    const message = this.#inbox[this.#head];
    this.#inbox[this.#head++] = undefined;
    if (this.#head === this.#inbox.length) {
      this.#inbox.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#inbox.length) {
      // Keeps the queue of a reader that never quite catches up from growing for ever.
      this.#inbox.splice(0, this.#head);
      this.#head = 0;
    }
    return message;
  }

  async #takeNextTurn(): Promise<unknown> {
    this.#isTaking = true;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#isTaking = false;
    if (this.#closed) throw this.#closedError();
    return this.#take();
  }

  #peerHasClosed(): void {
    this.#peerClosed = true;
    // What was sent before the close is still read; a reader that waits has nothing left to read.
    if (this.#waiting !== undefined) this.abort();
  }

  #endWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#closedError());
  }

  #closedError(): CommClosedError {
    const who = this.#peerClosed ? "the peer" : "this end";
    return new CommClosedError(
      `${who} has closed the comm ${this.localAddress} to ${this.peerAddress}`,
    );
  }
}

/** Accepts in-process connections. */
class InprocListener implements Listener {
  readonly #location: string;
  readonly #handleComm: CommHandler;

  constructor(location: string, handleComm: CommHandler) {
    this.#location = location;
    this.#handleComm = handleComm;
  }

  get listenAddress(): string {
    return `inproc://${this.#location}`;
  }

  get contactAddress(): string {
    return this.listenAddress;
  }

  start(): Promise<void> {
    if (listeners.has(this.#location)) {
      return Promise.reject(
        new AddressError(`${this.listenAddress} is in use; "inproc://" takes a free one`),
      );
    }
    listeners.set(this.#location, this);
    return DONE;
  }

  stop(): void {
    if (listeners.get(this.#location) === this) listeners.delete(this.#location);
  }

  accept(): Comm {
    const here = new InprocComm(`inproc://${nextLocation()}`, this.listenAddress);
    const there = new InprocComm(this.listenAddress, here.localAddress);
    here.peer = there;
    there.peer = here;
    // As with a socket, the handler runs after connect has returned.
    queueMicrotask(() => void this.#handleComm(there));
    return here;
  }
}

/** The back end of `inproc://`. */
export const inprocBackend: Backend = {
  connect(location: string): Promise<Comm> {
    const listener = listeners.get(location);
    if (listener === undefined) {
      return Promise.reject(
        new ConnectError(`nobody listens on inproc://${location} in this process`),
      );
    }
    return Promise.resolve(listener.accept());
  },
  listen(location: string, handleComm: CommHandler): Listener {
    return new InprocListener(location === "" ? nextLocation() : location, handleComm);
  },
  getAddressHost(): string {
    return "127.0.0.1";
  },
  getLocalAddressFor(): string {
    return "";
  },
  resolveAddress(location: string): Promise<string> {
    return Promise.resolve(location);
  },
};
