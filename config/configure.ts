/**
 * Reads settings and makes them the defaults of a program, by an explicit call: see
 * docs/decisions/0010-settings-are-read-when-asked-for.md.
 *
 * @module
 */
import { setConfigured } from "./configured.ts";
import { configureLogging, getLogger } from "./logging.ts";
import {
  clientOptions,
  commOptions,
  loggingOptions,
  schedulerOptions,
  securityOptions,
  workerOptions,
} from "./options.ts";
import { type LoadOptions, loadSettings, type Settings } from "./settings.ts";

/**
 * Reads the settings from files and the environment, and makes them the defaults of this program: of the
 * schedulers, workers, clients and connections that it makes from then on, and of its log. Options that
 * are given to them stand over the settings.
 *
 * @param options More sources; by default those of `loadSettings`.
 * @returns The settings.
 * @throws {ConfigError} When a setting makes no sense, or a file that one names cannot be used.
 *
 * @example
 * ```ts ignore
 * await configure(); // ~/.config/dusk/*.yaml, DUSK__CLIENT__TIMEOUT=60, …
 * await using client = await Client.connect("tcp://192.168.0.1:8786");
 * ```
 */
export async function configure(options?: LoadOptions): Promise<Settings> {
  const settings = await loadSettings(options);
  await useSettings(settings);
  logBySettings(settings);
  return settings;
}

/**
 * Makes settings the defaults of this program, but for its log.
 *
 * @param settings The settings; undefined: the built-in defaults again.
 * @throws {ConfigError} When the file of the token cannot be read.
 */
export async function useSettings(settings: Settings | undefined): Promise<void> {
  setConfigured(
    settings && {
      settings,
      scheduler: schedulerOptions(settings, "given"),
      worker: workerOptions(settings, "given"),
      client: clientOptions(settings, "given"),
      comm: commOptions(settings, "given"),
      security: await securityOptions(settings),
    },
  );
}

/**
 * Logs as the settings say, and warns of those that do nothing.
 *
 * @param settings The settings.
 * @throws {ConfigError} When the log file cannot be written.
 */
export function logBySettings(settings: Settings): void {
  configureLogging(loggingOptions(settings));
  const logger = getLogger("distributed.config");
  for (const warning of settings.warnings) logger.warn(warning);
}
