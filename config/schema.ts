/**
 * All settings: their names, kinds, defaults and what they are for. Everything else in this folder,
 * and the table in docs/configuration.md, follows from this one.
 *
 * @module
 */
import {
  amounts,
  boolean,
  bytes,
  fraction,
  type Kind,
  logLevels,
  memoryLimit,
  oneOf,
  path,
  paths,
  seconds,
  text,
  whole,
} from "./kinds.ts";
import type { SettingName, SettingValues } from "./setting_values.ts";

/** One setting. */
export interface Definition<T> {
  /** What values it has. */
  readonly kind: Kind<NonNullable<T>>;
  /** Its value where nothing else is said; undefined: what stands in the description. */
  readonly default: T;
  /** What it is for, in one sentence. */
  readonly description: string;
  /** Dask's name of it, understood as well. */
  readonly alias?: string;
  /** An environment variable of its own. */
  readonly variable?: string;
  /** Whether its value is never shown. */
  readonly isSecret?: boolean;
  /** Whether it is known, from Dask, and does nothing: why. */
  readonly noEffect?: string;
}

type More = Pick<Definition<unknown>, "alias" | "variable" | "isSecret" | "noEffect">;

function setting<T>(kind: Kind<T>, value: T, description: string, more: More = {}): Definition<T> {
  return { kind: kind as Kind<NonNullable<T>>, default: value, description, ...more };
}

/** A setting that can be left open. */
function optional<T>(
  kind: Kind<T>,
  description: string,
  more: More = {},
): Definition<T | undefined> {
  return { kind: kind as Kind<NonNullable<T>>, default: undefined, description, ...more };
}

const port = whole(0, 65_535);
const MB = 1e6;

