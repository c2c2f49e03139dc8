/**
 * Accepts connections that carry bytes, and makes comms of them: bounds how many strangers are there at
 * once, how long each has, and how often a host may fail to show who it is. The kind of connection is
 * handed in.
 *
 * @module
 */
import { getLogger } from "../config/logging.ts";
import { awakeTimer } from "./awake_timer.ts";
import {
  addressOf,
  type Endpoint,
  establish,
  type FreshConnection,
  plainHost,
  type StreamKind,
} from "./establish.ts";
import { HostFailures } from "./host_failures.ts";
import { AddressError, parseHostPort, unparseHostPort } from "./host_port.ts";
import { reachableHost } from "./local_host.ts";
import { pause } from "./pause.ts";
import {
  AuthenticationError,
  type Comm,
  CommClosedError,
  type CommHandler,
  type Listener,
  type ListenOptions,
} from "./transport.ts";

const DEFAULT_HANDSHAKE_LIMIT = 256;
/** Pause after a failed accept: out of file descriptors, say, which only time can mend. */
const ACCEPT_PAUSE = 0.1;
/** How long those in their handshake have to make room when there are too many; in seconds. */
const GRACE = 0.25;
/** Which part of those in their handshake may wait because their host has failed before. */
const WAITING_PART = 1 / 4;
/** How many of these a single host may have. */
const WAITING_OF_HOST = 8;

const logger = getLogger("distributed.comm");

/** A socket that accepts connections. */
export interface Acceptor {
  /** Where it listens. */
  readonly local: Endpoint;
  /** The next connection; rejects once the socket is closed. */
  accept(): Promise<FreshConnection>;
  /** Accepts no more. */
  close(): void;
}

/** Makes sockets that accept connections of one kind. */
export interface AcceptorKind extends StreamKind {
  /**
   * Listens.
   *
   * @throws {AddressError} When that address cannot be had; `Deno.errors.AddrInUse` as its cause when
   * another program has it.
   */
  bind(hostname: string, port: number): Promise<Acceptor>;
}

/** Accepts connections, and hands on those that have shaken hands. */
export class StreamListener implements Listener {
  readonly #kind: AcceptorKind;
  readonly #host: string;
  readonly #port: number;
  readonly #handleComm: CommHandler;
  readonly #options: ListenOptions;
  /** Connections in their handshake, and what drops them. */
  readonly #strangers = new Map<FreshConnection, AbortController>();
  #sockets: readonly Acceptor[] = [];
  /** One for each socket: settles when it accepts no more. */
  #accepting: Promise<void>[] = [];
  #stopping = new AbortController();
  /** Called when a handshake has ended. */
  readonly #roomWaiters = new Set<() => void>();
  readonly #failures = new HostFailures();
  /** How many connections wait because of failures, by host. */
  readonly #waiting = new Map<string, number>();
  #local: Endpoint | undefined;

  /**
   * A listener that is not started yet.
   *
   * @param kind What it accepts.
   * @param location Where.
   * @param handleComm Takes each comm.
   * @param options Options of listen.
   */
  constructor(
    kind: AcceptorKind,
    location: string,
    handleComm: CommHandler,
    options: ListenOptions,
  ) {
    const { host, port } = parseHostPort(location);
    this.#kind = kind;
    this.#host = host;
    this.#port = port ?? 0;
    this.#handleComm = handleComm;
    this.#options = options;
  }

