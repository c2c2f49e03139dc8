/**
 * What workers say of their tasks. Messages cross on the wire: each of these may be about a task
 * that has been released, moved or computed elsewhere since it was sent.
 *
 * @module
 */
import type { TaskErred, TaskFinished } from "../protocol/messages.ts";
import { serialize } from "../protocol/values.ts";
import type { LongRunning, MissingData, TaskConsole } from "./core.ts";
import { failCopy } from "./copies.ts";
import { freeOutdated, taskOf } from "./generations.ts";
import { learnDuration, startLongRunning } from "./occupancy.ts";
import { addReplica, removeReplica } from "./replicas.ts";
import { learnResultParts } from "./result_parts.ts";
import { reportMissing } from "./client_stimuli.ts";
import { freeKey, recommend, type SchedulerState, sendToClient } from "./state.ts";
import { isPending, TaskFailure, type TaskState } from "./task_state.ts";
import { transition, transitions } from "./transitions.ts";
import type { WorkerState } from "./worker_state.ts";

/** So many tasks are looked through for a client that wants to see what a task printed. */
const SEARCHED_FOR_READERS = 1000;

/** A result refers to code that is not to be had any more, so that nobody could read it. */
export class ForgottenCodeError extends Error {
  override name = "ForgottenCodeError";
}

/** A worker has computed a task and holds the result. */
export function stimulusTaskFinished(s: SchedulerState, ws: WorkerState, msg: TaskFinished): void {
  const ts = taskOf(s, ws, msg.key, msg.generation);
  if (ts === undefined) {
    freeOutdated(s, ws, msg.key);
    return;
  }
  const unknown = learnResultParts(s, ts, msg.needs);
  if (unknown !== null) {
    freeKey(s, ws, msg.key);
    if (ts.processingOn === ws) failForgotten(s, ts, unknown);
    return;
  }
  switch (ts.state) {
    case "processing":
      // Most of a long-running task's time went by in waiting for others.
      if (!ts.longRunning) learnDuration(s, ts, msg.stop - msg.start);
      arrive(s, ts, ws, msg);
      break;
    case "waiting":
    case "no-worker":
      // It was taken from this worker, which had finished it already: so much the better.
      arrive(s, ts, ws, msg);
      break;
    case "memory":
      // It ran twice, as after a lost connection: one more copy.
      addReplica(s, ts, ws);
      break;
    default:
      freeKey(s, ws, msg.key);
  }
}

/** A task has failed on a worker. */
export function stimulusTaskErred(s: SchedulerState, ws: WorkerState, msg: TaskErred): void {
  const ts = taskOf(s, ws, msg.key, msg.generation);
  // Else it was taken from this worker: what became of it there does not matter any more.
  if (ts === undefined || ts.processingOn !== ws) return;
  if (ts.retries > 0) {
    ts.retries--;
    transition(s, ts, "waiting");
    return;
  }
  ts.failure = new TaskFailure(msg.exception, msg.traceback, ts.key);
  transition(s, ts, "erred");
}

/** A task goes on on a thread of its own: its worker has a place for another. */
export function longRunning(s: SchedulerState, ws: WorkerState, msg: LongRunning): void {
  const ts = taskOf(s, ws, msg.key);
  if (ts === undefined || ts.processingOn !== ws || ts.longRunning) return;
  if (msg.seconds !== undefined) learnDuration(s, ts, msg.seconds);
  startLongRunning(s, ts);
  s.log.add(ts.key, "processing", "processing", "long-running", s.now);
  if (s.validate) s.touched.add(ts);
}

/** A worker could not find what a task needs, and has dropped the task. */
export function stimulusMissingData(s: SchedulerState, ws: WorkerState, msg: MissingData): void {
  reportMissing(s, msg.missing, (key) => taskOf(s, ws, key));
  const ts = taskOf(s, ws, msg.key);
  if (ts !== undefined && ts.processingOn === ws) recommend(s, ts, "waiting");
}

/** A worker has copies of results that it needed. */
export function addKeys(s: SchedulerState, ws: WorkerState, keys: string[]): void {
  for (let i = 0; i < keys.length; i++) {
    const ts = taskOf(s, ws, keys[i]);
    if (ts === undefined) {
      freeOutdated(s, ws, keys[i]);
    } else if (ts.state === "memory") {
      addReplica(s, ts, ws);
      if (s.validate) s.touched.add(ts);
    } else if (ts.nbytes >= 0 && isPending(ts)) {
      // The other copies were lost, and this one is found before the result is computed again.
      transition(s, ts, "memory", ws);
      transitions(s);
    } else {
      freeKey(s, ws, keys[i]);
    }
  }
}

/** A worker does not have results or tasks any more that it was given. */
export function releaseKeys(s: SchedulerState, ws: WorkerState, keys: string[]): void {
  for (let i = 0; i < keys.length; i++) {
    const ts = s.tasks.get(keys[i]);
    // Data that a client has put there it may have without having heard of it.
    if (ts === undefined || (ts.generation > ws.heard && !ws.hasWhat.has(ts))) continue;
    if (s.validate) s.touched.add(ts);
    // An answer to `acquire-replicas`, or none to it any more.
    failCopy(s, ts, ws);
    if (ts.processingOn === ws) {
      recommend(s, ts, "waiting");
    } else if (ws.hasWhat.has(ts)) {
      removeReplica(s, ts, ws);
      if (ts.whoHas.size === 0) recommend(s, ts, "released");
    }
  }
}

/**
 * A task has printed something: the clients that want it see it, or else those that want what is
 * computed from it.
 */
export function taskConsole(s: SchedulerState, ws: WorkerState, msg: TaskConsole): void {
  const ts = s.tasks.get(msg.key);
  if (ts === undefined) return;
  for (const cs of findReaders(ts)) {
    const { key, level, text } = msg;
    sendToClient(s, cs, { op: "task-console", key, worker: ws.address, level, text });
  }
}

function failForgotten(s: SchedulerState, ts: TaskState, part: string): void {
  const error = new ForgottenCodeError(
    `the result of task '${ts.key}' refers to code (${part}) that neither its function nor its ` +
      `arguments have brought, and that has been forgotten: return what the task itself was given ` +
      `or has made`,
  );
  const traceback = error.stack = `${error.name}: ${error.message}`;
  ts.failure = new TaskFailure(serialize(error), traceback, ts.key);
  transition(s, ts, "erred");
}

function arrive(s: SchedulerState, ts: TaskState, ws: WorkerState, msg: TaskFinished): void {
  ts.nbytes = msg.nbytes;
  ts.type = msg.type;
  if (s.transitionPlugins.length === 0) {
    transition(s, ts, "memory", ws);
    return;
  }
  s.run = correctTimeDelay(ws, msg);
  try {
    transition(s, ts, "memory", ws);
  } finally {
    s.run = null;
  }
}

/** The times of a run on the scheduler's clock; the worker's goes differently. */
function correctTimeDelay(ws: WorkerState, msg: TaskFinished): { start: number; stop: number } {
  return { start: msg.start + ws.timeDelay, stop: msg.stop + ws.timeDelay };
}

function findReaders(ts: TaskState): Iterable<TaskState["whoWants"]["items"][number]> {
  if (ts.whoWants.size > 0) return ts.whoWants;
  const seen = new Set([ts]);
  for (const task of seen) {
    if (task.whoWants.size > 0) return task.whoWants;
    for (const dts of task.dependents) {
      if (seen.size < SEARCHED_FOR_READERS) seen.add(dts);
    }
  }
  return [];
}
