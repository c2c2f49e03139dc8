/**
 * What a transport is made of: the comm, the listener and the back end that opens them. `tcp` and
 * `inproc` implement these, and so does a scheme that a user adds to the registry.
 *
 * @module
 */

import type { Compression } from "../protocol/compression.ts";
import type { FrameLimits } from "../protocol/frames.ts";
import type { ConnectionSecurity } from "./security.ts";

export type { Compression, FrameLimits };

/**
 * An established channel that carries whole messages, in order. One reader and one writer at a time:
 * open a comm each for exchanges that overlap.
 */
export interface Comm {
  /**
   * Reads the next message.
   *
   * @returns The message. Do not change it: over `inproc` it is the sender's own object.
   * @throws {CommClosedError} When this end or the peer has closed, or the peer sent malformed data.
   */
  read(): Promise<unknown>;
  /**
   * Writes a message. Writes that overlap queue, they never mix.
   *
   * @param message The message; it must not be changed afterwards.
   * @returns Settles when the transport has taken the message.
   * @throws {CommClosedError} When this end or the peer has closed.
   */
  write(message: unknown): Promise<void>;
  /** Sends what has been written, then closes. Gives up on a peer that takes nothing. Never throws. */
  close(): Promise<void>;
  /** Closes at once; what has been written may be lost. */
  abort(): void;
  /** Whether this end is closed, by whichever side. */
  readonly closed: boolean;
  /** Address of this end. */
  readonly localAddress: string;
  /** Address of the other end, for logs. */
  readonly peerAddress: string;
  /** What the back end knows of the channel, fixed when it was established. */
  readonly extraInfo: Readonly<Record<string, unknown>>;
  /** Whether messages pass by reference, so that both ends see the same objects. */
  readonly sharesMemory: boolean;
  /** Bytes written that the transport has not taken yet. */
  readonly pendingBytes: number;
}

/** Takes over a comm that has come in. What it throws is logged and the comm is aborted. */
export type CommHandler = (comm: Comm) => void | Promise<void>;

/** Accepts connections on an address. */
export interface Listener {
  /** Starts to listen. */
  start(): Promise<void>;
  /**
   * Accepts no more; comms that are established stay.
   *
   * @returns When it takes a moment: settles as soon as the address is free again.
   */
  stop(): void | Promise<void>;
  /** The address it listens on, with its port once started. */
  readonly listenAddress: string;
  /** An address to reach it at; differs from {@linkcode Listener.listenAddress} for a wildcard. */
  readonly contactAddress: string;
}

/** Options that both {@linkcode ConnectOptions} and {@linkcode ListenOptions} have. */
export interface CommOptions {
  /**
   * Compression of the messages, when the peer wants it as well: "auto" (the default) is lz4 between
   * machines and none within one.
   */
  compression?: "auto" | Compression | null;
  /** Seconds without any progress after which `close()` gives up on sending the rest. Default 5. */
  closeTimeout?: number;
  /** Seconds a new connection has for its handshake. Default 5. */
  handshakeTimeout?: number;
  /**
   * Seconds for which the peer's machine may be unresponsive until the connection counts as closed; that
   * its program is busy does not matter. Infinity: as long as the system says. Default 30. It is for the
   * side that has connected, to other machines.
   */
  tcpTimeout?: number;
  /** Limits on what comes in, where they are not the protocol's own. */
  limits?: Partial<FrameLimits>;
  /**
   * Certificates and token, of `Security.connection()`. Default: neither, and a listener takes only
   * peers of this machine.
   */
  security?: ConnectionSecurity;
}

/** Options of connect. */
export interface ConnectOptions extends CommOptions {
  /** Seconds to keep trying. Default 5. */
  timeout?: number;
  /**
   * Seconds in which somebody must take the connection; a peer that refuses it, or takes longer, is
   * given up at once. For peers that should be there already, where a refusal means that they are
   * gone; one that is there and busy still has the whole `timeout` for its handshake. Default: a peer
   * that is not there is tried again until the `timeout`.
   */
  reachTimeout?: number;
  /** Gives up when aborted. */
  signal?: AbortSignal;
}

/** Options of listen. */
export interface ListenOptions extends CommOptions {
  /**
   * Connections that may be in their handshake at once; others wait, and when no handshake gets done
   * meanwhile, all of these are dropped. Default 256.
   */
  handshakeLimit?: number;
}

/**
 * A transport, selected by the scheme of an address. A `location` is the address without its scheme.
 */
export interface Backend {
  /** Whether what it carries is encrypted, and both ends show who they are. Default: false. */
  readonly isEncrypted?: boolean;
  /**
   * Makes one attempt to connect; retries are the caller's.
   *
   * @param location Where to.
   * @param options Options; `signal` ends the attempt.
   * @returns The comm, ready to use.
   */
  connect(location: string, options: ConnectOptions): Promise<Comm>;
  /**
   * Makes a listener, not started yet.
   *
   * @param location Where to listen.
   * @param handleComm Takes each comm that comes in.
   * @param options Options.
   * @returns The listener.
   */
  listen(location: string, handleComm: CommHandler, options: ListenOptions): Listener;
  /**
   * The host that a location is on, normally an IP address.
   *
   * @param location The location.
   * @returns The host.
   */
  getAddressHost(location: string): string;
  /**
   * Host and port of a location; IP-based transports only.
   *
   * @param location The location.
   * @returns The two.
   */
  getAddressHostPort?(location: string): [host: string, port: number];
  /**
   * A location of this machine to listen on such that `location` can reach it.
   *
   * @param location The peer's location.
   * @returns The local location.
   */
  getLocalAddressFor(location: string): string;
  /**
   * Replaces symbolic parts, such as host names, by concrete ones.
   *
   * @param location The location.
   * @returns The concrete location.
   */
  resolveAddress(location: string): Promise<string>;
}

/** A read or a write on a comm that is closed, by either side. */
export class CommClosedError extends Error {
  /** Name of the class. */
  override readonly name = "CommClosedError";
}

/** The peer cannot be talked to: it speaks another protocol, or another version of this one. */
export class HandshakeError extends Error {
  /** Name of the class. */
  override readonly name: string = "HandshakeError";
}

/** What the peer says is nothing of Dusk: it may speak TLS, or be another program. */
export class ForeignPeerError extends HandshakeError {}

/** One side of a connection does not let the other in: no token, the wrong one, or no protection at all. */
export class AuthenticationError extends HandshakeError {
  /** Name of the class. */
  override readonly name: string = "AuthenticationError";
}

/** No connection: nobody is there, and it is certain that trying again would not help. */
export class ConnectError extends Error {
  /** Name of the class. */
  override readonly name: string = "ConnectError";
}

/** No connection could be made within the timeout. */
export class ConnectTimeoutError extends ConnectError {
  /** Name of the class. */
  override readonly name: string = "ConnectTimeoutError";
}
