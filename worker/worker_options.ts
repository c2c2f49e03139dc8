/**
 * The options of a worker, and their checks.
 *
 * @module
 */
import { getLocalAddressFor, normalizeAddress, parseAddress } from "../comm/addresses.ts";
import { unparseHostPort } from "../comm/host_port.ts";
import { getBackend } from "../comm/registry.ts";
import { defaultSecurity } from "../comm/default_security.ts";
import type { Security } from "../comm/security.ts";
import { configured, withDefaults } from "../config/configured.ts";
import type { NannyHandle } from "./nanny_handle.ts";

/** Options of `ClusterWorker`. All times in seconds, all sizes in bytes. */
export interface ClusterWorkerOptions {
  /** Where the scheduler is, such as `tcp://192.168.0.1:8786`. */
  schedulerAddress: string;
  /** How many threads run tasks. Default: one for each core. */
  nthreads?: number;
  /** Name of the worker, unique in the cluster. Default: its address. */
  name?: string;
  /** Where to listen, in full, such as `tcp://0.0.0.0:9000`; instead of `host` and `port`. */
  listenAddress?: string;
  /** Host or IP address to listen on. Default: the one by which the scheduler can reach it. */
  host?: string;
  /** Port to listen on. Default 0: any that is free. */
  port?: number;
  /** How much there is of each abstract resource, such as `{ GPU: 2 }`. */
  resources?: Record<string, number>;
  /**
   * What tasks may do, as in the `deno.permissions` option of `Worker`. Default "inherit": all that
   * this process may. Anything else takes Deno's feature `worker-options`.
   */
  permissions?: Deno.PermissionOptions;
  /** Most gathers from peers at once. Default 50. */
  totalConnections?: number;
  /** Most bytes to ask a peer for at once. Default 200 MB. */
  maxGatherBytes?: number;
  /** Most peers to send data to at once; more are told to come back later. Default 50. */
  maxOutgoing?: number;
  /** How long to try to reach the scheduler at first. Default 10. */
  connectTimeout?: number;
  /** Whether to connect again when the connection to the scheduler is lost. Default true. */
  reconnect?: boolean;
  /** How long to try that before the worker closes. Default: for ever. */
  deathTimeout?: number;
  /** How long a cancelled task has to end by itself before its thread is terminated. Default 0.5. */
  grace?: number;
  /** The nanny that looks after the worker's process. Default: none. */
  nanny?: NannyHandle;
  /**
   * Bytes of memory that the worker's process may have; see `parseMemoryLimit`. Default 0: no limit, results stay
   * in memory and nothing is watched.
   */
  memoryLimit?: number;
  /**
   * The part of the limit that results may have in memory; beyond it, those used least recently go to disk. 0: all
   * stay in memory. Default 0.6.
   */
  memoryTarget?: number;
  /**
   * The part of the limit from which on the worker pauses, by resident memory of the process: it starts no task
   * until there is less. Where several workers share a process, it may be above 1. 0: the memory of the process
   * is not looked at. Default 0.8.
   */
  memoryPause?: number;
  /** Where to make a folder for results on disk. Default: the system's folder for temporary files. */
  localDirectory?: string;
  /** Check every invariant after every step. Slow; for tests. */
  validate?: boolean;
  /** Certificates and token. Default: neither, and only peers of this machine are let in. */
  security?: Security;
}

/** Options with all defaults filled in. */
export interface WorkerSettings extends ClusterWorkerOptions {
  nthreads: number;
  resources: Record<string, number>;
  permissions: Deno.PermissionOptions;
  totalConnections: number;
  maxGatherBytes: number;
  maxOutgoing: number;
  connectTimeout: number;
  reconnect: boolean;
  memoryLimit: number;
  memoryTarget: number;
  memoryPause: number;
  validate: boolean;
}

