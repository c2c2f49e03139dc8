/**
 * Transitions of a task back to `released`: known, but neither computing nor in memory.
 *
 * @module
 */
import { loadChanged, stopProcessing } from "./occupancy.ts";
import { dropReplicas } from "./replicas.ts";
import { emptySet } from "./small_set.ts";
import { cancelCompute, recommend, type SchedulerState, sendToClient } from "./state.ts";
import type { TaskState } from "./task_state.ts";

/** The task need not be computed now, or has to start over. */
export function transitionWaitingReleased(s: SchedulerState, ts: TaskState): void {
  ts.waitingOn = emptySet();
  ts.state = "released";
  afterReleased(s, ts);
}

/** The same for a task that no worker could take. */
export function transitionNoWorkerReleased(s: SchedulerState, ts: TaskState): void {
  s.unrunnable.delete(ts);
  s.suspects.delete(ts);
  ts.state = "released";
  afterReleased(s, ts);
}

/** The task is taken from its worker. */
export function transitionProcessingReleased(s: SchedulerState, ts: TaskState): void {
  const ws = stopProcessing(s, ts);
  cancelCompute(s, ws, ts.key);
  loadChanged(s, ws);
  ts.state = "released";
  afterReleased(s, ts);
}

/** The result is not needed any more, or its last copy is lost. */
export function transitionMemoryReleased(s: SchedulerState, ts: TaskState): void {
  dropReplicas(s, ts);
  ts.state = "released";
  const waiters = ts.waiters.items;
  for (let i = 0; i < waiters.length; i++) {
    const dts = waiters[i];
    if (dts.state === "waiting") dts.waitingOn = dts.waitingOn.add(ts);
    else recommend(s, dts, "waiting");
  }
  if (ts.runSpec === null || ts.lostInput !== null) {
    recommend(s, ts, "forgotten");
    return;
  }
  for (let i = 0; i < ts.whoWants.size; i++) {
    sendToClient(s, ts.whoWants.items[i], { op: "lost-data", key: ts.key });
  }
  if (ts.whoWants.size > 0 || waiters.length > 0) recommend(s, ts, "waiting");
}

/** A failed task gets another chance, and those that failed because of it. */
export function transitionErredReleased(s: SchedulerState, ts: TaskState): void {
  const failure = ts.failure;
  ts.failure = null;
  ts.suspicious = 0;
  ts.state = "released";
  const dependents = ts.dependents.items;
  for (let i = 0; i < dependents.length; i++) {
    const dts = dependents[i];
    if (dts.state === "erred" && dts.failure === failure) recommend(s, dts, "waiting");
  }
  if (ts.lostInput !== null) recommend(s, ts, "forgotten");
  else if (ts.whoWants.size > 0 || ts.waiters.size > 0) recommend(s, ts, "waiting");
}

/**
 * A task does not need its dependencies in memory any more: those that nothing else needs are
 * released.
 */
export function leaveInputs(s: SchedulerState, ts: TaskState): void {
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const dts = dependencies[i];
    if (dts.waiters.size === 0) continue;
    dts.waiters = dts.waiters.delete(ts);
    if (dts.waiters.size === 0 && dts.whoWants.size === 0 && dts.state !== "erred") {
      recommend(s, dts, "released");
    }
  }
}

function afterReleased(s: SchedulerState, ts: TaskState): void {
  if (ts.lostInput !== null) {
    recommend(s, ts, "forgotten");
  } else if (ts.failure === null && (ts.whoWants.size > 0 || ts.waiters.size > 0)) {
    recommend(s, ts, "waiting");
  } else {
    leaveInputs(s, ts);
  }
}
