/**
 * Which workers a cluster can do without.
 *
 * @module
 */
import { isLeaving } from "./copies.ts";
import type { SchedulerState } from "./state.ts";
import type { WorkerState } from "./worker_state.ts";

/** What to look for. */
export interface WorkersToCloseOptions {
  /** How many times the size of all results there must be in memory that is left. Default 2. */
  memoryRatio?: number;
  /** Find so many workers, busy ones too when there are not enough idle ones. */
  n?: number;
  /** Whether all workers of a host leave together, or each by itself. Default "worker". */
  by?: "worker" | "host";
}

/** Workers that leave together. */
interface Group {
  readonly workers: WorkerState[];
  readonly isIdle: boolean;
  readonly nbytes: number;
}

/**
 * Finds workers that can be closed at low cost: idle ones with the least data, as long as the others
 * have room for all data, with a comfortable buffer. A worker without a limit of memory has room for
 * everything. Where nothing is stored, all idle workers can go.
 *
 * @returns Their addresses, the one that is missed least first.
 * @throws {RangeError} When `memoryRatio` is negative, or `n` no whole number of at least 0.
 */
export function workersToClose(s: SchedulerState, options: WorkersToCloseOptions = {}): string[] {
  const { memoryRatio = 2, n, by = "worker" } = options;
  if (!(memoryRatio >= 0)) {
    throw new RangeError(`workersToClose: memoryRatio must be at least 0, got ${memoryRatio}`);
  }
  if (n !== undefined && !(Number.isSafeInteger(n) && n >= 0)) {
    throw new RangeError(`workersToClose: n must be a whole number of at least 0, got ${n}`);
  }
  const groups = groupWorkers(s, by);
  let needed = 0;
  let room = 0;
  let unlimited = 0;
  for (const { workers, nbytes } of groups) {
    needed += memoryRatio * nbytes;
    for (const ws of workers) {
      if (ws.memoryLimit > 0) room += ws.memoryLimit;
      else unlimited++;
    }
  }
  const found: string[] = [];
  for (const { workers, isIdle } of groups) {
    if (n === undefined && !isIdle) break;
    for (const ws of workers) {
      if (ws.memoryLimit > 0) room -= ws.memoryLimit;
      else unlimited--;
    }
    const isAsked = n !== undefined && found.length + workers.length <= n;
    const hasRoom = n === undefined && (needed === 0 || unlimited > 0 || room >= needed);
    if (!isAsked && !hasRoom) break;
    for (const ws of workers) found.push(ws.address);
  }
  return found;
}

/** All workers that stay so far, those that are missed least first. */
function groupWorkers(s: SchedulerState, by: "worker" | "host"): Group[] {
  const byName = new Map<string, WorkerState[]>();
  for (const ws of s.workers.values()) {
    if (isLeaving(ws)) continue;
    const name = by === "host" ? ws.host : ws.address;
    const workers = byName.get(name);
    if (workers === undefined) byName.set(name, [ws]);
    else workers.push(ws);
  }
  const groups = Array.from(byName.values(), (workers) => ({
    workers,
    isIdle: workers.every((ws) => ws.processing.size === 0),
    nbytes: workers.reduce((sum, ws) => sum + ws.nbytes, 0),
  }));
  return groups.sort((a, b) => Number(b.isIdle) - Number(a.isIdle) || a.nbytes - b.nbytes);
}
