/**
 * What the scheduler's and the worker's program have in common around the service that they run: where
 * it listens, and what protects it.
 *
 * @module
 */
import { Security, SecurityError } from "../comm/security.ts";
import { checkToken } from "../comm/token.ts";
import { configured } from "../config/configured.ts";
import { tokenSetting } from "../config/options.ts";
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

/** Whether listening has failed because another program has the port. */
export function isPortTaken(error: unknown): boolean {
  return (error as Error).cause instanceof Deno.errors.AddrInUse;
}

/**
 * What protects the endpoint, by the settings that this program has come to use.
 *
 * @param settings The settings.
 * @param service Which endpoint.
 * @param token The token of the scheduler file; counts where the settings have none.
 * @throws {UsageError} When a flag names the authority of a cluster, which is to have TLS, and nothing a
 *   certificate of this endpoint; or the other way round.
 * @throws {SecurityError} When the settings do not go together, or the token is no good.
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
  for (const role of ["scheduler", "worker", "client"] as const) {
    const [cert, key] = [`tls.${role}.cert`, `tls.${role}.key`] as const;
    const flag = role === service ? "--tls-cert" : undefined;
    checkPair(settings, key, cert, flag, "the certificate of this key");
    checkPair(
      settings,
      cert,
      "tls.ca-file",
      "--tls-ca-file",
      "the certificate of the authority that signed it",
    );
  }
  const options = configured()?.security;
  checkTokenOf(settings, options?.token);
  return new Security(options).withToken(token);
}

/** Refuses one setting without another that it needs, by the names that a user of the program knows. */
function checkPair(
  settings: Settings,
  given: SettingName,
  needed: SettingName,
  flag: string | undefined,
  what: string,
): void {
  if (settings[given] === undefined || settings[needed] !== undefined) return;
  const missing = flag === undefined ? needed : `${flag} (setting ${needed})`;
  const text = `${placeOf(settings, given)} is given without ${missing}: give ${what} as well`;
  throw settings.origin(given).startsWith("--") ? new UsageError(text) : new SecurityError(text);
}

/** Says of a token that is no good which file or variable it is from. */
function checkTokenOf(settings: Settings, token: string | undefined): void {
  if (token === undefined) return;
  try {
    checkToken(token);
  } catch (error) {
    const name = tokenSetting(settings);
    const file = name === "security.token-file" ? ` ${JSON.stringify(settings[name])}` : "";
    throw new SecurityError(`${placeOf(settings, name)}${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A setting as it was given: the flag, or its name and where it stands. */
function placeOf(settings: Settings, name: SettingName): string {
  const origin = settings.origin(name);
  return origin.startsWith("--") ? origin : `${name} (${origin})`;
}
