/**
 * The options of a LocalCluster, and the checks that catch a wrong one before anything is started.
 *
 * @module
 */
import type { Security } from "../comm/security.ts";
import type { SchedulerOptions } from "../scheduler/scheduler.ts";
import type { ClusterWorkerOptions } from "../worker/cluster_worker.ts";

/** Seconds that a worker process may be waited for at most: a day. */
const LONGEST_TIMEOUT = 86_400;

/** Options of {@linkcode LocalCluster.create}. */
export interface LocalClusterOptions {
  /** Number of workers. By default one in this process, or as many processes as suit the cores. */
  nWorkers?: number;
  /** Threads of each worker. By default all workers together have as many as there are cores. */
  threadsPerWorker?: number;
  /** Whether workers are processes of their own, reached over TCP. Default: false. */
  processes?: boolean;
  /** Whether a worker process that dies is replaced by another. Default: true. */
  nanny?: boolean;
  /** Address to listen on for TCP. Default: "127.0.0.1", with `processes` or `schedulerPort`. */
  host?: string;
  /** TCP port of the scheduler; 0 picks a free one. Without `processes` it makes it listen on TCP too. */
  schedulerPort?: number;
  /** Name of the cluster, which its workers' names begin with. */
  name?: string;
  /** Abstract resources of each worker, such as `{ GPU: 1 }`. */
  resources?: Record<string, number>;
  /**
   * Memory of each worker: in bytes, or a text such as "4GB", or "auto" for an equal share of 75 % of this
   * machine's. What results have beyond 60 % of it goes to disk. 0: no limit. Default: "auto" with `processes`,
   * otherwise 0, since workers share the memory of this process with the program.
   */
  memoryLimit?: number | string;
  /** Folder for results on disk. Default: the system's folder for temporary files. */
  localDirectory?: string;
  /**
   * Permissions of tasks: "none", or an object such as `{ env: true, read: ["/data"], net: ["db:5432"] }`
   * as in the `deno.permissions` option of `Worker`. Default: "inherit", those of the process they run in.
   * Anything else takes Deno's feature `worker-options` when workers are not processes: run the program
   * with `--unstable-worker-options`, or with `"unstable": ["worker-options"]` in its `deno.json`.
   */
  permissions?: ClusterWorkerOptions["permissions"];
  /** Whether every invariant is checked after each step. Slow; for tests. */
  validate?: boolean;
  /** Whether worker processes print nothing here. Default: true. */
  silenceLogs?: boolean;
  /** How long worker processes may take to join the cluster, in seconds. Default: 60. */
  startTimeout?: number;
  /** More options of the scheduler. */
  scheduler?: SchedulerOptions;
  /** More options of the workers; with `processes`, only ones that JSON can carry. */
  worker?: Partial<ClusterWorkerOptions>;
  /**
   * Certificates and token of the cluster. With certificates it is reached over `tls://`. A client that
   * connects to this object uses them as well. Default: none, and only this machine is let in.
   */
  security?: Security;
}

/** Options of {@linkcode LocalCluster.startWorker}, for one worker. */
export interface StartWorkerOptions {
  /** Number of threads. Default: the cluster's threads per worker. */
  nthreads?: number;
  /** Name; unique in the cluster. */
  name?: string;
  /** Abstract resources. */
  resources?: Record<string, number>;
  /** Permissions of its tasks. Default: those of the cluster's tasks. */
  permissions?: ClusterWorkerOptions["permissions"];
}

/** Options of {@linkcode LocalCluster.stopWorker} and {@linkcode LocalCluster.scaleDown}. */
export interface StopWorkerOptions {
  /**
   * Seconds until workers are stopped even if something is lost by it, to be computed again. Default: 30;
   * 0 stops them at once.
   */
  timeout?: number;
}

/** Each option there is, so that the compiler sees when one is missing here. */
const NAMES: Readonly<Record<keyof LocalClusterOptions, true>> = {
  nWorkers: true,
  threadsPerWorker: true,
  processes: true,
  nanny: true,
  host: true,
  schedulerPort: true,
  name: true,
  resources: true,
  memoryLimit: true,
  localDirectory: true,
  permissions: true,
  validate: true,
  silenceLogs: true,
  startTimeout: true,
  scheduler: true,
  worker: true,
  security: true,
};

/**
 * Checks that options are ones that there are, that `processes` and `nanny` are booleans (a text such as
 * "no" would count as true), and that `startTimeout` is a time.
 *
 * @throws {TypeError} Which option is wrong, and what there is.
 * @throws {RangeError} When the time is too short or too long.
 */
export function checkClusterOptions(options: LocalClusterOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `the options of a LocalCluster must be an object such as { nWorkers: 2 }, got ${options}`,
    );
  }
  for (const name in options) {
    if (!Object.hasOwn(NAMES, name)) {
      throw new TypeError(
        `a LocalCluster has no option "${name}"; there are ${Object.keys(NAMES).join(", ")}`,
      );
    }
  }
  for (const name of ["processes", "nanny"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${name} must be true or false, got ${JSON.stringify(value)}`);
    }
  }
  const { startTimeout } = options;
  if (startTimeout !== undefined && !(startTimeout > 0 && startTimeout <= LONGEST_TIMEOUT)) {
    throw new RangeError(
      `startTimeout must be a number of seconds above 0, at most ${LONGEST_TIMEOUT}, ` +
        `got ${startTimeout}`,
    );
  }
}