/**
 * Check options and fill in the defaults.
 *
 * @param given As the user gave them; the program's settings, if it has any, fill in the rest first.
 * @returns All settings.
 * @throws {TypeError} When an option is of the wrong kind.
 * @throws {RangeError} When a number is out of range.
 * @throws {AddressError} When an address is malformed.
 */
export function checkWorkerOptions(given: ClusterWorkerOptions): WorkerSettings {
  if (typeof given?.schedulerAddress !== "string" || given.schedulerAddress === "") {
    throw new TypeError(
      'schedulerAddress must be the address of a scheduler, such as "tcp://127.0.0.1:8786"; ' +
        `got ${show(given?.schedulerAddress)}`,
    );
  }
  const options = withDefaults(given, configured()?.worker);
  getBackend(parseAddress(options.schedulerAddress)[0]);
  if (options.listenAddress !== undefined) {
    if (options.host !== undefined || options.port !== undefined) {
      throw new TypeError("Give either listenAddress, or host and port, not both");
    }
    getBackend(parseAddress(options.listenAddress)[0]);
  }
  if (options.name !== undefined && (typeof options.name !== "string" || options.name === "")) {
    throw new TypeError(`name must be a text that is not empty; got ${show(options.name)}`);
  }
  const resources = options.resources ?? {};
  for (const [name, amount] of Object.entries(resources)) {
    number(`resources.${name}`, amount, 0);
  }
  if (options.port !== undefined) whole("port", options.port, 0, 65535);
  if (options.deathTimeout !== undefined) number("deathTimeout", options.deathTimeout, 0);
  if (options.grace !== undefined) number("grace", options.grace, 0);
  const { localDirectory } = options;
  if (localDirectory !== undefined && (typeof localDirectory !== "string" || !localDirectory)) {
    throw new TypeError(
      `localDirectory must be the path of a folder; got ${show(localDirectory)}`,
    );
  }
  return {
    ...options,
    security: options.security ?? defaultSecurity(),
    schedulerAddress: normalizeAddress(options.schedulerAddress),
    nthreads: whole("nthreads", options.nthreads ?? navigator.hardwareConcurrency, 1, 4096),
    resources,
    permissions: options.permissions ?? "inherit",
    totalConnections: whole("totalConnections", options.totalConnections ?? 50, 1),
    maxGatherBytes: number("maxGatherBytes", options.maxGatherBytes ?? 200e6, 1),
    maxOutgoing: whole("maxOutgoing", options.maxOutgoing ?? 50, 1),
    connectTimeout: number("connectTimeout", options.connectTimeout ?? 10, 0.001),
    reconnect: options.reconnect ?? true,
    memoryLimit: number("memoryLimit", options.memoryLimit ?? 0, 0),
    memoryTarget: number("memoryTarget", options.memoryTarget ?? 0.6, 0),
    memoryPause: number("memoryPause", options.memoryPause ?? 0.8, 0),
    validate: options.validate ?? false,
  };
}

/**
 * Where a worker listens.
 *
 * @param settings Its settings.
 * @returns An address to listen on.
 */
export function listenAddressFor(settings: WorkerSettings): string {
  if (settings.listenAddress !== undefined) return normalizeAddress(settings.listenAddress);
  const { schedulerAddress, host, port = 0 } = settings;
  const [scheme] = parseAddress(schedulerAddress);
  const hasPorts = getBackend(scheme).getAddressHostPort !== undefined;
  if (!hasPorts) return getLocalAddressFor(schedulerAddress);
  if (host === undefined) return `${getLocalAddressFor(schedulerAddress)}:${port}`;
  return `${scheme}://${unparseHostPort(host, port)}`;
}

function number(name: string, value: unknown, least: number): number {
  if (typeof value === "number" && value >= least && value < Infinity) return value;
  throw new RangeError(`${name} must be a number of at least ${least}; got ${show(value)}`);
}

function whole(name: string, value: unknown, least: number, most = 2 ** 31): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number;
  }
  throw new RangeError(
    `${name} must be a whole number from ${least} to ${most}; got ${show(value)}`,
  );
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
