/**
 * What the scheduler's and the worker's program have in common around the service that they run: where
 * it listens, and what protects it.
 *
 * @module
 */
import { Security } from "../comm/security.ts";
import { configured } from "../config/configured.ts";
import type { SettingName, Settings } from "../config/settings.ts";
import { UsageError } from "./command_line.ts";
import { addressOfInterface } from "./network_interface.ts";

/** Which service a program runs. */
export type Service = "scheduler" | "worker";

/**
 * The host to listen on: that of `--host`, or the address of the interface that `--interface` names. Of
 * the two the one that was said last counts, such as a flag over a file.
 *
 * @param settings The settings.
 * @param service Whose host.
 * @returns The host; undefined: none was named.
 * @throws {UsageError} When both are named in one place.
 * @throws {ProgramError} When this machine has no such interface.
 */
export function namedHost(settings: Settings, service: Service): string | undefined {
  const host = settings[`${service}.host`];
  const interfaceName = settings[`${service}.interface`];
  if (interfaceName === undefined) return host;
  const ranks = (["host", "interface"] as const).map((what) =>
    settings.rank(`${service}.${what}` satisfies SettingName)
  );
  if (host !== undefined && ranks[0] === ranks[1]) {
    throw new UsageError("a host and an interface are given: give one of --host and --interface");
  }
  return host !== undefined && ranks[0] > ranks[1] ? host : addressOfInterface(interfaceName);
}

/**
 * The scheme that addresses without one have here: `tls` where this endpoint has a certificate.
 *
 * @param settings The settings.
 * @param service Which endpoint.
 */
export function defaultScheme(settings: Settings, service: Service | "client"): string {
  return settings[`tls.${service}.cert`] !== undefined ? "tls" : settings["comm.default-scheme"];
}

/** An address with its scheme. */
export function withScheme(address: string, scheme: string): string {
  return address.includes("://") ? address : `${scheme}://${address}`;
}

/** A host as it stands in an address: IPv6 in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/**
 * What protects the endpoint, by the settings that this program has come to use.
 *
 * @param settings The settings.
 * @param service Which endpoint.
 * @param token The token of the scheduler file; counts where the settings have none.
 * @throws {UsageError} When a flag names the authority of a cluster, which is to have TLS, and nothing a
 *   certificate of this endpoint.
 * @throws {SecurityError} When the settings do not go together.
 */
export function programSecurity(
  settings: Settings,
  service: Service | "client",
  token?: string,
): Security {
  if (
    settings.origin("tls.ca-file") === "--tls-ca-file" &&
    settings[`tls.${service}.cert`] === undefined
  ) {
    throw new UsageError(
      "--tls-ca-file is given without --tls-cert: give the certificate of this program as well",
    );
  }
  return new Security(configured()?.security).withToken(token);
}
