/**
 * Work stealing: idle workers get tasks that were given to busy ones. The scheduler picks the tasks
 * and asks the victim, which may have begun them already; a task moves only when the victim says
 * that it has let go of it, so that none runs twice.
 *
 * @module
 */
import type { StealResponse } from "./core.ts";
import {
  getCommCost,
  getTaskDuration,
  loadChanged,
  startProcessing,
  stopProcessing,
} from "./occupancy.ts";
import { sendTaskToWorker } from "./send_task.ts";
import { recommend, type SchedulerState, sendToWorker } from "./state.ts";
import { validWorkers } from "./restrictions.ts";
import { COST_MULTIPLIERS, dropSteal, LATENCY, LEVELS, removeFromStealable } from "./stealable.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** Workers that are not saturated are robbed of tasks up to this cost only. */
const DEAREST_FROM_BUSY = 20;
/** Seconds of work that a worker must have before it is robbed though it is not saturated. */
const BUSY = 0.2;
/** How many workers are looked at as victims when none is saturated. */
const VICTIMS = 10;

/** Asks busy workers for tasks that idle ones could start earlier. Cheap when none is idle. */
export function balance(s: SchedulerState): void {
  if (!s.workStealing || s.idle.size === 0 || s.idle.size === s.workers.size) return;
  const victims = findVictims(s);
  if (victims.length === 0) return;
  const thieves = [...s.idle].filter((ws) => ws.inFlightTasks >= 0 && isThief(s, ws));
  if (thieves.length === 0) return;
  thieves.sort((a, b) => combinedOccupancy(a) / a.nthreads - combinedOccupancy(b) / b.nthreads);
  let turn = Math.floor(s.random() * thieves.length);
  let moved = 0;

  for (let level = 0; level < LEVELS; level++) {
    for (const victim of victims) {
      if (!victim.isSaturated && COST_MULTIPLIERS[level] >= DEAREST_FROM_BUSY) continue;
      const bin = victim.stealable[level];
      if (bin === undefined) continue;
      // From the last one given to it: the victim gets to that one last.
      let refused = 0;
      for (let i = bin.items.length - 1; i >= 0 && refused < thieves.length; i--) {
        if (victim.load + victim.inFlightTasks <= victim.nthreads) break;
        if (i >= bin.items.length) continue; // gaps at the end went with the task before
        const ts = bin.items[i];
        if (ts === null) continue;
        const thief = thieves[turn % thieves.length];
        turn++;
        if (thief === victim || !isWorthIt(ts, level, victim, thief)) {
          refused++;
          continue;
        }
        requestMove(s, ts, victim, thief);
        moved++;
        refused = 0;
      }
    }
  }
  if (moved > 0) s.eventLog.add("stealing", { action: "request", tasks: moved }, s.now);
}

/** The victim has answered: move the task if it has let go of it. */
export function stealResponse(s: SchedulerState, victim: WorkerState, msg: StealResponse): void {
  const ts = s.tasks.get(msg.key);
  const steal = ts === undefined ? undefined : s.inFlight.get(ts);
  // No such request: meanwhile the task has finished, was released, or was placed anew.
  if (ts === undefined || steal === undefined) return;
  if (steal.id !== msg.id || steal.victim !== victim) return;
  dropSteal(s, ts);
  const { thief } = steal;
  const letGo = msg.state === "ready" || msg.state === "waiting" || msg.state === "constrained" ||
    msg.state === null;
  if (!letGo) {
    if (thief !== null) loadChanged(s, thief);
    loadChanged(s, victim);
    s.eventLog.add("stealing", {
      action: "already-computing",
      key: ts.key,
      victim: victim.address,
      thief: thief?.address ?? null,
    }, s.now);
    return;
  }
  if (thief === null || thief.gone || !thief.takesTasks) {
    recommend(s, ts, "waiting");
    return;
  }
  loadChanged(s, stopProcessing(s, ts));
  startProcessing(s, ts, thief);
  sendTaskToWorker(s, ts, thief);
  s.log.add(ts.key, "processing", "processing", `stolen by ${thief.address}`, s.now);
  s.eventLog.add("stealing", {
    action: "confirm",
    key: ts.key,
    victim: victim.address,
    thief: thief.address,
  }, s.now);
}

/**
 * Asks a worker that takes no tasks any more for those that it has not begun: all of them when it is to
 * leave; when it is paused, those that another worker may run.
 */
export function recallTasks(s: SchedulerState, ws: WorkerState): void {
  const leaves = ws.status === "closing-gracefully";
  for (const ts of ws.processing) {
    if (ts.longRunning || s.inFlight.has(ts)) continue;
    const others = leaves || (validWorkers(s, ts)?.length ?? s.byLoad.size) > 0;
    if (others) requestMove(s, ts, ws, null);
  }
}

/** Asks a worker to let go of a task, for another one; or, with no `thief`, for whoever is best then. */
function requestMove(
  s: SchedulerState,
  ts: TaskState,
  victim: WorkerState,
  thief: WorkerState | null,
): void {
  removeFromStealable(ts);
  const id = ++s.stealCount;
  const victimDuration = ts.cost;
  const thiefDuration = thief === null ? 0 : getTaskDuration(s, ts) + getCommCost(s, ts, thief);
  s.inFlight.set(ts, { id, victim, thief, victimTasks: 1, victimDuration, thiefDuration });
  victim.inFlightTasks--;
  victim.inFlightOccupancy -= victimDuration;
  if (thief !== null) {
    thief.inFlightTasks++;
    thief.inFlightOccupancy += thiefDuration;
  }
  sendToWorker(s, victim, { op: "steal-request", key: ts.key, id });
}

/**
 * Whether the thief would be done with the task before the victim gets through its backlog. A short
 * task is delayed by the way it goes more than by what it is.
 */
function isWorthIt(
  ts: TaskState,
  level: number,
  victim: WorkerState,
  thief: WorkerState,
): boolean {
  const delay = Math.max(COST_MULTIPLIERS[level] * ts.cost, LATENCY);
  return combinedOccupancy(thief) / thief.nthreads + delay <=
    combinedOccupancy(victim) / victim.nthreads - ts.cost / 2;
}

/** The saturated workers, or else the busiest ones, those with the most work first. */
function findVictims(s: SchedulerState): WorkerState[] {
  const victims: WorkerState[] = [];
  if (s.saturated.size > 0) {
    for (const ws of s.saturated) victims.push(ws);
  } else {
    for (const ws of s.workers.values()) {
      if (!ws.isIdle && combinedOccupancy(ws) > BUSY && ws.load > ws.nthreads) {
        victims.push(ws);
      }
    }
  }
  victims.sort((a, b) => combinedOccupancy(b) - combinedOccupancy(a));
  if (s.saturated.size === 0) victims.length = Math.min(victims.length, VICTIMS);
  return victims;
}

/** Whether a worker is idle still when what it is about to get is counted. */
function isThief(s: SchedulerState, ws: WorkerState): boolean {
  if (!ws.takesTasks) return false;
  if (ws.load + ws.inFlightTasks < ws.nthreads) return true;
  const average = s.totalOccupancy / s.totalNthreads;
  return combinedOccupancy(ws) / ws.nthreads < average / 2;
}

function combinedOccupancy(ws: WorkerState): number {
  return ws.occupancy + ws.inFlightOccupancy;
}
