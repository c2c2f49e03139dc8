/**
 * The `tcp` transport: comms over TCP sockets, IPv4 and IPv6.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { getLogger } from "../config/logging.ts";
import { type Compression, COMPRESSIONS, loadCompression } from "../protocol/compression.ts";
import { DEFAULT_FRAME_LIMITS, FrameReader } from "../protocol/frames.ts";
import { awakeTimer } from "./awake_timer.ts";
import { shakeHands, STRANGER_LIMITS } from "./handshake.ts";
import {
  AddressError,
  isIPv4,
  isIPv6,
  isLoopback,
  parseHostPort,
  unparseHostPort,
} from "./host_port.ts";
import { localHostFor, reachableHost } from "./local_host.ts";
import { pause } from "./pause.ts";
import { StreamComm } from "./stream_comm.ts";
import {
  type Backend,
  type Comm,
  CommClosedError,
  type CommHandler,
  type CommOptions,
  ConnectError,
  type ConnectOptions,
  type Listener,
  type ListenOptions,
} from "./transport.ts";

const DEFAULT_HANDSHAKE_TIMEOUT = 5;
const DEFAULT_CLOSE_TIMEOUT = 5;
const DEFAULT_HANDSHAKE_LIMIT = 256;
/** Pause after a failed accept: out of file descriptors, say, which only time can mend. */
const ACCEPT_PAUSE = 0.1;
/** How long those in their handshake have to make room when there are too many; in seconds. */
const GRACE = 0.25;

const logger = getLogger("distributed.comm");

/**
 * Makes a comm of a fresh connection: sets up the socket and shakes hands. Closes it on failure.
 *
 * @param conn The connection.
 * @param options Options of connect or listen.
 * @param signal Ends the handshake.
 * @returns The comm.
 */
async function establish(
  conn: Deno.TcpConn,
  options: CommOptions,
  signal?: AbortSignal,
): Promise<Comm> {
  const timeout = options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT;
  let open = true;
  const closeOnce = () => {
    if (open) conn.close();
    open = false;
  };
  let timedOut = false;
  const stopTimer = awakeTimer(timeout, () => {
    timedOut = true;
    closeOnce();
  });
  signal?.addEventListener("abort", closeOnce);
  try {
    signal?.throwIfAborted();
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    const local = conn.localAddr;
    const peer = conn.remoteAddr;
    const reader = new FrameReader(conn, STRANGER_LIMITS);
    const wanted = await wantedCompressions(options.compression ?? "auto", local, peer);
    const compression = await shakeHands(conn, reader, wanted);
    Object.assign(reader.limits, DEFAULT_FRAME_LIMITS, options.limits);
    return new StreamComm({
      stream: conn,
      reader,
      localAddress: addressOf(local),
      peerAddress: addressOf(peer),
      compression,
      closeTimeout: options.closeTimeout ?? DEFAULT_CLOSE_TIMEOUT,
    });
  } catch (error) {
    closeOnce();
    if (timedOut) throw new Error(`no handshake within ${timeout} s`, { cause: error });
    throw error;
  } finally {
    stopTimer();
    signal?.removeEventListener("abort", closeOnce);
  }
}

/**
 * Within a machine bytes travel faster than they compress. Both ends of a connection have the same
 * address, or loopback ones, exactly when they are on one machine; to see that takes no permission.
 */
async function wantedCompressions(
  wish: "auto" | Compression | null,
  local: Deno.NetAddr,
  peer: Deno.NetAddr,
): Promise<Compression[]> {
  const sameHost = local.hostname === peer.hostname ||
    (isLoopback(local.hostname) && isLoopback(peer.hostname));
  if (wish === null || (wish === "auto" && sameHost)) return [];
  const compression = wish === "auto" ? COMPRESSIONS[0] : wish;
  try {
    await loadCompression(compression);
  } catch (error) {
    if (wish !== "auto") throw error;
    logger.warn(`Sending without compression: ${compression} cannot be loaded`, { error });
    return [];
  }
  return [compression];
}

function addressOf(addr: Deno.NetAddr): string {
  // A socket for both families shows IPv4 peers as ::ffff:1.2.3.4.
  return `tcp://${unparseHostPort(addr.hostname.replace(/^::ffff:(?=\d+\.)/i, ""), addr.port)}`;
}

/** Accepts TCP connections. */
class TcpListener implements Listener {
  readonly #host: string;
  readonly #port: number;
  readonly #handleComm: CommHandler;
  readonly #options: ListenOptions;
  /** Connections in their handshake, and what drops them. */
  readonly #strangers = new Map<Deno.TcpConn, AbortController>();
  #sockets: Deno.TcpListener[] = [];
  /** One for each socket: settles when it accepts no more. */
  #accepting: Promise<void>[] = [];
  #stopping = new AbortController();
  /** Called when a handshake has ended. */
  readonly #roomWaiters = new Set<() => void>();
  #addr: { host: string; port: number } | undefined;

  constructor(location: string, handleComm: CommHandler, options: ListenOptions) {
    const { host, port } = parseHostPort(location);
    this.#host = host;
    this.#port = port ?? 0;
    this.#handleComm = handleComm;
    this.#options = options;
  }

  get listenAddress(): string {
    const { host, port } = this.#addr ?? { host: this.#host, port: this.#port };
    return `tcp://${unparseHostPort(host, port)}`;
  }