/** All settings, by name. */
const SCHEMA: { readonly [N in SettingName]: Definition<SettingValues[N]> } = {
  // the scheduler's place
  "scheduler.host": optional(
    text,
    "Host name or IP address that the scheduler listens on; by default all of the machine's.",
  ),
  "scheduler.interface": optional(
    text,
    "Network interface that the scheduler listens on, such as `eth0`, in the place of a host.",
  ),
  "scheduler.port": setting(port, 8786, "Port that the scheduler listens on; 0 is any free one."),
  "scheduler.dashboard-address": setting(
    text,
    ":8787",
    "Where the scheduler's web pages are, as `host:port` or `:port`.",
  ),
  "scheduler.pid-file": optional(path, "File that the scheduler writes its process number to."),
  "scheduler.preload": setting(
    paths,
    [],
    "Modules that the scheduler imports before it accepts any connection.",
  ),

  // how it schedules
  "scheduler.allowed-failures": setting(
    whole(0),
    3,
    "How many workers a task may bring down before it is given up.",
    { alias: "allowed-failures" },
  ),
  "scheduler.bandwidth": setting(
    bytes,
    100 * MB,
    "Bytes per second that a transfer between workers is expected to reach.",
    { alias: "bandwidth" },
  ),
  "scheduler.default-task-duration": setting(
    seconds(),
    0.5,
    "How long a task of an unknown function is expected to take.",
  ),
  "scheduler.work-stealing": setting(
    boolean,
    true,
    "Whether tasks are moved from busy workers to idle ones.",
  ),
  "scheduler.worker-ttl": setting(
    seconds({ zero: true }),
    30,
    "Silence after which a worker is given up; 0 is never.",
  ),
  "scheduler.heartbeat-interval": setting(
    seconds(),
    1,
    "How often workers say that they live.",
  ),
  "scheduler.balance-interval": setting(
    seconds(),
    0.1,
    "How often it is looked whether tasks should be moved to idle workers.",
  ),
  "scheduler.occupancy-interval": setting(
    seconds(),
    1,
    "How often it is estimated afresh how long the workers are busy.",
  ),
  "scheduler.connection-limit": setting(
    whole(1),
    512,
    "How many connections to workers the scheduler keeps at most, for calls.",
  ),
  "scheduler.transition-log-length": setting(
    whole(0),
    100_000,
    "How many changes of the state of tasks are remembered.",
    { alias: "transition-log-length" },
  ),
  "scheduler.event-log-length": setting(
    whole(0),
    10_000,
    "How many events are remembered of each topic.",
  ),
  "scheduler.unused-parts.count": setting(
    whole(0),
    1000,
    "How many pieces of code are kept that no task uses any more.",
  ),
  "scheduler.unused-parts.bytes": setting(
    bytes,
    64 * 2 ** 20,
    "How many bytes of code are kept that no task uses any more.",
  ),
  "scheduler.validate": setting(
    boolean,
    false,
    "Whether the scheduler checks its whole state after each step; slow, for debugging.",
  ),

  // a worker's place
  "worker.host": optional(
    text,
    "Host name or IP address that a worker listens on; by default the one the scheduler can reach.",
  ),
  "worker.interface": optional(
    text,
    "Network interface that a worker listens on, such as `eth0`, in the place of a host.",
  ),
  "worker.port": setting(port, 0, "Port that a worker listens on; 0 is any free one."),
  "worker.nanny-port": optional(
    port,
    "Port where a nanny can be asked, 0 is any free one; by default none.",
  ),
  "worker.name": optional(
    text,
    "Name of the worker, unique in the cluster; by default its address.",
  ),
  "worker.pid-file": optional(path, "File that `dusk-worker` writes its process number to."),
  "worker.local-directory": optional(
    path,
    "Folder for what a worker writes to disk; by default one of the system's temporary ones.",
  ),
  "worker.preload": setting(
    paths,
    [],
    "Modules that a worker imports before it makes any connection.",
  ),

  // what it does
  "worker.nthreads": optional(
    whole(1, 4096),
    "How many threads of a worker run tasks; by default one for each core.",
  ),
  "worker.nprocs": setting(
    whole(1, 1024),
    1,
    "How many workers `dusk-worker` starts, each in a process of its own.",
  ),
  "worker.nanny": setting(
    boolean,
    true,
    "Whether a nanny watches over the worker's process and restarts it.",
  ),
  "worker.resources": setting(
    amounts,
    {},
    "How much a worker has of what tasks can ask for, such as `{GPU: 2}`.",
  ),
  "worker.memory.limit": setting(
    memoryLimit,
    "auto",
    "Memory that a worker may use; `auto` is 75 % of the machine's, 0 is no limit.",
  ),
  "worker.memory.target": setting(
    fraction,
    0.6,
    "Part of the limit that results may take before some are moved to disk.",
  ),
  "worker.memory.pause": setting(
    fraction,
    0.8,
    "Part of the limit that the process may take before it starts no more tasks.",
  ),
  "worker.memory.terminate": setting(
    fraction,
    0.95,
    "Part of the limit that the process may take before its nanny restarts it.",
  ),
  "worker.connect-timeout": setting(
    seconds(),
    30,
    "How long a worker tries to reach the scheduler at first.",
  ),
  "worker.reconnect": setting(
    boolean,
    true,
    "Whether a worker connects again when it has lost the scheduler.",
  ),
  "worker.death-timeout": optional(
    seconds({ zero: true }),
    "How long a worker goes on without a scheduler before it ends; by default for ever.",
  ),
  "worker.leave-timeout": setting(
    seconds({ zero: true }),
    30,
    "How long a worker that is told to stop has to hand its results to others.",
  ),
  "worker.grace": setting(
    seconds({ zero: true }),
    0.5,
    "How long a cancelled task has to end by itself before its thread is terminated.",
  ),
  "worker.total-connections": setting(
    whole(1),
    50,
    "From how many peers a worker fetches data at once.",
  ),
  "worker.max-outgoing": setting(
    whole(1),
    50,
    "To how many peers a worker sends data at once.",
  ),
  "worker.max-gather-bytes": setting(
    bytes,
    200 * MB,
    "How many bytes a worker asks of a peer at once.",
  ),
  "worker.validate": setting(
    boolean,
    false,
    "Whether a worker checks its whole state after each step; slow, for debugging.",
  ),

  // clients
  "client.timeout": setting(
    seconds(),
    10,
    "How long a client tries to reach the scheduler, at first and when the connection is lost.",
  ),
  "client.scheduler": optional(
    text,
    "Address of the scheduler that a client connects to where the program names none.",
    { variable: "DUSK_SCHEDULER_ADDRESS" },
  ),
  "client.direct": optional(
    boolean,
    "Whether data goes straight between client and workers; by default where they can be reached.",
  ),
  "client.console": setting(
    boolean,
    true,
    "Whether what tasks write to their console is written to the client's.",
  ),
  "scheduler-file": optional(
    path,
    "File in which the scheduler says how to reach it, and in which workers and clients look.",
  ),

  // communication
  "comm.default-scheme": setting(
    oneOf("tcp", "tls"),
    "tcp",
    "Scheme of addresses that are given without one.",
    { alias: "default-scheme" },
  ),
  "comm.compression": setting(
    oneOf("auto", "lz4", "none"),
    "auto",
    "Compression of what is sent; `auto` is lz4 between machines and none within one.",
    { alias: "compression" },
  ),
  "comm.connect-timeout": setting(
    seconds(),
    5,
    "How long it is tried to connect to an address.",
  ),
  "comm.handshake-timeout": setting(
    seconds(),
    5,
    "How long a new connection has for its handshake.",
  ),
  "comm.close-timeout": setting(
    seconds(),
    5,
    "How long a connection that closes waits for a peer that takes nothing.",
  ),
  "comm.tcp-timeout": setting(
    seconds(),
    30,
    "How long a peer may be unresponsive before the connection counts as closed.",
    { alias: "tcp-timeout" },
  ),
  "comm.require-encryption": setting(
    boolean,
    false,
    "Whether connections that leave the machine must be encrypted.",
    { alias: "require-encryption" },
  ),

  // security
  "tls.ca-file": optional(
    path,
    "Certificates of the authorities that sign for this cluster, as PEM.",
  ),
  "tls.ciphers": optional(
    text,
    "Ciphers that are allowed, by OpenSSL's names with colons between.",
  ),
  "tls.scheduler.cert": optional(path, "Certificate of the scheduler, as PEM."),
  "tls.scheduler.key": optional(path, "Its key; by default in the certificate's file."),
  "tls.worker.cert": optional(path, "Certificate of the workers, as PEM."),
  "tls.worker.key": optional(path, "Its key; by default in the certificate's file."),
  "tls.client.cert": optional(path, "Certificate of the clients, as PEM."),
  "tls.client.key": optional(path, "Its key; by default in the certificate's file."),
  "security.token-file": optional(path, "File with the secret that all of the cluster share."),
  "security.token": optional(
    text,
    "The secret itself, for where a file is unhandy.",
    { variable: "DUSK_TOKEN", isSecret: true },
  ),
  "security.insecure": setting(
    boolean,
    false,
    "Whether peers from other machines are let in with neither TLS nor token.",
  ),

  // logging
  "logging": setting(
    logLevels,
    { distributed: "info" },
    "Least level to log, for all of Dusk or by the hierarchical names of loggers.",
  ),
  "log-format": setting(
    oneOf("text", "json"),
    "text",
    "Form of the log: readable lines, or one JSON object a line.",
  ),
  "log-file": optional(
    path,
    "File that the log is appended to; by default it goes to standard error.",
  ),

  // Dask's that do nothing here
  "pdb-on-err": setting(boolean, false, "Python's debugger on an error of the scheduler.", {
    noEffect: "Deno has no pdb: start the program with `--inspect-brk`, or set scheduler.validate",
  }),
  "multiprocessing-method": optional(text, "How Python starts processes.", {
    noEffect: "workers are processes of their own, or threads, whichever it says",
  }),
  "bokeh-export-tool": setting(boolean, false, "A button of Dask's web pages.", {
    noEffect: "the web pages are not made with Bokeh",
  }),
};

/** The definitions, for code that treats all of them alike. */
export const DEFINITIONS: ReadonlyMap<string, Definition<unknown>> = new Map(
  Object.entries(SCHEMA),
);

/** The setting of each of Dask's flat names. */
export const ALIASES: ReadonlyMap<string, SettingName> = new Map(
  Object.entries(SCHEMA as Readonly<Record<string, Definition<unknown>>>).flatMap((
    [name, { alias }],
  ) => alias === undefined ? [] : [[alias, name as SettingName]]),
);
