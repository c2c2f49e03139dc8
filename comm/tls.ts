/**
 * The `tls` transport: comms over TCP that are encrypted, and on which both ends present a certificate of
 * the cluster's own authority. The names in certificates are not checked.
 *
 * @module
 */
import type { Server, Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { establish, type FreshConnection, type OpenStream, type StreamKind } from "./establish.ts";
import { connectLocation, ipLocations } from "./ip_location.ts";
import { reach } from "./reach.ts";
import type { TlsCredentials } from "./security.ts";
import { type Acceptor, bindError, StreamListener } from "./stream_listener.ts";
import {
  contextOptions,
  loadTls,
  peerProblem,
  secureContext,
  tlsCredentials,
  type TlsModules,
} from "./tls_setup.ts";
import { TlsStream } from "./tls_stream.ts";
import { describeTlsError } from "./tls_words.ts";
import {
  AuthenticationError,
  type Backend,
  type Comm,
  CommClosedError,
  type CommHandler,
  type ConnectOptions,
  type Listener,
  type ListenOptions,
} from "./transport.ts";

const kind: StreamKind = { scheme: "tls", isEncrypted: true };
/** Connections that are accepted and not looked at yet; more are closed. */
const MOST_QUEUED = 1024;

/** A TCP connection before TLS. */
function fresh(raw: Socket, encrypt: () => Promise<OpenStream>): FreshConnection {
  raw.setNoDelay(true);
  raw.setKeepAlive(true);
  return {
    local: { hostname: raw.localAddress ?? "", port: raw.localPort ?? 0 },
    peer: { hostname: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 },
    open: encrypt,
    close: () => raw.destroy(),
  };
}

// ---------------------------------------------------------------------------------- who connects

/** Opens a TCP connection. */
function dial(
  { net }: TlsModules,
  host: string,
  port: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const raw = net.connect({ host, port });
    const giveUp = () => raw.destroy(signal!.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    const failed = (error: Error) => {
      signal?.removeEventListener("abort", giveUp);
      reject(error);
    };
    raw.once("error", failed);
    raw.once("connect", () => {
      signal?.removeEventListener("abort", giveUp);
      // Later errors come through the TLS socket as well.
      raw.on("error", () => {});
      raw.off("error", failed);
      resolve(raw);
    });
  });
}

/** The handshake of the end that has connected: it checks the listener's certificate. */
function connectTls(
  { tls }: TlsModules,
  raw: Socket,
  credentials: TlsCredentials,
  secureContext: SecureContext,
): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      secureContext,
      socket: raw,
      rejectUnauthorized: true,
      checkServerIdentity: () => undefined,
    });
    socket.once("error", (error) => reject(describeTlsError(error)));
    socket.once("close", () => reject(new CommClosedError("the peer closed it during TLS")));
    socket.once("secureConnect", () => {
      const problem = peerProblem(socket, credentials);
      if (problem === undefined) resolve({ stream: new TlsStream(socket, raw, describeTlsError) });
      else reject(new AuthenticationError(problem));
    });
  });
}

// ----------------------------------------------------------------------------------- who listens

/** Accepts TCP connections; each has its TLS handshake when the listener has room for it. */
class TlsAcceptor implements Acceptor {
  readonly local: { hostname: string; port: number };
  readonly #server: Server;
  readonly #greeter: TlsGreeter;
  readonly #queue: Socket[] = [];
  #waiting:
    | { resolve: (connection: FreshConnection) => void; reject: (error: Error) => void }
    | undefined;
  #closed = false;

