/**
 * The options of a nanny, their checks, and what of them its worker's process gets to know.
 *
 * @module
 */
import type { ChildSettings } from "./nanny_messages.ts";
import type { MemoryReader } from "./process_memory.ts";
import { checkWorkerOptions, type ClusterWorkerOptions } from "./worker_options.ts";
import { workerFromSource } from "./worker_program.ts";

/** Options of `Nanny`: those of its worker, and its own. Times in seconds, sizes in bytes. */
export interface NannyOptions extends Omit<ClusterWorkerOptions, "nanny"> {
  /**
   * Port on which the nanny answers `identity`, `restart` and `terminate`, on the worker's host and under
   * the cluster's security; 0: any that is free. Default: it does not listen.
   */
  nannyPort?: number;
  /**
   * How full the worker's memory (`memoryLimit`) may be before its process is ended, from 0 to 1; 0: it
   * never is. Default 0.95.
   */
  memoryTerminate?: number;
  /** Whether a worker that has died is started again, and one of a cluster that restarts. Default true. */
  autoRestart?: boolean;
  /** The program that runs the worker, and its arguments. Default: `dusk-worker`, from its source. */
  command?: readonly string[];
  /** Modules for the worker's process to load first. */
  preload?: readonly string[];
  /** What the worker's program gets to know besides, such as how to log; what JSON can carry. */
  program?: Record<string, unknown>;
  /** Whether what the process prints is shown on this one's standard output and error. Default true. */
  showOutput?: boolean;
}

/** How often a process tells its memory where its nanny cannot see it, in seconds. */
const REPORT_INTERVAL = 0.2;
/** How long a worker that was in the cluster tries to find its scheduler: for ever. */
const FOR_EVER = 1e9;

/**
 * Check options and fill in what a nanny cannot do without.
 *
 * @throws {TypeError} When an option is of the wrong kind.
 * @throws {RangeError} When a number is out of range.
 * @throws {AddressError} When an address is malformed.
 * @throws {WorkerProcessError} In a compiled program that gives no `command`.
 */
export function checkNannyOptions(
  options: NannyOptions,
): NannyOptions & { nthreads: number; command: readonly string[] } {
  const { schedulerAddress, nthreads } = checkWorkerOptions(options);
  const { memoryTerminate, nannyPort, command } = options;
  if (memoryTerminate !== undefined && !(memoryTerminate >= 0 && memoryTerminate <= 1)) {
    throw new RangeError(
      `memoryTerminate must be a number from 0 to 1; got ${memoryTerminate}`,
    );
  }
  if (
    nannyPort !== undefined && !(Number.isInteger(nannyPort) && nannyPort >= 0 && nannyPort < 65536)
  ) {
    throw new RangeError(`nannyPort must be a whole number from 0 to 65535; got ${nannyPort}`);
  }
  if (command !== undefined && command.length === 0) {
    throw new TypeError("command must have a program at least; got an empty list");
  }
  return { ...options, schedulerAddress, nthreads, command: command ?? workerFromSource() };
}

/** How many bytes of memory a process may hold; 0: any amount. */
export function terminateAt({ memoryLimit = 0, memoryTerminate = 0.95 }: NannyOptions): number {
  return memoryTerminate * memoryLimit;
}

/**
 * What a process gets to know.
 *
 * @param options The nanny's.
 * @param about.nanny What the scheduler knows the nanny by.
 * @param about.wasThere Whether the worker has been in the cluster: then it does not fail because the
 *   scheduler is away for a while, as little as it would have if it had not died.
 * @param about.readMemory How the nanny sees the process's memory, if it can.
 */
export function childSettings(
  options: NannyOptions,
  about: { nanny: string; wasThere: boolean; readMemory: MemoryReader | undefined },
): Omit<ChildSettings, "mark" | "cookie" | "leadsGroup"> {
  const {
    nannyPort: _1,
    memoryTerminate: _2,
    autoRestart = true,
    command: _3,
    preload = [],
    program = {},
    showOutput: _4,
    security,
    ...worker
  } = options;
  if (about.wasThere && worker.reconnect !== false) {
    worker.connectTimeout = worker.deathTimeout ?? FOR_EVER;
  }
  const isBlind = about.readMemory === undefined && terminateAt(options) > 0;
  return {
    worker,
    security: security?.options,
    nanny: autoRestart ? about.nanny : undefined,
    preload: [...preload],
    program,
    reportInterval: isBlind ? REPORT_INTERVAL : 0,
  };
}
