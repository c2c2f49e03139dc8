/**
 * Checks that all the tables agree with each other, for tests and simulations. A violation names the
 * task and tells its story.
 *
 * @module
 */
import type { ClientState } from "./client_state.ts";
import { isLeaving } from "./copies.ts";
import { InvariantError } from "./invariant_error.ts";
import type { SchedulerState } from "./state.ts";
import { isPending, type RunSpec, type TaskState } from "./task_state.ts";
import { formatStory } from "./transition_log.ts";
import { validateParts } from "./validate_parts.ts";
import type { WorkerState } from "./worker_state.ts";

/** Per stimulus, about so many tasks that did not change are checked too. */
const CHECKED_ALONG = 500;

/** Checks everything. */
function validateState(s: SchedulerState): void {
  for (const ts of s.tasks.values()) validateTask(s, ts);
  for (const ws of s.workers.values()) validateWorker(s, ws);
  for (const cs of s.clients.values()) validateClient(s, cs);
  validateSums(s);
  validatePrefixes(s);
  validateParts(s);
}

/** Counts stimuli, so that in a large state everything is checked now and then. */
export class Validator {
  #credit = 0;

  /**
   * Checks what a stimulus has changed, and the sums; everything, as often as that costs a fixed
   * amount per stimulus: after each one in a small state.
   */
  afterStimulus(s: SchedulerState): void {
    this.#credit += CHECKED_ALONG;
    if (this.#credit >= s.tasks.size) {
      this.#credit = 0;
      validateState(s);
    } else {
      for (const ts of s.touched) if (ts.state !== "forgotten") validateTask(s, ts);
      validateSums(s);
    }
    for (const ts of s.touched) if (ts.state === "forgotten") validateForgotten(s, ts);
    s.touched.clear();
  }
}

/** Checks one task and its relations. */
function validateTask(s: SchedulerState, ts: TaskState): void {
  const check = (holds: boolean, rule: string) => {
    if (!holds) fail(s, ts, rule);
  };
  check(s.tasks.get(ts.key) === ts, "is in the table of tasks");
  check(ts.recommended === null, "has no transition due");
  check(
    ts.whoWants.size > 0 || ts.dependents.size > 0,
    "is wanted by a client or needed by another task",
  );
  const pending = isPending(ts);
  for (const dts of ts.dependencies) {
    check(s.tasks.get(dts.key) === dts, `depends on '${dts.key}', which exists`);
    check(dts.dependents.has(ts), `is a dependent of its dependency '${dts.key}'`);
    check(
      dts.waiters.has(ts) === pending,
      `is a waiter of '${dts.key}' exactly while it is pending`,
    );
    check(
      ts.waitingOn.has(dts) === (ts.state === "waiting" && dts.state !== "memory"),
      `waits for '${dts.key}' (${dts.state}) exactly while it waits and that is not in memory`,
    );
  }
  for (const dts of ts.dependents) {
    check(s.tasks.get(dts.key) === dts, `has the dependent '${dts.key}', which exists`);
    check(dts.dependencies.has(ts), `is a dependency of its dependent '${dts.key}'`);
  }
  for (const dts of ts.waiters) {
    check(ts.dependents.has(dts), `has waiter '${dts.key}' as dependent`);
  }
  for (const dts of ts.waitingOn) check(ts.dependencies.has(dts), `depends on '${dts.key}'`);
  for (const ws of ts.whoHas) {
    check(s.workers.get(ws.address) === ws, `is held by ${ws.address}, which exists`);
    check(ws.hasWhat.has(ts), `is among what ${ws.address} holds`);
  }
  for (const cs of ts.whoWants) check(cs.wantsWhat.has(ts), `is among what '${cs.id}' wants`);
  check(
    (ts.processingOn !== null) === (ts.state === "processing"),
    "is on a worker iff processing",
  );
  check((ts.whoHas.size > 0) === (ts.state === "memory"), "is held by workers iff in memory");
  check((ts.failure !== null) === (ts.state === "erred"), "has a failure iff it has erred");
  check(s.unrunnable.has(ts) === (ts.state === "no-worker"), "is unrunnable iff without a worker");
  check(
    s.suspects.has(ts) === (ts.state === "no-worker" && ts.suspicious > 0),
    "is among the suspects iff it waits for a trial",
  );
  if (pending) {
    check(ts.whoWants.size > 0 || ts.waiters.size > 0, "is computed because someone needs it");
    check(ts.runSpec !== null && ts.args !== null, "has a recipe");
    check(ts.lostInput === null, "can be computed");
  }
  validateByState(s, ts, check);
}

