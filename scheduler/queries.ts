/**
 * What anyone may ask about the cluster. Keys are the users', so maps are not
 * built by assigning to them: `__proto__` may be one.
 *
 * @module
 */
import type { WorkerMetrics, WorkerStatus } from "../protocol/messages.ts";
import { isLeaving } from "./copies.ts";
import { workersList } from "./restrictions.ts";
import type { SchedulerState } from "./state.ts";
import type { TaskState } from "./task_state.ts";

/** What `identity` says of one worker. */
export interface WorkerIdentity {
  /** Where to reach it. */
  address: string;
  /** Its alias. */
  name: string;
  /** The machine it runs on. */
  host: string;
  /** How many tasks it runs at once. */
  nthreads: number;
  /** Whether it takes tasks: "paused", its memory is too full; "closing-gracefully", it is about to leave. */
  status: WorkerStatus;
  /** Bytes of memory that it may use; 0: no limit. */
  memoryLimit: number;
  /** Abstract resources it has. */
  resources: Record<string, number>;
  /** What its tasks use of them. */
  usedResources: Record<string, number>;
  /** Its process. */
  pid: number;
  /** When it was last heard of, in seconds. */
  lastSeen: number;
  /** What to add to its clock to get the scheduler's, in seconds. */
  timeDelay: number;
  /** Seconds of work queued on it. */
  occupancy: number;
  /** How many tasks it was given. */
  processing: number;
  /** How many results it holds. */
  inMemory: number;
  /** Size of those results in bytes. */
  nbytes: number;
  /** What it last said of itself. */
  metrics: WorkerMetrics | null;
}

/** What `identity` answers. */
export interface SchedulerIdentity {
  /** What it is. */
  type: "Scheduler";
  /** The workers, by address. */
  workers: Record<string, WorkerIdentity>;
  /** Names of the clients. */
  clients: string[];
  /** How many tasks are known. */
  tasks: number;
}

/** Addresses of the workers that hold results: those asked for, or all. */
export function whoHas(s: SchedulerState, keys?: readonly string[]): Record<string, string[]> {
  const answer = new Map<string, string[]>();
  const add = (key: string, ts: TaskState | undefined) => {
    answer.set(key, ts === undefined ? [] : ts.whoHas.items.map((ws) => ws.address));
  };
  if (keys !== undefined) { for (const key of keys) add(key, s.tasks.get(key)); }
  else {
    for (const ts of s.tasks.values()) if (ts.whoHas.size > 0) add(ts.key, ts);
  }
  return Object.fromEntries(answer);
}

/** Keys of the results that workers hold. */
export function hasWhat(s: SchedulerState, workers?: readonly string[]): Record<string, string[]> {
  const answer = new Map<string, string[]>();
  for (const ws of workersList(s, workers)) {
    answer.set(ws.address, keysOf(ws.hasWhat));
  }
  return Object.fromEntries(answer);
}

/** How many threads workers have; those that are about to leave are left out. */
export function ncores(s: SchedulerState, workers?: readonly string[]): Record<string, number> {
  const answer = new Map<string, number>();
  for (const ws of workersList(s, workers)) {
    if (!isLeaving(ws)) answer.set(ws.address, ws.nthreads);
  }
  return Object.fromEntries(answer);
}

/** Sizes of results in bytes; with `summary`, summed up by prefix. */
export function nbytes(
  s: SchedulerState,
  keys?: readonly string[],
  summary = false,
): Record<string, number> {
  const answer = new Map<string, number>();
  const add = (ts: TaskState | undefined) => {
    if (ts === undefined || ts.whoHas.size === 0) return;
    const name = summary ? ts.prefix.name : ts.key;
    answer.set(name, (summary ? answer.get(name) ?? 0 : 0) + ts.nbytes);
  };
  if (keys !== undefined) { for (const key of keys) add(s.tasks.get(key)); }
  else for (const ts of s.tasks.values()) add(ts);
  return Object.fromEntries(answer);
}

/** Keys of the tasks that were given to workers. */
export function processing(
  s: SchedulerState,
  workers?: readonly string[],
): Record<string, string[]> {
  const answer = new Map<string, string[]>();
  for (const ws of workersList(s, workers)) {
    answer.set(ws.address, keysOf(ws.processing));
  }
  return Object.fromEntries(answer);
}

/** Who is there. */
export function identity(s: SchedulerState): SchedulerIdentity {
  const workers = new Map<string, WorkerIdentity>();
  for (const ws of s.workers.values()) {
    workers.set(ws.address, {
      address: ws.address,
      name: ws.name,
      host: ws.host,
      nthreads: ws.nthreads,
      status: ws.status,
      memoryLimit: ws.memoryLimit,
      resources: { ...ws.resources },
      usedResources: { ...ws.usedResources },
      pid: ws.pid,
      lastSeen: ws.lastSeen,
      timeDelay: ws.timeDelay,
      occupancy: ws.occupancy,
      processing: ws.processing.size,
      inMemory: ws.hasWhat.size,
      nbytes: ws.nbytes,
      metrics: ws.metrics,
    });
  }
  return {
    type: "Scheduler",
    workers: Object.fromEntries(workers),
    clients: [...s.clients.keys()],
    tasks: s.tasks.size,
  };
}

function keysOf(tasks: ReadonlySet<TaskState>): string[] {
  return Array.from(tasks, (ts) => ts.key);
}
