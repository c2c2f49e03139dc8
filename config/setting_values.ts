/**
 * The settings' names, and what values they have. What each is for stands in `schema.ts`, and in the
 * table of docs/configuration.md.
 *
 * @module
 */
import type { LogLevel } from "./logger.ts";

/** The values of all settings, by name. Times are in seconds, sizes in bytes. */
export type SettingValues = {
  readonly "scheduler.host": string | undefined;
  readonly "scheduler.interface": string | undefined;
  readonly "scheduler.port": number;
  readonly "scheduler.dashboard-address": string;
  readonly "scheduler.pid-file": string | undefined;
  readonly "scheduler.preload": readonly string[];
  readonly "scheduler.allowed-failures": number;
  readonly "scheduler.bandwidth": number;
  readonly "scheduler.default-task-duration": number;
  readonly "scheduler.work-stealing": boolean;
  readonly "scheduler.worker-ttl": number;
  readonly "scheduler.heartbeat-interval": number;
  readonly "scheduler.balance-interval": number;
  readonly "scheduler.occupancy-interval": number;
  readonly "scheduler.connection-limit": number;
  readonly "scheduler.transition-log-length": number;
  readonly "scheduler.event-log-length": number;
  readonly "scheduler.unused-parts.count": number;
  readonly "scheduler.unused-parts.bytes": number;
  readonly "scheduler.validate": boolean;
  readonly "worker.host": string | undefined;
  readonly "worker.interface": string | undefined;
  readonly "worker.port": number;
  readonly "worker.nanny-port": number | undefined;
  readonly "worker.name": string | undefined;
  readonly "worker.pid-file": string | undefined;
  readonly "worker.local-directory": string | undefined;
  readonly "worker.preload": readonly string[];
  readonly "worker.nthreads": number | undefined;
  readonly "worker.nprocs": number;
  readonly "worker.nanny": boolean;
  readonly "worker.resources": Readonly<Record<string, number>>;
  readonly "worker.memory.limit": number | "auto";
  readonly "worker.memory.target": number;
  readonly "worker.memory.pause": number;
  readonly "worker.memory.terminate": number;
  readonly "worker.connect-timeout": number;
  readonly "worker.reconnect": boolean;
  readonly "worker.death-timeout": number | undefined;
  readonly "worker.leave-timeout": number;
  readonly "worker.grace": number;
  readonly "worker.total-connections": number;
  readonly "worker.max-outgoing": number;
  readonly "worker.max-gather-bytes": number;
  readonly "worker.validate": boolean;
  readonly "client.timeout": number;
  readonly "client.scheduler": string | undefined;
  readonly "client.direct": boolean | undefined;
  readonly "client.console": boolean;
  readonly "scheduler-file": string | undefined;
  readonly "comm.default-scheme": "tcp" | "tls";
  readonly "comm.compression": "auto" | "lz4" | "none";
  readonly "comm.connect-timeout": number;
  readonly "comm.handshake-timeout": number;
  readonly "comm.close-timeout": number;
  readonly "comm.tcp-timeout": number;
  readonly "comm.require-encryption": boolean;
  readonly "tls.ca-file": string | undefined;
  readonly "tls.ciphers": string | undefined;
  readonly "tls.scheduler.cert": string | undefined;
  readonly "tls.scheduler.key": string | undefined;
  readonly "tls.worker.cert": string | undefined;
  readonly "tls.worker.key": string | undefined;
  readonly "tls.client.cert": string | undefined;
  readonly "tls.client.key": string | undefined;
  readonly "security.token-file": string | undefined;
  readonly "security.token": string | undefined;
  readonly "security.insecure": boolean;
  readonly "logging": Readonly<Record<string, LogLevel>>;
  readonly "log-format": "text" | "json";
  readonly "log-file": string | undefined;
  readonly "pdb-on-err": boolean;
  readonly "multiprocessing-method": string | undefined;
  readonly "bokeh-export-tool": boolean;
};

/** The name of a setting, such as `scheduler.port`. */
export type SettingName = keyof SettingValues;
