/**
 * How many workers a local cluster has, and how many threads each of them.
 *
 * @module
 */

/** Numbers of workers and of threads. */
export interface ClusterShape {
  /** Number of workers. */
  nWorkers: number;
  /** Threads of each worker. */
  threadsPerWorker: number;
}

/**
 * Fill in what the user has left open, so that all threads together keep all cores busy.
 *
 * @param cores Number of cores of this machine.
 * @param processes Whether workers are processes of their own.
 * @param nWorkers Number of workers, when the user has said it.
 * @param threadsPerWorker Threads of each, when the user has said it.
 * @throws {RangeError} When a number is not a whole one, or too small.
 */
export function clusterShape(
  cores: number,
  processes: boolean,
  nWorkers: number | undefined,
  threadsPerWorker: number | undefined,
): ClusterShape {
  checkCount("nWorkers", nWorkers, 0);
  checkCount("threadsPerWorker", threadsPerWorker, 1);
  if (nWorkers === undefined && threadsPerWorker === undefined) {
    nWorkers = processes ? balancedProcesses(cores) : 1;
  }
  nWorkers ??= Math.max(1, Math.floor(cores / threadsPerWorker!));
  threadsPerWorker ??= Math.max(1, Math.floor(cores / Math.max(1, nWorkers)));
  return { nWorkers, threadsPerWorker };
}

/** One process a core on small machines; on larger ones about as many processes as threads in each. */
function balancedProcesses(cores: number): number {
  if (cores <= 4) return cores;
  let processes = Math.ceil(Math.sqrt(cores));
  while (cores % processes !== 0) processes++;
  return processes;
}

function checkCount(name: string, value: number | undefined, least: number): void {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < least)) {
    throw new RangeError(`${name} must be a whole number of at least ${least}, got ${value}`);
  }
}
