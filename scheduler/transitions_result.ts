/**
 * Transitions of a task that has a result: a value in memory, or an error.
 *
 * @module
 */
import { loadChanged, stopProcessing } from "./occupancy.ts";
import { addReplica } from "./replicas.ts";
import { emptySet } from "./small_set.ts";
import { cancelCompute, recommend, report, type SchedulerState } from "./state.ts";
import { comparePriority, type TaskState } from "./task_state.ts";
import { leaveInputs } from "./transitions_released.ts";
import type { WorkerState } from "./worker_state.ts";

/** A worker has computed the task; not always the one that it was given to last. */
export function transitionProcessingMemory(
  s: SchedulerState,
  ts: TaskState,
  worker: WorkerState | null,
): void {
  const booked = stopProcessing(s, ts);
  if (booked !== worker) {
    cancelCompute(s, booked, ts.key);
    loadChanged(s, booked);
  }
  arrive(s, ts, worker as WorkerState);
}

/** The data of a waiting task turns up: a client puts it there, or a worker had it all along. */
export function transitionWaitingMemory(
  s: SchedulerState,
  ts: TaskState,
  worker: WorkerState | null,
): void {
  arrive(s, ts, worker as WorkerState);
}

/** The data of a task turns up that no worker could compute. */
export function transitionNoWorkerMemory(
  s: SchedulerState,
  ts: TaskState,
  worker: WorkerState | null,
): void {
  s.unrunnable.delete(ts);
  s.suspects.delete(ts);
  arrive(s, ts, worker as WorkerState);
}

/** Data turns up that nothing was computing: a client scatters it. */
export function transitionReleasedMemory(
  s: SchedulerState,
  ts: TaskState,
  worker: WorkerState | null,
): void {
  arrive(s, ts, worker as WorkerState);
}

/** The task has failed; `ts.failure` says why. */
export function transitionProcessingErred(s: SchedulerState, ts: TaskState): void {
  const ws = stopProcessing(s, ts);
  loadChanged(s, ws);
  // The worker need not remember the failure: the scheduler does.
  cancelCompute(s, ws, ts.key);
  fail(s, ts);
}

/** Something the task depends on has failed; `ts.failure` says why. */
export function transitionReleasedErred(s: SchedulerState, ts: TaskState): void {
  fail(s, ts);
}

function arrive(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  ts.state = "memory";
  ts.suspicious = 0;
  addReplica(s, ts, ws);
  if (ts.waitingOn.size > 0) ts.waitingOn = emptySet();
  const waiters = ts.waiters.items;
  if (waiters.length > 0) startWaiters(s, ts, waiters);
  leaveInputs(s, ts);
  if (ts.waiters.size === 0 && ts.whoWants.size === 0) recommend(s, ts, "released");
  else report(s, ts);
}

/** Recommends those that waited for this task last, the first by priority so that it is done first. */
function startWaiters(s: SchedulerState, ts: TaskState, waiters: TaskState[]): void {
  if (waiters.length === 1) {
    startWaiter(s, ts, waiters[0]);
    return;
  }
  const ordered = waiters.slice().sort(comparePriority);
  for (let i = ordered.length - 1; i >= 0; i--) startWaiter(s, ts, ordered[i]);
}

function startWaiter(s: SchedulerState, ts: TaskState, dts: TaskState): void {
  if (dts.waitingOn.size === 0) return;
  dts.waitingOn = dts.waitingOn.delete(ts);
  if (dts.waitingOn.size === 0) recommend(s, dts, "processing");
}

function fail(s: SchedulerState, ts: TaskState): void {
  ts.state = "erred";
  const waiters = ts.waiters.items;
  for (let i = 0; i < waiters.length; i++) {
    waiters[i].failure = ts.failure;
    recommend(s, waiters[i], "erred");
  }
  leaveInputs(s, ts);
  report(s, ts);
}
