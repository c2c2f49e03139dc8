/**
 * From a fresh connection of bytes to a comm: both sides shake hands, within a limit of time.
 *
 * @module
 */
import { getLogger } from "../config/logging.ts";
import { type Compression, COMPRESSIONS, loadCompression } from "../protocol/compression.ts";
import { DEFAULT_FRAME_LIMITS, FrameReader } from "../protocol/frames.ts";
import type { Side } from "./authentication.ts";
import { awakeTimer } from "./awake_timer.ts";
import { shakeHands, STRANGER_LIMITS } from "./handshake.ts";
import { isLoopback, unparseHostPort } from "./host_port.ts";
import { type Knock, SilenceWatch } from "./silence_watch.ts";
import { type ByteStream, StreamComm } from "./stream_comm.ts";
import { type Comm, CommClosedError, type CommOptions } from "./transport.ts";

const DEFAULT_HANDSHAKE_TIMEOUT = 5;
const DEFAULT_CLOSE_TIMEOUT = 5;
const DEFAULT_TCP_TIMEOUT = 30;

const logger = getLogger("distributed.comm");

/** One end of a connection. */
export interface Endpoint {
  /** IP address. */
  hostname: string;
  /** Port. */
  port: number;
}

/** A connection that carries the bytes of a comm. */
export interface OpenStream {
  readonly stream: ByteStream;
  /** Why the peer is not let in, if it is not: it is told so in the handshake. */
  readonly refusal?: string;
}

/** A connection on which nothing has been said yet. */
export interface FreshConnection {
  /** This end. */
  readonly local: Endpoint;
  /** The other end. */
  readonly peer: Endpoint;
  /** Makes it carry the bytes of a comm: sets it up, and encrypts it where that is its kind. */
  open(): OpenStream | Promise<OpenStream>;
  /** Ends it, in whichever state; called once. */
  close(): void;
  /** Opens another one to the same place, only to see whether anybody answers. Connectors have it. */
  readonly knock?: Knock;
}

/** Makes {@linkcode FreshConnection}s. */
export interface StreamKind {
  /** The scheme of their addresses. */
  readonly scheme: string;
  /** Whether both ends show who they are, and nobody else can read along. */
  readonly isEncrypted: boolean;
}

/** What {@linkcode establish} takes beside the options of connect or listen. */
export interface EstablishOptions extends StreamKind {
  side: Side;
  /** Ends the handshake. */
  signal?: AbortSignal;
  /** For a listener: see `HandshakeOptions`. */
  gate?: () => Promise<void>;
}

/**
 * Makes a comm of a fresh connection. Closes it on failure.
 *
 * @param connection The connection.
 * @param options Options of connect or listen.
 * @param how The side, and what ends it.
 * @returns The comm.
 */
export async function establish(
  connection: FreshConnection,
  options: CommOptions,
  how: EstablishOptions,
): Promise<Comm> {
  const { local, peer } = connection;
  const { side, scheme, signal, gate } = how;
  const timeout = options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT;
  let open = true;
  const closeOnce = () => {
    if (open) connection.close();
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
    const sameHost = isSameHost(local, peer);
    let protection: string | undefined;
    if (side === "listener" && !sameHost && isProtected(options, how)) {
      protection =
        `${addressOf(scheme, local)} refuses peers from other machines: give both a token ` +
        "(--token-file or DUSK_TOKEN), use TLS, or allow it with --insecure";
    }
    const { stream, refusal } = await connection.open();
    const reader = new FrameReader(stream, STRANGER_LIMITS);
    const compression = await shakeHands(stream, reader, {
      side,
      compressions: await wantedCompressions(options.compression ?? "auto", sameHost),
      security: options.security,
      refusal: refusal ?? protection,
      gate,
    });
    // Given up while the peer's last word was looked at: what that was does not matter any more.
    if (!open) throw new CommClosedError("the connection was given up during the handshake");
    Object.assign(reader.limits, DEFAULT_FRAME_LIMITS, options.limits);
    const peerAddress = addressOf(scheme, peer);
    return new StreamComm({
      stream,
      reader,
      localAddress: addressOf(scheme, local),
      peerAddress,
      compression,
      closeTimeout: options.closeTimeout ?? DEFAULT_CLOSE_TIMEOUT,
      // Within a machine the system tells at once when the other end is gone.
      watch: sameHost ? undefined : watchFor(connection, peerAddress, options),
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

/** Looks whether the peer's machine is still there. */
function watchFor(
  { knock }: FreshConnection,
  place: string,
  { tcpTimeout = DEFAULT_TCP_TIMEOUT }: CommOptions,
): SilenceWatch | undefined {
  if (knock === undefined || tcpTimeout === Infinity) return undefined;
  return new SilenceWatch(place, tcpTimeout, knock);
}

/**
 * The address of one end of a connection.
 *
 * @param scheme Its scheme.
 * @param endpoint The end.
 * @returns The address.
 */
export function addressOf(scheme: string, { hostname, port }: Endpoint): string {
  return `${scheme}://${unparseHostPort(plainHost(hostname), port)}`;
}

/** The IP address; a socket for both families shows IPv4 peers as ::ffff:1.2.3.4. */
export function plainHost(hostname: string): string {
  return hostname.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** Whether strangers from other machines stay out, because nothing else tells friend from foe. */
function isProtected({ security }: CommOptions, { isEncrypted }: StreamKind): boolean {
  return !isEncrypted && security?.token === undefined && !security?.insecure;
}

/**
 * Both ends of a connection have the same address, or loopback ones, exactly when they are on one
 * machine; to see that takes no permission.
 */
function isSameHost(local: Endpoint, peer: Endpoint): boolean {
  return local.hostname === peer.hostname ||
    (isLoopback(local.hostname) && isLoopback(peer.hostname));
}

/** Within a machine bytes travel faster than they compress. */
async function wantedCompressions(
  wish: "auto" | Compression | null,
  sameHost: boolean,
): Promise<Compression[]> {
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