  get contactAddress(): string {
    const { host, port } = this.#addr ?? { host: this.#host, port: this.#port };
    const contact = host === "0.0.0.0"
      ? reachableHost("IPv4")
      : isAny(host)
      ? reachableHost()
      : host;
    return `tcp://${unparseHostPort(contact, port)}`;
  }

  // deno-lint-ignore require-await -- async makes what it throws a rejection
  async start(): Promise<void> {
    if (this.#sockets.length > 0) throw new Error(`${this.listenAddress} is started already`);
    const everywhere = isAny(this.#host) && this.#host !== "0.0.0.0";
    this.#sockets = everywhere ? bindEverywhere(this.#port) : [bind(this.#host, this.#port)];
    const { hostname, port } = this.#sockets[0].addr;
    this.#addr = { host: hostname, port };
    this.#stopping = new AbortController();
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

  async #accept(socket: Deno.TcpListener): Promise<void> {
    while (this.#sockets.includes(socket)) {
      try {
        const conn = await socket.accept();
        while (this.#strangers.size >= this.#handshakeLimit) await this.#makeRoom();
        if (this.#sockets.includes(socket)) void this.#greet(conn);
        else conn.close();
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

  async #greet(conn: Deno.TcpConn): Promise<void> {
    const peer = addressOf(conn.remoteAddr);
    const dropping = new AbortController();
    this.#strangers.set(conn, dropping);
    let comm: Comm;
    try {
      comm = await establish(conn, this.#options, dropping.signal);
    } catch (error) {
      if (this.#sockets.length > 0) {
        const why = dropping.signal.aborted
          ? `more than ${this.#handshakeLimit} handshakes at once`
          : error instanceof Error
          ? error.message
          : String(error);
        const line = `Dropped a connection from ${peer}: ${why}`;
        // A probe that only looks whether the port is open is no news.
        if (error instanceof CommClosedError) logger.debug(line);
        else logger.warn(line);
      }
      return;
    } finally {
      this.#strangers.delete(conn);
      for (const resolve of this.#roomWaiters) resolve();
    }
    await this.#handleComm(comm);
  }
}

/** Whether the host stands for all interfaces. */
function isAny(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

function bind(hostname: string, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
    throw new AddressError(
      `cannot listen on tcp://${unparseHostPort(hostname, port)}: ${error.message}`,
      { cause: error },
    );
  }
}

/** Listens on all interfaces, IPv4 and IPv6, on one port. */
function bindEverywhere(port: number): Deno.TcpListener[] {
  let both: Deno.TcpListener;
  try {
    both = Deno.listen({ hostname: "::", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.NotCapable) {
      throw error instanceof Deno.errors.NotCapable
        ? error
        : new AddressError(`cannot listen on tcp://:${port}: ${error.message}`, { cause: error });
    }
    return [bind("0.0.0.0", port)]; // a machine without IPv6
  }
  try {
    // Where the system keeps the families apart, IPv4 needs a socket of its own.
    return [both, Deno.listen({ hostname: "0.0.0.0", port: both.addr.port })];
  } catch {
    return [both]; // the first one has the IPv4 port as well
  }
}

/** Opens a connection; with a time limit for that, what fails is not worth another attempt. */
async function reach(
  hostname: string,
  port: number,
  options: ConnectOptions,
): Promise<Deno.TcpConn> {
  const { reachTimeout, signal } = options;
  if (reachTimeout === undefined) return Deno.connect({ hostname, port, signal });
  const over = new AbortController();
  const giveUp = () => over.abort();
  signal?.addEventListener("abort", giveUp);
  const stopTimer = awakeTimer(reachTimeout, giveUp);
  try {
    return await Deno.connect({ hostname, port, signal: over.signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable || error instanceof TypeError) throw error;
    const why = over.signal.aborted
      ? `it does not take the connection within ${reachTimeout} s`
      : error instanceof Error
      ? error.message
      : String(error);
    const address = `tcp://${unparseHostPort(hostname, port)}`;
    throw new ConnectError(`nobody is at ${address}: ${why}`, { cause: error });
  } finally {
    stopTimer();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** The back end of `tcp://`. */
export const tcpBackend: Backend = {
  async connect(location: string, options: ConnectOptions): Promise<Comm> {
    const { host, port } = parseHostPort(location);
    if (host === "" || !port) {
      throw new AddressError(
        `cannot connect to "tcp://${location}": it needs a host and a port, ` +
          "such as tcp://127.0.0.1:8786",
      );
    }
    const conn = await reach(host, port, options);
    return establish(conn, options, options.signal);
  },

  listen(location: string, handleComm: CommHandler, options: ListenOptions): Listener {
    return new TcpListener(location, handleComm, options);
  },

  getAddressHost(location: string): string {
    return parseHostPort(location).host;
  },

  getAddressHostPort(location: string): [host: string, port: number] {
    const { host, port } = parseHostPort(location);
    if (port === undefined) {
      throw new AddressError(
        `"tcp://${location}" has no port: write for example tcp://${location}:8786`,
      );
    }
    return [host, port];
  },

  getLocalAddressFor(location: string): string {
    return unparseHostPort(localHostFor(parseHostPort(location).host));
  },

  async resolveAddress(location: string): Promise<string> {
    const { host, port } = parseHostPort(location);
    if (host === "" || isIPv4(host) || isIPv6(host)) return location;
    if (host === "localhost") return unparseHostPort("127.0.0.1", port);
    try {
      return unparseHostPort((await lookup(host)).address, port);
    } catch (error) {
      throw new AddressError(`"tcp://${location}": the host name "${host}" is unknown`, {
        cause: error,
      });
    }
  },
};
