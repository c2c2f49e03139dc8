/**
 * Workers that come and go.
 *
 * @module
 */
import type { WorkerMetrics } from "../protocol/messages.ts";
import type { SchedulerCore, WorkerInfo } from "./core.ts";
import { endCopiesTo } from "./copies.ts";
import { checkIdleSaturated } from "./occupancy.ts";
import { freeOutdated } from "./generations.ts";
import { callPlugin } from "./plugins.ts";
import { addReplica } from "./replicas.ts";
import { learnResultParts } from "./result_parts.ts";
import { freeKey, recommend, type SchedulerState } from "./state.ts";
import { suspectTasks } from "./suspects.ts";
import { comparePriority, isPending } from "./task_state.ts";
import { transition, transitions } from "./transitions.ts";
import { sendAllUploads } from "./uploads.ts";
import { type Orphan, WorkerState } from "./worker_state.ts";
import { changeAbility, takeWork, workersChanged } from "./worker_status.ts";

/**
 * Seconds after its registration that a worker keeps results which nobody knows. A client may have
 * put them there a moment ago, and its word of that may be on its way still.
 */
const ORPHANS_KEPT = 10;

/** A worker's registration that cannot be taken; the message is for the reply. */
export class WorkerRefusedError extends Error {
  override name = "WorkerRefusedError";
}

/**
 * A worker has registered. It may hold results already, when it comes back after a lost connection.
 *
 * @throws {WorkerRefusedError} When another worker has its name.
 */
export function addWorker(s: SchedulerState, info: WorkerInfo): WorkerState {
  const namesake = s.aliases.get(info.name);
  if (namesake !== undefined && namesake.address !== info.address) {
    throw new WorkerRefusedError(
      `worker name '${info.name}' is taken by ${namesake.address}; start the worker with another one`,
    );
  }
  const before = s.workers.get(info.address);
  if (before !== undefined) {
    // Its old connection has not been seen to break yet. The same process has lost nothing but that;
    // another one in its place means that it died.
    removeWorker(s, before, before.pid === info.pid, "it registered again");
    transitions(s);
  }
  const ws = new WorkerState({
    address: info.address,
    name: info.name,
    host: info.host,
    nthreads: info.nthreads,
    resources: info.resources,
    pid: info.pid,
    status: info.status ?? "running",
    memoryLimit: info.memoryLimit ?? 0,
    nanny: info.nanny ?? null,
    // What says nothing of it has never been told of a task that is gone.
    heard: info.heard ?? Infinity,
    now: s.now,
    timeDelay: s.now - info.now,
  });
  s.workers.set(ws.address, ws);
  s.aliases.set(ws.name, ws);
  let hosted = s.hosts.get(ws.host);
  if (hosted === undefined) s.hosts.set(ws.host, hosted = new Set());
  hosted.add(ws);
  if (ws.takesTasks) {
    s.totalNthreads += ws.nthreads;
    s.byLoad.add(ws);
  }
  workersChanged(s);
  checkIdleSaturated(s, ws);

  // Before any task that may import them.
  sendAllUploads(s, ws);

  for (const key in info.nbytes) {
    const needs = info.needs !== undefined && Object.hasOwn(info.needs, key)
      ? info.needs[key]
      : undefined;
    const generation = info.generations !== undefined && Object.hasOwn(info.generations, key)
      ? info.generations[key]
      : Infinity;
    const held: Orphan = { nbytes: info.nbytes[key], needs, generation };
    if (s.tasks.has(key)) claim(s, ws, key, held);
    else (ws.orphans ??= new Map()).set(key, held);
  }
  takeWork(s);
  s.eventLog.add("worker", { action: "add-worker", worker: ws.address, name: ws.name }, s.now);
  for (const plugin of s.plugins) {
    callPlugin(s, plugin, "addWorker", () => plugin.addWorker?.(s as SchedulerCore, ws.address));
  }
  return ws;
}

/**
 * A worker has left. Its tasks go to others, its results are computed again if they are needed.
 *
 * @param isSafe Whether it left in good order; else its tasks are suspected.
 * @param reason Why it left, for the event log.
 */