  get listenAddress(): string {
    return addressOf(this.#kind.scheme, this.#endpoint);
  }

  get contactAddress(): string {
    const { hostname, port } = this.#endpoint;
    const contact = hostname === "0.0.0.0"
      ? reachableHost("IPv4")
      : isAny(hostname)
      ? reachableHost()
      : hostname;
    return addressOf(this.#kind.scheme, { hostname: contact, port });
  }

  get #endpoint(): Endpoint {
    return this.#local ?? { hostname: this.#host, port: this.#port };
  }

  async start(): Promise<void> {
    if (this.#sockets.length > 0) throw new Error(`${this.listenAddress} is started already`);
    this.#stopping = new AbortController();
    const everywhere = isAny(this.#host) && this.#host !== "0.0.0.0";
    this.#sockets = everywhere
      ? await bindEverywhere(this.#kind, this.#port)
      : [await this.#kind.bind(this.#host, this.#port)];
    this.#local = this.#sockets[0].local;
    this.#accepting = this.#sockets.map((socket) => this.#accept(socket));
  }

  async stop(): Promise<void> {
    const sockets = this.#sockets;
    this.#sockets = [];
    for (const socket of sockets) socket.close();
    for (const dropping of this.#strangers.values()) dropping.abort();
    this.#stopping.abort();
    // The runtime holds the port until the accept that is under way has failed.
    await Promise.all(this.#accepting);
  }

  async #accept(socket: Acceptor): Promise<void> {
    while (this.#sockets.includes(socket)) {
      try {
        const connection = await socket.accept();
        while (this.#strangers.size >= this.#handshakeLimit) await this.#makeRoom();
        if (this.#sockets.includes(socket)) void this.#greet(connection);
        else connection.close();
      } catch (error) {
        if (!this.#sockets.includes(socket)) return;
        logger.error(`Cannot accept a connection on ${this.listenAddress}`, { error });
        await pause(ACCEPT_PAUSE, this.#stopping.signal);
      }
    }
  }

  get #handshakeLimit(): number {
    return this.#options.handshakeLimit ?? DEFAULT_HANDSHAKE_LIMIT;
  }

  /**
   * Waits until a handshake has ended. Honest peers need a few milliseconds, but a whole cluster of
   * them may come at once; when none gets through for a while, they are no such, and all are dropped.
   */
  async #makeRoom(): Promise<void> {
    const strangers = [...this.#strangers.values()];
    const room = Promise.withResolvers<void>();
    this.#roomWaiters.add(room.resolve);
    const stopTimer = awakeTimer(GRACE, () => {
      for (const dropping of strangers) dropping.abort();
    });
    await room.promise;
    stopTimer();
    this.#roomWaiters.delete(room.resolve);
  }

  async #greet(connection: FreshConnection): Promise<void> {
    const dropping = new AbortController();
    this.#strangers.set(connection, dropping);
    const host = plainHost(connection.peer.hostname);
    let isGuess = false;
    let comm: Comm;
    try {
      comm = await establish(connection, this.#options, {
        ...this.#kind,
        side: "listener",
        signal: dropping.signal,
        gate: () => {
          isGuess = true;
          return this.#waitTurn(host, dropping.signal);
        },
      });
    } catch (error) {
      const silent = error instanceof AuthenticationError
        ? this.#failures.add(host, now(), isGuess)
        : 0;
      if (this.#sockets.length > 0) this.#tell(connection, dropping.signal, error, silent);
      return;
    } finally {
      this.#strangers.delete(connection);
      for (const resolve of this.#roomWaiters) resolve();
    }
    await this.#handleComm(comm);
  }

  /** Holds up a proof from a host that has failed before: the more often, the longer. */
  async #waitTurn(host: string, signal: AbortSignal): Promise<void> {
    const delay = this.#failures.delayOf(host, now());
    if (delay === 0) return;
    const own = this.#waiting.get(host) ?? 0;
    let all = 0;
    for (const count of this.#waiting.values()) all += count;
    if (own >= WAITING_OF_HOST || all >= this.#handshakeLimit * WAITING_PART) {
      throw new CommClosedError("its host has failed often, and more of it wait than are let in");
    }
    this.#waiting.set(host, own + 1);
    await pause(delay, signal);
    const rest = this.#waiting.get(host)! - 1;
    if (rest === 0) this.#waiting.delete(host);
    else this.#waiting.set(host, rest);
  }

  /** Says that a connection was dropped, unless the log has told of `silent` ones a moment ago. */
  #tell(
    { peer }: FreshConnection,
    dropped: AbortSignal,
    error: unknown,
    silent: number | undefined,
  ): void {
    const why = dropped.aborted
      ? `more than ${this.#handshakeLimit} handshakes at once`
      : error instanceof Error
      ? error.message
      : String(error);
    const more = silent ? ` (and ${silent} more of this host meanwhile)` : "";
    const line = `Dropped a connection from ${addressOf(this.#kind.scheme, peer)}: ${why}${more}`;
    // A probe that only looks whether the port is open is no news.
    const isProbe = error instanceof CommClosedError && !dropped.aborted;
    if (isProbe || silent === undefined) logger.debug(line);
    else logger.warn(line);
  }
}

function now(): number {
  return performance.now() / 1000;
}

/** Whether the host stands for all interfaces. */
function isAny(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

/** Listens on all interfaces, IPv4 and IPv6, on one port. */
async function bindEverywhere(kind: AcceptorKind, port: number): Promise<Acceptor[]> {
  let both: Acceptor;
  try {
    both = await kind.bind("::", port);
  } catch (error) {
    const cause = error instanceof AddressError ? error.cause : error;
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new AddressError(`cannot listen on ${kind.scheme}://:${port}: ${cause.message}`, {
        cause,
      });
    }
    return [await kind.bind("0.0.0.0", port)]; // a machine without IPv6
  }
  try {
    // Where the system keeps the families apart, IPv4 needs a socket of its own.
    return [both, await kind.bind("0.0.0.0", both.local.port)];
  } catch {
    return [both]; // the first one has the IPv4 port as well
  }
}

/**
 * The error of an address that cannot be listened on.
 *
 * @param scheme Its scheme.
 * @param hostname Host.
 * @param port Port.
 * @param cause Why not.
 * @returns The error to throw; a missing permission as it is.
 */
export function bindError(scheme: string, hostname: string, port: number, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof Deno.errors.NotCapable) return cause;
  const address = `${scheme}://${unparseHostPort(hostname, port)}`;
  return new AddressError(`cannot listen on ${address}: ${cause.message}`, { cause });
}
