/**
 * Opens comms: {@linkcode connect} to an address, {@linkcode listen} on one.
 *
 * @module
 */
import { configured, withDefaults } from "../config/configured.ts";
import { getLogger } from "../config/logging.ts";
import { AddressError, parseAddress } from "./addresses.ts";
import { awakeTimer } from "./awake_timer.ts";
import { isLoopback } from "./host_port.ts";
import { checkCommOptions } from "./option_checks.ts";
import { pause } from "./pause.ts";
import { getBackend } from "./registry.ts";
import { SecurityError } from "./security_error.ts";
import {
  AuthenticationError,
  type Backend,
  type Comm,
  type CommHandler,
  type CommOptions,
  ConnectError,
  type ConnectOptions,
  ConnectTimeoutError,
  ForeignPeerError,
  HandshakeError,
  type Listener,
  type ListenOptions,
} from "./transport.ts";

export {
  AuthenticationError,
  type Backend,
  type Comm,
  CommClosedError,
  type CommHandler,
  type CommOptions,
  type Compression,
  ConnectError,
  type ConnectOptions,
  ConnectTimeoutError,
  type FrameLimits,
  HandshakeError,
  type Listener,
  type ListenOptions,
} from "./transport.ts";

/** Seconds that connect tries by default. */
const DEFAULT_CONNECT_TIMEOUT = 5;

const FIRST_PAUSE = 0.01;
const LONGEST_PAUSE = 0.5;

const logger = getLogger("distributed.comm");

/**
 * Connects to an address. A failed attempt is repeated, after pauses that grow from 10 ms to 500 ms,
 * until the timeout is over; except where repeating cannot help, such as a peer of another version.
 *
 * @param address The address, such as `tcp://127.0.0.1:8786`.
 * @param given `timeout` in seconds (default 5), `reachTimeout`, `signal`, and options of the
 * transport. The program's settings, if it has any, fill in the rest first.
 * @returns The comm, its handshake done.
 * @throws {ConnectTimeoutError} When the timeout is over; it names the last cause.
 * @throws {HandshakeError} When the peer is no Dusk or speaks another version of its protocol.
 * @throws {AuthenticationError} When either side does not let the other in.
 * @throws {SecurityError} When the address is not encrypted and must be, or TLS cannot be had.
 * @throws {ConnectError} When it is certain that nobody is at the address, or nobody took the
 * connection within the `reachTimeout`.
 * @throws {AddressError} When the address is malformed.
 * @throws {RangeError} When a time or a limit is no number above 0.
 * @throws {TypeError} When the compression is unknown.
 *
 * @example
 * ```ts ignore
 * const comm = await connect("tcp://127.0.0.1:8786", { timeout: 2 });
 * await comm.write({ op: "add", x: 1, y: 2 });
 * console.log(await comm.read());
 * await comm.close();
 * ```
 */
export async function connect(address: string, given: ConnectOptions = {}): Promise<Comm> {
  const options = withDefaults(given, configured()?.comm);
  checkCommOptions(options);
  const timeout = options.timeout ?? DEFAULT_CONNECT_TIMEOUT;
  options.signal?.throwIfAborted();
  const [scheme, location] = parseAddress(address);
  const backend = getBackend(scheme);
  checkEncryption(address, backend, location, options);

  const attempts = new AbortController();
  const giveUp = () => attempts.abort(options.signal!.reason);
  options.signal?.addEventListener("abort", giveUp, { once: true });
  const stopTimer = awakeTimer(timeout, () => attempts.abort());
  const attempt = { ...options, signal: attempts.signal };
  let rest = FIRST_PAUSE;
  let cause: unknown;
  try {
    while (true) {
      try {
        return await orAbort(backend.connect(location, attempt), attempts.signal);
      } catch (error) {
        if (!attempts.signal.aborted) {
          if (!mayPass(error)) throw withAddress(error, address, backend);
          cause = error;
        }
      }
      await pause(rest, attempts.signal);
      rest = Math.min(rest * 2, LONGEST_PAUSE);
      if (attempts.signal.aborted) break;
    }
  } finally {
    stopTimer();
    options.signal?.removeEventListener("abort", giveUp);
  }
  options.signal?.throwIfAborted();
  const why = cause instanceof Error ? cause.message : "the peer does not answer";
  throw new ConnectTimeoutError(`could not connect to ${address} within ${timeout} s: ${why}`, {
    cause,
  });
}

