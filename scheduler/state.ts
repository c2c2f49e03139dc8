/**
 * Everything the scheduler knows: the tables of tasks, workers and clients, the sums kept about
 * them, and what is to be sent. The functions that change it are in the modules around this one.
 *
 * @module
 */
import type { SchedulerToClient, SchedulerToWorker } from "../protocol/messages.ts";
import type { ClientState } from "./client_state.ts";
import type { Copy } from "./copies.ts";
import { EventLog } from "./event_log.ts";
import { PartRegistry, type PartState, type UnusedLimits } from "./part_registry.ts";
import type { SchedulerPlugin } from "./plugin.ts";
import type { Retired } from "./retirement.ts";
import type { Steal } from "./stealable.ts";
import { TaskPrefixes } from "./task_prefix.ts";
import type { TaskState, TaskStateName } from "./task_state.ts";
import { TransitionLog } from "./transition_log.ts";
import { WorkerHeap } from "./worker_heap.ts";
import type { WorkerState } from "./worker_state.ts";

/** How a scheduler core behaves. */
export interface SchedulerCoreOptions {
  /** Check every invariant after each stimulus; for tests. Default false. */
  validate?: boolean;
  /** Source of random numbers in [0, 1); which worker scattered data is read from, and the like. */
  random?: () => number;
  /** Bytes per second that a transfer between workers is expected to reach. Default 100e6. */
  bandwidth?: number;
  /** How many workers a task may bring down before it is marked bad. Default 3. */
  allowedFailures?: number;
  /** Transitions that are remembered for `transitionStory`. Default 100,000. */
  transitionLogLength?: number;
  /** Seconds that a task of an unknown function is expected to take. Default 0.5. */
  defaultTaskDuration?: number;
  /** Whether `balance` moves tasks from busy to idle workers. Default true. */
  workStealing?: boolean;
  /** Seconds of silence after which a worker is given up; 0: never. Default 30. */
  workerTtl?: number;
  /** Events that are remembered per topic. Default 10,000. */
  eventLogLength?: number;
  /** How much code is kept that nothing uses any more. Default 1000 parts and 64 MiB. */
  unusedParts?: UnusedLimits;
  /** Told when a plugin throws. */
  onPluginError?: (error: unknown, plugin: SchedulerPlugin, hook: string) => void;
}

/** The scheduler's state. */
export class SchedulerState {
  // how to behave
  readonly validate: boolean;
  readonly random: () => number;
  readonly bandwidth: number;
  readonly allowedFailures: number;
  readonly defaultTaskDuration: number;
  readonly workStealing: boolean;
  readonly workerTtl: number;
  readonly onPluginError: (error: unknown, plugin: SchedulerPlugin, hook: string) => void;

  // who and what there is
  /** All tasks, by key. */
  readonly tasks: Map<string, TaskState> = new Map();
  /** All workers, by address. */
  readonly workers: Map<string, WorkerState> = new Map();
  /** All clients, by name. */
  readonly clients: Map<string, ClientState> = new Map();
  /** Workers by alias. */
  readonly aliases: Map<string, WorkerState> = new Map();
  /** Workers by host. */
  readonly hosts: Map<string, Set<WorkerState>> = new Map();
  /** Kinds of tasks, and how long they take. */
  readonly prefixes: TaskPrefixes = new TaskPrefixes();
  /** Code that tasks run, and that values refer to. */
  readonly parts: PartRegistry;
  /** Parts that results refer to, by task; tasks whose results refer to none are not in it. */
  readonly resultParts: Map<TaskState, readonly PartState[]> = new Map();
  /** Modules that tasks can import by name. */
  readonly uploads: Map<string, PartState> = new Map();
  /** Ready tasks that no worker may take at present. */
  readonly unrunnable: Set<TaskState> = new Set();
  /** Those of them that wait for a worker to be tried out on. */
  readonly suspects: Set<TaskState> = new Set();
  /** Tasks that are on their way from one worker to another. */
  readonly inFlight: Map<TaskState, Steal> = new Map();
  /** Workers that are to leave, once nothing is lost by it. */
  readonly retiring: Set<WorkerState> = new Set();
  /** Results that only such workers hold, and that others were told to copy. */
  readonly copies: Map<TaskState, Copy> = new Map();
  /** How many of these are on their way. */
  copying = 0;
  /** Whether something has changed for workers that retire. */
  retirementDue = false;
  /** Workers that are done with it, to be told to whoever waits for that. */
  retired: Retired[] = [];

