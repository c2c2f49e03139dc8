/**
 * A worker core with a clock that the test moves, and everything it said and wanted done.
 *
 * @module
 */
import type { ComputeTask, Priority, WorkerToScheduler } from "../../protocol/messages.ts";
import { Serialized } from "../../protocol/serialized.ts";
import type { WorkerAction } from "../../worker/actions.ts";
import { WorkerCore, type WorkerCoreOptions } from "../../worker/core.ts";

export const SELF = "tcp://self:1";
export const A = "tcp://a:1";
export const B = "tcp://b:1";
export const C = "tcp://c:1";

/** Stands for any code. */
export const CODE = new Serialized([new Uint8Array([1])]);
const ARGS = new Serialized([new Uint8Array([2])]);

/** A source of random numbers that repeats: a linear congruential generator. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** What a task that has run gave. */
export interface FinishOptions {
  nbytes?: number;
  start?: number;
  stop?: number;
  /** Names of parts that the result refers to. */
  needs?: string[];
}

export class CoreHarness {
  readonly core: WorkerCore;
  now = 0;
  /** Handed out since the last look. */
  messages: WorkerToScheduler[] = [];
  actions: WorkerAction[] = [];
  #order = 0;

  constructor(options: Partial<WorkerCoreOptions> = {}) {
    this.core = new WorkerCore({
      address: SELF,
      nthreads: 1,
      random: randomFrom(1),
      validate: true,
      ...options,
    });
  }

  /** A compute-task message. */
  task(key: string, more: Partial<ComputeTask> = {}): ComputeTask {
    return {
      op: "compute-task",
      key,
      function: "f",
      parts: { f: { code: CODE } },
      args: ARGS,
      priority: [0, 0, this.#order++],
      ...more,
    };
  }

  /** Ask for a task, and let begin what can. */
  compute(key: string, more: Partial<ComputeTask> = {}): void {
    this.core.computeTask(this.task(key, more), this.now);
    this.settle();
  }

  /** Let the core begin what it can, and note what it hands out. */
  settle(): void {
    this.core.drain(
      (messages) => this.messages.push(...messages),
      (action) => this.actions.push(action),
    );
  }

  finish(
    key: string,
    { nbytes = 8, start = this.now - 1, stop = this.now, needs }: FinishOptions = {},
  ): boolean {
    const kept = this.core.executeFinished(key, nbytes, "number", needs, start, stop, 0, this.now);
    this.settle();
    return kept;
  }

  received(worker: string, sizes: Record<string, number>): void {
    this.core.gatherSucceeded(worker, new Map(Object.entries(sizes)), this.now);
    this.settle();
  }

  state(key: string): string | undefined {
    return this.core.machine.tasks.get(key)?.state;
  }

  data(key: string): string | undefined {
    return this.core.machine.tasks.get(key)?.data;
  }

  /** What was said since the last look. */
  said(): WorkerToScheduler[] {
    const messages = this.messages;
    this.messages = [];
    return messages;
  }

  /** What was wanted since the last look, in short: `execute x`, `gather a: x y`. */
  wanted(): string[] {
    const actions = this.actions;
    this.actions = [];
    return actions.map((action) => {
      switch (action.type) {
        case "execute":
          return `execute ${action.task.key}`;
        case "gather":
          return `gather ${action.worker}: ${action.keys.join(" ")}`;
        case "cancel-execute":
          return `cancel ${action.key}`;
        case "rejoin":
          return `rejoin ${action.key}`;
        case "forget-parts":
          return `forget ${action.parts.join(" ")}`;
        case "set-uploads":
          return `uploads ${
            Array.from(action.modules, ([n, part]) => `${n}=${part.name}`).join(" ")
          }`;
        case "drop":
          return `drop ${action.keys.join(" ")}`;
        case "rest":
          return `rest ${action.worker}`;
        case "restart-threads":
          return `restart-threads ${action.id}`;
      }
    });
  }
}

export function priority(order: number): Priority {
  return [0, 0, order];
}
