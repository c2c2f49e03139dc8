/**
 * Which workers take tasks: those that run and have threads. One that is paused, because its memory is
 * full, or that is about to leave gets none, and what it has not begun goes to others.
 *
 * @module
 */
import type { WorkerStatus } from "../protocol/messages.ts";
import { endCopiesTo } from "./copies.ts";
import { loadChanged } from "./occupancy.ts";
import { validWorkers } from "./restrictions.ts";
import { recommend, type SchedulerState } from "./state.ts";
import { recallTasks } from "./stealing.ts";
import type { WorkerState } from "./worker_state.ts";

/** A worker runs, pauses or is about to leave. The last is for good. */
export function setStatus(s: SchedulerState, ws: WorkerState, status: WorkerStatus): void {
  if (ws.status === status || ws.status === "closing-gracefully") return;
  changeAbility(s, ws, () => ws.status = status);
  if (status !== "running") {
    endCopiesTo(s, ws);
    recallTasks(s, ws);
  }
  s.eventLog.add("worker", { action: "status", worker: ws.address, status }, s.now);
}

/** Changes what a worker can do, and keeps the sums and orders right that follow from it. */
export function changeAbility(s: SchedulerState, ws: WorkerState, change: () => void): void {
  if (ws.takesTasks) s.totalNthreads -= ws.nthreads;
  s.byLoad.remove(ws);
  change();
  if (ws.takesTasks) {
    s.totalNthreads += ws.nthreads;
    s.byLoad.add(ws);
  }
  workersChanged(s);
  loadChanged(s, ws);
  if (ws.takesTasks) takeWork(s);
}

/** The set of workers, or what they can do, is another. */
export function workersChanged(s: SchedulerState): void {
  s.workersVersion++;
  s.trialSlotFreed = true;
  s.retirementDue = s.retiring.size > 0;
}

/** There is a worker that takes tasks: it may be the one that some are waiting for. */
export function takeWork(s: SchedulerState): void {
  retryUnrunnable(s);
  for (const ws of s.workers.values()) if (ws.status === "paused") recallTasks(s, ws);
}

/**
 * Tries again to place the tasks that no worker could take; the one that waits longest is first.
 * Suspicious ones are for `nextTrial` to place.
 */
function retryUnrunnable(s: SchedulerState): void {
  if (s.unrunnable.size === 0 || s.totalNthreads === 0) return;
  for (const ts of [...s.unrunnable].reverse()) {
    if (ts.suspicious === 0 && validWorkers(s, ts)?.length !== 0) recommend(s, ts, "waiting");
  }
}
