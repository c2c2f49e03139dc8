/**
 * Locations of transports over IP: host and port, whatever the bytes are wrapped in.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { AddressError, isIPv4, isIPv6, parseHostPort, unparseHostPort } from "./host_port.ts";
import { localHostFor } from "./local_host.ts";
import type { Backend } from "./transport.ts";

/**
 * What a back end says of its locations.
 *
 * @param scheme Scheme of its addresses, for errors.
 * @returns Those methods of a back end.
 */
export function ipLocations(scheme: string): Omit<Backend, "connect" | "listen"> {
  return {
    getAddressHost(location: string): string {
      return parseHostPort(location).host;
    },

    getAddressHostPort(location: string): [host: string, port: number] {
      const { host, port } = parseHostPort(location);
      if (port === undefined) {
        throw new AddressError(
          `"${scheme}://${location}" has no port: write for example ${scheme}://${location}:8786`,
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
        throw new AddressError(`"${scheme}://${location}": the host name "${host}" is unknown`, {
          cause: error,
        });
      }
    },
  };
}

/**
 * Splits a location that somebody wants to connect to.
 *
 * @param scheme Scheme of the address, for errors.
 * @param location The location.
 * @returns Host and port.
 * @throws {AddressError} When either is missing.
 */
export function connectLocation(
  scheme: string,
  location: string,
): { host: string; port: number } {
  const { host, port } = parseHostPort(location);
  if (host === "" || !port) {
    throw new AddressError(
      `cannot connect to "${scheme}://${location}": it needs a host and a port, ` +
        `such as ${scheme}://127.0.0.1:8786`,
    );
  }
  return { host, port };
}
