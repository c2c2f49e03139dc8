/**
 * The tasks that could run, those that the threads have, and which goes to the threads next.
 *
 * A short task's thread must not idle until the next one is brought, so the threads may be given more
 * tasks than there are threads: as long as what they have is expected to keep them busy for a few
 * milliseconds only, so that a more urgent task, or a thief, never waits for long.
 *
 * @module
 */
import { comesBefore, Heap } from "./heap.ts";
import { needsResources, ResourcePool, resourceSignature } from "./resources.ts";
import type { TaskState } from "./task_state.ts";

/** A handed over task that was cancelled, until the threads are done with it. */
export interface Dying {
  /** Whether it takes a place among the threads: it has not left them. */
  readonly takesPlace: boolean;
  readonly committed: number;
  readonly resources: Record<string, number> | undefined;
}

/** Ready, constrained and handed over tasks of a worker. */
export class ExecutionQueue {
  /** Tasks that wait for a thread. */
  readonly ready: Heap<TaskState> = new Heap();
  /** Tasks that wait for a thread and for resources: those that need the same together. */
  readonly constrained: Map<string, Heap<TaskState>> = new Map();
  /** Tasks that have left the threads and want a place among them again, the first first. */
  readonly rejoining: Set<TaskState> = new Set();
  /** Keys of cancelled tasks that the threads still have. */
  readonly dying: Map<string, Dying> = new Map();
  readonly resources: ResourcePool;
  nthreads: number;
  /** How many tasks the threads have, the dying ones too; not those that have left them. */
  handedOver = 0;
  /** How long these are expected to keep the threads busy, in microseconds. */
  committed = 0;
  readonly #aheadLimit: number;
  /** Most that one task counts with, and most that a thread is given: microseconds. */
  readonly #threadBudget: number;

  /**
   * @param nthreads How many threads there are.
   * @param aheadLimit How many tasks beyond the running one a thread may be given.
   * @param aheadSeconds How long the tasks given to a thread may take together, in seconds.
   * @param resources The worker's abstract resources.
   */
  constructor(
    nthreads: number,
    aheadLimit: number,
    aheadSeconds: number,
    resources: Readonly<Record<string, number>>,
  ) {
    this.nthreads = nthreads;
    this.resources = new ResourcePool(resources);
    this.#aheadLimit = aheadLimit;
    this.#threadBudget = Math.round(aheadSeconds * 1e6);
  }

  /**
   * Take in a task that could run, as `ready` or `constrained` as its state says. One whose cancelled
   * former self is still in a thread is left out until that is over (see {@linkcode buried}).
   */
  add(task: TaskState): void {
    if (this.dying.size > 0 && this.dying.has(task.key)) return;
    if (task.state === "ready") {
      this.ready.push(task);
      return;
    }
    const signature = resourceSignature(task.run!.resources!);
    let heap = this.constrained.get(signature);
    if (heap === undefined) this.constrained.set(signature, heap = new Heap());
    heap.push(task);
  }

  /** Take out a task that is not to run now. */
  remove(task: TaskState): void {
    if (task.heapIndex < 0) return;
    if (task.state === "ready") {
      this.ready.remove(task);
      return;
    }
    const signature = resourceSignature(task.run!.resources!);
    const heap = this.constrained.get(signature)!;
    heap.remove(task);
    if (heap.size === 0) this.constrained.delete(signature);
  }

