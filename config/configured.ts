/**
 * The defaults that a program has set for all that it makes: those of its settings, once it has called
 * `configure`. Nothing reads settings by itself.
 *
 * @module
 */
import type {
  clientOptions,
  commOptions,
  schedulerOptions,
  securityOptions,
  workerOptions,
} from "./options.ts";
import type { Settings } from "./settings.ts";

/** Settings in use, and the options that follow from them. */
export interface Configuration {
  readonly settings: Settings;
  readonly scheduler: ReturnType<typeof schedulerOptions>;
  readonly worker: ReturnType<typeof workerOptions>;
  readonly client: ReturnType<typeof clientOptions>;
  readonly comm: ReturnType<typeof commOptions>;
  /** Options of `Security`, with the token read from its file. */
  readonly security: Awaited<ReturnType<typeof securityOptions>>;
}

let current: Configuration | undefined;

/** What is in use; undefined: the built-in defaults. */
export function configured(): Configuration | undefined {
  return current;
}

/** Sets what is in use; undefined: the built-in defaults again. */
export function setConfigured(configuration: Configuration | undefined): void {
  current = configuration;
}

/**
 * Options as they were given, with defaults for those that were not.
 *
 * @param options As given; undefined is not given.
 * @param defaults The defaults; undefined: there are none.
 * @returns All of them.
 */
export function withDefaults<T extends object>(options: T, defaults: Partial<T> | undefined): T {
  if (defaults === undefined) return options;
  const all: T = { ...defaults, ...options };
  for (const name in defaults) {
    if (all[name] === undefined && defaults[name] !== undefined) all[name] = defaults[name];
  }
  return all;
}
