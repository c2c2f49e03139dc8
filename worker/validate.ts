/**
 * The invariants of the worker's state machine, checked after each stimulus where `validate` is on.
 *
 * @module
 */
import type { WorkerCore } from "./core.ts";
import type { TaskMachine } from "./task_machine.ts";
import type { ComputationState, TaskState } from "./task_state.ts";

/** An invariant of the worker's state does not hold: a bug. */
export class WorkerInvariantError extends Error {
  override name = "WorkerInvariantError";
}

/**
 * Check every invariant.
 *
 * @param core The state machine.
 * @param settled Whether all that can begin must have begun.
 * @throws {WorkerInvariantError} With the story of the key at fault.
 */
export function validateWorker(core: WorkerCore, settled: boolean): void {
  const { machine } = core;
  const counts: Record<ComputationState, number> = {
    released: 0,
    waiting: 0,
    ready: 0,
    constrained: 0,
    executing: 0,
    "long-running": 0,
    memory: 0,
    erred: 0,
  };
  let inMemory = 0;
  let nbytes = 0;
  for (const [key, task] of machine.tasks) {
    const check = (holds: boolean, what: string) => {
      if (!holds) fail(core, key, what);
    };
    check(task.key === key, "is filed under its own key");
    counts[task.state]++;
    if (task.data === "memory") {
      inMemory++;
      nbytes += task.nbytes;
    }
    validateComputation(machine, task, check);
    validateData(machine, task, check);
  }
  for (
    const state of [
      "waiting",
      "ready",
      "constrained",
      "executing",
      "long-running",
      "memory",
      "erred",
    ] as const
  ) {
    if (counts[state] !== machine.counts[state]) {
      fail(core, "", `counts ${machine.counts[state]} ${state} tasks where ${counts[state]} are`);
    }
  }
  if (inMemory !== machine.inMemory || nbytes !== machine.nbytes) {
    fail(core, "", `counts ${machine.nbytes} bytes in memory where ${nbytes} are`);
  }
  validateQueue(core, counts.executing);
  validateCode(core);
  validatePeers(core);
  if (settled) validateSettled(core);
}

type Check = (holds: boolean, what: string) => void;

function validateComputation(machine: TaskMachine, task: TaskState, check: Check): void {
  const { state, queue } = { state: task.state, queue: machine.queue };
  const underWay = task.isUnderWay;
  check(underWay === (task.run !== null), "has a request if and only if it is under way");
  check(underWay === (task.function !== null), "has a function if and only if it is under way");
  check(underWay || task.needs === null, "needs code only while it is under way");
  check(underWay || task.dependencies === null, "has dependencies only while it is under way");
  const absent = (task.dependencies ?? []).filter((dependency) => dependency.data !== "memory");
  for (const dependency of task.dependencies ?? []) {
    check(machine.tasks.get(dependency.key) === dependency, `knows the live ${dependency.key}`);
    check(dependency.dependents?.has(task) === true, `is a dependent of ${dependency.key}`);
  }
  if (state === "waiting") {
    check(absent.length > 0, "waits for something");
    check(absent.length === task.missing, `counts ${task.missing} missing of ${absent.length}`);
  }
  if (state === "ready" || state === "constrained") {
    check(absent.length === 0, "has all it needs before it is ready");
    const parked = queue.dying.has(task.key);
    check(parked === (task.heapIndex < 0), "is queued unless its former self is still dying");
  } else {
    check(task.heapIndex < 0, "is in no queue unless it is ready");
  }
  if (state === "memory") check(task.data === "memory", "has its result");
  if (task.isPending) check(task.data !== "memory", "is not to be computed when it is here");
  if (task.isRunning) check(!queue.dying.has(task.key), "does not run while it dies");
  if (state === "released") {
    check(task.data !== "none" || task.isWanted, "is remembered for a reason");
  }
}

