/**
 * Checks of the options of connect and listen, so that a mistake is told where it is made and not by
 * every connection, one after the other.
 *
 * @module
 */
import { COMPRESSIONS } from "../protocol/compression.ts";
import type { ConnectOptions, ListenOptions } from "./transport.ts";

const TIMES = [
  "timeout",
  "reachTimeout",
  "handshakeTimeout",
  "closeTimeout",
  "tcpTimeout",
] as const;
const LIMITS = ["frames", "frameBytes", "messageBytes"] as const;

/**
 * Checks options, of either kind.
 *
 * @param options The options, as a user gave them.
 * @throws {RangeError} When a time or a limit is no number above 0.
 * @throws {TypeError} When the compression is unknown, or the security is of another kind.
 */
export function checkCommOptions(options: ConnectOptions & ListenOptions): void {
  for (const name of TIMES) checkAboveZero(name, options[name], "a number of seconds above 0");
  checkAboveZero("handshakeLimit", options.handshakeLimit);
  const { compression, limits, security } = options;
  if (security !== undefined && typeof security?.requireEncryption !== "boolean") {
    throw new TypeError("security must be what `connection(role)` of a Security gives");
  }
  if (limits !== undefined) {
    for (const name of LIMITS) {
      // Undefined would not mean the default here but no limit at all.
      if (name in limits) checkAboveZero(`limits.${name}`, limits[name] ?? NaN);
    }
  }
  if (compression === undefined || compression === null || compression === "auto") return;
  if (!COMPRESSIONS.includes(compression)) {
    const known = COMPRESSIONS.map((name) => `"${name}"`).join(", ");
    throw new TypeError(
      `compression must be "auto", null or one of ${known}, got ${JSON.stringify(compression)}`,
    );
  }
}

/**
 * Checks a number that may be left out.
 *
 * @param name What it is called.
 * @param value Its value; undefined: left out.
 * @param expected What it must be, for the error.
 * @throws {RangeError} When it is no number above 0.
 */
export function checkAboveZero(
  name: string,
  value: unknown,
  expected: string = "a number above 0",
): void {
  if (value === undefined || (typeof value === "number" && value > 0)) return;
  throw new RangeError(`${name} must be ${expected}, got ${String(value)}`);
}
