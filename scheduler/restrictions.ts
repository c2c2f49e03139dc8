/**
 * Where a task may run: what the user's `workers` and `resources` mean for the workers that there
 * are now.
 *
 * @module
 */
import type { SchedulerState } from "./state.ts";
import type { RunSpec, TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

const ADDRESS = /:\/\/|:\d+$/;

/**
 * Finds the worker that an address or a name means. The scheme of an address may be left out.
 *
 * @returns The worker, or undefined when there is none at present.
 */
export function coerceWorker(s: SchedulerState, worker: string): WorkerState | undefined {
  return s.workers.get(worker) ?? s.aliases.get(worker) ?? s.workers.get(`tcp://${worker}`);
}

/**
 * All workers that any of these addresses, names or hosts mean; each once.
 *
 * @param workers What the user wrote; absent: all workers.
 */
export function workersList(s: SchedulerState, workers?: readonly string[]): WorkerState[] {
  if (workers === undefined) return [...s.workers.values()];
  const found = new Set<WorkerState>();
  for (const worker of workers) {
    const ws = coerceWorker(s, worker);
    if (ws !== undefined) found.add(ws);
    else for (const hosted of s.hosts.get(worker) ?? []) found.add(hosted);
  }
  return [...found];
}

/**
 * Sorts what the user wrote in `workers` into restrictions to workers (addresses, names that are
 * known) and to hosts (any other name: it may also be the name of a worker that is still to come).
 */
export function splitRestrictions(
  s: SchedulerState,
  workers: readonly string[] | undefined,
): { workerRestrictions: string[] | null; hostRestrictions: string[] | null } {
  const addresses: string[] = [];
  const hosts: string[] = [];
  for (const worker of workers ?? []) {
    const isWorker = coerceWorker(s, worker) !== undefined || ADDRESS.test(worker);
    (isWorker && !s.hosts.has(worker) ? addresses : hosts).push(worker);
  }
  return {
    workerRestrictions: addresses.length > 0 ? addresses : null,
    hostRestrictions: hosts.length > 0 ? hosts : null,
  };
}

/**
 * The workers that may run a task at present. Where the user's choice of workers is only a
 * preference and none of them is there, it counts no more; the resources that a task takes are no
 * preference, because a worker without them can never begin it.
 *
 * @returns Null when any worker may; else the workers that satisfy its restrictions to workers,
 *   hosts and resources. Read it only: tasks of one call share it.
 */
export function validWorkers(s: SchedulerState, ts: TaskState): readonly WorkerState[] | null {
  const spec = ts.runSpec as RunSpec;
  if (spec.validVersion !== s.workersVersion) {
    spec.valid = findValid(s, spec);
    spec.validVersion = s.workersVersion;
  }
  return spec.valid;
}

function findValid(s: SchedulerState, spec: RunSpec): WorkerState[] | null {
  const { workerRestrictions, hostRestrictions, resourceRestrictions } = spec;
  const canRun = (ws: WorkerState) => ws.takesTasks && hasResources(ws, resourceRestrictions);
  if (workerRestrictions !== null || hostRestrictions !== null) {
    const named = [...workerRestrictions ?? [], ...hostRestrictions ?? []];
    const valid = workersList(s, named).filter(canRun);
    if (valid.length > 0 || !spec.looseRestrictions) return valid;
  }
  return resourceRestrictions === null ? null : workersList(s).filter(canRun);
}

function hasResources(ws: WorkerState, needed: Readonly<Record<string, number>> | null): boolean {
  for (const name in needed) {
    if (!((Object.hasOwn(ws.resources, name) ? ws.resources[name] : 0) >= needed[name])) {
      return false;
    }
  }
  return true;
}
