/**
 * How busy the workers are: what each task is expected to cost where it runs, the sums of that per
 * worker, and which workers have too little or too much to do.
 *
 * @module
 */
import type { SchedulerState } from "./state.ts";
import { dropSteal, putInStealable, relieveVictim, removeFromStealable } from "./stealable.ts";
import type { TaskPrefix } from "./task_prefix.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** How many processing tasks one call of `reevaluateOccupancy` looks at, about. */
const REEVALUATED_AT_ONCE = 10_000;

/**
 * Expected run time of a task, without communication.
 *
 * @returns Seconds: what tasks of its prefix took on average, or the default as long as none has
 *   finished.
 */
export function getTaskDuration(s: SchedulerState, ts: TaskState): number {
  const duration = ts.prefix.duration;
  return duration < 0 ? s.defaultTaskDuration : duration;
}

/**
 * Expected time to bring a task's dependencies to a worker.
 *
 * @returns Seconds.
 */
export function getCommCost(s: SchedulerState, ts: TaskState, ws: WorkerState): number {
  let nbytes = 0;
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const dts = dependencies[i];
    if (!dts.whoHas.has(ws)) nbytes += Math.max(dts.nbytes, 0);
  }
  return nbytes / s.bandwidth;
}

/** Books a task on a worker. */
export function startProcessing(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  const cost = getTaskDuration(s, ts) +
    (ts.dependencies.size > 0 ? getCommCost(s, ts, ws) : 0);
  if (ts.prefix.duration < 0) noteUnknown(ts);
  ts.processingOn = ws;
  ts.cost = cost;
  ws.processing.add(ts);
  s.totalProcessing++;
  ws.occupancy += cost;
  s.totalOccupancy += cost;
  const resources = (ts.runSpec as NonNullable<typeof ts.runSpec>).resourceRestrictions;
  if (resources !== null) {
    for (const name in resources) {
      ws.usedResources[name] = (ws.usedResources[name] ?? 0) + resources[name];
    }
  }
  if (ts.suspicious > 0) {
    ws.suspects++;
    if (ts.suspicious > 1) ws.trial = ts;
  }
  if (s.workStealing) putInStealable(s, ts);
  loadChanged(s, ws);
}

/** Takes a task off the worker it is booked on. The caller calls {@linkcode loadChanged} when done. */
export function stopProcessing(s: SchedulerState, ts: TaskState): WorkerState {
  const ws = ts.processingOn as WorkerState;
  removeFromStealable(ts);
  if (s.inFlight.size > 0) dropSteal(s, ts);
  ts.processingOn = null;
  ws.processing.delete(ts);
  if (ws.processing.size === 0 && ws.retirement !== null) s.retirementDue = true;
  s.totalProcessing--;
  if (ts.longRunning) {
    ts.longRunning = false;
    ws.longRunning--;
  } else if (ts.suspicious > 0) {
    endTrial(s, ts, ws);
  }
  dropCost(s, ts, ws);
  const resources = (ts.runSpec as NonNullable<typeof ts.runSpec>).resourceRestrictions;
  if (resources !== null) {
    for (const name in resources) {
      const left = ws.usedResources[name] - resources[name];
      // Amounts may be fractions: what rounding leaves is nothing.
      ws.usedResources[name] = Math.abs(left) < 1e-9 ? 0 : left;
    }
  }
  return ws;
}

/**
 * A task has left its worker's pool of threads: from now on it keeps nothing busy there that others
 * need. It is on trial no more, since the tasks that it waits for may have to be tried out too.
 */
export function startLongRunning(s: SchedulerState, ts: TaskState): void {
  const ws = ts.processingOn as WorkerState;
  // What it was asked about before still counts: its thread may die, and the worker then lets go of it.
  removeFromStealable(ts);
  const steal = s.inFlight.size > 0 ? s.inFlight.get(ts) : undefined;
  if (steal !== undefined) relieveVictim(steal);
  ts.longRunning = true;
  ws.longRunning++;
  dropCost(s, ts, ws);
  if (ts.suspicious > 0) endTrial(s, ts, ws);
  loadChanged(s, ws);
}

/** What a task was expected to cost its worker is over. */
function dropCost(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  // An empty sum is nothing, whatever rounding has left over.
  ws.occupancy = ws.load === 0 ? 0 : Math.max(0, ws.occupancy - ts.cost);
  s.totalOccupancy = s.totalProcessing === 0 ? 0 : Math.max(0, s.totalOccupancy - ts.cost);
  ts.cost = 0;
}

