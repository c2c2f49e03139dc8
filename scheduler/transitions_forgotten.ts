/**
 * Transitions of a task out of the scheduler's knowledge.
 *
 * @module
 */
import { dropReplicas } from "./replicas.ts";
import { forgetResultParts } from "./result_parts.ts";
import { leaveRunSpec } from "./run_spec_parts.ts";
import { emptySet } from "./small_set.ts";
import { recommend, type SchedulerState, sendToClient } from "./state.ts";
import type { TaskState } from "./task_state.ts";

/** Nobody needs the task any more, or it can never be computed. */
export function transitionReleasedForgotten(s: SchedulerState, ts: TaskState): void {
  forget(s, ts);
}

/** Nobody needs the result any more. */
export function transitionMemoryForgotten(s: SchedulerState, ts: TaskState): void {
  dropReplicas(s, ts);
  forget(s, ts);
}

/** Nobody needs to know about the failure any more. */
export function transitionErredForgotten(s: SchedulerState, ts: TaskState): void {
  forget(s, ts);
}

/** Why a task cannot be computed any more, in words for the user. */
function lossReason(ts: TaskState): string {
  return ts.lostInput === null || ts.lostInput === ts.key
    ? `the data of '${ts.key}' came from a client and its last copy is lost: scatter it again`
    : `'${ts.key}' cannot be computed: it needs '${ts.lostInput}', whose data came from a client ` +
      `and whose last copy is lost`;
}

function forget(s: SchedulerState, ts: TaskState): void {
  const dependents = ts.dependents.items;
  for (let i = 0; i < dependents.length; i++) {
    const dts = dependents[i];
    dts.dependencies = dts.dependencies.delete(ts);
    dts.waitingOn = dts.waitingOn.delete(ts);
    dts.lostInput ??= ts.lostInput ?? ts.key;
    if (s.validate) s.touched.add(dts);
    if (dts.state !== "memory" && dts.state !== "erred") recommend(s, dts, "forgotten");
  }
  ts.dependents = emptySet();
  ts.waiters = emptySet();

  const dependencies = ts.dependencies.items;
  for (let i = 0; i < dependencies.length; i++) {
    const dts = dependencies[i];
    dts.dependents = dts.dependents.delete(ts);
    dts.waiters = dts.waiters.delete(ts);
    if (s.validate) s.touched.add(dts);
    if (dts.whoWants.size > 0) continue;
    if (dts.dependents.size === 0) recommend(s, dts, "forgotten");
    else if (dts.waiters.size === 0 && dts.state !== "erred") recommend(s, dts, "released");
  }
  ts.dependencies = emptySet();

  for (let i = 0; i < ts.whoWants.size; i++) {
    const cs = ts.whoWants.items[i];
    cs.wantsWhat.delete(ts);
    sendToClient(s, cs, { op: "cancelled-key", key: ts.key, reason: lossReason(ts) });
  }
  ts.whoWants = emptySet();

  s.tasks.delete(ts.key);
  ts.prefix.tasks--;
  forgetResultParts(s, ts);
  if (ts.runSpec !== null) leaveRunSpec(s, ts.runSpec);
  ts.state = "forgotten";
}
