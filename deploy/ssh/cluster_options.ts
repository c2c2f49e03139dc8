/**
 * The options of an SSHCluster, and the checks that catch a wrong one before anything is started.
 *
 * @module
 */
import type { SSHReport } from "./reports.ts";

/** Options of {@linkcode SSHCluster.create}. Paths on the hosts may begin with `~/`. */
export interface SSHClusterOptions {
  /**
   * The hosts that get workers: `node1`, `me@node1`, `node1:2222`, `[fe80::1]:22`. Names are looked up
   * in the user's ssh configuration.
   */
  hosts: readonly string[];
  /** The host that gets the scheduler. Default: the first of `hosts`. */
  scheduler?: string;
  /** Port of the scheduler; 0 picks a free one. Default: 8786. */
  schedulerPort?: number;
  /** Threads of each worker. Default: the number of cores there, shared by its workers. */
  nthreads?: number;
  /** Workers of each host. Default: 1. */
  nprocs?: number;
  /** Memory limit of each worker, such as "4GB". Default: "auto". */
  memoryLimit?: string;
  /** Folder on the hosts for what workers spill. */
  localDirectory?: string;
  /** More flags of each dusk-worker, one each, such as "--resources=GPU=2". */
  workerFlags?: readonly string[];
  /** More flags of the dusk-scheduler, one each. */
  schedulerFlags?: readonly string[];
  /** Whether each worker listens on the name its host was given by; else where it sees fit. Default: true. */
  bindHosts?: boolean;
  /** Who logs in, on hosts that do not say it themselves. */
  username?: string;
  /** Port of sshd, on hosts that do not say it themselves. */
  sshPort?: number;
  /** File with the private key to log in with. Default: what the ssh configuration and ssh-agent have. */
  privateKey?: string;
  /** File with the ssh configuration, instead of the user's and the machine's. */
  sshConfig?: string;
  /** The ssh program. Default: "ssh". */
  ssh?: string;
  /** Path of dusk-worker on the hosts. Default: looked for in PATH, then where `copy` puts it. */
  remoteWorker?: string;
  /** Path of dusk-scheduler on its host. Default: beside `remoteWorker`, else looked for like that. */
  remoteScheduler?: string;
  /** Whether the programs are copied onto hosts that do not have the same already. Default: false. */
  copy?: boolean;
  /** Folder on this machine with the binaries to copy. Default: beside this program, or `dist`. */
  binaries?: string;
  /** Folder on the hosts for copied programs. Default: `~/.cache/dusk/VERSION`. */
  remoteDirectory?: string;
  /** The cluster's secret, of 16 characters at least. Default: a random one. */
  token?: string;
  /** How long the scheduler, and then the workers, may take to come up, in seconds. Default: 60. */
  startTimeout?: number;
  /** Seconds without contact after which either side of a connection takes it for lost. Default: 60. */
  lostAfter?: number;
  /** Told what the programs print, and what becomes of the hosts. */
  onReport?: (report: SSHReport) => void;
}

/** Each option there is, and what it must be. */
const KINDS: Readonly<Record<keyof SSHClusterOptions, string>> = {
  hosts: "list",
  scheduler: "string",
  schedulerPort: "port",
  nthreads: "count",
  nprocs: "count",
  memoryLimit: "string",
  localDirectory: "string",
  workerFlags: "list",
  schedulerFlags: "list",
  bindHosts: "boolean",
  username: "string",
  sshPort: "port",
  privateKey: "string",
  sshConfig: "string",
  ssh: "string",
  remoteWorker: "string",
  remoteScheduler: "string",
  copy: "boolean",
  binaries: "string",
  remoteDirectory: "string",
  token: "string",
  startTimeout: "seconds",
  lostAfter: "seconds",
  onReport: "function",
};

/** What a value of each kind is, and how that is said. */
const CHECKS: Readonly<Record<string, [words: string, check: (value: unknown) => boolean]>> = {
  list: ["a list of texts", (value) => Array.isArray(value) && value.every(isText)],
  string: ["a text that is not empty", isText],
  boolean: ["true or false", (value) => typeof value === "boolean"],
  function: ["a function", (value) => typeof value === "function"],
  port: ["a whole number from 0 to 65535", (value) => isWhole(value, 0, 65_535)],
  count: ["a whole number of at least 1", (value) => isWhole(value, 1, Number.MAX_SAFE_INTEGER)],
  seconds: [
    "a number of seconds from 1 to 86400",
    (value) => typeof value === "number" && value >= 1 && value <= 86_400,
  ],
};

/**
 * Checks the options by their names and kinds.
 *
 * @throws {TypeError} Which option is wrong, and what there is.
 */
export function checkSSHOptions(options: SSHClusterOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `the options of an SSHCluster must be an object such as { hosts: ["node1"] }, got ${options}`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(KINDS, name)) {
      throw new TypeError(
        `an SSHCluster has no option "${name}"; there are ${Object.keys(KINDS).join(", ")}`,
      );
    }
    const [words, check] = CHECKS[KINDS[name as keyof SSHClusterOptions]];
    if (value !== undefined && !check(value)) {
      // The token is not shown.
      const got = name === "token" ? `a ${typeof value}` : JSON.stringify(value);
      throw new TypeError(`${name} of an SSHCluster must be ${words}, got ${got}`);
    }
  }
  if ((options.hosts ?? []).length === 0) {
    throw new TypeError("an SSHCluster needs hosts: give at least one");
  }
  if (options.copy && (options.remoteWorker ?? options.remoteScheduler) !== undefined) {
    throw new TypeError(
      "copy does not go with remoteWorker and remoteScheduler: remoteDirectory says where copies go",
    );
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "" && !value.includes("\0");
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value as number >= least && value as number <= most;
}
