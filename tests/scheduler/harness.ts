/**
 * A scheduler core with its checks on, and everything a test needs to play clients and workers by
 * hand: what was sent stays in boxes until the test takes it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  CodePart,
  ComputeTask,
  SchedulerToClient,
  SchedulerToWorker,
  TaskGroup,
} from "../../protocol/messages.ts";
import { Serialized } from "../../protocol/serialized.ts";
import {
  SchedulerCore,
  type SchedulerCoreOptions,
  type StealResponse,
} from "../../scheduler/core.ts";
import type { TaskState } from "../../scheduler/task_state.ts";
import type { WorkerState } from "../../scheduler/worker_state.ts";

/** Stands for any code, arguments or error. */
export const BLOB = new Serialized([new Uint8Array([1, 2, 3])]);

/** How a worker of a test is. */
export interface WorkerOptions {
  nthreads?: number;
  resources?: Record<string, number>;
  host?: string;
  name?: string;
  pid?: number;
  nbytes?: Record<string, number>;
  needs?: Record<string, string[]>;
  generations?: Record<string, number>;
  heard?: number;
  memoryLimit?: number;
  status?: "running" | "paused";
}

/** Parts in short: each name with the names of those that it needs. */
export function parts(needs: Record<string, string[]>): Record<string, CodePart> {
  return Object.fromEntries(
    Object.entries(needs).map(([name, needs]) => [
      name,
      needs.length === 0 ? { code: BLOB } : { code: BLOB, needs },
    ]),
  );
}

/** A graph in short: each key with the keys that it needs. */
export type Graph = Record<string, string[]>;

/** What a task that has run gave. */
export interface FinishOptions {
  nbytes?: number;
  seconds?: number;
  /** Names of parts that the result refers to. */
  needs?: string[];
}

/** What a worker is asked to give back. */
export type StealRequest = Extract<SchedulerToWorker, { op: "steal-request" }>;

/** A core and its surroundings. */
export class Harness {
  readonly core: SchedulerCore;
  now = 100;
  readonly #toWorkers = new Map<string, SchedulerToWorker[]>();
  readonly #toClients = new Map<string, SchedulerToClient[]>();

  constructor(options: SchedulerCoreOptions = {}) {
    this.core = new SchedulerCore({ validate: true, ...options });
    this.core.addClient("client", this.now);
  }

  /** The address of the worker with a short name. */
  address(worker: string): string {
    return `tcp://${worker}:1`;
  }

  /** Adds workers by short names; all alike. */
  addWorkers(workers: string[], options: WorkerOptions = {}): void {
    for (const worker of workers) this.addWorker(worker, options);
  }

  addWorker(worker: string, options: WorkerOptions = {}): WorkerState {
    const address = this.address(worker);
    this.core.addWorker({
      op: "register-worker",
      address,
      host: options.host ?? worker,
      name: options.name ?? `name-of-${worker}`,
      nthreads: options.nthreads ?? 1,
      resources: options.resources ?? {},
      now: this.now,
      pid: options.pid ?? 1,
      memoryLimit: options.memoryLimit,
      status: options.status,
      versions: {},
      nbytes: options.nbytes ?? {},
      needs: options.needs,
      generations: options.generations,
      heard: options.heard,
    }, this.now);
    this.#drain();
    return this.worker(worker);
  }

  removeWorker(worker: string, options: { safe?: boolean } = {}): void {
    assert(this.core.removeWorker(this.address(worker), options, this.now));
    this.#drain();
  }

  worker(worker: string): WorkerState {
    const ws = this.core.workers.get(this.address(worker));
    assert(ws, `there is no worker ${worker}`);
    return ws;
  }

  task(key: string): TaskState {
    const ts = this.core.tasks.get(key);
    assert(ts, `there is no task ${key}`);
    return ts;
  }

  /** The state of a task, "forgotten" when there is none. */
  state(key: string): string {
    return this.core.tasks.get(key)?.state ?? "forgotten";
  }

  /** States of tasks, by key. */
  states(...keys: string[]): Record<string, string> {
    return Object.fromEntries(keys.map((key) => [key, this.state(key)]));
  }

  /**
   * Submits a graph of which some keys are wanted (all, when not said). The function's part comes along,
   * and any others that are given.
   */
  submit(
    graph: Graph,
    options: Partial<TaskGroup> & { client?: string; parts?: Record<string, CodePart> } = {},
  ): void {
    const keys = Object.keys(graph);
    const { client = "client", parts, ...rest } = options;
    const group: TaskGroup = {
      function: "f",
      keys,
      args: keys.map(() => BLOB),
      dependencies: Object.values(graph),
      ...rest,
    };
    this.core.updateGraph(
      client,
      { op: "update-graph", parts: parts ?? { [group.function]: { code: BLOB } }, groups: [group] },
      this.now,
    );
    this.#drain();
  }

  /** The worker that a task is on reports it finished. @returns The worker's short name. */
  finish(key: string, options: FinishOptions = {}): string {
    const ws = this.task(key).processingOn;
    assert(ws, `${key} is not processing but ${this.state(key)}`);
    const worker = ws.address.slice(6, -2);
    this.finishOn(worker, key, options);
    return worker;
  }

