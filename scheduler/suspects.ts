/**
 * Tasks that may have brought a worker down. When a worker is lost, the tasks that may have been
 * running on it are suspicious, and a task that was there `allowedFailures` times is marked bad. The
 * culprit's neighbours must not be convicted with it, so:
 *
 * - only tasks that can have been running are suspected: those first by priority on that worker, as
 *   many as its threads may have been given (one of them may be behind the others by all that was put
 *   before it), those before them that may still have waited for data, and the long-running ones;
 * - a suspicious task is tried out, not queued: a worker takes no more of them at a time than it has
 *   threads, the others wait without a worker;
 * - one that was there twice is tried out apart from all other suspicious tasks.
 *
 * An innocent task finishes its trial and is cleared; the culprit is soon the only suspect about.
 *
 * @module
 */
import { AHEAD_LIMIT } from "../protocol/ahead.ts";
import { KilledWorkerError } from "../protocol/task_failures.ts";
import { serialize } from "../protocol/values.ts";
import { recommend, type SchedulerState } from "./state.ts";
import { validWorkers } from "./restrictions.ts";
import { comparePriority, TaskFailure, type TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/**
 * A worker was lost: marks the tasks that may have been running on it, and fails those that were on
 * too many lost workers. To be called before the tasks are taken off the worker.
 */
export function suspectTasks(s: SchedulerState, ws: WorkerState): void {
  const tasks = [...ws.processing].sort(comparePriority);
  const handedOver = ws.nthreads * (1 + AHEAD_LIMIT);
  let surelyReady = 0;
  for (const ts of tasks) {
    const mayHaveRun = ts.longRunning || surelyReady < handedOver;
    if (!mayHaveRun && ts.suspicious === 0) continue;
    if (!ts.longRunning && isSurelyReady(ts, ws)) surelyReady++;
    ts.suspicious++;
    if (ts.suspicious < s.allowedFailures) continue;
    const error = new KilledWorkerError(ts.key, ts.suspicious, ws.address);
    // Where the scheduler has made the error says nothing to the user.
    const traceback = error.stack = `${error.name}: ${error.message}`;
    ts.failure = new TaskFailure(serialize(error), traceback, ts.key);
    recommend(s, ts, "erred");
  }
}

/** Whether a worker has room to try out a suspicious task. */
function hasTrialSlot(ws: WorkerState, ts: TaskState): boolean {
  if (ws.trial !== null || !ws.takesTasks) return false;
  return ts.suspicious > 1 ? ws.suspects === 0 : ws.suspects < ws.nthreads;
}

/**
 * Decides where a suspicious task is tried out: on the least loaded worker that has room for it.
 *
 * @param valid Workers that may run it; null: all.
 * @returns The worker, or null when none has room at present.
 */
export function decideTrialWorker(
  s: SchedulerState,
  ts: TaskState,
  valid: readonly WorkerState[] | null,
): WorkerState | null {
  let best: WorkerState | null = null;
  for (const ws of valid ?? s.workers.values()) {
    if (!hasTrialSlot(ws, ts)) continue;
    if (best === null || ws.occupancy / ws.nthreads < best.occupancy / best.nthreads) best = ws;
  }
  return best;
}

/** When a worker has become free to try out a task, makes the first that can use it due. */
export function nextTrial(s: SchedulerState): void {
  if (!s.trialSlotFreed || s.suspects.size === 0) return;
  s.trialSlotFreed = false;
  let room = false;
  for (const ws of s.workers.values()) {
    room ||= ws.takesTasks && ws.trial === null && ws.suspects < ws.nthreads;
  }
  if (!room) return;
  for (const ts of s.suspects) {
    if (decideTrialWorker(s, ts, validWorkers(s, ts)) === null) continue;
    recommend(s, ts, "waiting");
    // There may be room for more: look again when this one has been placed.
    s.trialSlotFreed = true;
    return;
  }
}

/** Whether nothing can have kept the worker from running a task as soon as a thread was free. */
function isSurelyReady(ts: TaskState, ws: WorkerState): boolean {
  if (ts.runSpec?.resourceRestrictions !== null) return false;
  for (const dts of ts.dependencies) if (!dts.whoHas.has(ws)) return false;
  return true;
}
