/**
 * Transitions of a task on its way to a worker.
 *
 * @module
 */
import { startProcessing } from "./occupancy.ts";
import { decideWorker } from "./policies.ts";
import { sendTaskToWorker } from "./send_task.ts";
import { recommend, type SchedulerState } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import { transitionReleasedErred } from "./transitions_result.ts";

/** A task is to be computed: its dependencies are wanted in memory. */
export function transitionReleasedWaiting(s: SchedulerState, ts: TaskState): void {
  if (ts.lostInput !== null || ts.runSpec === null) {
    recommend(s, ts, "forgotten");
    return;
  }
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const failure = dependencies[i].failure;
    if (failure === null) continue;
    ts.failure = failure;
    transitionReleasedErred(s, ts);
    abandonDependencies(s, ts);
    return;
  }
  ts.state = "waiting";
  for (let i = 0; i < dependencies.length; i++) {
    dependencies[i].waiters = dependencies[i].waiters.add(ts);
  }
  awaitDependencies(s, ts);
}

/** Something has changed for a task that no worker could take: try again. */
export function transitionNoWorkerWaiting(s: SchedulerState, ts: TaskState): void {
  s.unrunnable.delete(ts);
  s.suspects.delete(ts);
  ts.state = "waiting";
  awaitDependencies(s, ts);
}

/** All dependencies are in memory: the task goes to a worker, or waits for one that may take it. */
export function transitionWaitingProcessing(s: SchedulerState, ts: TaskState): void {
  // A dependency has been lost since this was recommended.
  if (ts.waitingOn.size > 0) return;
  const ws = decideWorker(s, ts);
  if (ws === null) {
    ts.state = "no-worker";
    s.unrunnable.add(ts);
    if (ts.suspicious > 0) s.suspects.add(ts);
    return;
  }
  ts.state = "processing";
  startProcessing(s, ts, ws);
  sendTaskToWorker(s, ts, ws);
}

/** A task will not be computed: what was to be computed for it alone need not be either. */
function abandonDependencies(s: SchedulerState, ts: TaskState): void {
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const dts = dependencies[i];
    if (dts.waiters.size === 0 && dts.whoWants.size === 0 && dts.state !== "erred") {
      recommend(s, dts, "released");
    }
  }
}

function awaitDependencies(s: SchedulerState, ts: TaskState): void {
  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const dts = dependencies[i];
    if (dts.state === "memory") continue;
    ts.waitingOn = ts.waitingOn.add(dts);
    if (dts.state === "released") recommend(s, dts, "waiting");
  }
  if (ts.waitingOn.size === 0) recommend(s, ts, "processing");
}