function validateData(machine: TaskMachine, task: TaskState, check: Check): void {
  const { data } = task;
  for (const dependent of task.dependents ?? []) {
    check(dependent.dependencies?.includes(task) === true, `is needed by ${dependent.key}`);
    if (data === "none" && dependent.state === "waiting") {
      check(task.isUnderWay, `is on its way for ${dependent.key}`);
    }
  }
  check((data === "waiting" || data === "flight") === (task.holders !== null), "has holders");
  check(
    !task.acquired || ((data === "waiting" || data === "flight") && !task.isUnderWay),
    "is fetched while a copy is asked for",
  );
  if (data === "waiting") {
    check(task.isWanted, "is fetched because it is needed");
    check(!task.isUnderWay, "is not fetched when it is computed here");
    check(task.holders!.length > 0, "has a holder to be fetched from");
  }
  if (data === "flight") {
    check(task.source?.inFlight?.includes(task) === true, "is on its way from its source");
  } else {
    check(task.source === null, "has no source unless in flight");
  }
  for (const holding of task.holders ?? []) {
    check(holding.task === task, "owns its holdings");
    check(machine.gathering.peers.get(holding.peer.address) === holding.peer, "knows live peers");
    check(holding.peer.address !== machine.address, "is not to be fetched from here");
    const queued = holding.peer.wanted.has(holding);
    check(queued === (data === "waiting"), "is queued with each holder while it waits");
  }
}

function validateQueue(core: WorkerCore, executing: number): void {
  const { queue } = core.machine;
  let places = executing;
  for (const { takesPlace } of queue.dying.values()) if (takesPlace) places++;
  if (queue.handedOver !== places) {
    fail(core, "", `counts ${queue.handedOver} handed over tasks where ${executing} execute`);
  }
  for (const { key, state } of queue.rejoining) {
    if (state !== "long-running") fail(core, key, "wants to rejoin because it has left");
  }
  let committed = 0;
  const used: Record<string, number> = {};
  const take = (needs: Record<string, number> | undefined) => {
    for (const name in needs) used[name] = (used[name] ?? 0) + needs[name];
  };
  for (const task of core.machine.tasks.values()) {
    if (!task.isRunning) continue;
    if (task.state === "executing") committed += task.committed;
    take(task.run!.resources);
  }
  for (const dying of queue.dying.values()) {
    committed += dying.committed;
    take(dying.resources);
  }
  if (committed !== queue.committed) fail(core, "", "does not add up expected run times");
  const { total, available } = queue.resources;
  for (const name of new Set([...Object.keys(used), ...Object.keys(available)])) {
    const free = (total[name] ?? 0) - (used[name] ?? 0);
    if (Math.abs(free - available[name]) > 1e-6) fail(core, "", `lost track of resource ${name}`);
    if (free < -1e-6) fail(core, "", `uses more ${name} than there is`);
  }
  for (const heap of queue.constrained.values()) {
    if (heap.size === 0) fail(core, "", "keeps an empty queue of constrained tasks");
  }
}

function validateCode(core: WorkerCore): void {
  const { known, uploads } = core.code;
  for (const part of known.values()) {
    for (const need of part.needs) {
      if (known.get(need.name) !== need) fail(core, "", `has ${need.name}, for ${part.name}`);
    }
  }
  for (const [name, part] of uploads) {
    if (known.get(part.name) !== part) fail(core, "", `has ${part.name}, uploaded as ${name}`);
  }
}

function validatePeers(core: WorkerCore): void {
  const { gathering } = core.machine;
  let active = 0;
  let incoming = 0;
  for (const peer of gathering.peers.values()) {
    if (peer.inFlight !== null) active++;
    incoming += peer.inFlightBytes;
    if (peer.holdings === 0 && peer.isIdle) fail(core, "", `remembers ${peer.address} for nothing`);
    if (peer.wanted.size > peer.holdings) fail(core, "", `wants too much from ${peer.address}`);
  }
  if (active !== gathering.active || incoming !== gathering.incomingBytes) {
    fail(core, "", "does not count its gathers");
  }
}

function validateSettled(core: WorkerCore): void {
  const { queue, gathering } = core.machine;
  const idle = queue.threadIsFree;
  for (const { key } of queue.rejoining) {
    if (idle) fail(core, key, "rejoins when a thread is free");
  }
  if (idle && queue.ready.size > 0) {
    fail(core, queue.ready.peek()!.key, "starts when a thread is free");
  }
  if (gathering.isFull) return;
  for (const peer of gathering.peers.values()) {
    if (peer.isIdle && peer.wanted.size > 0) {
      fail(core, peer.wanted.peek()!.task.key, `is fetched when ${peer.address} is idle`);
    }
  }
}

function fail(core: WorkerCore, key: string, what: string): never {
  const story = core.story(...(key === "" ? [] : [key])).slice(-50).map((entry) =>
    `  ${entry.time} ${entry.key}: ${entry.start} → ${entry.finish} (${entry.cause})`
  ).join("\n");
  throw new WorkerInvariantError(
    `After ${core.machine.cause}: it does not hold that ${key || "the worker"} ${what}\n${story}`,
  );
}