function endTrial(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  ws.suspects--;
  if (ws.trial === ts) ws.trial = null;
  s.trialSlotFreed = true;
}

/** A worker's load has changed: put it in its place among the others. */
export function loadChanged(s: SchedulerState, ws: WorkerState): void {
  if (ws.gone) return;
  s.byLoad.update(ws);
  checkIdleSaturated(s, ws);
}

/** The load of many workers has changed. */
export function loadsChanged(s: SchedulerState): void {
  s.byLoad.rebuild();
  for (const ws of s.workers.values()) checkIdleSaturated(s, ws);
}

/**
 * Updates whether a worker is idle or saturated. It is idle when it has a thread to spare or less
 * than half the average work per thread; it is saturated when tasks queue up on it well beyond that
 * average.
 */
export function checkIdleSaturated(s: SchedulerState, ws: WorkerState): void {
  const threads = ws.nthreads;
  const tasks = ws.load;
  let idle = false;
  let saturated = false;
  if (ws.takesTasks && !ws.gone) {
    const average = s.totalOccupancy / s.totalNthreads;
    if (tasks < threads || ws.occupancy / threads < average / 2) {
      idle = true;
    } else if (tasks > threads) {
      const pending = ws.occupancy * (tasks - threads) / (tasks * threads);
      saturated = pending > 0.4 && pending > 1.9 * average;
    }
  }
  if (idle !== ws.isIdle) {
    ws.isIdle = idle;
    if (idle) s.idle.add(ws);
    else s.idle.delete(ws);
  }
  if (saturated !== ws.isSaturated) {
    ws.isSaturated = saturated;
    if (saturated) s.saturated.add(ws);
    else s.saturated.delete(ws);
  }
}

/** Learns how long a task took, and corrects the tasks that were placed before it was known. */
export function learnDuration(s: SchedulerState, ts: TaskState, seconds: number): void {
  // A clock that was set back, or a worker that lies, teaches nothing.
  if (!(seconds >= 0) || seconds === Infinity) return;
  const prefix = ts.prefix;
  const isFirst = prefix.duration < 0;
  prefix.learn(seconds);
  if (!isFirst) return;
  const unknown = prefix.unknown;
  prefix.unknown = [];
  const few = unknown.length <= s.workers.size;
  for (let i = 0; i < unknown.length; i++) {
    const ws = unknown[i].processingOn;
    if (ws === null || unknown[i].longRunning) continue;
    reestimate(s, unknown[i]);
    if (few) loadChanged(s, ws);
  }
  if (!few) loadsChanged(s);
}

/**
 * Estimates again what the tasks on some workers cost, now that more is known about durations and
 * about where data is. Goes on with the next workers at the next call.
 */
export function reevaluateOccupancy(s: SchedulerState): void {
  const workers = [...s.workers.values()];
  let seen = 0;
  for (let n = 0; n < workers.length && seen < REEVALUATED_AT_ONCE; n++) {
    const ws = workers[s.reevaluated++ % workers.length];
    let sum = 0;
    for (const ts of ws.processing) {
      if (!ts.longRunning) reestimate(s, ts);
      sum += ts.cost;
      seen++;
    }
    // Replaces the sum that rounding has worn.
    s.totalOccupancy = Math.max(0, s.totalOccupancy + sum - ws.occupancy);
    ws.occupancy = sum;
    loadChanged(s, ws);
  }
}

function reestimate(s: SchedulerState, ts: TaskState): void {
  const ws = ts.processingOn as WorkerState;
  const cost = getTaskDuration(s, ts) + getCommCost(s, ts, ws);
  if (cost === ts.cost) return;
  ws.occupancy = Math.max(0, ws.occupancy + cost - ts.cost);
  s.totalOccupancy = Math.max(0, s.totalOccupancy + cost - ts.cost);
  ts.cost = cost;
  if (s.workStealing && !s.inFlight.has(ts)) {
    removeFromStealable(ts);
    putInStealable(s, ts);
  }
}

/** Remembers that a task's cost is a guess; drops those that have moved on when they pile up. */
function noteUnknown(ts: TaskState): void {
  const prefix: TaskPrefix = ts.prefix;
  const unknown = prefix.unknown;
  unknown.push(ts);
  if (unknown.length > 64 && unknown.length > 2 * prefix.counts.processing + 64) {
    prefix.unknown = [
      ...new Set(unknown.filter((t) => t.processingOn !== null || t === ts)),
    ];
  }
}
