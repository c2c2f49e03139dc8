/**
 * From settings to the options of what a program makes: plain objects, so that this folder knows nothing
 * of schedulers and workers.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import { openLogFile } from "./log_file.ts";
import type { LogLevel } from "./logger.ts";
import type { Settings } from "./settings.ts";
import { FileContentError, readSmallFile } from "./small_file.ts";

/** A file with more bytes is none of a token; how long one may be is for others to say. */
const MOST_TOKEN_BYTES = 64 * 1024;

/**
 * Options of a `Scheduler`; where it listens is not among them, nor what protects it.
 *
 * @param settings The settings.
 * @returns The options.
 */
export function schedulerOptions(settings: Settings) {
  return {
    allowedFailures: settings["scheduler.allowed-failures"],
    balanceInterval: settings["scheduler.balance-interval"],
    bandwidth: settings["scheduler.bandwidth"],
    connectionLimit: settings["scheduler.connection-limit"],
    defaultTaskDuration: settings["scheduler.default-task-duration"],
    eventLogLength: settings["scheduler.event-log-length"],
    heartbeatInterval: settings["scheduler.heartbeat-interval"],
    occupancyInterval: settings["scheduler.occupancy-interval"],
    transitionLogLength: settings["scheduler.transition-log-length"],
    unusedParts: {
      parts: settings["scheduler.unused-parts.count"],
      bytes: settings["scheduler.unused-parts.bytes"],
    },
    validate: settings["scheduler.validate"],
    workStealing: settings["scheduler.work-stealing"],
    workerTtl: settings["scheduler.worker-ttl"],
  };
}

/**
 * Options of a `ClusterWorker`. What differs from worker to worker (its name, host and port) is not among
 * them, nor what protects it, nor its limit of memory, which workers on one machine share.
 *
 * @param settings The settings.
 * @returns The options.
 */
export function workerOptions(settings: Settings) {
  return {
    connectTimeout: settings["worker.connect-timeout"],
    deathTimeout: settings["worker.death-timeout"],
    grace: settings["worker.grace"],
    localDirectory: settings["worker.local-directory"],
    maxGatherBytes: settings["worker.max-gather-bytes"],
    maxOutgoing: settings["worker.max-outgoing"],
    memoryPause: settings["worker.memory.pause"],
    memoryTarget: settings["worker.memory.target"],
    nthreads: settings["worker.nthreads"],
    reconnect: settings["worker.reconnect"],
    resources: settings["worker.resources"],
    totalConnections: settings["worker.total-connections"],
    validate: settings["worker.validate"],
  };
}

/**
 * Options of `Client.connect`, without what protects it.
 *
 * @param settings The settings.
 * @returns The options.
 */
export function clientOptions(settings: Settings) {
  return {
    console: settings["client.console"],
    direct: settings["client.direct"],
    timeout: settings["client.timeout"],
  };
}

/**
 * Options of connections, `connect` and `listen`.
 *
 * @param settings The settings.
 * @returns The options.
 */
export function commOptions(settings: Settings) {
  const compression = settings["comm.compression"];
  return {
    closeTimeout: settings["comm.close-timeout"],
    compression: compression === "none" ? null : compression,
    handshakeTimeout: settings["comm.handshake-timeout"],
    tcpTimeout: settings["comm.tcp-timeout"],
    timeout: settings["comm.connect-timeout"],
  };
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

/** The token: itself or in a file, whichever was said by the higher source. */
async function tokenOf(settings: Settings): Promise<string | undefined> {
  const { "security.token": token, "security.token-file": file } = settings;
  if (file === undefined) return token;
  if (
    token !== undefined && settings.rank("security.token") >= settings.rank("security.token-file")
  ) {
    return token;
  }
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