  /**
   * The task to hand over now, taken out of its queue; undefined when there is none, or the threads
   * have enough.
   */
  next(): TaskState | undefined {
    const threadIsFree = this.threadIsFree;
    let best = this.ready.peek();
    if (threadIsFree && this.constrained.size > 0) {
      const constrained = this.#bestConstrained();
      if (
        constrained !== undefined &&
        (best === undefined || comesBefore(constrained.priority, best.priority))
      ) best = constrained;
    }
    if (best === undefined || (!threadIsFree && !this.#mayGoAhead(best))) return undefined;
    this.remove(best);
    return best;
  }

  /** Whether a thread has nothing to do. */
  get threadIsFree(): boolean {
    return this.handedOver < this.nthreads;
  }

  /** A task goes to the threads. */
  started(task: TaskState): void {
    const expected = expectedMicroseconds(task);
    task.committed = expected < 0 ? this.#threadBudget : Math.min(expected, this.#threadBudget);
    this.committed += task.committed;
    this.handedOver++;
    const needs = task.run!.resources;
    if (needs !== undefined) this.resources.acquire(needs);
  }

  /** The threads are done with a task, or gave it back. */
  ended(task: TaskState): void {
    this.rejoining.delete(task);
    this.#giveBack(placeOf(task));
  }

  /** A task leaves the threads; its resources it keeps. */
  leave(task: TaskState): void {
    this.committed -= task.committed;
    task.committed = 0;
    this.handedOver--;
  }

  /** A task that has left the threads has a place among them again. */
  rejoin(task: TaskState): void {
    this.rejoining.delete(task);
    // How long it is going to take nobody knows.
    this.committed += task.committed = this.#threadBudget;
    this.handedOver++;
  }

  /** A task that the threads have is cancelled: it keeps its thread until {@linkcode buried}. */
  died(task: TaskState): void {
    this.rejoining.delete(task);
    this.dying.set(task.key, placeOf(task));
  }

  /** A cancelled task leaves the threads. Returns false when there is none of this key. */
  diedLeaving(key: string): boolean {
    const dying = this.dying.get(key);
    if (dying === undefined) return false;
    if (!dying.takesPlace) return true;
    const { committed, resources } = dying;
    this.#giveBack({ committed, takesPlace: true, resources: undefined });
    this.dying.set(key, { committed: 0, takesPlace: false, resources });
    return true;
  }

  /** The threads are done with a cancelled task. Returns false when there was none of this key. */
  buried(key: string): boolean {
    const dying = this.dying.get(key);
    if (dying === undefined) return false;
    this.dying.delete(key);
    this.#giveBack(dying);
    return true;
  }

  /** Empty the queues; what the threads have stays. */
  clear(): void {
    this.ready.clear();
    this.constrained.clear();
  }

  #giveBack({ committed, takesPlace, resources }: Dying): void {
    this.committed -= committed;
    if (takesPlace) this.handedOver--;
    if (resources !== undefined) this.resources.release(resources);
  }

  #mayGoAhead(task: TaskState): boolean {
    if (this.handedOver >= this.nthreads * (1 + this.#aheadLimit)) return false;
    const expected = expectedMicroseconds(task);
    return expected >= 0 && this.committed + expected <= this.nthreads * this.#threadBudget;
  }

  /**
   * The most urgent constrained task whose resources are free. A more urgent one that cannot have
   * its resources yet keeps those it needs from the ones behind it, or it might wait for ever.
   */
  #bestConstrained(): TaskState | undefined {
    const first: TaskState[] = [];
    for (const heap of this.constrained.values()) first.push(heap.peek()!);
    first.sort((a, b) => comesBefore(a.priority, b.priority) ? -1 : 1);
    const reserved = new Set<string>();
    for (const task of first) {
      const needs = task.run!.resources!;
      let blocked = false;
      for (const name in needs) if (needs[name] > 0 && reserved.has(name)) blocked = true;
      if (!blocked && this.resources.suffices(needs)) return task;
      if (!this.resources.couldSuffice(needs)) continue;
      for (const name in needs) if (needs[name] > 0) reserved.add(name);
    }
    return undefined;
  }
}

/** What a task that the threads have takes of the worker. */
function placeOf({ committed, state, run }: TaskState): Dying {
  return { committed, takesPlace: state === "executing", resources: run!.resources };
}

/** Whether a task, once it could run, is `ready` or `constrained`. */
export function runnableState(task: TaskState): "ready" | "constrained" {
  return needsResources(task.run!.resources) ? "constrained" : "ready";
}

/** How long the task should take, in microseconds; -1 when nobody knows. */
function expectedMicroseconds(task: TaskState): number {
  const learned = task.function!.duration;
  const seconds = learned >= 0 ? learned : task.run!.duration ?? -1;
  return seconds < 0 ? -1 : Math.round(seconds * 1e6);
}
