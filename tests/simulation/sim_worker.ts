/**
 * A worker of the simulation: the real core, with threads, a store and a network that only take
 * virtual time.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { SchedulerToWorker, WorkerToScheduler } from "../../protocol/messages.ts";
import { Serialized } from "../../protocol/serialized.ts";
import type { WorkerAction } from "../../worker/actions.ts";
import { WorkerCore } from "../../worker/core.ts";
import type { TaskState } from "../../worker/task_state.ts";
import { CODE } from "../support/toy_code.ts";
import type { Link } from "./link.ts";
import type { Simulation } from "./simulation.ts";
import { type BookedTask, type Held, result } from "./task_book.ts";

const EXCEPTION = new Serialized([new Uint8Array([1])]);

/** What the threads were given. */
interface Run {
  key: string;
  task: BookedTask;
  inputs: number[];
  started: boolean;
  recalled: boolean;
  cancelled: boolean;
  /** It has left the threads. */
  seceded: boolean;
  /** Called when it has a place among them again. */
  rejoined: (() => void) | null;
}

/** One worker, from its start to its death. */
export class SimWorker {
  readonly address: string;
  readonly name: string;
  readonly core: WorkerCore;
  /** Results that are held, by key. */
  readonly store: Map<string, Held> = new Map();
  alive = true;
  /** Whether it was asked to leave, or asked for it itself. */
  retiring = false;
  /** Told to restart, or about to be, and not done yet. */
  restarting = 0;
  toScheduler: Link<WorkerToScheduler> | null = null;
  nthreads: number;
  /** Bytes; 0: no limit. */
  readonly memoryLimit: number;
  readonly resources: Record<string, number>;
  /** Whether a nanny brings another worker when this one is to restart. */
  readonly hasNanny: boolean;
  readonly #simulation: Simulation;
  #queue: Run[] = [];
  #running = 0;
  /** Modules that tasks can import, as the threads were told: names, and names of parts. */
  #uploads: string[][] = [];

  constructor(
    simulation: Simulation,
    address: string,
    name: string,
    nthreads: number,
    resources: Record<string, number>,
  ) {
    this.#simulation = simulation;
    this.address = address;
    this.name = name;
    this.nthreads = nthreads;
    this.resources = resources;
    this.hasNanny = simulation.random.chance(0.5);
    this.memoryLimit = simulation.random.chance(0.5) ? simulation.random.integer(1e6, 1e9) : 0;
    this.core = new WorkerCore({
      address,
      nthreads,
      resources,
      random: simulation.random.next,
      validate: true,
      totalConnections: 3,
      maxGatherBytes: 100e6,
    });
  }

  /** What this worker tells the scheduler when it registers. */
  registration() {
    return {
      op: "register-worker" as const,
      address: this.address,
      host: "host-" + this.name,
      name: this.name,
      nthreads: this.nthreads,
      memoryLimit: this.memoryLimit,
      nanny: this.hasNanny ? `nanny-${this.name}` : undefined,
      status: this.core.paused ? "paused" as const : "running" as const,
      resources: this.resources,
      now: this.#simulation.time.now,
      pid: 1,
      versions: {},
      nbytes: this.core.heldNbytes(),
      needs: this.core.heldNeeds(),
      ...this.core.generations(),
    };
  }

