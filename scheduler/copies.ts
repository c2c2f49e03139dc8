/**
 * Results that would be lost with the workers that are about to leave: others are told to copy them.
 *
 * A copy is asked of one worker at a time, with room for it and little on its way already. It is done
 * when any worker that stays says that it holds the result. One that answers that it could not have it,
 * that leaves or that pauses is replaced by another, a few times and ever later; what cannot be copied even so is given
 * up, and lost with its holders. What a worker answers too late does no harm: one copy more.
 *
 * @module
 */
import { generationsOf } from "./generations.ts";
import { resultPartsOf } from "./result_parts.ts";
import { addresses, cancelCompute, type SchedulerState, sendToWorker } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** A result that is to be copied. */
export interface Copy {
  /** The worker that was told to; null: the last one could not, and another is sought. */
  target: WorkerState | null;
  /** How many could not, the last of them, and when to ask again, in seconds. */
  failures: number;
  failedOn: WorkerState | null;
  askAt: number;
  /** Its size in bytes. */
  readonly nbytes: number;
}

/** So often may a result not be copied before it is given up. */
const MOST_FAILURES = 8;
/** Seconds after the first failure that another worker is asked; twice as long after each further one. */
const FIRST_REST = 0.1;
/** So many copies are under way at most. */
const MOST_COPIES = 10_000;
/** So many workers are compared for a copy: with more, a random choice of so many. */
const COMPARED = 16;

/** Whether a worker is about to leave, so that what only such hold is about to be lost. */
export function isLeaving(ws: WorkerState): boolean {
  return ws.status === "closing-gracefully";
}

/** Whether a result is held by no worker that stays. */
export function isLeavingAltogether(ts: TaskState): boolean {
  const holders = ts.whoHas.items;
  for (let i = 0; i < holders.length; i++) if (!isLeaving(holders[i])) return false;
  return true;
}

/**
 * Has the results copied that would be lost with a worker.
 *
 * @returns How many are not safe yet and can still be; those that are given up do not count.
 */
export function copyResults(s: SchedulerState, ws: WorkerState): number {
  let unsafe = 0;
  let isHopeless = true;
  const targets: WorkerState[] = [];
  for (const other of s.workers.values()) {
    if (!isLeaving(other)) isHopeless = false;
    if (other.status === "running") targets.push(other);
  }
  const orders = new Map<WorkerState, TaskState[]>();
  for (const ts of ws.hasWhat) {
    if (!isLeavingAltogether(ts)) continue;
    let copy = s.copies.get(ts);
    if (isHopeless || (copy !== undefined && copy.failures >= MOST_FAILURES)) continue;
    unsafe++;
    if (s.copying >= MOST_COPIES) continue;
    if (copy !== undefined && (copy.target !== null || s.now < copy.askAt)) continue;
    const target = chooseTarget(s, ts, targets, copy?.failedOn ?? null);
    if (target === null) continue;
    if (copy === undefined) {
      copy = { target: null, failures: 0, failedOn: null, askAt: 0, nbytes: ts.nbytes };
      s.copies.set(ts, copy);
    }
    copy.target = target;
    target.incomingBytes += copy.nbytes;
    s.copying++;
    const order = orders.get(target);
    if (order === undefined) orders.set(target, [ts]);
    else order.push(ts);
  }
  for (const [target, tasks] of orders) sendOrder(s, target, tasks);
  return unsafe;
}

/**
 * A result needs no copy any more.
 *
 * @param holder The worker that stays and has it; null: it is gone.
 */
export function endCopy(s: SchedulerState, ts: TaskState, holder: WorkerState | null): void {
  const copy = s.copies.get(ts);
  if (copy === undefined) return;
  s.copies.delete(ts);
  if (copy.target !== holder) callOff(s, ts, copy);
  leaveTarget(s, copy);
}

/** A worker could not copy a result. */
export function failCopy(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  const copy = s.copies.get(ts);
  if (copy === undefined || copy.target !== ws) return;
  // What is out of reach now may be back soon.
  copy.askAt = s.now + FIRST_REST * 2 ** copy.failures++;
  copy.failedOn = ws;
  leaveTarget(s, copy);
}

/** A worker takes no copies any more: others have to. */
export function endCopiesTo(s: SchedulerState, ws: WorkerState): void {
  if (s.copying === 0) return;
  for (const [ts, copy] of s.copies) {
    if (copy.target !== ws) continue;
    callOff(s, ts, copy);
    leaveTarget(s, copy);
  }
}

/** All results are dropped. */
export function forgetCopies(s: SchedulerState): void {
  for (const copy of s.copies.values()) leaveTarget(s, copy);
  s.copies.clear();
}

/** Whoever was told to copy a result need not: it might take this for the next task's of that key. */
function callOff(s: SchedulerState, ts: TaskState, { target }: Copy): void {
  if (target !== null) cancelCompute(s, target, ts.key);
}

function leaveTarget(s: SchedulerState, copy: Copy): void {
  const { target } = copy;
  if (target === null) return;
  copy.target = null;
  s.copying--;
  // An empty sum is nothing, whatever rounding has left over.
  target.incomingBytes = s.copying === 0 ? 0 : Math.max(0, target.incomingBytes - copy.nbytes);
  // Looking for what is left to do takes a while: not after each of many.
  if (s.copying === 0) s.retirementDue = true;
}

/**
 * The worker that is least full when it has the result too; null when there is none.
 *
 * @param failedOn The one that could not copy it; only if there is no other.
 */
function chooseTarget(
  s: SchedulerState,
  ts: TaskState,
  targets: readonly WorkerState[],
  failedOn: WorkerState | null,
): WorkerState | null {
  const { length } = targets;
  let best: WorkerState | null = null;
  let leastFull = Infinity;
  const first = length <= COMPARED ? 0 : Math.floor(s.random() * length);
  const step = length <= COMPARED ? 1 : 1 + Math.floor(s.random() * (length / COMPARED));
  for (let i = 0; i < Math.min(COMPARED, length); i++) {
    const ws = targets[(first + i * step) % length];
    if (ws === failedOn && length > 1) continue;
    const bytes = ws.nbytes + ws.incomingBytes + ts.nbytes;
    // Among workers without limits, the one with the least; all of them before any that overflows.
    const full = ws.memoryLimit > 0 ? bytes / ws.memoryLimit : bytes / Number.MAX_SAFE_INTEGER;
    if (full < leastFull) {
      leastFull = full;
      best = ws;
    }
  }
  return best;
}

function sendOrder(s: SchedulerState, target: WorkerState, tasks: readonly TaskState[]): void {
  // Without a prototype: keys are the user's.
  const whoHas: Record<string, string[]> = Object.create(null);
  const nbytes: Record<string, number> = Object.create(null);
  let needs: Record<string, string[]> | undefined;
  for (const ts of tasks) {
    whoHas[ts.key] = addresses(ts);
    nbytes[ts.key] = ts.nbytes;
    const parts = resultPartsOf(s, ts);
    if (parts === undefined) continue;
    needs ??= Object.create(null) as Record<string, string[]>;
    needs[ts.key] = parts.map((part) => part.name);
  }
  const generations = generationsOf(tasks);
  sendToWorker(s, target, { op: "acquire-replicas", whoHas, nbytes, generations, needs });
}