export function removeWorker(
  s: SchedulerState,
  ws: WorkerState,
  isSafe: boolean,
  reason: string,
): void {
  ws.gone = true;
  ws.outbox = [];
  s.workers.delete(ws.address);
  if (s.aliases.get(ws.name) === ws) s.aliases.delete(ws.name);
  const hosted = s.hosts.get(ws.host);
  hosted?.delete(ws);
  if (hosted?.size === 0) s.hosts.delete(ws.host);
  if (ws.takesTasks) s.totalNthreads -= ws.nthreads;
  s.byLoad.remove(ws);
  checkIdleSaturated(s, ws);
  s.parts.forgetWorker(ws);
  s.retiring.delete(ws);
  endCopiesTo(s, ws);
  workersChanged(s);

  if (!isSafe) suspectTasks(s, ws);
  // The first by priority is recommended last, so that it is placed first.
  for (const ts of [...ws.processing].sort((a, b) => comparePriority(b, a))) {
    recommend(s, ts, "released");
  }
  for (const ts of ws.hasWhat) {
    ts.whoHas = ts.whoHas.delete(ws);
    if (s.validate) s.touched.add(ts);
    if (ts.whoHas.size === 0) recommend(s, ts, "released");
  }
  ws.hasWhat.clear();
  ws.nbytes = 0;
  s.eventLog.add("worker", { action: "remove-worker", worker: ws.address, reason }, s.now);
  for (const plugin of s.plugins) {
    callPlugin(
      s,
      plugin,
      "removeWorker",
      () => plugin.removeWorker?.(s as SchedulerCore, ws.address),
    );
  }
}

/** Workers drop what they held when they registered and what nobody has come to know since. */
export function claimOrphans(s: SchedulerState): void {
  for (const ws of s.workers.values()) {
    if (ws.orphans === null || s.now - ws.joined < ORPHANS_KEPT) continue;
    const orphans = ws.orphans;
    ws.orphans = null;
    for (const [key, held] of orphans) claim(s, ws, key, held);
  }
}

/** A worker holds a result: it is taken for what it is, or dropped when it is of no use. */
function claim(s: SchedulerState, ws: WorkerState, key: string, held: Orphan): void {
  const ts = s.tasks.get(key);
  if (ts === undefined || !(ts.state === "memory" || isPending(ts))) {
    freeKey(s, ws, key);
  } else if (ts.generation > held.generation) {
    // It is of a task that had this key before.
    freeOutdated(s, ws, key);
  } else if (learnResultParts(s, ts, held.needs) !== null) {
    // It refers to code that nobody has any more.
    freeKey(s, ws, key);
  } else if (ts.state === "memory") {
    addReplica(s, ts, ws);
  } else {
    ts.nbytes = held.nbytes;
    transition(s, ts, "memory", ws);
    transitions(s);
  }
  if (s.validate && ts !== undefined) s.touched.add(ts);
}

/** A worker has given up threads, or got them back. */
export function threadsChanged(s: SchedulerState, ws: WorkerState, nthreads: number): void {
  changeAbility(s, ws, () => ws.nthreads = nthreads);
  if (nthreads === 0) {
    for (const ts of [...ws.processing].sort((a, b) => comparePriority(b, a))) {
      recommend(s, ts, "waiting");
    }
  }
  s.eventLog.add("worker", { action: "threads", worker: ws.address, nthreads }, s.now);
}

/** A worker says that it lives, and what time it has. */
export function heartbeatWorker(
  s: SchedulerState,
  ws: WorkerState,
  msg: { now: number; metrics: WorkerMetrics },
): void {
  ws.timeDelay = s.now - msg.now;
  ws.metrics = msg.metrics;
}

/** The workers that have been silent for too long. */
export function silentWorkers(s: SchedulerState): WorkerState[] {
  if (s.workerTtl === 0) return [];
  return [...s.workers.values()].filter((ws) => s.now - ws.lastSeen > s.workerTtl);
}
