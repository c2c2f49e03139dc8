/**
 * The threads that a pool has: starts them, puts others in place of those that are no more, and keeps
 * account of those that would not end.
 *
 * @module
 */
import { defaultThread } from "./default_thread.ts";
import { LeavingThreads } from "./leaving_threads.ts";
import type { PoolBell } from "./pool_bell.ts";
import { type PoolTask, PoolThread, type ThreadOwner } from "./pool_thread.ts";
import type { ThreadPart, ThreadPoolOptions } from "./thread_task.ts";

/** How long a thread that is not needed waits for the next task that leaves, in milliseconds. */
const SPARE_MS = 2000;
/** How often a thread is tried to start before that is an error. */
const START_ATTEMPTS = 3;

/** What the crew tells its pool. */
export interface CrewEvents {
  /** A thread is ready for tasks. */
  ready(): void;
  /** The number of threads, or of those that would not end, has changed. */
  changed(): void;
  /** A thread could not be replaced; when it was the last, {@linkcode ThreadCrew.failure} says why. */
  failed(error: Error): void;
}

/** All threads of a pool. */
export class ThreadCrew {
  readonly #options: ThreadPoolOptions;
  readonly #bell: PoolBell;
  readonly #owner: ThreadOwner;
  readonly #events: CrewEvents;
  readonly #leaving: LeavingThreads;
  #threads: PoolThread[] = [];
  /** Threads whose tasks have left the pool. */
  readonly #away = new Set<PoolThread>();
  /** Threads that are left over, until they are needed or their time is up. */
  readonly #spares = new Map<PoolThread, ReturnType<typeof setTimeout>>();
  #nextThread = 0;
  /** Changes when all threads are given up, so that what began before is known to be outdated. */
  #generation = 0;
  #failure: Error | undefined;
  /** Modules that tasks can import by name; undefined: there have been none. */
  #uploads: ReadonlyMap<string, ThreadPart> | undefined;

  /**
   * @param options How many threads, and of which kind.
   * @param bell What they ring.
   * @param owner What they tell of their tasks.
   * @param events What the crew tells.
   */
  constructor(
    options: ThreadPoolOptions,
    bell: PoolBell,
    owner: ThreadOwner,
    events: CrewEvents,
  ) {
    this.#options = options;
    this.#bell = bell;
    this.#owner = owner;
    this.#events = events;
    this.#leaving = new LeavingThreads(() => events.changed());
  }

  /** The threads, those that start too. */
  get threads(): readonly PoolThread[] {
    return this.#threads;
  }

  /** How many threads were given up but would not end. */
  get lost(): number {
    return this.#leaving.lost;
  }