  /** A batch from the scheduler has arrived. */
  receive(messages: SchedulerToWorker[]): void {
    if (!this.alive) return;
    const now = this.#simulation.time.now;
    for (const message of messages) {
      switch (message.op) {
        case "compute-task":
          this.core.computeTask(message, now);
          break;
        case "cancel-compute":
          for (const key of message.keys) this.#recall(key);
          this.core.cancelCompute(message.keys, now);
          break;
        case "free-keys":
          if (message.before === undefined) { for (const key of message.keys) this.#recall(key); }
          this.core.freeKeys(message.keys, now, message.before);
          break;
        case "forget-parts":
          this.core.forgetParts(message.parts, now);
          break;
        case "upload-file":
          this.core.uploadFile(message.modules, message.parts, now);
          break;
        case "steal-request":
          this.#recall(message.key);
          this.core.stealRequest(message.key, message.id, now);
          break;
        case "restart":
          if (this.hasNanny) return this.#simulation.replace(this);
          this.core.restart(message.id, now);
          break;
        case "acquire-replicas":
          this.core.acquireReplicas(
            message.whoHas,
            message.nbytes,
            message.generations,
            message.needs,
            now,
          );
          break;
        case "close":
          assert(this.retiring, `unexpected close of ${this.address}: ${message.reason}`);
          this.leave();
          return;
      }
    }
    this.drain();
  }

  /** The connection to the scheduler is gone; the worker will register again. */
  disconnected(): void {
    this.core.schedulerLost(this.#simulation.time.now);
    this.drain();
  }

  /** The scheduler has been back for a while. */
  heartbeat(): void {
    if (!this.alive || this.toScheduler === null) return;
    this.core.dropUnclaimed(this.#simulation.time.now);
    this.drain();
  }

  /** Its memory fills up, and is free again a while later. */
  fillMemory(): void {
    if (this.core.paused) return;
    this.#setPaused(true);
    this.#later(this.#simulation.random.next() * 3, () => this.#setPaused(false));
  }

  #setPaused(paused: boolean): void {
    const { now } = this.#simulation.time;
    if (paused) this.core.pause(now);
    else this.core.unpause(now);
    this.drain();
  }

  /** It wants to leave without loss. */
  retire(): void {
    const { random } = this.#simulation;
    this.retiring = true;
    const restart = random.chance(0.3);
    this.toScheduler?.send([{ op: "retire-worker", reason: "simulated", restart }]);
  }

  /** Threads are given up that would not end, and end after all a while later. */
  loseThreads(): void {
    const { random } = this.#simulation;
    const lost = random.integer(1, this.nthreads);
    if (this.nthreads === 0) return;
    this.#setThreads(this.nthreads - lost);
    this.#later(random.next() * 5, () => this.#setThreads(this.nthreads + lost));
  }

  #setThreads(nthreads: number): void {
    this.nthreads = nthreads;
    this.core.setThreads(nthreads, this.#simulation.time.now);
    this.drain();
    this.#startRuns();
  }

  /** Leave in good order. */
  leave(): void {
    this.toScheduler?.send([{ op: "close-worker", reason: "simulated" }]);
    this.alive = false;
  }

  /** Put scattered data here. */
  put(task: BookedTask): void {
    const { key, value, nbytes } = task;
    this.store.set(key, { task, value });
    this.core.putData({ [key]: nbytes }, this.#simulation.time.now);
    this.drain();
  }

  /** Carry out what the core wants. */
  drain(): void {
    this.core.drain(
      (messages) => this.toScheduler?.send(messages),
      (action) => this.#act(action),
    );
  }

  #act(action: WorkerAction): void {
    const { time } = this.#simulation;
    switch (action.type) {
      case "execute": {
        const { key, dependencies } = action.task;
        const task = this.#checkTask(action.task);
        const run: Run = {
          key,
          task,
          // Taken along when the task is handed over: the store may lose them before it begins.
          inputs: task.inputs.map((input) => {
            assert(dependencies?.some((dep) => dep.key === input.key), `${key} needs ${input.key}`);
            const held = this.store.get(input.key);
            assert(held !== undefined, `${this.address} runs ${key} without ${input.key}`);
            assert.equal(held.task, input, `${this.address} runs ${key} with another ${input.key}`);
            return held.value;
          }),
          started: false,
          recalled: false,
          cancelled: false,
          seceded: false,
          rejoined: null,
        };
        this.#queue.push(run);
        this.#startRuns();
        break;
      }
      case "set-uploads":
        this.#uploads = Array.from(action.modules, ([name, part]) => [name, part.name]).sort();
        break;
      case "forget-parts":
        this.#checkForgotten(action.parts);
        break;
      case "cancel-execute": {
        const run = this.#queue.find((run) => run.key === action.key);
        assert(run, `${this.address} cancels ${action.key}, which its threads do not have`);
        this.#later(this.#simulation.random.next() * 0.05, () => {
          if (run.cancelled || !this.#queue.includes(run)) return;
          run.cancelled = true;
          this.#ended(run);
          this.core.executeCancelled(run.key, time.now);
          this.drain();
        });
        break;
      }
      case "rejoin": {
        const run = this.#queue.find((run) => run.key === action.key);
        assert(
          run?.rejoined,
          `${this.address} lets ${action.key} rejoin, which did not ask for it`,
        );
        run.seceded = false;
        this.#running++;
        run.rejoined();
        break;
      }
      case "gather":
        this.#gather(action.worker, action.keys);
        break;
      case "restart-threads":
        this.#queue = [];
        this.#running = 0;
        this.#later(0.1, () => {
          this.restarting--;
          this.core.threadsRestarted(action.id, time.now);
          this.drain();
        });
        break;
      case "drop":
        for (const key of action.keys) if (!this.core.holds(key)) this.store.delete(key);
        break;
      case "rest":
        this.#later(action.seconds, () => {
          this.core.peerRested(action.worker, time.now);
          this.drain();
        });
        break;
    }
  }

  /** All code that a task refers to is here: the function, and what its arguments and inputs need. */
  #checkTask(task: TaskState): BookedTask {
    const booked = this.#simulation.book.get(task.key, task.run!.args);
    assert.equal(task.function?.name, booked.function);
    const needs = new Set(task.needs?.map((part) => part.name));
    const referred = booked.inputs.flatMap((input) => input.refersTo);
    for (const name of [...booked.needs, ...referred]) {
      assert(needs.has(name), `${this.address} runs ${task.key} without ${name}`);
    }
    const parts = [task.function!, ...task.needs ?? []];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      assert.equal(part.code, CODE[part.name].code);
      parts.push(...part.needs);
    }
    return booked;
  }

  /** What is forgotten while the scheduler is there, no task uses. */
  #checkForgotten(names: readonly string[]): void {
    if (this.toScheduler === null) return;
    for (const task of this.core.machine.tasks.values()) {
      for (const part of [task.function, ...task.needs ?? []]) {
        assert(!names.includes(part?.name ?? ""), `${task.key} loses ${part?.name}`);
      }
    }
  }

  /** What modules tasks can import. */
  checkUploads(expected: string[][]): void {
    assert.deepEqual(this.#uploads, expected, `uploads of ${this.address}`);
  }

  #startRuns(): void {
    for (const run of this.#queue) {
      if (this.#running >= this.nthreads) return;
      if (!run.started) this.#start(run);
    }
  }

  #start(run: Run): void {
    const { time } = this.#simulation;
    run.started = true;
    this.#running++;
    const { task } = run;
    task.attempts++;
    const start = time.now;
    const isOver = () => run.cancelled || !this.#queue.includes(run);
    const { duration, secedesAfter, rejoins } = task;
    if (secedesAfter > 0) {
      this.#later(duration * secedesAfter, () => {
        if (isOver()) return;
        this.#secede(run, duration * secedesAfter);
        const left = duration * (1 - secedesAfter);
        if (!rejoins) return this.#later(left, () => this.#finish(run, start));
        run.rejoined = () => this.#later(left, () => this.#finish(run, start));
        this.core.executeRejoins(run.key, time.now);
        this.drain();
      });
      return;
    }
    this.#later(duration, () => this.#finish(run, start));
  }

  /** The task goes on without a place among the threads. */
  #secede(run: Run, seconds: number): void {
    run.seceded = true;
    this.#running--;
    this.core.executeSeceded(run.key, seconds, this.#simulation.time.now);
    this.drain();
    this.#startRuns();
  }

  #finish(run: Run, start: number): void {
    const { book, random, time, chaos } = this.#simulation;
    const { task } = run;
    if (run.cancelled || !this.#queue.includes(run)) return;
    this.#ended(run);
    const now = time.now;
    if (chaos && random.chance(0.005)) {
      this.core.executeLost(run.key, "simulated", now);
    } else if (task.attempts <= task.failures) {
      this.core.executeErred(run.key, EXCEPTION, "Error: simulated", start, now, 0, now);
    } else {
      const { key, nbytes } = task;
      const needs = task.refersTo.length > 0 ? task.refersTo : undefined;
      if (this.core.executeFinished(key, nbytes, "number", needs, start, now, 0, now)) {
        this.store.set(key, { task, value: result(book.tasks.indexOf(task), run.inputs) });
      }
    }
    this.drain();
    this.#startRuns();
  }

  #ended(run: Run): void {
    this.#queue.splice(this.#queue.indexOf(run), 1);
    if (run.started && !run.seceded) this.#running--;
    this.#startRuns();
  }

  #recall(key: string): void {
    const run = this.#queue.find((run) => run.key === key && !run.started);
    if (run === undefined || run.cancelled) return;
    run.cancelled = true;
    this.#queue.splice(this.#queue.indexOf(run), 1);
    this.core.recalled(key, this.#simulation.time.now);
  }

  #gather(address: string, keys: string[]): void {
    const { time, random, workers, chaos } = this.#simulation;
    const delay = () => random.chance(0.1) ? random.next() * 2 : random.next() * 0.01;
    const fail = () => {
      this.core.gatherFailed(address, time.now);
      this.drain();
    };
    this.#later(delay(), () => {
      const peer = workers.get(address);
      if (peer === undefined || !peer.alive || (chaos && random.chance(0.01))) {
        return this.#later(delay(), fail);
      }
      if (random.chance(0.05)) {
        return this.#later(delay(), () => {
          this.core.gatherBusy(address, time.now);
          this.drain();
        });
      }
      const sent = new Map<string, Held>();
      for (const key of keys) {
        const held = peer.store.get(key);
        if (held !== undefined) sent.set(key, held);
      }
      this.#later(delay(), () => {
        if (!peer.alive) return fail();
        const sizes = new Map<string, number>();
        for (const [key, { task }] of sent) sizes.set(key, task.nbytes);
        this.core.gatherSucceeded(address, sizes, time.now);
        for (const [key, held] of sent) {
          if (this.core.holds(key) && !this.store.has(key)) this.store.set(key, held);
        }
        this.drain();
      });
    });
  }

  #later(delay: number, run: () => void): void {
    this.#simulation.time.after(delay, () => {
      if (this.alive) run();
    });
  }
}
