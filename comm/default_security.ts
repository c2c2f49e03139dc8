/**
 * What protects the connections of a program that has called `configure`, where it says nothing else.
 *
 * @module
 */
import { type Configuration, configured } from "../config/configured.ts";
import { Security } from "./security.ts";

/** The files are read once, however many clients and workers a program makes. */
const made = new WeakMap<Configuration, Security>();

/**
 * The protection that settings ask for.
 *
 * @returns It; undefined: the program goes by no settings, or they say nothing of protection.
 * @throws {SecurityError} When what they say does not go together.
 */
export function defaultSecurity(): Security | undefined {
  const configuration = configured();
  if (configuration === undefined) return undefined;
  let security = made.get(configuration);
  if (security === undefined) {
    const options = Object.values(configuration.security);
    if (!options.some((value) => value !== undefined && value !== false)) return undefined;
    made.set(configuration, security = new Security(configuration.security));
  }
  return security;
}
