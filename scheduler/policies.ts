/**
 * Which worker gets a task.
 *
 * A task goes where it can start first: after the work that is queued there and after the data that
 * it needs from elsewhere has been brought. Only workers that hold some of its data are looked at,
 * and the least loaded one when all of those are busy and that one has a thread to spare.
 *
 * A task that needs no data worth mentioning goes to the least loaded worker. Neighbours in a large
 * batch of such tasks go together, in blocks of a quarter of a thread's share, because whatever
 * combines their results later most often combines neighbours.
 *
 * @module
 */
import { getCommCost, getTaskDuration } from "./occupancy.ts";
import { validWorkers } from "./restrictions.ts";
import { LATENCY } from "./stealable.ts";
import type { SchedulerState } from "./state.ts";
import { decideTrialWorker } from "./suspects.ts";
import type { RunSpec, TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** Blocks of neighbouring tasks that each thread gets. */
const BLOCKS_PER_THREAD = 4;

/**
 * Decides which worker should run a task.
 *
 * @returns The worker, or null when none may at present.
 */
export function decideWorker(s: SchedulerState, ts: TaskState): WorkerState | null {
  const valid = validWorkers(s, ts);
  if (valid !== null && valid.length === 0) return null;
  if (ts.suspicious > 0) return decideTrialWorker(s, ts, valid);
  const candidates = s.candidates;
  if (valid === null) {
    const least = s.byLoad.least;
    if (least === undefined) return null;
    if (ts.dependencies.size === 0) return nextInBlock(s, ts, least);
    collectHolders(s, ts);
    if (candidates.length === 0) return nextInBlock(s, ts, least);
    const spare = least.load < least.nthreads && least.mark !== s.mark &&
      allBusy(candidates);
    if (candidates.length === 1 && !spare) return candidates[0];
    const total = countBytes(s, ts);
    return fastest(s, candidates, total, spare ? least : null);
  }
  if (ts.dependencies.size > 0) {
    collectHolders(s, ts);
    const holders = s.mark;
    let kept = 0;
    for (let i = 0; i < valid.length; i++) {
      if (valid[i].mark === holders) candidates[kept++] = valid[i];
    }
    candidates.length = kept;
    if (kept > 0) return fastest(s, candidates, countBytes(s, ts), null);
  }
  s.mark++;
  candidates.length = 0;
  for (let i = 0; i < valid.length; i++) {
    valid[i].mark = s.mark;
    valid[i].localBytes = 0;
    candidates.push(valid[i]);
  }
  return fastest(s, candidates, 0, null);
}

/**
 * What makes one worker better than another for a task; the least is the best.
 *
 * @returns Seconds until the task could start there; on a tie, the number of tasks processing and
 *   in memory there; then the bytes held there.
 */
export function workerObjective(
  s: SchedulerState,
  ts: TaskState,
  ws: WorkerState,
): [startTime: number, tasks: number, nbytes: number] {
  const startTime = ws.occupancy / ws.nthreads + getCommCost(s, ts, ws);
  return [startTime, ws.load + ws.hasWhat.size, ws.nbytes];
}

/** The worker with the least objective; `spare` holds none of the data but has a free thread. */
function fastest(
  s: SchedulerState,
  candidates: readonly WorkerState[],
  totalBytes: number,
  spare: WorkerState | null,
): WorkerState {
  let best = candidates[0];
  let bestTime = Infinity;
  for (let i = 0; i < candidates.length; i++) {
    const ws = candidates[i];
    const time = ws.occupancy / ws.nthreads + (totalBytes - ws.localBytes) / s.bandwidth;
    if (time < bestTime || (time === bestTime && hasLess(ws, best))) {
      best = ws;
      bestTime = time;
    }
  }
  if (spare !== null) {
    const time = spare.occupancy / spare.nthreads + totalBytes / s.bandwidth + LATENCY;
    if (time < bestTime) return spare;
  }
  return best;
}

function hasLess(a: WorkerState, b: WorkerState): boolean {
  const tasks = a.load + a.hasWhat.size - b.load - b.hasWhat.size;
  return tasks < 0 || (tasks === 0 && a.nbytes < b.nbytes);
}

/** Puts the workers that hold data worth going to into `s.candidates`, and marks them. */
function collectHolders(s: SchedulerState, ts: TaskState): void {
  const mark = ++s.mark;
  const candidates = s.candidates;
  candidates.length = 0;
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const dts = dependencies[i];
    if (isSharedWidely(s, dts, ts)) continue;
    const holders = dts.whoHas.items;
    for (let j = 0; j < holders.length; j++) {
      const ws = holders[j];
      if (ws.mark === mark || !ws.takesTasks) continue;
      ws.mark = mark;
      ws.localBytes = 0;
      candidates.push(ws);
    }
  }
}

/** Adds up the bytes of the dependencies: all of them, and those that each marked worker holds. */
function countBytes(s: SchedulerState, ts: TaskState): number {
  const mark = s.mark;
  let total = 0;
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const nbytes = Math.max(dependencies[i].nbytes, 0);
    total += nbytes;
    const holders = dependencies[i].whoHas.items;
    for (let j = 0; j < holders.length; j++) {
      if (holders[j].mark === mark) holders[j].localBytes += nbytes;
    }
  }
  return total;
}

/**
 * Whether so many tasks need a result that every worker should have it: each brings it over once,
 * and computing its share takes much longer than that. Where it is now then decides nothing.
 */
function isSharedWidely(s: SchedulerState, dts: TaskState, ts: TaskState): boolean {
  if (dts.dependents.size < 2 * s.totalNthreads) return false;
  const share = dts.dependents.size * getTaskDuration(s, ts) / s.totalNthreads;
  return share > 2 * (dts.nbytes / s.bandwidth + LATENCY);
}

function allBusy(workers: readonly WorkerState[]): boolean {
  for (let i = 0; i < workers.length; i++) {
    if (workers[i].load < workers[i].nthreads) return false;
  }
  return true;
}

/** The worker of the current block of neighbours; when that is full, the least loaded one. */
function nextInBlock(s: SchedulerState, ts: TaskState, least: WorkerState): WorkerState {
  const spec = ts.runSpec as RunSpec;
  const current = spec.blockWorker;
  if (spec.blockLeft > 0 && current !== null && current.heapIndex >= 0) {
    spec.blockLeft--;
    return current;
  }
  const size = Math.floor(spec.rootTasks / (BLOCKS_PER_THREAD * s.totalNthreads));
  spec.blockLeft = Math.max(0, size - 1);
  spec.blockWorker = size > 1 ? least : null;
  return least;
}