/** An attempt to connect, or the signal's abort: also for a back end that takes no notice of that. */
function orAbort(attempt: Promise<Comm>, signal: AbortSignal): Promise<Comm> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(signal.reason);
      attempt.then((comm) => comm.abort(), () => {});
    };
    const settle = () => signal.removeEventListener("abort", giveUp);
    signal.addEventListener("abort", giveUp);
    attempt.then((comm) => (settle(), resolve(comm)), (error) => (settle(), reject(error)));
  });
}

/** Whether a failed attempt to connect may go better later. */
function mayPass(error: unknown): boolean {
  return error instanceof Error && !(error instanceof HandshakeError) &&
    !(error instanceof ConnectError) && !(error instanceof AddressError) &&
    !(error instanceof SecurityError) &&
    !(error instanceof Deno.errors.NotCapable) && !(error instanceof TypeError) &&
    !(error instanceof RangeError);
}

/** An error of a handshake with the address in it, which the handshake itself does not know. */
function withAddress(error: unknown, address: string, { isEncrypted }: Backend): unknown {
  if (!(error instanceof HandshakeError)) return error;
  const Class = error instanceof AuthenticationError ? AuthenticationError : HandshakeError;
  const hint = error instanceof ForeignPeerError && !isEncrypted
    ? " (if it wants TLS, write tls:// in place of tcp://)"
    : "";
  const text = `could not connect to ${address}: ${error.message}${hint}`;
  return new Class(text, { cause: error });
}

/**
 * Makes a listener on an address; it accepts connections from its `start()` on.
 *
 * @param address Where to listen: `tcp://` is every interface and a random port, `tcp://127.0.0.1:0`
 * one interface and a random port, `inproc://` this process.
 * @param handleComm Called with each comm that comes in, its handshake done.
 * @param given Options of the transport. The program's settings, if it has any, fill in the rest first.
 * @returns The listener, not started.
 * @throws {AddressError} When the address is malformed.
 * @throws {SecurityError} When the address is not encrypted and must be, or TLS cannot be had.
 * @throws {RangeError} When a time or a limit is no number above 0.
 * @throws {TypeError} When the compression is unknown.
 *
 * @example
 * ```ts ignore
 * const listener = listen("tcp://127.0.0.1:0", async (comm) => {
 *   await comm.write(await comm.read()); // echo
 *   await comm.close();
 * });
 * await listener.start();
 * console.log(listener.contactAddress); // tcp://127.0.0.1:41233
 * ```
 */
export function listen(
  address: string,
  handleComm: CommHandler,
  given: ListenOptions = {},
): Listener {
  const options = withDefaults(given, configured()?.comm);
  checkCommOptions(options);
  const [scheme, location] = parseAddress(address);
  const backend = getBackend(scheme);
  checkEncryption(address, backend, location, options);
  return backend.listen(location, (comm) => guard(handleComm, comm), options);
}

/** Refuses what would leave the machine in plain, where the security forbids that. */
function checkEncryption(
  address: string,
  backend: Backend,
  location: string,
  { security }: CommOptions,
): void {
  if (!security?.requireEncryption || backend.isEncrypted) return;
  if (isLoopback(backend.getAddressHost(location))) return;
  throw new SecurityError(
    `${address} is not encrypted, and require-encryption is on: use a tls:// address, or one within ` +
      "this machine such as tcp://127.0.0.1:8786",
  );
}

/** Hands a comm to its handler; an error of the handler ends that comm, not the listener. */
async function guard(handleComm: CommHandler, comm: Comm): Promise<void> {
  try {
    await handleComm(comm);
  } catch (error) {
    logger.error(`Handler of a comm from ${comm.peerAddress} failed`, { error });
    comm.abort();
  }
}
