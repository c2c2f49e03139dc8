/**
 * Brings tasks and the data that they need together: what is on disk is read first, into memory that goes
 * straight to the thread; and where memory is limited, only so many tasks with large data begin at once.
 *
 * @module
 */
import { ByteBudget } from "./byte_budget.ts";
import type { Serialized } from "../protocol/serialized.ts";
import type { LoadedResult, ResultStore } from "./store.ts";
import type { ThreadPool } from "./threads/thread_pool.ts";
import type { ThreadTask } from "./threads/thread_task.ts";

/** What a starter works with, and whom it tells. */
export interface TaskStarterOptions {
  store: ResultStore;
  threads: ThreadPool;
  /** How many bytes the data of the tasks in the threads may have together; a single task may have more. */
  mostBytes: number;
  /** Data that the task needs is not here any more. */
  onMissing(key: string): void;
  /** The threads do not take the task. */
  onRefused(key: string, error: unknown): void;
}

/** A task that has begun, or is about to. */
interface Start {
  readonly task: Omit<ThreadTask, "dependencies" | "moved">;
  /** The results that it uses in memory, by key. */
  readonly used: Map<string, Serialized>;
  /** What it has of the budget. */
  bytes: number;
  isHanded: boolean;
  isOver: boolean;
}

/** Starts tasks. */
export class TaskStarter {
  readonly #options: TaskStarterOptions;
  readonly #budget: ByteBudget;
  /** Tasks with data, by key, where results can go to disk. */
  readonly #starts: Map<string, Start> = new Map();

  /** @param options See {@linkcode TaskStarterOptions}. */
  constructor(options: TaskStarterOptions) {
    this.#options = options;
    this.#budget = new ByteBudget(options.mostBytes);
  }

  /** How many bytes the data of the tasks in the threads has. */
  get bytes(): number {
    return this.#budget.inUse;
  }

  /** How many bytes it may have; see {@linkcode TaskStarterOptions.mostBytes}. */
  set mostBytes(bytes: number) {
    this.#budget.limit = bytes;
  }

  /** Whether a task is about to begin. */
  has(key: string): boolean {
    return this.#starts.has(key);
  }

  /**
   * Start a task.
   *
   * @param task The task, but for its data.
   * @param keys The results that it needs, all here; undefined: none.
   */
  start(task: Start["task"], keys: readonly string[] | undefined): void {
    const { store } = this.#options;
    if (keys === undefined) return this.#hand(task, undefined, undefined);
    if (!store.canSpill) {
      const dependencies = new Map<string, Serialized>();
      for (const key of keys) dependencies.set(key, store.get(key)!);
      return this.#hand(task, dependencies, undefined);
    }
    const start: Start = { task, used: new Map(), bytes: 0, isHanded: false, isOver: false };
    this.#starts.set(task.key, start);
    let bytes = 0;
    for (const key of keys) {
      bytes += store.sizeOf(key);
      const value = store.pin(key);
      if (value !== undefined) start.used.set(key, value);
    }
    const isHere = start.used.size === keys.length;
    if (isHere && this.#budget.take(bytes)) {
      start.bytes = bytes;
      this.#begin(start, start.used, undefined);
    } else {
      void this.#startLater(start, keys, bytes);
    }
  }

  /** Take a task back that has not begun. Returns whether it was; then nothing follows. */
  recall(key: string): boolean {
    const start = this.#starts.get(key);
    const isBack = start !== undefined && !start.isHanded || this.#options.threads.recall(key);
    if (isBack) this.ended(key);
    return isBack;
  }

  /** As {@linkcode ThreadPool.cancel}. */
  cancel(key: string): "recalled" | "stopping" | "unknown" {
    const start = this.#starts.get(key);
    const outcome = start !== undefined && !start.isHanded
      ? "recalled"
      : this.#options.threads.cancel(key);
    if (outcome !== "stopping") this.ended(key);
    return outcome;
  }

  /** A task is over: what it used is not in use any more. */
  ended(key: string): void {
    const start = this.#starts.get(key);
    if (start === undefined) return;
    this.#starts.delete(key);
    start.isOver = true;
    for (const [used, value] of start.used) this.#options.store.unpin(used, value);
    this.#release(start);
  }

  /** A task may go on for as long as it likes: others need not wait for it. */
  seceded(key: string): void {
    const start = this.#starts.get(key);
    if (start !== undefined) this.#release(start);
  }

  /** All tasks are over. */
  clear(): void {
    for (const key of Array.from(this.#starts.keys())) this.ended(key);
  }

  #release(start: Start): void {
    const { bytes } = start;
    start.bytes = 0;
    if (bytes > 0) this.#budget.release(bytes);
  }

  /** Never rejects. */
  async #startLater(start: Start, keys: readonly string[], bytes: number): Promise<void> {
    await this.#budget.acquire(bytes);
    start.bytes = bytes;
    if (start.isOver) return this.#release(start);
    const dependencies = new Map<string, Serialized>();
    const moved = new Set<string>();
    for (const key of keys) {
      const here = start.used.get(key);
      const loaded: LoadedResult | undefined = here === undefined
        ? await this.#options.store.load(key)
        : { value: here, isOwn: false };
      if (loaded !== undefined && here === undefined && !loaded.isOwn) {
        if (start.isOver) this.#options.store.unpin(key, loaded.value);
        else start.used.set(key, loaded.value);
      }
      if (start.isOver) return;
      if (loaded === undefined) {
        this.ended(start.task.key);
        this.#options.onMissing(start.task.key);
        return;
      }
      dependencies.set(key, loaded.value);
      if (loaded.isOwn) moved.add(key);
    }
    this.#begin(start, dependencies, moved.size > 0 ? moved : undefined);
  }

  #begin(
    start: Start,
    dependencies: Map<string, Serialized>,
    moved: Set<string> | undefined,
  ): void {
    start.isHanded = true;
    this.#hand(start.task, dependencies, moved);
  }

  #hand(
    task: Start["task"],
    dependencies: Map<string, Serialized> | undefined,
    moved: Set<string> | undefined,
  ): void {
    try {
      this.#options.threads.execute({ ...task, dependencies, moved });
    } catch (error) {
      // Such as a time limit that makes no sense.
      this.ended(task.key);
      this.#options.onRefused(task.key, error);
    }
  }
}
