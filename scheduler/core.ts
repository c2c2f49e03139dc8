/**
 * The scheduler without its wires: a state machine that takes stimuli (messages of clients and
 * workers, workers that come and go) with the time, and piles up messages to send. It reads no
 * clock, opens no socket and sets no timer, so that the same stimuli always do the same.
 *
 * @module
 */
import type {
  CodePart,
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
import { releaseParts } from "./client_parts.ts";
import * as clients from "./client_stimuli.ts";
import * as members from "./membership.ts";
import { ObservedState } from "./observed_state.ts";
import { reevaluateOccupancy } from "./occupancy.ts";
import { restart } from "./restart.ts";
import { advanceRetirements, retire, type Retired } from "./retirement.ts";
import { type SchedulerCoreOptions, trimParts } from "./state.ts";
import { balance, stealResponse } from "./stealing.ts";
import { transitions } from "./transitions.ts";
import { uploadFile } from "./uploads.ts";
import { updateGraph } from "./update_graph.ts";
import { Validator } from "./validate.ts";
import * as reports from "./worker_stimuli.ts";
import type { WorkerState } from "./worker_state.ts";
import { setStatus } from "./worker_status.ts";

export { WorkerRefusedError } from "./membership.ts";
export { UploadRefusedError } from "./uploads.ts";
export type { SchedulerCoreOptions } from "./state.ts";
export type { SchedulerEvent } from "./event_log.ts";
export type { SchedulerIdentity, WorkerIdentity } from "./queries.ts";
export type { Retired } from "./retirement.ts";
export type { TransitionRecord } from "./transition_log.ts";

/** A worker's message that a task goes on on a thread of its own. */
export type LongRunning = Extract<WorkerToScheduler, { op: "long-running" }>;
/** A worker's message that dependencies were not where they should be. */
export type MissingData = Extract<WorkerToScheduler, { op: "missing-data" }>;
/** A worker's answer to a `steal-request`. */
export type StealResponse = Extract<WorkerToScheduler, { op: "steal-response" }>;
/** A worker's wish to leave. */
export type RetireWorker = Extract<WorkerToScheduler, { op: "retire-worker" }>;
/** What a task wrote to its console. */
export type TaskConsole = Extract<WorkerToScheduler, { op: "task-console" }>;
/** A worker as it registers, and the host it was seen on. */
export type WorkerInfo = RegisterWorker & { host: string };

/**
 * The state machine. Every method that changes state takes the time in seconds last. Messages of a
 * worker or client that is not there are ignored: it has left while they were on their way.
 *
 * @example
 * ```ts
 * const core = new SchedulerCore();
 * core.addClient("alice", 0);
 * core.updateGraph("alice", { op: "update-graph", parts, groups }, 0);
 * core.drain(sendToWorker, sendToClient);
 * ```
 *
 * @internal
 */
export class SchedulerCore extends ObservedState {
  readonly #validator: Validator | null;

  /** @param options How to behave. @throws {RangeError} When a number makes no sense. */
  constructor(options: SchedulerCoreOptions = {}) {
    super(options);
    this.#validator = this.validate ? new Validator() : null;
  }

  // clients ------------------------------------------------------------------

  /** A client has registered. @param id Its name. @param now Seconds. */
  addClient(id: string, now: number): void {
    this.#begin("add-client", now);
    clients.addClient(this, id);
    this.#end();
  }

  /** A client has left: nothing is wanted by it any more. @param id Its name. @param now Seconds. */
  removeClient(id: string, now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("remove-client", now);
    clients.removeClient(this, cs);
    this.#end();
  }

  /**
   * A client adds tasks. What cannot be taken is answered with `graph-refused`.
   * @param id The client. @param msg The tasks. @param now Seconds.
   */
  updateGraph(id: string, msg: UpdateGraph, now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("update-graph", now);
    updateGraph(this, cs, msg);
    this.#end();
  }

  /** A client wants results kept that exist. @param id The client. @param keys The tasks. @param now Seconds. */
  clientDesiresKeys(id: string, keys: string[], now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("client-desires-keys", now);
    clients.clientDesiresKeys(this, cs, keys);
    this.#end();
  }

  /** A client lets go of results. @param id The client. @param keys The tasks. @param now Seconds. */
  clientReleasesKeys(id: string, keys: string[], now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("client-releases-keys", now);
    clients.clientReleasesKeys(this, cs, keys);
    this.#end();
  }

  /** A client cancels tasks and what depends on them. @param id The client. @param keys The tasks. @param now Seconds. */
  stimulusCancel(id: string, keys: string[], now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("cancel-keys", now);
    clients.cancelKeys(this, cs, keys);
    this.#end();
  }

  /** A client has put data on workers itself. @param id The client. @param msg Where it is. @param now Seconds. */
  updateData(id: string, msg: UpdateData, now: number): void {
    this.#updateData(id, msg, true, now);
  }

  /**
   * Data was put on workers for a client, by someone else.
   * @param id The client. @param msg Where it is. @param now Seconds.
   */
  addScattered(id: string, msg: UpdateData, now: number): void {
    this.#updateData(id, msg, false, now);
  }

  /** A client will not refer to these parts again without sending them. @param id The client. @param names The parts. @param now Seconds. */
  releaseParts(id: string, names: string[], now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("release-parts", now);
    releaseParts(this, cs, names);
    this.#end();
  }

  /**
   * Modules that tasks can import by name, on all workers there are and will be.
   * @param modules Names of the modules' parts, by the names to import them by.
   * @param parts These parts, and all that they need. @param now Seconds.
   * @throws {UploadRefusedError} When they cannot be taken; the message is for the reply.
   */
  uploadFile(modules: Record<string, string>, parts: Record<string, CodePart>, now: number): void {
    this.#begin("upload-file", now);
    try {
      uploadFile(this, modules, parts);
    } finally {
      this.#end();
    }
  }

  /** Results were not found on workers that should hold them. @param missing Workers by key. @param now Seconds. */
  reportMissing(missing: Record<string, string[]>, now: number): void {
    this.#begin("report-missing", now);
    clients.reportMissing(this, missing);
    this.#end();
  }

  /** Failed tasks get another chance, with what failed because of them. @param keys The tasks. @param now Seconds. */
  stimulusRetry(keys: string[], now: number): void {
    this.#begin("retry", now);
    clients.retryKeys(this, keys);
    this.#end();
  }

  // workers ------------------------------------------------------------------

  /**
   * A worker has registered. An address that is registered already is taken for the same worker
   * coming back: the old registration goes first.
   * @param info What it says of itself. @param now Seconds.
   * @throws {WorkerRefusedError} When its name is taken; the message is for the reply.
   */
  addWorker(info: WorkerInfo, now: number): void {
    this.#begin("add-worker", now);
    members.addWorker(this, info);
    this.#end();
  }

  /**
   * A worker has left.
   * @param address The worker.
   * @param options `safe`: it left in good order, its tasks are not suspected; `reason`: for the log.
   * @param now Seconds.
   * @returns Whether it was known.
   */
  removeWorker(
    address: string,
    options: { safe?: boolean; reason?: string },
    now: number,
  ): boolean {
    const ws = this.workers.get(address);
    if (ws === undefined) return false;
    this.#begin("remove-worker", now);
    // One that was told to leave is not brought down by its tasks, even if it says no goodbye.
    const safe = options.safe === true || ws.retirement?.isOver === true;
    members.removeWorker(this, ws, safe, options.reason ?? "connection lost");
    this.#end();
    return true;
  }

  /** A worker has heard of tasks of a generation. @param address The worker. @param generation The newest. */
  workerHeard(address: string, generation: number): void {
    const ws = this.workers.get(address);
    if (ws !== undefined) ws.heard = generation;
  }

  /** A task has run. @param address The worker. @param msg Its message. @param now Seconds. */
  stimulusTaskFinished(address: string, msg: TaskFinished, now: number): void {
    const ws = this.#hear(address, "task-finished", now);
    if (ws === undefined) return;
    reports.stimulusTaskFinished(this, ws, msg);
    this.#end();
  }

  /** A task has failed. @param address The worker. @param msg Its message. @param now Seconds. */
  stimulusTaskErred(address: string, msg: TaskErred, now: number): void {
    const ws = this.#hear(address, "task-erred", now);
    if (ws === undefined) return;
    reports.stimulusTaskErred(this, ws, msg);
    this.#end();
  }

  /** A task needs no place among the threads any more. @param address The worker. @param msg Its message. @param now Seconds. */
  longRunning(address: string, msg: LongRunning, now: number): void {
    const ws = this.#hear(address, "long-running", now);
    if (ws === undefined) return;
    reports.longRunning(this, ws, msg);
    this.#end();
  }

  /** A task's dependencies were not found. @param address The worker. @param msg Its message. @param now Seconds. */
  stimulusMissingData(address: string, msg: MissingData, now: number): void {
    const ws = this.#hear(address, "missing-data", now);
    if (ws === undefined) return;
    reports.stimulusMissingData(this, ws, msg);
    this.#end();
  }

  /** A worker has copies of results now. @param address The worker. @param keys The results. @param now Seconds. */
  addKeys(address: string, keys: string[], now: number): void {
    const ws = this.#hear(address, "add-keys", now);
    if (ws === undefined) return;
    reports.addKeys(this, ws, keys);
    this.#end();
  }

  /** A worker has lost results or tasks. @param address The worker. @param keys Their keys. @param now Seconds. */
  releaseKeys(address: string, keys: string[], now: number): void {
    const ws = this.#hear(address, "release-keys", now);
    if (ws === undefined) return;
    reports.releaseKeys(this, ws, keys);
    this.#end();
  }

  /** A worker answers a steal request. @param address The worker. @param msg Its message. @param now Seconds. */
  stealResponse(address: string, msg: StealResponse, now: number): void {
    const ws = this.#hear(address, "steal-response", now);
    if (ws === undefined) return;
    stealResponse(this, ws, msg);
    this.#end();
  }

  /** A worker lives. @param address The worker. @param msg Its clock and metrics. @param now Seconds. */
  heartbeatWorker(
    address: string,
    msg: { now: number; metrics: WorkerMetrics },
    now: number,
  ): void {
    const ws = this.#hear(address, "heartbeat-worker", now);
    if (ws !== undefined) members.heartbeatWorker(this, ws, msg);
  }

  /** A worker's number of threads has changed. @param address The worker. @param nthreads It has so many. @param now Seconds. */
  threadsChanged(address: string, nthreads: number, now: number): void {
    const ws = this.#hear(address, "threads-changed", now);
    if (ws === undefined) return;
    members.threadsChanged(this, ws, nthreads);
    this.#end();
  }

  /**
   * A worker's memory is too full to take tasks, or no longer.
   * @param address The worker. @param status Which of both. @param now Seconds.
   */
  workerStatusChange(address: string, status: "running" | "paused", now: number): void {
    const ws = this.#hear(address, "worker-status-change", now);
    if (ws === undefined) return;
    setStatus(this, ws, status);
    this.#end();
  }

  /**
   * A worker wants to leave without loss. It is told to `close` when it can.
   * @param address The worker. @param msg Its message. @param now Seconds.
   */
  workerRetires(address: string, msg: RetireWorker, now: number): void {
    const ws = this.#hear(address, "retire-worker", now);
    if (ws === undefined) return;
    const { reason, restart, timeout = Infinity } = msg;
    retire(this, ws, { reason, timeout, close: true, restart });
    this.#end();
  }

  /**
   * Workers are to leave without loss. {@linkcode takeRetired} tells when each of them can.
   * @param addresses The workers; those that are not there are left out.
   * @param options Why, how long it may take, and whether they are told to `close` then.
   * @param now Seconds.
   */
  retireWorkers(
    addresses: readonly string[],
    options: { reason: string; timeout: number; close: boolean },
    now: number,
  ): void {
    this.#begin("retire-workers", now);
    for (const address of addresses) {
      const ws = this.workers.get(address);
      if (ws !== undefined) retire(this, ws, { ...options, restart: false });
    }
    this.#end();
  }

  /** The workers whose retirement is over since the last call. */
  takeRetired(): Retired[] {
    const { retired } = this;
    if (retired.length > 0) this.retired = [];
    return retired;
  }

  /** A task has printed something: clients that want it are told. @param address The worker. @param msg Its message. @param now Seconds. */
  taskConsole(address: string, msg: TaskConsole, now: number): void {
    const ws = this.#hear(address, "task-console", now);
    if (ws !== undefined) reports.taskConsole(this, ws, msg);
  }

  /**
   * Removes the workers that have been silent for longer than `workerTtl`.
   * @param now Seconds.
   * @returns Their addresses: whoever holds their connections closes them.
   */
  checkWorkerTtl(now: number): string[] {
    this.now = now;
    const silent = members.silentWorkers(this);
    for (const ws of silent) {
      const seconds = (now - ws.lastSeen).toFixed(1);
      this.removeWorker(ws.address, { reason: `silent for ${seconds} s` }, now);
    }
    return silent.map((ws) => ws.address);
  }

  // upkeep: called periodically ------------------------------------------------

  /** Goes on with workers that retire, and ends it for those whose time is up; about every 100 ms. @param now Seconds. */
  checkRetirements(now: number): void {
    if (this.retiring.size === 0) return;
    this.#begin("check-retirements", now);
    this.retirementDue = true;
    this.#end();
  }

  /** Has workers drop what they brought along and nobody wants; about every second. @param now Seconds. */
  claimOrphans(now: number): void {
    this.#begin("claim-orphans", now);
    members.claimOrphans(this);
    this.#end();
  }

  /** Estimates afresh what some workers' tasks cost; about every second when not busy. @param now Seconds. */
  reevaluateOccupancy(now: number): void {
    this.#begin("reevaluate-occupancy", now);
    reevaluateOccupancy(this);
    this.#end();
  }

  /** Work stealing; about every 100 ms. Costs nothing when there is nothing to do. @param now Seconds. */
  balance(now: number): void {
    if (!this.workStealing || this.idle.size === 0 || this.idle.size === this.workers.size) return;
    this.#begin("balance", now);
    balance(this);
    this.#end();
  }

  /**
   * Drops all tasks, data and messages to workers, and tells clients `restart`. Telling the workers
   * is the caller's.
   * @param now Seconds.
   */
  restart(now: number): void {
    this.#begin("restart", now);
    restart(this);
    this.#end();
  }

  // output ---------------------------------------------------------------------

  /**
   * Hands out what is to be sent since the last time, in order. The arrays are the receiver's.
   * @param toWorker Called with each worker's messages. @param toClient Called with each client's.
   */
  drain(
    toWorker: (address: string, messages: SchedulerToWorker[]) => void,
    toClient: (id: string, messages: SchedulerToClient[]) => void,
  ): void {
    const { workersToSend, clientsToSend } = this;
    for (let i = 0; i < workersToSend.length; i++) {
      const ws = workersToSend[i];
      const messages = ws.outbox;
      if (messages.length === 0) continue;
      ws.outbox = [];
      toWorker(ws.address, messages);
    }
    workersToSend.length = 0;
    for (let i = 0; i < clientsToSend.length; i++) {
      const cs = clientsToSend[i];
      const messages = cs.outbox;
      if (messages.length === 0) continue;
      cs.outbox = [];
      toClient(cs.id, messages);
    }
    clientsToSend.length = 0;
  }

  #updateData(id: string, msg: UpdateData, holds: boolean, now: number): void {
    const cs = this.clients.get(id);
    if (cs === undefined) return;
    this.#begin("update-data", now);
    clients.updateData(this, cs, msg, holds);
    this.#end();
  }

  #begin(stimulus: string, now: number): void {
    this.stimulus = stimulus;
    this.now = now;
  }

  /** A worker has said something; undefined when it has left. */
  #hear(address: string, stimulus: string, now: number): WorkerState | undefined {
    const ws = this.workers.get(address);
    if (ws === undefined) return undefined;
    this.stimulus = stimulus;
    this.now = now;
    ws.lastSeen = now;
    return ws;
  }

  #end(): void {
    transitions(this);
    if (this.retirementDue) {
      advanceRetirements(this);
      // What a worker did not begin before it retires may have found no other that may run it.
      transitions(this);
    }
    trimParts(this);
    if (this.#validator !== null) this.#validator.afterStimulus(this);
  }
}
