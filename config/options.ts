/**
 * From settings to the options of what a program makes: plain objects, so that this folder knows nothing
 * of schedulers and workers.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import { openLogFile } from "./log_file.ts";
import type { LogLevel } from "./logger.ts";
import type { SettingName, Settings } from "./settings.ts";
import { FileContentError, readSmallFile } from "./small_file.ts";

/** A file with more bytes is none of a token; how long one may be is for others to say. */
const MOST_TOKEN_BYTES = 64 * 1024;

/** The setting of each option. */
type Names = Readonly<Record<string, SettingName>>;
/** Options with the values of their settings. */
type Options<N extends Names> = { [O in keyof N]: Settings[N[O]] };

/** Which settings become options: all, or those that some source has given a value. */
export type Which = "all" | "given";

const SCHEDULER = {
  allowedFailures: "scheduler.allowed-failures",
  balanceInterval: "scheduler.balance-interval",
  bandwidth: "scheduler.bandwidth",
  connectionLimit: "scheduler.connection-limit",
  defaultTaskDuration: "scheduler.default-task-duration",
  eventLogLength: "scheduler.event-log-length",
  heartbeatInterval: "scheduler.heartbeat-interval",
  occupancyInterval: "scheduler.occupancy-interval",
  transitionLogLength: "scheduler.transition-log-length",
  validate: "scheduler.validate",
  workStealing: "scheduler.work-stealing",
  workerTtl: "scheduler.worker-ttl",
} as const;

const UNUSED_PARTS = {
  parts: "scheduler.unused-parts.count",
  bytes: "scheduler.unused-parts.bytes",
} as const;

const WORKER = {
  connectTimeout: "worker.connect-timeout",
  deathTimeout: "worker.death-timeout",
  grace: "worker.grace",
  localDirectory: "worker.local-directory",
  maxGatherBytes: "worker.max-gather-bytes",
  maxOutgoing: "worker.max-outgoing",
  memoryPause: "worker.memory.pause",
  memoryTarget: "worker.memory.target",
  nthreads: "worker.nthreads",
  reconnect: "worker.reconnect",
  resources: "worker.resources",
  totalConnections: "worker.total-connections",
  validate: "worker.validate",
} as const;

const CLIENT = {
  console: "client.console",
  direct: "client.direct",
  timeout: "client.timeout",
} as const;

const COMM = {
  closeTimeout: "comm.close-timeout",
  handshakeTimeout: "comm.handshake-timeout",
  tcpTimeout: "comm.tcp-timeout",
  timeout: "comm.connect-timeout",
} as const;

/**
 * Options of a `Scheduler`; where it listens is not among them, nor what protects it.
 *
 * @param settings The settings.
 * @param which Which of them; an option that is left out is undefined.
 * @returns The options.
 */
export function schedulerOptions(settings: Settings, which: Which = "all") {
  const isGiven = Object.values(UNUSED_PARTS).some((name) => settings.rank(name) > 0);
  return {
    ...optionsOf(settings, SCHEDULER, which),
    unusedParts: which === "all" || isGiven ? optionsOf(settings, UNUSED_PARTS, "all") : undefined,
  };
}

/**
 * Options of a `ClusterWorker`. What differs from worker to worker (its name, host and port) is not among
 * them, nor what protects it, nor its limit of memory, which workers on one machine share.
 *
 * @param settings The settings.
 * @param which Which of them; an option that is left out is undefined.
 * @returns The options.
 */
export function workerOptions(settings: Settings, which: Which = "all") {
  return optionsOf(settings, WORKER, which);
}

/**
 * Options of `Client.connect`, without what protects it.
 *
 * @param settings The settings.
 * @param which Which of them; an option that is left out is undefined.
 * @returns The options.
 */
export function clientOptions(settings: Settings, which: Which = "all") {
  return optionsOf(settings, CLIENT, which);
}

/**
 * Options of connections, `connect` and `listen`.
 *
 * @param settings The settings.
 * @param which Which of them; an option that is left out is undefined.
 * @returns The options.
 */
export function commOptions(settings: Settings, which: Which = "all") {
  const { "comm.compression": compression } = settings;
  const isGiven = which === "all" || settings.rank("comm.compression") > 0;
  return {
    ...optionsOf(settings, COMM, which),
    compression: isGiven ? compression === "none" ? null : compression : undefined,
  };
}

function optionsOf<N extends Names>(
  settings: Settings,
  names: N,
  which: "all",
): Options<N>;
function optionsOf<N extends Names>(
  settings: Settings,
  names: N,
  which: Which,
): Partial<Options<N>>;
function optionsOf(settings: Settings, names: Names, which: Which): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [option, name] of Object.entries(names)) {
    if (which === "all" || settings.rank(name) > 0) options[option] = settings[name];
  }
  return options;
}

/**
 * Options of `Security`. Reads the file of the token.
 *
 * @param settings The settings.
 * @returns The options.
 * @throws {ConfigError} When the file of the token cannot be read.
 */
export async function securityOptions(settings: Settings) {
  return {
    insecure: settings["security.insecure"],
    requireEncryption: settings["comm.require-encryption"],
    tlsCaFile: settings["tls.ca-file"],
    tlsCiphers: settings["tls.ciphers"],
    tlsClientCert: settings["tls.client.cert"],
    tlsClientKey: settings["tls.client.key"],
    tlsSchedulerCert: settings["tls.scheduler.cert"],
    tlsSchedulerKey: settings["tls.scheduler.key"],
    tlsWorkerCert: settings["tls.worker.cert"],
    tlsWorkerKey: settings["tls.worker.key"],
    token: await tokenOf(settings),
  };
}

/**
 * Which setting the token comes from: itself or a file, whichever was said by the higher source.
 *
 * @param settings The settings.
 * @returns The setting's name, which has no value where there is no token.
 */
export function tokenSetting(settings: Settings): "security.token" | "security.token-file" {
  const { "security.token": token, "security.token-file": file } = settings;
  const isFile = file !== undefined &&
    (token === undefined || settings.rank("security.token-file") > settings.rank("security.token"));
  return isFile ? "security.token-file" : "security.token";
}

async function tokenOf(settings: Settings): Promise<string | undefined> {
  if (tokenSetting(settings) === "security.token") return settings["security.token"];
  const file = settings["security.token-file"]!;
  try {
    return (await readSmallFile(file, MOST_TOKEN_BYTES)).trim();
  } catch (error) {
    const why = error instanceof FileContentError
      ? `this file ${error.message} and is none of a token`
      : (error as Error).message;
    throw new ConfigError(
      settings.origin("security.token-file"),
      `security.token-file ${JSON.stringify(file)} cannot be used: ${why}; ` +
        "make one by `openssl rand -hex 32 > FILE`",
      { cause: error },
    );
  }
}

/** What {@linkcode loggingOptions} gives: options of `configureLogging`. */
export interface LogOptions {
  /** Least level by logger. */
  level: Record<string, LogLevel>;
  /** Form of the lines. */
  format: "text" | "json";
  /** Where they go; absent: standard error. */
  sink?: (line: string) => void;
}

/**
 * Options of `configureLogging`. Opens the log file, where there is to be one.
 *
 * @param settings The settings.
 * @returns The options.
 * @throws {ConfigError} When the log file cannot be written.
 */
export function loggingOptions(settings: Settings): LogOptions {
  const options: LogOptions = {
    level: { ...settings.logging },
    format: settings["log-format"],
  };
  const file = settings["log-file"];
  if (file !== undefined) options.sink = openLogFile(file, settings.origin("log-file"));
  return options;
}
