/**
 * A pool of comms to many servers: calls reuse the idle ones, and only so many are open at once.
 *
 * @module
 */
import { awakeTimer } from "./awake_timer.ts";
import { type Comm, CommClosedError, connect, type ConnectOptions } from "./comm.ts";
import { checkAboveZero, checkCommOptions } from "./option_checks.ts";
import {
  bounded,
  type CallOptions,
  CallTimeoutError,
  checkReply,
  makeRemote,
  makeRequest,
  nameCall,
  type Remote,
} from "./remote.ts";

/** Options of {@linkcode ConnectionPool}. */
export interface ConnectionPoolOptions {
  /** How many comms may be open at once. Default 512. */
  limit?: number;
  /** Seconds that a call may take to connect. Default: as long as the call may take; 5 without limit. */
  connectTimeout?: number;
  /** Other options for connecting. */
  connect?: Omit<ConnectOptions, "timeout" | "signal">;
}

/** A comm of the pool. */
interface Entry {
  readonly comm: Comm;
  readonly address: string;
  /** Whether it waits for its next call. */
  idle: boolean;
  /**
   * The read that watches an idle comm, so that a peer that closes is noticed before the next call.
   * That call takes it over: what it reads is the reply.
   */
  watch: Promise<unknown> | undefined;
}

/** What bounds a call in time. */
interface Bounds {
  /** Undefined when there is no limit; never below a millisecond. */
  secondsLeft: () => number | undefined;
  /** The error's message when the time is over. */
  tooLate: () => string;
  signal: AbortSignal | undefined;
}

/** A call that waits for its turn; first come, first served. */
interface Waiter {
  readonly address: string;
  /** Gets an idle comm, or undefined: a place is free, connect. */
  readonly resolve: (entry: Entry | undefined) => void;
  readonly reject: (error: unknown) => void;
}

const DEFAULT_LIMIT = 512;

/**
 * Calls operations of servers over comms that it keeps for reuse. Calls may overlap, each has a comm
 * to itself meanwhile. When the limit is reached, idle comms to other servers are closed; when all
 * are busy, calls wait in the order they came.
 *
 * @example
 * ```ts ignore
 * const pool = new ConnectionPool({ limit: 100 });
 * const worker = pool.rpc("tcp://127.0.0.1:40331");
 * const { data } = await worker.getData({ keys: ["x"] });
 * await pool.close();
 * ```
 */
export class ConnectionPool {
  readonly #limit: number;
  readonly #connectTimeout: number | undefined;
  readonly #connectOptions: ConnectOptions;
  /** Idle comms by address. */
  readonly #idle = new Map<string, Entry[]>();
  /** All comms, idle and busy. */
  readonly #entries = new Set<Entry>();
  readonly #waiters = new Set<Waiter>();
  readonly #closing = new AbortController();
  /** Connections under way. */
  #connecting = 0;

