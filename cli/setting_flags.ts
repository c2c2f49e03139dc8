/**
 * Flags that give a value to a setting. They hold the text as it was typed; the settings read it, by the
 * same rules as in files and in the environment, and say which flag is wrong.
 *
 * @module
 */
import { logBySettings, useSettings } from "../config/configure.ts";
import { hideSecrets } from "../config/environment.ts";
import { printSettings } from "../config/print_settings.ts";
import {
  ConfigError,
  type FlagValue,
  loadSettings,
  type SettingName,
  type Settings,
} from "../config/settings.ts";
import { type Command, Option, UsageError } from "./command_line.ts";

/** The setting of each flag that has one. */
const settingOf = new WeakMap<Option, SettingName>();

/**
 * A flag for a setting.
 *
 * @param flags Such as "--port <port>"; without a value it is `true`, or `false` for `--no-…`.
 * @param setting The setting.
 * @param description For `--help`.
 */
export function settingFlag(flags: string, setting: SettingName, description: string): Option {
  const option = new Option(flags, description);
  settingOf.set(option, setting);
  return option;
}

/** A flag for a setting that is a list, which may be given again and again. */
export function listFlag(flags: string, setting: SettingName, description: string): Option {
  return settingFlag(flags, setting, description)
    .argParser(appended);
}

function appended(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** Which endpoint's certificate `--tls-cert` is. */
export type TlsRole = "scheduler" | "worker" | "client";

/** Adds the flags that protect a cluster. */
export function addSecurityFlags(command: Command, role: TlsRole): void {
  command.optionsGroup("Security:")
    .addOption(settingFlag(
      "--token-file <file>",
      "security.token-file",
      "File with the secret that all of the cluster share (or DUSK_TOKEN).",
    ))
    .addOption(settingFlag(
      "--tls-ca-file <file>",
      "tls.ca-file",
      "Certificate of the authority that signs for this cluster, as PEM.",
    ))
    .addOption(settingFlag(
      "--tls-cert <file>",
      `tls.${role}.cert`,
      `Certificate of this ${role}; makes it use tls://.`,
    ))
    .addOption(settingFlag(
      "--tls-key <file>",
      `tls.${role}.key`,
      "Its key. Default: in the file of the certificate.",
    ));
  // Clients let nobody in.
  if (role === "client") return;
  command.addOption(settingFlag(
    "--insecure",
    "security.insecure",
    "Let peers from other machines in with neither token nor TLS.",
  ));
}

/** Adds the flags for where settings come from, and for the log. */
export function addConfigFlags(command: Command): void {
  command.optionsGroup("Configuration and logging:")
    .addOption(
      new Option(
        "--config <file>",
        "YAML file with settings, over those of /etc and of the home; can be repeated.",
      )
        .argParser(appended),
    )
    .option("--print-config", "Show all settings and where each comes from, and exit.")
    .addOption(settingFlag(
      "--log-level <level>",
      "logging",
      "Least level to log: debug, info (default), warning, error or critical.",
    ))
    .addOption(settingFlag("--log-format <format>", "log-format", "text (default) or json."));
}

/**
 * The settings of this program: its flags over the environment and files.
 *
 * @param command The parsed command line.
 * @returns The settings.
 * @throws {UsageError} When the value of a flag makes no sense.
 * @throws {ConfigError} When one elsewhere does.
 */
export async function programSettings(command: Command): Promise<Settings> {
  const flags: FlagValue[] = [];
  for (const option of command.options) {
    const name = settingOf.get(option);
    const key = option.attributeName();
    if (name === undefined || command.getOptionValueSource(key) !== "cli") continue;
    const value = command.getOptionValue(key);
    // `--nanny` and `--no-nanny` are one value.
    if (typeof value === "boolean" && value === option.negate) continue;
    flags.push({ name, flag: option.long!, value });
  }
  try {
    return await loadSettings({ files: command.getOptionValue("config"), flags });
  } catch (error) {
    if (error instanceof ConfigError && error.place.startsWith("--")) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/**
 * Have this program work by its settings, and log as they say; or only show them, for `--print-config`.
 *
 * @param command The parsed command line.
 * @param settings The settings.
 * @returns Whether the program is to end, since it was only to show its settings.
 * @throws {ConfigError} When the file of the token cannot be read, or that of the log not be written.
 */
export async function prepareProgram(command: Command, settings: Settings): Promise<boolean> {
  if (command.opts().printConfig === true) {
    Deno.stdout.writeSync(new TextEncoder().encode(printSettings(settings)));
    return true;
  }
  await useSettings(settings);
  hideSecrets();
  logBySettings(settings);
  return false;
}
