/**
 * Settings in environment variables: `DUSK__SCHEDULER__ALLOWED_FAILURES=5` is
 * `scheduler.allowed-failures: 5`.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import type { Entry } from "./layers.ts";
import { isGranted } from "./permission.ts";
import { ALIASES, DEFINITIONS } from "./schema.ts";
import { findSetting, unknownName } from "./setting_names.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = "DUSK__";
/** The variables besides those of settings that say where settings are. */
const PLACES = [
  "DUSK_CONFIG",
  "HOME",
  "USERPROFILE",
  "XDG_CONFIG_HOME",
  "APPDATA",
  "PROGRAMDATA",
];

/**
 * The environment variable of a setting.
 *
 * @param name The setting.
 * @returns Such as `DUSK__COMM__TCP_TIMEOUT`.
 */
export function variableOf(name: string): string {
  return PREFIX + name.replaceAll(".", "__").replaceAll("-", "_").toUpperCase();
}

/**
 * The environment of this process, as far as it may be read without asking anybody.
 *
 * @returns All variables, or those that matter here and that the program may read.
 */
export function readableEnvironment(): Environment {
  if (isGranted({ name: "env" })) return Deno.env.toObject();
  const names = [...PLACES];
  for (const [name, { variable }] of DEFINITIONS) {
    names.push(variableOf(name));
    if (variable !== undefined) names.push(variable);
  }
  for (const alias of ALIASES.keys()) names.push(variableOf(alias));
  const found: Record<string, string | undefined> = {};
  for (const name of names) {
    if (isGranted({ name: "env", variable: name })) found[name] = Deno.env.get(name);
  }
  return found;
}

/**
 * Takes settings that are secrets out of the environment of this process, once they are read: tasks that may
 * read the environment would find them there, and all programs that are started from here.
 */
export function hideSecrets(): void {
  for (const [name, { variable, isSecret }] of DEFINITIONS) {
    if (!isSecret) continue;
    for (const hidden of [variableOf(name), variable]) {
      if (hidden !== undefined && isGranted({ name: "env", variable: hidden })) {
        Deno.env.delete(hidden);
      }
    }
  }
}

/**
 * The settings that are in an environment.
 *
 * @param env The environment.
 * @returns Them.
 * @throws {ConfigError} When a variable that begins with `DUSK__` is none of a setting.
 */
export function entriesOfEnvironment(env: Environment): Entry[] {
  const entries: Entry[] = [];
  for (const [name, { variable }] of DEFINITIONS) {
    const raw = variable === undefined ? undefined : env[variable];
    if (raw !== undefined) entries.push(entryOf(name, variable!, raw));
  }
  for (const [variable, raw] of Object.entries(env)) {
    if (raw === undefined || !variable.startsWith(PREFIX)) continue;
    const written = variable.slice(PREFIX.length);
    const name = written.replaceAll("__", ".").replaceAll("_", "-").toLowerCase();
    const logger = /^logging\.(.+)$/.exec(name)?.[1];
    if (logger !== undefined) {
      entries.push(entryOf("logging", variable, { [logger]: raw }));
      continue;
    }
    if (written !== written.toUpperCase() || findSetting(name) === undefined) {
      throw new ConfigError(placeOf(variable), unknownName(name, variableOf));
    }
    entries.push(entryOf(findSetting(name)!, variable, raw));
  }
  return entries;
}

function entryOf(name: string, variable: string, raw: unknown): Entry {
  const place = placeOf(variable);
  const origin = `environment ${variable}`;
  return { name: name as Entry["name"], written: place, raw, place, origin };
}

function placeOf(variable: string): string {
  return `environment variable ${variable}`;
}
