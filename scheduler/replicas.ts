/**
 * Which worker holds which result.
 *
 * @module
 */
import { loadChanged } from "./occupancy.ts";
import { endCopy, isLeaving } from "./copies.ts";
import { emptySet } from "./small_set.ts";
import { freeKey, type SchedulerState } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** A worker holds a result now. */
export function addReplica(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  if (!ws.hasWhat.has(ts)) {
    ws.hasWhat.add(ts);
    ws.nbytes += ts.nbytes;
    ts.whoHas = ts.whoHas.size === 0 ? ws.alone : ts.whoHas.add(ws);
    if (s.copies.size > 0 && !isLeaving(ws)) endCopy(s, ts, ws);
  }
  loadChanged(s, ws);
}

/** A worker does not hold a result any more. */
export function removeReplica(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  if (!ws.hasWhat.delete(ts)) return;
  ws.nbytes -= ts.nbytes;
  ts.whoHas = ts.whoHas.delete(ws);
  // What is left of it may be with workers that are about to leave.
  if (s.retiring.size > 0) s.retirementDue = true;
  loadChanged(s, ws);
}

/** All workers that hold a result shall drop it. */
export function dropReplicas(s: SchedulerState, ts: TaskState): void {
  const holders = ts.whoHas.items;
  for (let i = 0; i < holders.length; i++) {
    const ws = holders[i];
    ws.hasWhat.delete(ts);
    ws.nbytes -= ts.nbytes;
    freeKey(s, ws, ts.key);
    loadChanged(s, ws);
  }
  ts.whoHas = emptySet();
  if (s.copies.size > 0) endCopy(s, ts, null);
}
