/**
 * Values as the sources give them, one layer a source, and how layers come together: a later one
 * stands over an earlier one; maps are joined entry by entry.
 *
 * @module
 */
import { ConfigError, show } from "./config_error.ts";
import { isEntryName, type Kind } from "./kinds.ts";
import { DEFINITIONS } from "./schema.ts";
import type { SettingName } from "./setting_values.ts";

/** One value that a source gives to a setting. */
export interface Entry {
  /** The setting. */
  readonly name: SettingName;
  /** How the source calls it: the name or Dask's, the environment variable or the flag. */
  readonly written: string;
  /** The value, as YAML or as a text. */
  readonly raw: unknown;
  /** Where it stands, for errors: `/etc/dusk/a.yaml:3:7`. */
  readonly place: string;
  /** Where it stands, as an operator wants to see it: `/etc/dusk/a.yaml:3`. */
  readonly origin: string;
  /** Where the entries of a map stand. */
  readonly origins?: Readonly<Record<string, string>>;
}

/** What one source says. */
export interface Layer {
  readonly entries: readonly Entry[];
  /** Folder that relative paths count from; undefined: the current one. */
  readonly folder?: string;
}

/** A value, and where it comes from. */
export interface Merged {
  value: unknown;
  origin: string;
  /** Of a map: where each entry comes from. */
  origins?: Record<string, string>;
  /** Which layer gave it last, from 1; 0: it is the default. */
  rank: number;
}

/** What a setting is when nobody says anything. */
const DEFAULT_ORIGIN = "default";

/**
 * Joins layers over the defaults.
 *
 * @param layers The lowest first.
 * @param home Folder that `~/` stands for; undefined: not known.
 * @returns All settings, and warnings about those that do nothing.
 * @throws {ConfigError} When a value makes no sense, or one layer gives a setting two.
 */
export function mergeLayers(
  layers: readonly Layer[],
  home: string | undefined,
): { merged: Map<string, Merged>; warnings: string[] } {
  const merged = new Map<string, Merged>();
  for (const [name, { default: value, kind }] of DEFINITIONS) {
    const origins = kind.entries ? originsOf(value as object, DEFAULT_ORIGIN) : undefined;
    merged.set(name, { value, origin: DEFAULT_ORIGIN, origins, rank: 0 });
  }
  const warnings: string[] = [];
  for (const [index, layer] of layers.entries()) {
    const seen = new Map<string, Entry>();
    for (const entry of layer.entries) {
      const { name, place, written } = entry;
      const { kind, noEffect } = DEFINITIONS.get(name)!;
      const earlier = seen.get(name);
      if (earlier !== undefined && !(kind.entries && earlier.written !== written)) {
        const both = earlier.written === written ? written : `${earlier.written} and ${written}`;
        const why = earlier.written === written
          ? "is given twice"
          : "are two names of the same setting";
        throw new ConfigError(place, `${both} ${why}, first at ${earlier.place}; keep one`);
      }
      seen.set(name, entry);
      if (noEffect !== undefined) warnings.push(`${place}: ${written} has no effect: ${noEffect}`);
      put(merged.get(name)!, entry, layer.folder, home, index + 1);
    }
  }
  return { merged, warnings };
}

function put(
  target: Merged,
  entry: Entry,
  folder: string | undefined,
  home: string | undefined,
  rank: number,
): void {
  const { name, raw, origin, place, written } = entry;
  const { kind, default: fallback, isSecret } = DEFINITIONS.get(name)!;
  if (raw === null && fallback === undefined) {
    Object.assign(target, { value: undefined, origin, rank });
    return;
  }
  let value: unknown = kind.read(raw);
  if (value === undefined) {
    const got = isSecret ? "" : `; got ${show(raw)}`;
    throw wrongEntry(entry, kind) ??
      new ConfigError(place, `${written} must be ${kind.expected}${got}`);
  }
  if (kind.isPath) value = placePaths(value, folder, home, entry);
  if (!kind.entries) {
    Object.assign(target, { value, origin, rank });
    return;
  }
  // A single word for a whole map is meant for all of it.
  const isWhole = typeof raw === "string" && !/[=:]/.test(raw);
  const own = value as Record<string, unknown>;
  target.value = isWhole ? own : { ...target.value as object, ...own };
  const origins = { ...originsOf(own, origin), ...entry.origins };
  target.origins = isWhole ? origins : { ...target.origins, ...origins };
  target.origin = origin;
  target.rank = rank;
}

/** Which entry of a map is wrong. */
function wrongEntry(entry: Entry, kind: Kind<NonNullable<unknown>>): ConfigError | undefined {
  const { raw, written, place, origins } = entry;
  if (!kind.entries || typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    return undefined;
  }
  for (const [key, value] of Object.entries(raw)) {
    if (kind.read({ [key]: value }) !== undefined) continue;
    const at = origins?.[key] ?? place;
    if (!isEntryName(key)) {
      const named = "letters, digits, dots, dashes and underscores";
      return new ConfigError(
        at,
        `${written} has an entry ${show(key)}; names are made of ${named}`,
      );
    }
    return new ConfigError(
      at,
      `${written}, entry ${key}, must be ${kind.entries}; got ${show(value)}`,
    );
  }
  return undefined;
}

function originsOf(map: object, origin: string): Record<string, string> {
  return Object.fromEntries(Object.keys(map).map((key) => [key, origin]));
}

function placePaths(
  value: unknown,
  folder: string | undefined,
  home: string | undefined,
  entry: Entry,
): unknown {
  if (Array.isArray(value)) return value.map((item) => placePaths(item, folder, home, entry));
  const path = value as string;
  if (isUrl(path)) return path;
  if (/^~[/\\]/.test(path)) {
    if (home === undefined) {
      throw new ConfigError(
        entry.place,
        `${entry.written} begins with "~/", but the home folder is not known: write it in full`,
      );
    }
    return joinPath(home, path.slice(2));
  }
  return folder === undefined ? path : placePath(path, folder);
}

/**
 * A path that counts from a folder.
 *
 * @param path The path, or a URL.
 * @param folder The folder.
 * @returns The path behind the folder; one that is absolute, or a URL, as it is.
 */
export function placePath(path: string, folder: string): string {
  return isUrl(path) || isAbsolute(path) ? path : joinPath(folder, path);
}

function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(path);
}

function isAbsolute(path: string): boolean {
  return /^([a-z]:)?[/\\]/i.test(path);
}

/** A path behind a folder; `./` and `../` at its beginning are resolved. */
export function joinPath(folder: string, path: string): string {
  let base = folder.replace(/(?<=.)[/\\]+$/, "");
  let rest = path;
  for (let step; (step = /^\.{1,2}[/\\]+/.exec(rest)) !== null;) {
    if (step[0].startsWith("..")) {
      const parent = /^(.*)[/\\][^/\\]+$/.exec(base);
      if (parent === null || /(^|[/\\])\.\.$/.test(base)) break;
      base = parent[1];
    }
    rest = rest.slice(step[0].length);
  }
  return base === "/" ? `/${rest}` : `${base}/${rest}`;
}