function validateByState(
  s: SchedulerState,
  ts: TaskState,
  check: (holds: boolean, rule: string) => void,
): void {
  switch (ts.state) {
    case "released":
      check(ts.waiters.size === 0, "is released only while no task waits for it");
      check(ts.whoWants.size === 0, "is released only while no client wants it");
      break;
    case "waiting":
      check(ts.waitingOn.size > 0, "waits for something");
      break;
    case "processing": {
      const ws = ts.processingOn as WorkerState;
      check(s.workers.get(ws.address) === ws, `is on ${ws.address}, which exists`);
      check(ws.processing.has(ts), `is among what ${ws.address} processes`);
      check(ts.cost >= 0, "has a cost");
      check(ts.stealLevel < 0 || !s.inFlight.has(ts), "is not stealable while it is being stolen");
      if (ts.stealLevel >= 0) {
        check(
          ws.stealable[ts.stealLevel]?.items[ts.stealIndex] === ts,
          "is in its bin of stealable tasks",
        );
      }
      break;
    }
    case "memory":
      check(ts.nbytes >= 0, "has a size");
      check(ts.whoWants.size > 0 || ts.waiters.size > 0, "is kept because someone needs it");
      break;
    case "no-worker":
    case "erred":
      break;
    default:
      check(false, `has a known state, not '${ts.state}'`);
  }
  if (ts.longRunning) {
    check(ts.cost === 0, "costs its worker nothing while it is long-running");
    check(ts.stealLevel < 0, "is not stealable while it is long-running");
  }
  if (ts.state !== "processing") {
    check(!ts.longRunning, "is long-running only on a worker");
    check(!s.inFlight.has(ts), "is not on its way between workers");
    check(ts.stealLevel < 0, "is not stealable");
  }
}

function validateForgotten(s: SchedulerState, ts: TaskState): void {
  const isClean = ts.dependencies.size === 0 && ts.dependents.size === 0 && ts.waiters.size === 0 &&
    ts.waitingOn.size === 0 && ts.whoHas.size === 0 && ts.whoWants.size === 0 &&
    ts.processingOn === null && s.tasks.get(ts.key) !== ts && !s.unrunnable.has(ts) &&
    !s.suspects.has(ts) && !s.inFlight.has(ts);
  if (!isClean) fail(s, ts, "was forgotten and leaves nothing behind");
}

function validateWorker(s: SchedulerState, ws: WorkerState): void {
  const check = (holds: boolean, rule: string) => {
    if (!holds) throw new InvariantError(`worker ${ws.address}: it does not hold that it ${rule}`);
  };
  check(!ws.gone, "is there");
  check(s.aliases.get(ws.name) === ws, "is known by its name");
  check(s.hosts.get(ws.host)?.has(ws) === true, "is known on its host");
  let cost = 0;
  let suspects = 0;
  let longRunning = 0;
  const used: Record<string, number> = {};
  for (const ts of ws.processing) {
    check(ts.processingOn === ws && s.tasks.get(ts.key) === ts, `processes '${ts.key}'`);
    cost += ts.cost;
    if (ts.longRunning) longRunning++;
    else if (ts.suspicious > 0) suspects++;
    const resources = (ts.runSpec as RunSpec).resourceRestrictions;
    for (const name in resources) used[name] = (used[name] ?? 0) + resources[name];
  }
  check(isClose(cost, ws.occupancy), `is occupied for ${cost} s, not ${ws.occupancy} s`);
  check(suspects === ws.suspects, `tries out ${suspects} tasks, not ${ws.suspects}`);
  check(longRunning === ws.longRunning, `has ${longRunning} long-running tasks`);
  check(ws.trial === null || ws.processing.has(ws.trial), "has its trial in processing");
  for (const name in ws.usedResources) {
    check(isClose(ws.usedResources[name], used[name] ?? 0), `uses ${used[name] ?? 0} of ${name}`);
  }
  let size = 0;
  for (const ts of ws.hasWhat) {
    check(ts.whoHas.has(ws) && s.tasks.get(ts.key) === ts, `holds '${ts.key}'`);
    size += ts.nbytes;
  }
  check(isClose(size, ws.nbytes), `holds ${size} bytes, not ${ws.nbytes}`);
  let stealable = 0;
  for (const bin of ws.stealable) {
    if (bin === undefined) continue;
    stealable += bin.size;
    for (const ts of bin.items) {
      check(ts === null || ts.processingOn === ws, `processes '${ts?.key}', which can be stolen`);
    }
  }
  check(stealable <= ws.processing.size, "has no more stealable tasks than tasks");
}

function validateClient(s: SchedulerState, cs: ClientState): void {
  for (const ts of cs.wantsWhat) {
    if (s.tasks.get(ts.key) !== ts || !ts.whoWants.has(cs)) {
      throw new InvariantError(`client '${cs.id}' wants '${ts.key}', which does not know of it`);
    }
  }
}

