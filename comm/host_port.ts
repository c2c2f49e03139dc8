/**
 * Splits `host:port` strings, the part of an IP-based address behind its scheme, and joins them.
 *
 * @module
 */

/** An address that cannot be understood, or that cannot be used for what was asked of it. */
export class AddressError extends Error {
  /** Name of the class. */
  override readonly name = "AddressError";
}

/** A host, and the port where one was given. An empty host stands for all interfaces. */
export interface HostPort {
  /** Host name or IP address, IPv6 without brackets. */
  host: string;
  /** Port, or undefined when the text named none. */
  port: number | undefined;
}

const CONTROL_OR_SPACE = /[\s\p{Cc}]/u;

/**
 * Splits `host`, `host:port`, `:port`, `[v6]` or `[v6]:port`.
 *
 * @param location The text; an IPv6 address must stand in brackets.
 * @returns The host without brackets, and the port or undefined.
 * @throws {AddressError} When the text has no such form or the port is not from 0 to 65535.
 */
export function parseHostPort(location: string): HostPort {
  if (CONTROL_OR_SPACE.test(location) || location.includes("/")) {
    throw new AddressError(`"${location}" is no host:port: it must not hold spaces or slashes`);
  }
  let host: string;
  let rest: string;
  if (location.startsWith("[")) {
    const end = location.indexOf("]");
    if (end < 0) throw new AddressError(`"${location}" is no host:port: "]" is missing`);
    host = location.slice(1, end);
    rest = location.slice(end + 1);
    if (!isIPv6(host)) {
      throw new AddressError(`"${location}" is no host:port: "${host}" is no IPv6 address`);
    }
    if (rest !== "" && !rest.startsWith(":")) {
      throw new AddressError(`"${location}" is no host:port: expected ":port" after "]"`);
    }
  } else {
    const colon = location.indexOf(":");
    if (colon !== location.lastIndexOf(":")) {
      throw new AddressError(
        `"${location}" is ambiguous: write an IPv6 address in brackets, such as [::1]:8786`,
      );
    }
    host = colon < 0 ? location : location.slice(0, colon);
    rest = colon < 0 ? "" : location.slice(colon);
  }
  return { host, port: rest === "" ? undefined : parsePort(rest.slice(1), location) };
}

function parsePort(text: string, location: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65535)) {
    throw new AddressError(`"${location}": port "${text}" is not a number from 0 to 65535`);
  }
  return port;
}

/**
 * Joins a host and a port; brackets an IPv6 address.
 *
 * @param host Host name or IP address, IPv6 with brackets or without.
 * @param port Port; left out when undefined.
 * @returns `host:port` or `[v6]:port`.
 */
export function unparseHostPort(host: string, port?: number): string {
  const bracketed = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return port === undefined ? bracketed : `${bracketed}:${port}`;
}

/**
 * Whether the text has the form of an IPv6 address (a zone such as `%eth0` included).
 *
 * @param host Text without brackets.
 * @returns True for the form of IPv6.
 */
export function isIPv6(host: string): boolean {
  return /^[0-9a-fA-F:]*:[0-9a-fA-F:.]*(%[\w.-]+)?$/.test(host);
}

/**
 * Whether the text is an IPv4 address.
 *
 * @param host Text.
 * @returns True for four numbers from 0 to 255 with dots between.
 */
export function isIPv4(host: string): boolean {
  const parts = host.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/**
 * Whether a host is the machine's own loopback interface.
 *
 * @param host Host name or IP address, IPv6 without brackets.
 * @returns True for `localhost`, 127.0.0.0/8 and ::1.
 */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127.")) ||
    /^::ffff:127\.\d+\.\d+\.\d+$/i.test(host);
}
