/**
 * What clients do to the state: come and go, want results and let go of them, bring data, cancel.
 *
 * @module
 */
import type { UpdateData } from "../protocol/messages.ts";
import { holdParts, releaseAllParts } from "./client_parts.ts";
import { ClientState, countUpdate } from "./client_state.ts";
import { addReplica, removeReplica } from "./replicas.ts";
import { learnResultParts } from "./result_parts.ts";
import { emptySet } from "./small_set.ts";
import { freeKey, recommend, reportTo, type SchedulerState, sendToClient } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import { transition, transitions } from "./transitions.ts";
import { createTask, linkWish, want } from "./update_graph.ts";
import type { WorkerState } from "./worker_state.ts";

/** A client has registered. */
export function addClient(s: SchedulerState, id: string): void {
  if (s.clients.has(id)) return;
  s.clients.set(id, new ClientState(id));
  s.eventLog.add("client", { action: "add-client", client: id }, s.now);
}

/** A client has left: it wants nothing any more. */
export function removeClient(s: SchedulerState, cs: ClientState): void {
  cs.gone = true;
  cs.outbox = [];
  s.clients.delete(cs.id);
  for (const ts of cs.wantsWhat) unwant(s, cs, ts);
  releaseAllParts(s, cs);
  s.eventLog.add("client", { action: "remove-client", client: cs.id }, s.now);
}

/** A client wants results kept that exist already. */
export function clientDesiresKeys(s: SchedulerState, cs: ClientState, keys: string[]): void {
  for (const key of keys) {
    if (want(s, cs, key)) continue;
    sendToClient(s, cs, {
      op: "cancelled-key",
      key,
      reason: `the scheduler does not know '${key}': it was released or cancelled`,
    });
  }
}

/** A client lets go of results: those that nobody else wants or needs are dropped. */
export function clientReleasesKeys(s: SchedulerState, cs: ClientState, keys: string[]): void {
  for (let i = 0; i < keys.length; i++) {
    const ts = s.tasks.get(keys[i]);
    if (ts === undefined || !cs.wantsWhat.has(ts)) continue;
    unwant(s, cs, ts);
    transitions(s);
  }
}

/**
 * A client cancels tasks. One that another client wants too goes on for that client. Else it stops,
 * and with it everything that depends on it, whoever wants that; only results that are there already
 * and that another client wants stay.
 */
export function cancelKeys(s: SchedulerState, cs: ClientState, keys: string[]): void {
  const roots: TaskState[] = [];
  const asked = new Set(keys);
  for (const key of asked) {
    const ts = s.tasks.get(key);
    if (ts === undefined || !cs.wantsWhat.has(ts)) continue;
    if (ts.whoWants.size > 1) unwant(s, cs, ts);
    else roots.push(ts);
  }
  const cancelled = new Set<TaskState>();
  for (const root of roots) cancelTree(s, cs, root, asked, cancelled);
  // The dependents come after what they depend on: they are dropped first.
  for (const ts of [...cancelled].reverse()) {
    if (ts.dependents.size === 0) recommend(s, ts, "forgotten");
    else if (ts.waiters.size === 0 && ts.state !== "erred") recommend(s, ts, "released");
  }
}

/**
 * Data has been put on workers for a client, which wants it kept.
 *
 * @param holds Whether the client will refer to the parts that came along by their names.
 */
