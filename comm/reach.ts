/**
 * Opening a connection, with a limit on the time in which somebody must take it.
 *
 * @module
 */
import { awakeTimer } from "./awake_timer.ts";
import { ConnectError, type ConnectOptions } from "./transport.ts";

/**
 * Opens a connection; with a `reachTimeout`, what fails is not worth another attempt.
 *
 * @param address Where to, for errors.
 * @param options Options of connect.
 * @param open Opens it, until the signal aborts.
 * @returns What `open` gives.
 * @throws {ConnectError} When there is a time limit, and nobody took the connection.
 */
export async function reach<T>(
  address: string,
  { reachTimeout, signal }: ConnectOptions,
  open: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (reachTimeout === undefined) return open(signal);
  const over = new AbortController();
  const giveUp = () => over.abort();
  signal?.addEventListener("abort", giveUp);
  const stopTimer = awakeTimer(reachTimeout, giveUp);
  try {
    return await open(over.signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable || error instanceof TypeError) throw error;
    const why = over.signal.aborted
      ? `it does not take the connection within ${reachTimeout} s`
      : error instanceof Error
      ? error.message
      : String(error);
    throw new ConnectError(`nobody is at ${address}: ${why}`, { cause: error });
  } finally {
    stopTimer();
    signal?.removeEventListener("abort", giveUp);
  }
}