  // sums and orders
  /** Workers with less to do than their share. */
  readonly idle: Set<WorkerState> = new Set();
  /** Workers with much more to do than their share. */
  readonly saturated: Set<WorkerState> = new Set();
  /** Workers that can run tasks, least loaded first. */
  readonly byLoad: WorkerHeap = new WorkerHeap();
  totalNthreads = 0;
  /** Tasks that are processing, and seconds that they are expected to take. */
  totalProcessing = 0;
  totalOccupancy = 0;
  /** Counts the changes of the set of workers. */
  workersVersion = 0;
  /** Counts the calls of `update-graph` and `update-data`. */
  generation = 0;
  /** Counts steal requests. */
  stealCount = 0;
  /** Whether a worker has become free to try out a suspicious task. */
  trialSlotFreed = false;
  /** Start and end of the run that is being reported, for plugins. */
  run: { start: number; stop: number } | null = null;
  /** Where `reevaluateOccupancy` goes on. */
  reevaluated = 0;
  /** Scratch of `decideWorker`. */
  mark = 0;
  readonly candidates: WorkerState[] = [];

  // what happened and what is due
  readonly log: TransitionLog;
  readonly eventLog: EventLog;
  /** Tasks whose `recommended` transition is due; the last one first. */
  readonly stack: TaskState[] = [];
  /** What is happening, and when. */
  stimulus = "";
  now = 0;
  /** Tasks that changed since the last check; filled only when validating. */
  readonly touched: Set<TaskState> = new Set();
  readonly plugins: SchedulerPlugin[] = [];
  readonly transitionPlugins: SchedulerPlugin[] = [];
  readonly workersToSend: WorkerState[] = [];
  readonly clientsToSend: ClientState[] = [];

  /** @param options How to behave. */
  constructor(options: SchedulerCoreOptions = {}) {
    this.validate = options.validate ?? false;
    this.random = options.random ?? (() => 0.5);
    this.bandwidth = positive("bandwidth", options.bandwidth ?? 100e6);
    this.allowedFailures = positive("allowedFailures", options.allowedFailures ?? 3);
    this.defaultTaskDuration = positive("defaultTaskDuration", options.defaultTaskDuration ?? 0.5);
    this.workStealing = options.workStealing ?? true;
    this.workerTtl = notNegative("workerTtl", options.workerTtl ?? 30);
    this.log = new TransitionLog(
      notNegative("transitionLogLength", options.transitionLogLength ?? 100_000),
    );
    this.eventLog = new EventLog(notNegative("eventLogLength", options.eventLogLength ?? 10_000));
    this.parts = new PartRegistry(options.unusedParts);
    this.onPluginError = options.onPluginError ?? (() => {});
  }
}

/** Queues a message for a worker. */
export function sendToWorker(s: SchedulerState, ws: WorkerState, message: SchedulerToWorker): void {
  if (ws.gone) return;
  if (ws.outbox.length === 0) s.workersToSend.push(ws);
  ws.outbox.push(message);
}

/** Queues a message for a client. */
export function sendToClient(s: SchedulerState, cs: ClientState, message: SchedulerToClient): void {
  if (cs.gone) return;
  if (cs.outbox.length === 0) s.clientsToSend.push(cs);
  if (cs.updatesAreNews) {
    cs.updatesAreNews = false;
    cs.outbox.push({ op: "heard", updates: cs.updates });
  }
  cs.outbox.push(message);
}

