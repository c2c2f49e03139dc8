/**
 * The settings of a program: from files, the environment and flags, each held to the schema, each with
 * the place that it comes from.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import { entriesOfEnvironment, type Environment, readableEnvironment } from "./environment.ts";
import { type Entry, type Layer, type Merged, mergeLayers } from "./layers.ts";
import { DEFINITIONS } from "./schema.ts";
import type { SettingName, SettingValues } from "./setting_values.ts";
import { findSetting, unknownName } from "./setting_names.ts";
import { foundFiles, givenFiles, homeFolder } from "./sources.ts";

export { ConfigError } from "./config_error.ts";
export type { Environment } from "./environment.ts";
export type { SettingName, SettingValues } from "./setting_values.ts";

/** What a flag of a command line says of a setting. */
export interface FlagValue {
  /** The setting. */
  readonly name: SettingName;
  /** The flag, for errors and as the origin: `--port`. */
  readonly flag: string;
  /** Its value: the text as it was typed, or one of the setting's own type. */
  readonly value: unknown;
}

/** Options of {@linkcode loadSettings}. */
export interface LoadOptions {
  /** More files, or folders of files, that stand over the environment: those of `--config`. */
  readonly files?: readonly string[];
  /** What was given on the command line; it stands over everything else. */
  readonly flags?: readonly FlagValue[];
  /** Environment variables. Default: those of this process, as far as it may read them. */
  readonly env?: Environment;
  /**
   * Folders whose `*.yaml` are read, the lowest first; one that is not there is left out. Default:
   * `/etc/dusk` and `~/.config/dusk`, as far as this process may read them.
   */
  readonly folders?: readonly string[];
}

/** Where the values come from, beside the values themselves. */
export interface SettingOrigins {
  /** What was said of settings that do nothing, one sentence each. */
  readonly warnings: readonly string[];
  /**
   * Where a value comes from.
   *
   * @param name The setting.
   * @param key Of a map: the entry.
   * @returns Such as `/etc/dusk/a.yaml:3`, `environment DUSK__COMM__COMPRESSION`, `--port` or `default`.
   */
  origin(name: SettingName, key?: string): string;
  /**
   * How high its source stands: a value with a higher rank stands over one with a lower.
   *
   * @param name The setting.
   * @returns 0 for a default.
   */
  rank(name: SettingName): number;
  /** The values that a source has given, by name: fit for JSON, so that another process can have the same. */
  values(): Partial<SettingValues>;
}

/** All settings by name, such as `settings["scheduler.port"]`; frozen. */
export type Settings = SettingValues & SettingOrigins;

/**
 * Reads the settings. The lowest first: defaults; `/etc/dusk/*.yaml`; `~/.config/dusk/*.yaml`; the file
 * or folder that `DUSK_CONFIG` names; environment variables such as `DUSK__SCHEDULER__PORT`; `files`;
 * `flags`. Nobody is asked for a permission: what may not be read is left out, except files that were
 * named.
 *
 * @param options More sources; see {@linkcode LoadOptions}.
 * @returns The settings.
 * @throws {ConfigError} When a file cannot be read, a name is unknown or a value makes no sense.
 *
 * @example
 * ```ts ignore
 * const settings = await loadSettings();
 * console.log(settings["comm.compression"], settings.origin("comm.compression"));
 * ```
 */
export async function loadSettings(options: LoadOptions = {}): Promise<Settings> {
  const env = options.env ?? readableEnvironment();
  const found = foundFiles(env, options.folders);
  const given = givenFiles(env, options.files ?? []);
  const lower = await layersOf(found);
  const upper = await layersOf(given);
  return makeSettings([
    ...lower,
    { entries: entriesOfEnvironment(env) },
    ...upper,
    { entries: entriesOfFlags(options.flags ?? []) },
  ], homeFolder(env));
}

/**
 * Makes settings of values that another process has sent.
 *
 * @param values What its {@linkcode SettingOrigins.values} gave; what is missing is the default.
 * @param origin What to say of where they come from.
 * @returns The settings.
 * @throws {ConfigError} When a name is unknown or a value makes no sense.
 */
export function settingsFrom(
  values: Readonly<Record<string, unknown>>,
  origin: string = "the program that started this one",
): Settings {
  const entries = Object.entries(values).filter(([, raw]) => raw !== undefined).map(
    ([name, raw]) => {
      const setting = findSetting(name);
      if (setting === undefined) throw new ConfigError(origin, unknownName(name));
      return { name: setting, written: name, raw, place: origin, origin };
    },
  );
  return makeSettings([{ entries }], undefined);
}

async function layersOf(files: readonly string[]): Promise<Layer[]> {
  if (files.length === 0) return [];
  // Most programs have no file, and do without the parser.
  const { readYamlFile } = await import("./yaml_file.ts");
  const layers: Layer[] = [];
  for (const file of files) layers.push(await readYamlFile(file));
  return layers;
}

function entriesOfFlags(flags: readonly FlagValue[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { name, flag, value: raw } of flags) {
    if (raw === undefined) continue;
    if (!DEFINITIONS.has(name)) throw new ConfigError(flag, unknownName(name));
    // A flag that is repeated means its last value.
    entries.set(name, { name, written: flag, raw, place: flag, origin: flag });
  }
  return [...entries.values()];
}

function makeSettings(layers: readonly Layer[], home: string | undefined): Settings {
  const { merged, warnings } = mergeLayers(layers, home);
  return Object.freeze(new LoadedSettings(merged, warnings)) as unknown as Settings;
}

/** The values as properties, and what else is known of them. */
class LoadedSettings implements SettingOrigins {
  readonly #merged: ReadonlyMap<string, Merged>;
  readonly #warnings: readonly string[];

  constructor(merged: ReadonlyMap<string, Merged>, warnings: readonly string[]) {
    this.#merged = merged;
    this.#warnings = warnings;
    for (const [name, { value }] of merged) {
      if (typeof value === "object") Object.freeze(value);
      Object.defineProperty(this, name, { value, enumerable: true });
    }
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  origin(name: SettingName, key?: string): string {
    const { origin, origins } = this.#find(name);
    return key === undefined ? origin : origins?.[key] ?? origin;
  }

  rank(name: SettingName): number {
    return this.#find(name).rank;
  }

  values(): Partial<SettingValues> {
    const given = [...this.#merged].filter(([, { rank }]) => rank > 0);
    return Object.fromEntries(given.map(([name, { value }]) => [name, value]));
  }

  #find(name: SettingName): Merged {
    const merged = this.#merged.get(name);
    if (merged === undefined) throw new RangeError(unknownName(name));
    return merged;
  }
}
