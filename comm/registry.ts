/**
 * The registry of transports: which {@linkcode Backend} serves which scheme of an address. `tcp`,
 * `tls` and `inproc` are in it from the start; a user may add others.
 *
 * @module
 */
import { AddressError } from "./host_port.ts";
import { inprocBackend } from "./inproc.ts";
import { tcpBackend } from "./tcp.ts";
import { tlsBackend } from "./tls.ts";
import type { Backend } from "./transport.ts";

const backends = new Map<string, Backend>([
  ["tcp", tcpBackend],
  ["tls", tlsBackend],
  ["inproc", inprocBackend],
]);

/**
 * Adds a transport, or puts another in the place of one.
 *
 * @param scheme The part of an address before `://`: letters, digits, `+`, `-` and `.`, in lower case.
 * @param backend The transport.
 * @throws {AddressError} When the scheme has another form.
 *
 * @example
 * ```ts ignore
 * registerBackend("carrier-pigeon", pigeonBackend);
 * const comm = await connect("carrier-pigeon://loft-7");
 * ```
 */
export function registerBackend(scheme: string, backend: Backend): void {
  if (!isScheme(scheme)) {
    throw new AddressError(
      `"${scheme}" is no scheme: use lower-case letters, digits, "+", "-" and "."`,
    );
  }
  backends.set(scheme, backend);
}

/**
 * Whether a text can be a scheme.
 *
 * @param text The text.
 * @returns True for letters in lower case, digits, `+`, `-` and `.`, a letter first.
 */
export function isScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*$/.test(text);
}

/**
 * Finds the transport of a scheme.
 *
 * @param scheme The part of an address before `://`.
 * @returns The transport.
 * @throws {AddressError} When none is registered; the message names those that are.
 */
export function getBackend(scheme: string): Backend {
  const backend = backends.get(scheme);
  if (backend === undefined) {
    throw new AddressError(
      `unknown scheme "${scheme}://": known are ${[...backends.keys()].sort().join(", ")}`,
    );
  }
  return backend;
}