  finishOn(worker: string, key: string, options: FinishOptions = {}): void {
    const { nbytes = 8, seconds = 0.1, needs } = options;
    this.core.stimulusTaskFinished(this.address(worker), {
      op: "task-finished",
      key,
      nbytes,
      type: "number",
      needs,
      start: this.now,
      stop: this.now + seconds,
    }, this.now);
    this.#drain();
  }

  /** The worker that a task is on reports that it failed. */
  err(key: string): void {
    const ws = this.task(key).processingOn;
    assert(ws, `${key} is not processing but ${this.state(key)}`);
    this.errOn(ws.address.slice(6, -2), key);
  }

  errOn(worker: string, key: string): void {
    this.core.stimulusTaskErred(this.address(worker), {
      op: "task-erred",
      key,
      exception: BLOB,
      traceback: `Error in ${key}`,
    }, this.now);
    this.#drain();
  }

  /** A worker says that it lives, at a time of its own clock. */
  heartbeat(worker: string, now: number): void {
    const metrics = {
      executing: 0,
      ready: 0,
      waiting: 0,
      inMemory: 0,
      nbytes: 0,
      managed: 0,
      spilled: 0,
      memory: 0,
    };
    this.do((core, time) => core.heartbeatWorker(this.address(worker), { now, metrics }, time));
  }

  /** Lets the scheduler balance. @returns What it asks a worker to give away. */
  balance(victim: string): StealRequest[] {
    this.forgetSent();
    this.do((core, now) => core.balance(now));
    return this.stealRequests(victim);
  }

  /** A worker says in which state a task was that it was asked to give back. */
  answer(
    worker: string,
    { key, id }: { key: string; id: number },
    state: StealResponse["state"],
  ): void {
    const response: StealResponse = { op: "steal-response", key, id, state };
    this.do((core, now) => core.stealResponse(this.address(worker), response, now));
  }

  /** Has workers drop what they brought along and nobody wants. */
  claimOrphans(): void {
    this.core.claimOrphans(this.now);
    this.#drain();
  }

  /** Puts data on workers, as a client that scatters. */
  scatter(key: string, workers: string[], nbytes = 8): void {
    const whoHas = { [key]: workers.map((worker) => this.address(worker)) };
    this.core.updateData(
      "client",
      { op: "update-data", whoHas, nbytes: { [key]: nbytes } },
      this.now,
    );
    this.#drain();
  }

  release(...keys: string[]): void {
    this.do((core, now) => core.clientReleasesKeys("client", keys, now));
  }

  cancel(...keys: string[]): void {
    this.do((core, now) => core.stimulusCancel("client", keys, now));
  }

  /** Does anything else with the core. */
  do(stimulus: (core: SchedulerCore, now: number) => void): void {
    stimulus(this.core, this.now);
    this.#drain();
  }

  /** Takes what was sent to a worker since the last time. */
  toWorker(worker: string): SchedulerToWorker[] {
    return take(this.#toWorkers, this.address(worker));
  }

  /** Takes what was sent to a client since the last time, but for how much has been taken in. */
  toClient(client = "client"): SchedulerToClient[] {
    return this.toClientInFull(client).filter(({ op }) => op !== "heard");
  }

  /** Takes what was sent to a client since the last time. */
  toClientInFull(client = "client"): SchedulerToClient[] {
    return take(this.#toClients, client);
  }

  /** Takes the tasks that were sent to a worker since the last time. */
  computed(worker: string): ComputeTask[] {
    return this.toWorker(worker).filter((message) => message.op === "compute-task");
  }

  /** Takes what a worker was asked to give back since the last time. */
  stealRequests(worker: string): StealRequest[] {
    return this.toWorker(worker).filter((message) => message.op === "steal-request");
  }

  /** Takes the keys that a worker was told to free since the last time. */
  freed(worker: string): string[] {
    return this.toWorker(worker).flatMap((m) => m.op === "free-keys" ? m.keys : []);
  }

  /** Throws away what was sent so far. */
  forgetSent(): void {
    this.#toWorkers.clear();
    this.#toClients.clear();
  }

  /** Short names of the workers that tasks are on. */
  placed(...keys: string[]): string[] {
    return keys.map((key) => this.task(key).processingOn?.address.slice(6, -2) ?? this.state(key));
  }

  #drain(): void {
    this.core.drain(
      (address, messages) => put(this.#toWorkers, address, messages),
      (id, messages) => put(this.#toClients, id, messages),
    );
  }
}

function put<T>(boxes: Map<string, T[]>, name: string, messages: T[]): void {
  const box = boxes.get(name);
  if (box === undefined) boxes.set(name, messages);
  else box.push(...messages);
}

function take<T>(boxes: Map<string, T[]>, name: string): T[] {
  const box = boxes.get(name) ?? [];
  boxes.delete(name);
  return box;
}

/** `count` independent tasks: `x-0`, `x-1`, … */
export function independent(count: number, name = "x"): Graph {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}-${i}`, []]));
}

/** Alice has 20 tasks of a second each, and bob comes. */
export function crowded(): Harness {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ "x-1000": [] });
  h.finish("x-1000", { seconds: 1 });
  h.submit(independent(20));
  h.addWorkers(["bob"]);
  return h;
}