export function updateData(
  s: SchedulerState,
  cs: ClientState,
  msg: UpdateData,
  holds: boolean,
): void {
  s.generation++;
  if (holds) countUpdate(cs);
  const registered = s.parts.register(msg.parts ?? {});
  if (holds) holdParts(s, cs, registered.parts);
  for (const key in msg.whoHas) {
    const holders: WorkerState[] = [];
    for (const address of msg.whoHas[key]) {
      const ws = s.workers.get(address);
      if (ws !== undefined) holders.push(ws);
    }
    let ts = s.tasks.get(key);
    const needs = msg.needs !== undefined && Object.hasOwn(msg.needs, key)
      ? msg.needs[key]
      : undefined;
    const missing = needs?.find((name) => s.parts.get(name) === undefined);
    if (missing !== undefined) {
      const reason = registered.refused?.get(missing) ?? `part ${missing} did not come along`;
      sendToClient(s, cs, {
        op: "cancelled-key",
        key,
        reason: `the code that '${key}' refers to is not complete: ${reason}`,
      });
      for (const ws of holders) if (ts === undefined || !ts.whoHas.has(ws)) freeKey(s, ws, key);
      continue;
    }
    if (ts === undefined && holders.length === 0) {
      sendToClient(s, cs, {
        op: "cancelled-key",
        key,
        reason: `the data of '${key}' is lost: the workers that it was put on have left`,
      });
      continue;
    }
    ts ??= createTask(s, key, null, null, 0, 0);
    learnResultParts(s, ts, needs);
    linkWish(s, cs, ts);
    if (holders.length > 0 && ts.state !== "memory") {
      ts.nbytes = Object.hasOwn(msg.nbytes, key) ? msg.nbytes[key] : 0;
      ts.type = msg.types !== undefined && Object.hasOwn(msg.types, key) ? msg.types[key] : "";
      transition(s, ts, "memory", holders[0]);
      transitions(s);
    } else if (ts.state === "memory") {
      reportTo(s, ts, cs);
    } else if (ts.state === "released") {
      recommend(s, ts, "waiting");
    }
    if (ts.state === "memory") { for (const ws of holders) addReplica(s, ts, ws); }
  }
  s.parts.settle(registered);
}

/**
 * Results were not found where they should be. What is lost is computed again.
 *
 * @param missing Workers without the result, by key.
 * @param taskOf The task that is meant by a key.
 */
export function reportMissing(
  s: SchedulerState,
  missing: Record<string, string[]>,
  taskOf: (key: string) => TaskState | undefined = (key) => s.tasks.get(key),
): void {
  for (const key in missing) {
    const ts = taskOf(key);
    if (ts === undefined || ts.state !== "memory") continue;
    for (const address of missing[key]) {
      const ws = s.workers.get(address);
      if (ws === undefined || !ws.hasWhat.has(ts)) continue;
      removeReplica(s, ts, ws);
      // Should it be there after all, nobody would ever ask for it.
      freeKey(s, ws, key);
    }
    if (s.validate) s.touched.add(ts);
    if (ts.whoHas.size === 0) recommend(s, ts, "released");
  }
}

/** Failed tasks get another chance: those that failed first, and what failed because of them. */
export function retryKeys(s: SchedulerState, keys: string[]): void {
  const seen = new Set<TaskState>();
  const due: TaskState[] = [];
  const push = (ts: TaskState | undefined) => {
    if (ts === undefined || ts.state !== "erred" || seen.has(ts)) return;
    seen.add(ts);
    due.push(ts);
  };
  for (const key of keys) push(s.tasks.get(key));
  for (let ts = due.pop(); ts !== undefined; ts = due.pop()) {
    let isFirst = true;
    for (const dts of ts.dependencies) {
      if (dts.state !== "erred") continue;
      isFirst = false;
      push(dts);
    }
    if (isFirst) recommend(s, ts, "waiting");
  }
}

/** A client does not want a task any more. */
function unwant(s: SchedulerState, cs: ClientState, ts: TaskState): void {
  cs.wantsWhat.delete(ts);
  ts.whoWants = ts.whoWants.delete(cs);
  if (s.validate) s.touched.add(ts);
  if (ts.whoWants.size > 0) return;
  if (ts.dependents.size === 0) recommend(s, ts, "forgotten");
  else if (ts.waiters.size === 0 && ts.state !== "erred") recommend(s, ts, "released");
}

function cancelTree(
  s: SchedulerState,
  cs: ClientState,
  root: TaskState,
  asked: ReadonlySet<string>,
  cancelled: Set<TaskState>,
): void {
  const due = [root];
  for (let ts = due.pop(); ts !== undefined; ts = due.pop()) {
    if (cancelled.has(ts)) continue;
    const isElsewhereWanted = ts !== root && ts.state === "memory" &&
      ts.whoWants.size > (ts.whoWants.has(cs) ? 1 : 0);
    if (isElsewhereWanted) continue;
    cancelled.add(ts);
    if (s.validate) s.touched.add(ts);
    const reason = ts === root ? undefined : `'${root.key}', which it depends on, was cancelled`;
    for (const client of ts.whoWants) {
      client.wantsWhat.delete(ts);
      if (client === cs && asked.has(ts.key)) continue;
      sendToClient(s, client, { op: "cancelled-key", key: ts.key, reason });
    }
    ts.whoWants = emptySet();
    for (const dts of ts.dependents) due.push(dts);
  }
}