  constructor(server: Server, greeter: TlsGreeter) {
    this.#server = server;
    this.#greeter = greeter;
    const { address, port } = server.address() as { address: string; port: number };
    this.local = { hostname: address, port };
    server.on("connection", (raw: Socket) => this.#take(raw));
  }

  accept(): Promise<FreshConnection> {
    if (this.#closed) return Promise.reject(new CommClosedError("the listener is closed"));
    const raw = this.#queue.shift();
    if (raw !== undefined) return Promise.resolve(this.#greeter.connection(raw));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  close(): void {
    this.#closed = true;
    this.#server.close();
    for (const raw of this.#queue) raw.destroy();
    this.#waiting?.reject(new CommClosedError("the listener is closed"));
    this.#waiting = undefined;
  }

  #take(raw: Socket): void {
    // What goes wrong before TLS is told by the socket's end; without this it would end the program.
    raw.on("error", () => {});
    const waiting = this.#waiting;
    if (this.#closed || this.#queue.length >= MOST_QUEUED) raw.destroy();
    else if (waiting === undefined) this.#queue.push(raw);
    else {
      this.#waiting = undefined;
      waiting.resolve(this.#greeter.connection(raw));
    }
  }
}

/** How a handshake ends. */
interface Pending {
  resolve: (opened: OpenStream) => void;
  reject: (error: Error) => void;
}

/**
 * The handshakes of the end that listens. A peer whose certificate is no good gets as far as Dusk's own
 * handshake, which tells it why it is refused; it gets no further.
 */
class TlsGreeter {
  readonly #server: ReturnType<TlsModules["tls"]["createServer"]>;
  readonly #pending = new WeakMap<Socket, Pending>();

  constructor({ tls }: TlsModules, credentials: TlsCredentials) {
    this.#server = tls.createServer({
      ...contextOptions(tls, credentials),
      requestCert: true,
      rejectUnauthorized: false,
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      const raw = parentOf(socket);
      const pending = raw && this.#pending.get(raw);
      if (pending === undefined) return socket.destroy();
      const refusal = peerProblem(socket, credentials);
      pending.resolve({ stream: new TlsStream(socket, raw!, describeTlsError), refusal });
    });
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      const raw = parentOf(socket);
      if (raw !== undefined) this.#pending.get(raw)?.reject(describeTlsError(error));
      socket.destroy();
    });
  }

  /** A connection whose handshake begins when it is opened. */
  connection(raw: Socket): FreshConnection {
    return fresh(raw, () =>
      new Promise((resolve, reject) => {
        if (raw.destroyed) return reject(new CommClosedError("the peer closed it before TLS"));
        this.#pending.set(raw, { resolve, reject });
        // Where TLS itself has something to say, it has said it by then.
        raw.once("close", () => {
          queueMicrotask(() => reject(new CommClosedError("the peer closed it during TLS")));
        });
        this.#server.emit("connection", raw);
      }));
  }
}

/** The TCP socket below a TLS socket. */
function parentOf(socket: TLSSocket): Socket | undefined {
  return (socket as { _parent?: Socket })._parent;
}

async function bind(
  credentials: TlsCredentials,
  hostname: string,
  port: number,
): Promise<Acceptor> {
  const modules = await loadTls();
  const greeter = new TlsGreeter(modules, credentials);
  const server = modules.net.createServer({ pauseOnConnect: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: hostname, port, ipv6Only: false }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    throw bindError(kind.scheme, hostname, port, asDenoError(error));
  }
  return new TlsAcceptor(server, greeter);
}

/** The errors that a caller tells apart, as the rest of Deno throws them. */
function asDenoError(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  return code === "EADDRINUSE" ? new Deno.errors.AddrInUse(message) : error;
}

/** The back end of `tls://`. */
export const tlsBackend: Backend = {
  ...ipLocations(kind.scheme),
  isEncrypted: true,

  async connect(location: string, options: ConnectOptions): Promise<Comm> {
    const { host, port } = connectLocation(kind.scheme, location);
    const address = `${kind.scheme}://${location}`;
    const credentials = tlsCredentials(address, options.security);
    const modules = await loadTls();
    const context = secureContext(modules.tls, credentials);
    const raw = await reach(address, options, (signal) => dial(modules, host, port, signal));
    const connection = {
      ...fresh(raw, () => connectTls(modules, raw, credentials, context)),
      knock: (signal: AbortSignal) => Deno.connect({ hostname: host, port, signal }),
    };
    return establish(connection, options, { ...kind, side: "connector", signal: options.signal });
  },

  listen(location: string, handleComm: CommHandler, options: ListenOptions): Listener {
    const credentials = tlsCredentials(`${kind.scheme}://${location}`, options.security);
    const bindTls = (hostname: string, port: number) => bind(credentials, hostname, port);
    return new StreamListener({ ...kind, bind: bindTls }, location, handleComm, options);
  },
};
