/**
 * The scheduler without its wires: a state machine that takes stimuli (messages of clients and
 * workers, workers that come and go) with the time, and piles up messages to send.
 *
 * @module
 */
import type {
  RegisterWorker,
  SchedulerToClient,
  SchedulerToWorker,
  TaskErred,
  TaskFinished,
  UpdateData,
  UpdateGraph,
  WorkerMetrics,
  WorkerToScheduler,
} from "../protocol/messages.ts";
import type { SchedulerPlugin } from "./plugin.ts";
import type { TaskStateName } from "./task_state.ts";

/** How a {@linkcode SchedulerCore} behaves. */
export interface SchedulerCoreOptions {
  /** Check every invariant after each stimulus; for tests. Default false. */
  validate?: boolean;
  /** Source of random numbers in [0, 1). */
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
  /** Told when a plugin throws. */
  onPluginError?: (error: unknown, plugin: SchedulerPlugin, hook: string) => void;
}

/** A worker's message that dependencies were not where they should be. */
export type MissingData = Extract<WorkerToScheduler, { op: "missing-data" }>;
/** A worker's answer to a `steal-request`. */
export type StealResponse = Extract<WorkerToScheduler, { op: "steal-response" }>;
/** What a task wrote to its console. */
export type TaskConsole = Extract<WorkerToScheduler, { op: "task-console" }>;

/** A worker as it registers, and the host it was seen on. */
export type WorkerInfo = RegisterWorker & { host: string };

/** What `identity` says of one worker. */
export interface WorkerIdentity {
  address: string;
  name: string;
  host: string;
  nthreads: number;
  resources: Record<string, number>;
  pid: number;
  lastSeen: number;
  timeDelay: number;
  occupancy: number;
  processing: number;
  inMemory: number;
  nbytes: number;
  metrics: WorkerMetrics | null;
}

/** What `identity` answers. */
export interface SchedulerIdentity {
  type: "Scheduler";
  workers: Record<string, WorkerIdentity>;
  clients: string[];
  tasks: number;
}

/** One line of a transition story: what a task did when, and why. */
export interface TransitionRecord {
  key: string;
  start: TaskStateName;
  finish: TaskStateName;
  /** The message or event that caused it. */
  stimulus: string;
  /** Scheduler's time in seconds. */
  time: number;
}

/** One entry of the event log. */
export interface SchedulerEvent {
  topic: string;
  time: number;
  message: unknown;
}

/** The state machine; every method that changes state takes the time in seconds last. */
export class SchedulerCore {
  constructor(_options: SchedulerCoreOptions = {}) {}

  // clients ------------------------------------------------------------------
  /** A client has registered. */
  addClient(_id: string, _now: number): void {}
  /** A client has left: nothing is wanted by it any more. */
  removeClient(_id: string, _now: number): void {}
  updateGraph(_id: string, _msg: UpdateGraph, _now: number): void {}
  clientDesiresKeys(_id: string, _keys: string[], _now: number): void {}
  clientReleasesKeys(_id: string, _keys: string[], _now: number): void {}
  stimulusCancel(_id: string, _keys: string[], _now: number): void {}
  updateData(_id: string, _msg: UpdateData, _now: number): void {}
  /** Keys were not found on workers that should hold them: `{key: [worker]}`. */
  reportMissing(_missing: Record<string, string[]>, _now: number): void {}

  // workers ------------------------------------------------------------------
  /**
   * An address that is registered already is taken for the same worker coming back: the old one is removed first.
   * @throws {WorkerRefusedError} the name is taken; the message is for the reply.
   */
  addWorker(_info: WorkerInfo, _now: number): void {}
  /** @returns Whether the worker was known. `safe`: it left in good order, its tasks are not suspected. */
  removeWorker(
    _address: string,
    _options: { safe?: boolean; reason?: string },
    _now: number,
  ): boolean {
    return false;
  }
  stimulusTaskFinished(_address: string, _msg: TaskFinished, _now: number): void {}
  stimulusTaskErred(_address: string, _msg: TaskErred, _now: number): void {}
  stimulusMissingData(_address: string, _msg: MissingData, _now: number): void {}
  addKeys(_address: string, _keys: string[], _now: number): void {}
  releaseKeys(_address: string, _keys: string[], _now: number): void {}
  stealResponse(_address: string, _msg: StealResponse, _now: number): void {}
  heartbeatWorker(
    _address: string,
    _msg: { now: number; metrics: WorkerMetrics },
    _now: number,
  ): void {}
  threadsChanged(_address: string, _nthreads: number, _now: number): void {}
  /** Passes a task's console output on to the clients that want it. */
  taskConsole(_address: string, _msg: TaskConsole, _now: number): void {}
  /** Removes silent workers. @returns their addresses: the server closes their streams. */
  checkWorkerTtl(_now: number): string[] {
    return [];
  }

  // upkeep: the server calls these periodically ------------------------------
  /** Re-estimates costs of what is processing, some workers per call (about every 1 s when not busy). */
  reevaluateOccupancy(_now: number): void {}
  /** Work stealing, about every 100 ms; costs nothing when there is nothing to do. */
  balance(_now: number): void {}
  /** Flushes all tasks and data, and tells clients `restart`; telling workers is the server's. */
  restart(_now: number): void {}

  // output -------------------------------------------------------------------
  /** Hands out what is to be sent, in order; the arrays belong to the receiver. */
  drain(
    _toWorker: (address: string, messages: SchedulerToWorker[]) => void,
    _toClient: (id: string, messages: SchedulerToClient[]) => void,
  ): void {}

  // queries ------------------------------------------------------------------
  whoHas(_keys?: string[]): Record<string, string[]> {
    return {};
  }
  hasWhat(_workers?: string[]): Record<string, string[]> {
    return {};
  }
  /** Threads per worker address. */
  ncores(_workers?: string[]): Record<string, number> {
    return {};
  }
  /** Sizes of results in bytes; `summary`: summed up by prefix. */
  nbytes(_keys?: string[], _summary?: boolean): Record<string, number> {
    return {};
  }
  processing(_workers?: string[]): Record<string, string[]> {
    return {};
  }
  identity(): SchedulerIdentity {
    return { type: "Scheduler", workers: {}, clients: [], tasks: 0 };
  }
  /** Addresses of the workers that any of these addresses, names or hosts mean; absent: all. */
  workersList(_workers?: string[]): string[] {
    return [];
  }
  /** Address of the worker with this address or name; null when there is none. */
  coerceAddress(_worker: string): string | null {
    return null;
  }
  transitionStory(..._keys: string[]): TransitionRecord[] {
    return [];
  }
  events(_topic?: string): SchedulerEvent[] {
    return [];
  }
  logEvent(_topic: string, _message: unknown, _now: number): void {}
  addPlugin(_plugin: SchedulerPlugin): void {}
  removePlugin(_plugin: SchedulerPlugin): void {}
}

/** A worker's registration that cannot be taken. */
export class WorkerRefusedError extends Error {
  override name = "WorkerRefusedError";
}