function validateSums(s: SchedulerState): void {
  const check = (holds: boolean, rule: string) => {
    if (!holds) throw new InvariantError(`scheduler: it does not hold that ${rule}`);
  };
  let threads = 0;
  let occupancy = 0;
  let able = 0;
  let processing = 0;
  for (const ws of s.workers.values()) {
    if (ws.takesTasks) threads += ws.nthreads;
    occupancy += ws.occupancy;
    processing += ws.processing.size;
    if (ws.takesTasks) able++;
    check(
      (ws.heapIndex >= 0) === ws.takesTasks,
      `${ws.address} is in the heap if it takes tasks`,
    );
    check(s.idle.has(ws) === ws.isIdle, `${ws.address} knows whether it is idle`);
    check(s.saturated.has(ws) === ws.isSaturated, `${ws.address} knows whether it is saturated`);
    const free = ws.takesTasks && ws.load < ws.nthreads;
    check(!free || ws.isIdle, `${ws.address}, which has a free thread, is idle`);
    check(
      ws.takesTasks || (!ws.isIdle && !ws.isSaturated),
      `${ws.address} takes no tasks, and is neither idle nor saturated`,
    );
  }
  check(threads === s.totalNthreads, `there are ${threads} threads, not ${s.totalNthreads}`);
  check(processing === s.totalProcessing, `${processing} tasks are processing`);
  check(
    isClose(occupancy, s.totalOccupancy),
    `the workers are occupied for ${occupancy} s, not ${s.totalOccupancy} s`,
  );
  check(able === s.byLoad.size && s.byLoad.isOrdered(), "the workers are ordered by load");
  for (const ws of s.idle) check(s.workers.get(ws.address) === ws, `idle ${ws.address} is there`);
  for (const ws of s.saturated) check(!ws.isIdle, `saturated ${ws.address} is not idle`);
  for (const [ts, steal] of s.inFlight) {
    check(ts.processingOn === steal.victim, `'${ts.key}' is stolen from where it is`);
  }
  validateCopies(s, check);
  check(s.stack.length === 0, "no transition is due");
}

/** Copies are asked for of results that are about to be lost, and of workers that can take them. */
function validateCopies(
  s: SchedulerState,
  check: (holds: boolean, rule: string) => void,
): void {
  let copying = 0;
  const incoming = new Map<WorkerState, number>();
  for (const [ts, { target, nbytes }] of s.copies) {
    check(ts.state === "memory", `'${ts.key}', which is to be copied, is in memory`);
    check(ts.whoHas.items.every(isLeaving), `'${ts.key}' is copied because all its holders leave`);
    if (target === null) continue;
    copying++;
    incoming.set(target, (incoming.get(target) ?? 0) + nbytes);
    check(target.status === "running", `'${ts.key}' is copied to ${target.address}, which runs`);
  }
  check(copying === s.copying, `${copying} copies are under way, not ${s.copying}`);
  for (const ws of s.workers.values()) {
    const bytes = incoming.get(ws) ?? 0;
    check(isClose(bytes, ws.incomingBytes), `${ws.address} gets ${bytes} bytes of copies`);
    check(s.retiring.has(ws) === (ws.retirement !== null), `${ws.address} knows if it retires`);
    check(
      (ws.status === "closing-gracefully") ===
        (ws.retirement !== null && !ws.retirement.isWaiting),
      `${ws.address} is about to leave if it retires`,
    );
  }
  for (const ws of s.retiring) check(s.workers.get(ws.address) === ws, `${ws.address} is there`);
}

function validatePrefixes(s: SchedulerState): void {
  let tasks = 0;
  for (const prefix of s.prefixes.values()) tasks += prefix.tasks;
  const counts = new Map<string, number>();
  for (const ts of s.tasks.values()) {
    const name = `${ts.prefix.name} ${ts.state}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const prefix of s.prefixes.values()) {
    for (const state in prefix.counts) {
      const count = counts.get(`${prefix.name} ${state}`) ?? 0;
      if (prefix.counts[state as keyof typeof prefix.counts] !== count) {
        throw new InvariantError(`prefix '${prefix.name}' has ${count} tasks in state ${state}`);
      }
    }
  }
  if (tasks !== s.tasks.size) {
    throw new InvariantError(`prefixes count ${tasks} of ${s.tasks.size} tasks`);
  }
}

function fail(s: SchedulerState, ts: TaskState, rule: string): never {
  throw new InvariantError(
    `task '${ts.key}' (${ts.state}): it does not hold that it ${rule}\n` +
      formatStory(s.log.story([ts.key])),
  );
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b));
}