/** Queues that a worker shall drop a result; neighbouring ones share a message. */
export function freeKey(s: SchedulerState, ws: WorkerState, key: string): void {
  const last = ws.outbox.length > 0 ? ws.outbox[ws.outbox.length - 1] : undefined;
  if (last?.op === "free-keys" && last.before === undefined) last.keys.push(key);
  else sendToWorker(s, ws, { op: "free-keys", keys: [key] });
}

/** Queues that a worker shall forget a part; neighbouring ones share a message. */
function forgetPart(s: SchedulerState, ws: WorkerState, name: string): void {
  const last = ws.outbox.length > 0 ? ws.outbox[ws.outbox.length - 1] : undefined;
  if (last !== undefined && last.op === "forget-parts") last.parts.push(name);
  else sendToWorker(s, ws, { op: "forget-parts", parts: [name] });
}

/** Drops parts that have long been unused, when there are too many. */
export function trimParts(s: SchedulerState): void {
  // After each stimulus, and almost always for nothing.
  if (!s.parts.isOverfull) return;
  for (const part of s.parts.trim()) {
    for (const ws of part.knownBy) forgetPart(s, ws, part.name);
  }
}

/** Queues that a worker shall stop or forget a task; neighbouring ones share a message. */
export function cancelCompute(s: SchedulerState, ws: WorkerState, key: string): void {
  const last = ws.outbox.length > 0 ? ws.outbox[ws.outbox.length - 1] : undefined;
  if (last !== undefined && last.op === "cancel-compute") last.keys.push(key);
  else sendToWorker(s, ws, { op: "cancel-compute", keys: [key] });
}

/** Tells the clients that want a task where it stands, if there is something to tell. */
export function report(s: SchedulerState, ts: TaskState): void {
  for (let i = 0; i < ts.whoWants.size; i++) reportTo(s, ts, ts.whoWants.items[i]);
}

/** Tells one client where a task stands: that it is in memory, or why it has failed. */
export function reportTo(s: SchedulerState, ts: TaskState, cs: ClientState): void {
  if (ts.state === "memory") {
    sendToClient(s, cs, {
      op: "key-in-memory",
      key: ts.key,
      workers: addresses(ts),
      type: ts.type,
    });
  } else if (ts.failure !== null) {
    const { exception, traceback, blame } = ts.failure;
    sendToClient(s, cs, { op: "task-erred", key: ts.key, exception, traceback, blame });
  }
}

/** Addresses of the workers that hold a result. The list is shared: read it only. */
export function addresses(ts: TaskState): string[] {
  const holders = ts.whoHas.items;
  if (holders.length === 1) return holders[0].addressList;
  return holders.map((ws) => ws.address);
}

/** States from which a recommendation is not taken back by a lesser one. */
const RANK: Record<TaskStateName, number> = {
  "released": 0,
  "waiting": 0,
  "no-worker": 0,
  "processing": 0,
  "memory": 0,
  "erred": 1,
  "forgotten": 2,
};

/**
 * Makes a transition due. A task has one at a time: a later recommendation replaces the earlier one
 * in its place, but nothing replaces that a task is to be forgotten, and only that replaces that it
 * has erred.
 */
export function recommend(s: SchedulerState, ts: TaskState, finish: TaskStateName): void {
  const current = ts.recommended;
  if (current === null) {
    s.stack.push(ts);
    ts.recommended = finish;
  } else if (RANK[finish] >= RANK[current]) {
    ts.recommended = finish;
  }
}

function positive(name: string, value: number): number {
  if (typeof value !== "number" || !(value > 0)) {
    throw new RangeError(`SchedulerCore: ${name} must be a number above 0, got ${value}`);
  }
  return value;
}

function notNegative(name: string, value: number): number {
  if (typeof value !== "number" || !(value >= 0)) {
    throw new RangeError(`SchedulerCore: ${name} must be a number of at least 0, got ${value}`);
  }
  return value;
}
