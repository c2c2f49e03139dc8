/**
 * Addresses: URIs such as `tcp://127.0.0.1:8786` that say by which transport, and where, an endpoint
 * is reached. Without a scheme, `tcp` is meant, or what the setting `comm.default-scheme` says.
 *
 * @module
 */
import { configured } from "../config/configured.ts";
import { AddressError } from "./host_port.ts";
import { getBackend, isScheme } from "./registry.ts";

export { AddressError } from "./host_port.ts";

const DEFAULT_SCHEME = "tcp";

/**
 * Splits an address into its scheme and the location behind it.
 *
 * @param address The address; the default scheme is assumed when it has none.
 * @returns Scheme (in lower case) and location.
 * @throws {AddressError} When it is no string, or its scheme is malformed.
 *
 * @example
 * ```ts
 * parseAddress("tcp://127.0.0.1"); // ["tcp", "127.0.0.1"]
 * ```
 */
export function parseAddress(address: string): [scheme: string, location: string] {
  if (typeof address !== "string") {
    throw new AddressError(
      `an address must be a string such as "tcp://127.0.0.1:8786", got ${typeof address}`,
    );
  }
  const separator = address.indexOf("://");
  if (separator < 0) return [defaultScheme(), address];
  const scheme = address.slice(0, separator).toLowerCase();
  if (!isScheme(scheme)) {
    throw new AddressError(
      `"${address}" is no address: "${scheme}" is no scheme; write for example tcp://127.0.0.1:8786`,
    );
  }
  return [scheme, address.slice(separator + 3)];
}

/**
 * Undoes {@linkcode parseAddress}.
 *
 * @param scheme The scheme.
 * @param location The location.
 * @returns The address.
 *
 * @example
 * ```ts
 * unparseAddress("tcp", "127.0.0.1"); // "tcp://127.0.0.1"
 * ```
 */
export function unparseAddress(scheme: string, location: string): string {
  return `${scheme}://${location}`;
}

/**
 * Gives the canonical form of an address: adds the default scheme where it has none.
 *
 * @param address The address.
 * @returns The address with its scheme.
 * @throws {AddressError} When the scheme is malformed.
 *
 * @example
 * ```ts
 * normalizeAddress("[::1]"); // "tcp://[::1]"
 * ```
 */
export function normalizeAddress(address: string): string {
  const [scheme, location] = parseAddress(address);
  return unparseAddress(scheme, location);
}

/**
 * Replaces what is symbolic in an address by something concrete: a host name by its IP address.
 *
 * @param address The address.
 * @returns The resolved address.
 * @throws {AddressError} When it is malformed, or its host name is unknown.
 *
 * @example
 * ```ts
 * await resolveAddress("tcp://localhost:8786"); // "tcp://127.0.0.1:8786"
 * ```
 */
export async function resolveAddress(address: string): Promise<string> {
  const [scheme, location] = parseAddress(address);
  return unparseAddress(scheme, await getBackend(scheme).resolveAddress(location));
}

/**
 * Gives the host name or IP address of the machine that an address is on.
 *
 * @param address Any well-formed address, with a port or without.
 * @returns The host; IPv6 without brackets.
 * @throws {AddressError} When the address is malformed.
 *
 * @example
 * ```ts
 * getAddressHost("tcp://1.2.3.4:80"); // "1.2.3.4"
 * ```
 */
export function getAddressHost(address: string): string {
  const [scheme, location] = parseAddress(address);
  return getBackend(scheme).getAddressHost(location);
}

/**
 * Gives host and port of an address.
 *
 * @param address An address of an IP-based transport, with a port.
 * @returns The two; IPv6 without brackets.
 * @throws {AddressError} When the port is missing or the transport has none.
 *
 * @example
 * ```ts
 * getAddressHostPort("tcp://[::1]:80"); // ["::1", 80]
 * ```
 */
export function getAddressHostPort(address: string): [host: string, port: number] {
  const [scheme, location] = parseAddress(address);
  const backend = getBackend(scheme);
  if (backend.getAddressHostPort === undefined) {
    throw new AddressError(`"${address}" has no host and port: ${scheme} is not IP-based`);
  }
  return backend.getAddressHostPort(location);
}

/**
 * Gives an address of this machine to listen on such that `address` can reach it. It has no port:
 * whoever listens on it gets a random one. Where a connection to the peer is open already, its
 * `comm.localAddress` is the surer answer.
 *
 * @param address The peer's address.
 * @returns The local address.
 * @throws {AddressError} When the address is malformed.
 *
 * @example
 * ```ts
 * getLocalAddressFor("tcp://127.0.0.1:8786"); // "tcp://127.0.0.1"
 * ```
 */
export function getLocalAddressFor(address: string): string {
  const [scheme, location] = parseAddress(address);
  return unparseAddress(scheme, getBackend(scheme).getLocalAddressFor(location));
}

function defaultScheme(): string {
  return configured()?.settings["comm.default-scheme"] ?? DEFAULT_SCHEME;
}