  /** Why there are no threads any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether a thread has sent something, or one that was given up has ended. */
  get pending(): boolean {
    for (const thread of this.#threads) if (thread.pending) return true;
    for (const thread of this.#away) if (thread.pending) return true;
    return this.#leaving.anyGone;
  }

  /** Collects what all threads have sent. */
  collect(): void {
    // What comes of it may change the list.
    for (let i = 0; i < this.#threads.length; i++) this.#threads[i].collect();
    for (const thread of this.#away) thread.collect();
  }

  /** Makes all threads forget parts. */
  forget(names: readonly string[]): void {
    for (const thread of this.#all()) thread.forget(names);
  }

  /** Has tasks import these modules by these names, in all threads, those to come too. */
  setUploads(modules: ReadonlyMap<string, ThreadPart>): void {
    this.#uploads = modules;
    for (const thread of this.#all()) thread.setUploads(modules);
  }

  /** Forgets the threads that were given up and have ended. */
  seeOff(): void {
    this.#leaving.seeOff();
  }

  /**
   * Starts all threads.
   *
   * @throws {ThreadStartError} When one can't be started, after some attempts.
   */
  async start(): Promise<void> {
    const starting: Promise<void>[] = [];
    for (let i = 0; i < this.#options.nthreads; i++) starting.push(this.#startThread());
    await Promise.all(starting);
  }

  /** The thread with the fewest tasks that takes one more of this size; undefined when none does. */
  leastBusy(bytes: number): PoolThread | undefined {
    let least: PoolThread | undefined;
    for (const thread of this.#threads) {
      if (least !== undefined && thread.tasks.length >= least.tasks.length) continue;
      if (thread.hasRoom(bytes)) least = thread;
    }
    return least;
  }

  /** Takes tasks that have not begun from the busiest thread; none when no thread is without tasks. */
  takeForIdle(): PoolTask[] {
    if (!this.#threads.some((thread) => thread.available && thread.tasks.length === 0)) return [];
    let busiest: PoolThread | undefined;
    for (const thread of this.#threads) {
      if (!thread.available || thread.tasks.length < 2) continue;
      if (busiest === undefined || thread.tasks.length > busiest.tasks.length) busiest = thread;
    }
    if (busiest === undefined) return [];
    const from = busiest;
    // The first is most likely the one that it runs.
    const count = Math.ceil((from.tasks.length - 1) / 2);
    return from.tasks.slice(1, 1 + count).filter((entry) => from.recall(entry));
  }

  /**
   * Puts another thread in the place of one whose task has left the pool.
   *
   * @returns The tasks that it had not begun.
   */
  leave(thread: PoolThread): PoolTask[] {
    if (!this.#remove(thread)) return [];
    thread.available = false;
    this.#away.add(thread);
    const waiting = thread.recallAll();
    const [spare] = this.#spares.keys();
    if (spare === undefined) {
      this.#replace();
    } else {
      this.dropSpare(spare);
      this.#admit(spare);
    }
    return waiting;
  }

  /** The task of a thread that was away is over: the thread fills a gap, is kept for a while, or ends. */
  comeBack(thread: PoolThread): void {
    if (!this.#away.delete(thread)) return;
    if (this.#threads.length < this.#options.nthreads) {
      this.#admit(thread);
      this.#events.changed();
    } else {
      this.#spare(thread);
    }
  }

  /** Takes a thread that was away, with its task, among the others; see {@linkcode trim}. */
  rejoin(thread: PoolThread): void {
    if (this.#away.delete(thread)) this.#admit(thread);
  }

  /** Sets threads without tasks aside while there are more than there should be. */
  trim(): void {
    while (this.#threads.length > this.#options.nthreads) {
      const idle = this.#threads.find(({ available, tasks }) => available && tasks.length === 0);
      if (idle === undefined) return;
      this.#remove(idle);
      this.#spare(idle);
    }
  }

  /** Forgets a thread that is left over. */
  dropSpare(thread: PoolThread): void {
    clearTimeout(this.#spares.get(thread));
    this.#spares.delete(thread);
  }

  #admit(thread: PoolThread): void {
    this.#threads.push(thread);
    thread.available = true;
    this.#failure = undefined;
  }

  #spare(thread: PoolThread): void {
    thread.available = false;
    if (this.#spares.size >= this.#options.nthreads) return this.#leaving.add(thread);
    const timer = setTimeout(() => {
      this.dropSpare(thread);
      this.#leaving.add(thread);
    }, SPARE_MS);
    this.#spares.set(thread, timer);
  }

  #all(): PoolThread[] {
    return [...this.#threads, ...this.#away, ...this.#spares.keys()];
  }

  /**
   * Puts another thread in the place of one that shall end, and asks it to.
   *
   * @returns The tasks that it had not begun; undefined when it is not of the crew any more.
   */
  replaceLiving(thread: PoolThread): PoolTask[] | undefined {
    const wasAway = this.#away.delete(thread);
    if (!wasAway && !this.#remove(thread)) return undefined;
    const waiting = thread.recallAll();
    this.#leaving.add(thread);
    if (!wasAway) this.#replace();
    return waiting;
  }

  /**
   * Puts another thread in the place of one that is no more.
   *
   * @returns The tasks that it had not begun; undefined when it is not of the crew any more.
   */
  replaceDead(thread: PoolThread): PoolTask[] | undefined {
    const wasAway = this.#away.delete(thread);
    if (!wasAway && !this.#remove(thread)) return undefined;
    const waiting = thread.recallAll();
    thread.terminate();
    if (!wasAway) this.#replace();
    return waiting;
  }

  /** Gives up all threads, and what they run. Others can be started then. */
  dismiss(): void {
    this.#generation++;
    this.#failure = undefined;
    for (const thread of [...this.#threads, ...this.#away]) {
      if (thread.available || thread.tasks.length > 0) {
        for (const entry of thread.tasks) thread.abort(entry);
        this.#leaving.add(thread);
      } else {
        thread.terminate();
      }
    }
    this.#threads = [];
    this.#away.clear();
    for (const spare of [...this.#spares.keys()]) {
      this.dropSpare(spare);
      this.#leaving.add(spare);
    }
  }

  /** Ends all threads, as far as this runtime can. */
  close(): void {
    this.#generation++;
    for (const thread of this.#all()) thread.terminate();
    for (const spare of [...this.#spares.keys()]) this.dropSpare(spare);
    this.#threads = [];
    this.#away.clear();
    this.#leaving.close();
  }

  /** Starts a thread; resolves early when all were given up meanwhile. */
  async #startThread(): Promise<void> {
    const { permissions = "inherit", address = "", name = "", threadModule } = this.#options;
    const generation = this.#generation;
    for (let attempt = 1;; attempt++) {
      const thread = new PoolThread({
        id: this.#nextThread++,
        module: threadModule ?? defaultThread(),
        permissions,
        poolMemory: this.#bell.memory,
        worker: { address, name },
      }, this.#owner);
      if (this.#uploads !== undefined) thread.setUploads(this.#uploads);
      this.#threads.push(thread);
      try {
        await thread.ready;
        await this.#bell.settle();
        thread.throwIfFailed();
      } catch (error) {
        thread.terminate();
        if (generation !== this.#generation) return;
        this.#remove(thread);
        if (attempt < START_ATTEMPTS) continue;
        throw error;
      }
      if (generation !== this.#generation) return;
      if (this.#bell.shared) thread.useSharedWaking();
      thread.available = true;
      this.#failure = undefined;
      this.#events.ready();
      return;
    }
  }

  /** Starts a thread in place of one that is no more. */
  #replace(): void {
    this.#startThread().catch((error) => {
      if (this.#threads.length === 0) this.#failure = error;
      this.#events.changed();
      this.#events.failed(error);
    });
  }

  #remove(thread: PoolThread): boolean {
    const index = this.#threads.indexOf(thread);
    if (index >= 0) this.#threads.splice(index, 1);
    return index >= 0;
  }
}