  /**
   * Makes an empty pool.
   *
   * @param options The limit, and options for connecting.
   */
  constructor(options: ConnectionPoolOptions = {}) {
    this.#limit = options.limit ?? DEFAULT_LIMIT;
    if (!(this.#limit >= 1)) {
      throw new RangeError(`limit must be at least 1, got ${options.limit}`);
    }
    const { connectTimeout, connect = {} } = options;
    checkAboveZero("connectTimeout", connectTimeout, "a number of seconds above 0");
    checkCommOptions(connect);
    this.#connectTimeout = connectTimeout;
    this.#connectOptions = connect;
  }

  /** How many comms are open or being opened. */
  get open(): number {
    return this.#entries.size + this.#connecting;
  }

  /** How many of the open comms are idle. */
  get idle(): number {
    let count = 0;
    for (const entries of this.#idle.values()) count += entries.length;
    return count;
  }

  /**
   * Gives the server at an address as an object with its operations as methods.
   *
   * @param address The server.
   * @returns The object. Its `closeComms` closes the pool's comms to this server.
   */
  rpc(address: string): Remote {
    return makeRemote(
      (op, args, options) => this.call(address, op, args, options),
      () => this.closeComms(address),
    );
  }

  /**
   * Calls an operation. Never repeats it by itself: a call that was lost may have been carried out.
   *
   * @param address The server.
   * @param op The operation.
   * @param args Its fields.
   * @param options `timeout` in seconds, `signal`.
   * @returns The reply.
   * @throws {RemoteError} When the operation failed there.
   * @throws {CommClosedError} When the connection broke; names address and operation.
   * @throws {CallTimeoutError} When the timeout was over first.
   * @throws {ConnectTimeoutError} When the server could not be reached.
   */
  async call<T = unknown>(
    address: string,
    op: string,
    args?: Record<string, unknown>,
    options: CallOptions = {},
  ): Promise<T> {
    const { timeout, signal } = options;
    if (timeout !== undefined && !(timeout > 0)) {
      throw new RangeError(`timeout of "${op}" must be above 0 seconds, got ${timeout}`);
    }
    const deadline = timeout === undefined ? undefined : performance.now() + timeout * 1000;
    const secondsLeft = () =>
      deadline === undefined ? undefined : Math.max((deadline - performance.now()) / 1000, 0.001);
    const tooLate = () => `${address} did not answer "${op}" within ${timeout} s`;
    const request = makeRequest(op, args);
    while (true) {
      const entry = await this.#acquire(address, { secondsLeft, tooLate, signal });
      const reused = entry.watch !== undefined;
      const written = { done: false };
      try {
        const work = exchange(entry, request, written);
        const reply = timeout === undefined && signal === undefined
          ? await work
          : await bounded(entry.comm, { timeout: secondsLeft(), signal }, tooLate, work);
        return checkReply(reply, op, address) as T;
      } catch (error) {
        // An idle comm that broke before it took the request: the server has not seen the call.
        const unseen = reused && !written.done && error instanceof CommClosedError;
        if (!unseen || this.#closing.signal.aborted) throw nameCall(error, op, address);
      } finally {
        this.#release(entry);
      }
    }
  }

  /**
   * Closes the comms to a server, or to all: idle ones cleanly, busy ones at once, so that their calls
   * fail. Later calls open new ones.
   *
   * @param address The server; all when left out.
   */
  async closeComms(address?: string): Promise<void> {
    const closing: Promise<void>[] = [];
    for (const entry of this.#entries) {
      if (address !== undefined && entry.address !== address) continue;
      if (entry.idle) closing.push(this.#dismiss(entry));
      else entry.comm.abort();
    }
    await Promise.all(closing);
  }

  /** Closes all comms for good; calls that wait or run fail, and so do later ones. */
  async close(): Promise<void> {
    this.#closing.abort(new CommClosedError("the connection pool is closed"));
    for (const waiter of this.#waiters) waiter.reject(this.#closing.signal.reason);
    this.#waiters.clear();
    await this.closeComms();
  }

  async #acquire(address: string, options: Bounds): Promise<Entry> {
    this.#closing.signal.throwIfAborted();
    options.signal?.throwIfAborted();
    const idle = this.#idle.get(address)?.at(-1);
    if (idle !== undefined) {
      this.#unlist(idle);
      return idle;
    }
    if (this.open >= this.#limit) this.#evict();
    if (this.open >= this.#limit) {
      const handed = await this.#wait(address, options);
      if (handed !== undefined) return handed;
    } else {
      this.#connecting++;
    }
    return this.#connect(address, options);
  }

  /** Connects; the place is taken (`#connecting`) already. */
  async #connect(address: string, { secondsLeft, signal }: Bounds): Promise<Entry> {
    const left = secondsLeft();
    const timeout = left === undefined || this.#connectTimeout === undefined
      ? left ?? this.#connectTimeout
      : Math.min(left, this.#connectTimeout);
    let comm: Comm;
    try {
      const closing = this.#closing.signal;
      comm = await connect(address, {
        ...this.#connectOptions,
        timeout,
        signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
      });
    } catch (error) {
      this.#connecting--;
      this.#admit();
      throw error;
    }
    this.#connecting--;
    if (this.#closing.signal.aborted) {
      comm.abort();
      throw this.#closing.signal.reason;
    }
    const entry: Entry = { comm, address, idle: false, watch: undefined };
    this.#entries.add(entry);
    return entry;
  }

  #wait(address: string, bounds: Bounds): Promise<Entry | undefined> {
    return new Promise((resolve, reject) => {
      const { secondsLeft, tooLate, signal } = bounds;
      const settle = () => {
        stopTimer();
        signal?.removeEventListener("abort", giveUp);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        address,
        resolve: (entry) => (settle(), resolve(entry)),
        reject: (error) => (settle(), reject(error)),
      };
      const giveUp = () => waiter.reject(signal!.reason);
      const stopTimer = awakeTimer(secondsLeft() ?? Infinity, () => {
        waiter.reject(new CallTimeoutError(`${tooLate()}: all ${this.#limit} comms were busy`));
      });
      signal?.addEventListener("abort", giveUp);
      this.#waiters.add(waiter);
    });
  }

  /** A call is done with a comm: the next in line gets it, or its place; else it is kept. */
  #release(entry: Entry): void {
    if (entry.comm.closed) {
      this.#entries.delete(entry);
      this.#admit();
      return;
    }
    for (const waiter of this.#waiters) {
      if (waiter.address === entry.address) {
        waiter.resolve(entry);
      } else {
        void this.#dismiss(entry);
      }
      return;
    }
    this.#keep(entry);
  }

  #keep(entry: Entry): void {
    entry.idle = true;
    const entries = this.#idle.get(entry.address);
    if (entries === undefined) this.#idle.set(entry.address, [entry]);
    else entries.push(entry);
    entry.watch ??= entry.comm.read();
    entry.watch.then(() => {
      // Nobody has asked: a server that speaks unasked may give the next call a wrong answer.
      if (entry.idle) this.#drop(entry);
    }, () => {
      if (entry.idle) this.#drop(entry);
    });
  }

  /** Takes an idle comm off the list of idle ones. */
  #unlist(entry: Entry): void {
    const entries = this.#idle.get(entry.address)!;
    if (entries.length === 1) this.#idle.delete(entry.address);
    else entries.splice(entries.lastIndexOf(entry), 1);
    entry.idle = false;
  }

  /** Forgets an idle comm that is of no more use. */
  #drop(entry: Entry): void {
    this.#unlist(entry);
    this.#entries.delete(entry);
    entry.comm.abort();
    this.#admit();
  }

  /** Closes a healthy comm and gives its place to the next in line. */
  #dismiss(entry: Entry): Promise<void> {
    if (entry.idle) this.#unlist(entry);
    this.#entries.delete(entry);
    this.#admit();
    return entry.comm.close();
  }

  /** Closes the comm that has been idle for longest at some server. */
  #evict(): void {
    for (const entries of this.#idle.values()) {
      return void this.#dismiss(entries[0]);
    }
  }

  /** Gives free places to those who wait. */
  #admit(): void {
    for (const waiter of this.#waiters) {
      if (this.open >= this.#limit) return;
      this.#connecting++;
      waiter.resolve(undefined);
    }
  }
}

/** Writes the request and reads the reply. */
async function exchange(
  entry: Entry,
  request: unknown,
  written: { done: boolean },
): Promise<unknown> {
  try {
    await entry.comm.write(request);
  } catch (error) {
    // A server that refuses a new connection says why before it closes.
    if (entry.watch !== undefined || !(error instanceof CommClosedError)) throw error;
    return await entry.comm.read().catch(() => Promise.reject(error));
  }
  written.done = true;
  const reply = entry.watch ?? entry.comm.read();
  entry.watch = undefined;
  return await reply;
}
