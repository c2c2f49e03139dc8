/**
 * The threads of a worker: runs tasks in Web Workers that are kept fed, takes tasks back that have not
 * begun, stops those that run too long or are cancelled, and replaces threads that died.
 *
 * @module
 */
import { cancelledOutcome, lostOutcome, outcomeOf, timedOut } from "./outcomes.ts";
import { PendingTasks } from "./pending_tasks.ts";
import { PoolBell } from "./pool_bell.ts";
import type { PoolTask, PoolThread } from "./pool_thread.ts";
import type { OutcomeRecord } from "./records.ts";
import type { FromTask } from "./thread_start.ts";
import { PoolWord } from "./thread_memory.ts";
import { ThreadCrew } from "./thread_crew.ts";
import type {
  ConsoleOutput,
  Outcome,
  ThreadPart,
  ThreadPoolOptions,
  ThreadTask,
} from "./thread_task.ts";
import { checkWorkerOptions } from "./worker_options_feature.ts";

export { ThreadStartError } from "./pool_thread.ts";
export type * from "./thread_task.ts";

/** How soon to try again to hand a task over when a thread without tasks had no room for it, in milliseconds. */
const RETRY_MS = 1;
const DEFAULT_GRACE_SECONDS = 0.5;
/** How much later than a task's limit the pool acts, if the thread itself does not, in seconds. */
const LIMIT_SLACK_SECONDS = 1;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs tasks in threads.
 *
 * @example
 * ```ts
 * const pool = new ThreadPool({ nthreads: 2, onOutcome: (outcome) => console.log(outcome) });
 * await pool.start();
 * pool.execute({
 *   key: "x",
 *   function: { name: "f0123456789abcdef0123456789abcdef", code, origin: undefined, needs: [] },
 *   needs: undefined,
 *   args: serialize([1]),
 *   dependencies: undefined,
 * });
 * ```
 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #grace: number;
  readonly #bell: PoolBell;
  readonly #crew: ThreadCrew;
  readonly #tasks = new Map<string, PoolTask>();
  readonly #pending = new PendingTasks();
  #state: "new" | "open" | "closed" = "new";
  #retry: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param options See {@linkcode ThreadPoolOptions}.
   * @throws {RangeError} When `nthreads` or `grace` makes no sense.
   */
  constructor(options: ThreadPoolOptions) {
    const { nthreads, grace = DEFAULT_GRACE_SECONDS } = options;
    if (!Number.isInteger(nthreads) || nthreads < 1) {
      throw new RangeError(`nthreads must be an integer of at least 1, not ${nthreads}`);
    }
    if (!(grace >= 0 && grace < Infinity)) {
      throw new RangeError(`grace must be a number of seconds from 0 on, not ${grace}`);
    }
    this.#options = options;
    this.#grace = grace;
    this.#bell = new PoolBell(options.waking);
    this.#crew = new ThreadCrew(options, this.#bell, {
      ended: (thread, entry, outcome) => this.#ended(thread, entry, outcome),
      wrote: (output) => this.#wrote(output),
      asked: (thread, entry, message) => this.#asked(thread, entry, message),
      died: (thread, message) => this.#died(thread, message),
      rang: () => this.#bell.heard(),
      collected: () => this.#collected(),
    }, {
      ready: () => this.#collected(),
      changed: () => this.#announce(),
      failed: (error) => {
        options.onFailure?.(error);
        this.#dispatch();
      },
    });
  }

  /** How many threads run tasks. */
  get nthreads(): number {
    return Math.min(this.#crew.threads.length, this.#options.nthreads);
  }

  /** How many threads were given up but would not end. */
  get lost(): number {
    return this.#crew.lost;
  }

  /** How many tasks are in the pool, running or not. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Whether a task is in the pool. */
  has(key: string): boolean {
    return this.#tasks.has(key);
  }

  /**
   * Starts the threads.
   *
   * @throws {ThreadStartError} When one can't be started, after some attempts; the pool is closed then.
   * Or when the tasks' permissions take a feature that is off.
   */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error("A thread pool can be started only once");
    checkWorkerOptions(this.#options.permissions ?? "inherit");
    this.#state = "open";
    this.#bell.listen(() => this.#crew.pending, () => this.#collect());
    await this.#startAll();
  }

  async #startAll(): Promise<void> {
    try {
      await this.#crew.start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  // ---------------------------------------------------------------------------------------- tasks

  /**
   * Runs a task. Its outcome comes through `onOutcome`, later. Tasks that no thread has room for wait;
   * they begin in the order in which they came.
   *
   * @param task The task. One of the same name may be in the pool only if it was cancelled: then the new
   * one runs when that is over.
   * @throws {Error} When the pool is not open, or has a task of this name.
   * @throws {RangeError} When the time limit makes no sense.
   */
  execute(task: ThreadTask): void {
    if (this.#state !== "open") {
      throw new Error(
        `Task '${task.key}' can't be run: the thread pool is ${
          this.#state === "new" ? "not started" : "closed"
        }`,
      );
    }
    const { timeout } = task;
    if (timeout !== undefined && !(timeout > 0 && timeout < Infinity)) {
      throw new RangeError(
        `The time limit of task '${task.key}' must be a positive number of seconds, not ${timeout}`,
      );
    }
    const present = this.#tasks.get(task.key);
    if (present !== undefined) {
      if (!present.cancelled || present.successor !== undefined) {
        throw new Error(`Task '${task.key}' is in the thread pool already`);
      }
      present.successor = task;
      return;
    }
    const entry: PoolTask = {
      task,
      bytes: bytesOf(task),
      thread: undefined,
      slot: -1,
      serial: 0,
      spent: false,
      cancelled: false,
      dropped: false,
      seceded: false,
      timer: undefined,
      successor: undefined,
    };
    this.#tasks.set(task.key, entry);
    this.#pending.push(entry);
    this.#dispatch();
  }

  /**
   * Takes a task back that has not begun. There will be no outcome of it.
   *
   * @returns Whether it was taken back; false when it runs, is over, or was never there.
   */
  recall(key: string): boolean {
    const entry = this.#tasks.get(key);
    if (entry === undefined) return false;
    if (entry.successor !== undefined) {
      entry.successor = undefined;
      return true;
    }
    if (entry.thread !== undefined && !entry.thread.recall(entry)) return false;
    entry.dropped = true;
    clearTimeout(entry.timer);
    this.#tasks.delete(key);
    return true;
  }

  /**
   * Cancels a task. One that has not begun is taken back: "recalled", no outcome follows. One that runs
   * is asked to stop by its signal, and loses its thread when it does not stop in time: "stopping", a
   * "cancelled" outcome follows, whether it stops or finishes first.
   *
   * @returns "unknown" when there is no such task.
   */
  cancel(key: string): "recalled" | "stopping" | "unknown" {
    if (this.recall(key)) return "recalled";
    const entry = this.#tasks.get(key);
    if (entry === undefined) return "unknown";
    const thread = entry.thread;
    if (entry.cancelled || thread === undefined) return "stopping";
    entry.cancelled = true;
    thread.abort(entry);
    clearTimeout(entry.timer);
    entry.timer = setTimeout(
      () => this.#giveUp(thread, entry, () => cancelledOutcome(key)),
      this.#grace * 1000,
    );
    // What waits behind it need not wait for it.
    thread.available = false;
    this.#requeue(thread.recallAll());
    this.#dispatch();
    return "stopping";
  }

  /**
   * Makes all threads forget parts of code. A task that uses one later brings it again.
   *
   * @param names The parts; among them all that need one of them.
   */
  forgetParts(names: readonly string[]): void {
    this.#crew.forget(names);
  }

  /**
   * Has all tasks that are handed to a thread from now on import these modules by these names.
   *
   * @param modules The modules; they take the place of all before them.
   */
  setUploads(modules: ReadonlyMap<string, ThreadPart>): void {
    this.#crew.setUploads(modules);
  }

  /**
   * Have threads free what tasks leave behind as soon as that is worth it, or leave that to the engine, as they
   * do at first.
   *
   * @param isShort Whether memory is short.
   */
  saveMemory(isShort: boolean): void {
    const words = new Int32Array(this.#bell.memory);
    Atomics.store(words, PoolWord.MEMORY_IS_SHORT, isShort ? 1 : 0);
  }

  /** Puts tasks that were recalled from a thread before all that wait. */
  #requeue(entries: PoolTask[]): void {
    for (const entry of entries) clearTimeout(entry.timer);
    this.#pending.putBack(entries.filter((entry) => !entry.spent));
    for (const entry of entries) {
      if (entry.spent) this.#settle(entry, cancelledOutcome(entry.task.key));
    }
  }

  /** Hands waiting tasks to threads that have room. */
  #dispatch(): void {
    for (;;) {
      const entry = this.#pending.first();
      if (entry === undefined) return;
      const { failure } = this.#crew;
      if (failure !== undefined) {
        this.#pending.shift();
        const message = `There is no thread to run it: ${failure.message}`;
        this.#settle(entry, lostOutcome(entry.task.key, message));
        continue;
      }
      const thread = this.#crew.leastBusy(entry.bytes);
      if (thread === undefined) return;
      if (!thread.hand(entry)) {
        // It has room again when it has ended a task, and tells of that.
        if (thread.tasks.length > 0) continue;
        // Its ring is full of recalled tasks that it has not passed over yet, of which it tells nobody.
        this.#retry ??= setTimeout(() => {
          this.#retry = undefined;
          this.#dispatch();
        }, RETRY_MS);
        return;
      }
      this.#pending.shift();
      const { timeout } = entry.task;
      if (timeout !== undefined) this.#watch(entry, timeout + LIMIT_SLACK_SECONDS);
    }
  }

  /** Gives threads without tasks some that others have not begun. */
  #rebalance(): void {
    while (this.#pending.empty) {
      const entries = this.#crew.takeForIdle();
      if (entries.length === 0) return;
      this.#requeue(entries);
      this.#dispatch();
    }
  }

  // ------------------------------------------------------------------------------------- outcomes

  /** Collects what all threads have sent. */
  #collect(): void {
    this.#crew.collect();
    this.#collected();
    this.#crew.seeOff();
  }

  #collected(): void {
    this.#crew.trim();
    this.#dispatch();
    this.#rebalance();
  }

  #ended(thread: PoolThread, entry: PoolTask, outcome: OutcomeRecord): void {
    clearTimeout(entry.timer);
    if (outcome.tainted) this.#retireAndReplace(thread);
    else if (entry.seceded) this.#crew.comeBack(thread);
    else if (entry.cancelled) thread.available = true;
    // The thread is fed before anybody looks at what it has done.
    this.#dispatch();
    const { key } = entry.task;
    this.#settle(
      entry,
      entry.cancelled ? cancelledOutcome(key) : outcomeOf(key, outcome, thread.id),
    );
  }

  #settle(entry: PoolTask, outcome: Outcome): void {
    this.#tasks.delete(entry.task.key);
    try {
      this.#options.onOutcome(outcome);
    } catch (error) {
      reportError(error);
    }
    if (entry.successor !== undefined && this.#state === "open") this.execute(entry.successor);
  }

  #wrote(output: ConsoleOutput): void {
    try {
      this.#options.onConsole?.(output);
    } catch (error) {
      reportError(error);
    }
  }

  // ------------------------------------------------------------------------ tasks that leave

  #asked(thread: PoolThread, entry: PoolTask, message: FromTask): void {
    const { key } = entry.task;
    const { onSecede, onRejoin, onClient } = this.#options;
    try {
      if (message.kind === "secede") {
        if (entry.seceded) return;
        entry.seceded = true;
        this.#requeue(this.#crew.leave(thread));
        // The thread may say anything: a number that is none teaches nothing.
        const { seconds } = message;
        onSecede?.(key, Number.isFinite(seconds) ? Math.max(0, seconds) : 0);
        this.#dispatch();
      } else if (message.kind === "rejoin") {
        if (entry.seceded) onRejoin?.(key);
      } else if (message.kind === "client" && message.port instanceof MessagePort) {
        if (onClient === undefined) message.port.close();
        else onClient(key, message.port);
      }
    } catch (error) {
      reportError(error);
    }
  }

  /** Makes the thread of a task that has left the others one of them again. */
  rejoin(key: string): void {
    const entry = this.#tasks.get(key);
    if (entry?.thread === undefined || !entry.seceded) return;
    entry.seceded = false;
    this.#crew.rejoin(entry.thread);
    entry.thread.rejoined(entry);
    this.#collected();
  }

  // --------------------------------------------------------------------------- threads that end

  /**
   * Sees to it that a task with a time limit ends, should its thread not: a busy loop after an await
   * is not under the thread's watchdog.
   */
  #watch(entry: PoolTask, seconds: number): void {
    entry.timer = setTimeout(() => {
      const { thread, task } = entry;
      if (thread === undefined) return;
      const limit = task.timeout! + LIMIT_SLACK_SECONDS;
      const start = thread.startOf(entry);
      const now = (performance.timeOrigin + performance.now()) / 1000;
      const left = start === 0 ? limit : start + limit - now;
      if (left > 0) return this.#watch(entry, left);
      this.#giveUp(
        thread,
        entry,
        () => timedOut(task.key, task.timeout!, start, now, thread.id),
      );
    }, Math.min(seconds * 1000, LONGEST_TIMER_MS));
  }

  /** Ends a running task together with its thread; unless it turns out to be over. */
  #giveUp(thread: PoolThread, entry: PoolTask, outcome: () => Outcome): void {
    thread.collect();
    if (entry.thread !== thread) return this.#collected();
    this.#retireAndReplace(thread);
    this.#settle(entry, outcome());
    this.#dispatch();
  }

  #retireAndReplace(thread: PoolThread): void {
    const waiting = this.#crew.replaceLiving(thread);
    if (waiting !== undefined) this.#requeue(waiting);
  }

  #announce(): void {
    if (this.#state !== "open") return;
    this.#options.onThreadsChanged?.({ lost: this.lost, nthreads: this.nthreads });
  }

  #died(thread: PoolThread, message: string): void {
    // One that was given up, or never became ready, is not missed here.
    if (!thread.available && thread.tasks.length === 0) {
      this.#crew.dropSpare(thread);
      return;
    }
    const waiting = this.#crew.replaceDead(thread);
    if (waiting === undefined) return;
    const running = thread.tasks.slice();
    this.#requeue(waiting);
    for (const entry of running) {
      clearTimeout(entry.timer);
      const { key } = entry.task;
      const lost = `Thread ${thread.id} died while task '${key}' was running: ${message}`;
      this.#settle(entry, entry.cancelled ? cancelledOutcome(key) : lostOutcome(key, lost));
    }
    this.#dispatch();
  }

  /**
   * Drops all tasks, without outcomes, and replaces all threads.
   *
   * @throws {ThreadStartError} When a new thread can't be started; the pool is closed then.
   */
  async restart(): Promise<void> {
    if (this.#state !== "open") throw new Error("Only an open thread pool can be restarted");
    this.#dropAll();
    this.#crew.dismiss();
    await this.#startAll();
  }

  #dropAll(): void {
    for (const entry of this.#tasks.values()) clearTimeout(entry.timer);
    this.#tasks.clear();
    this.#pending.clear();
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** Ends all threads; tasks that have not ended have no outcome. May be called more than once. */
  close(): Promise<void> {
    if (this.#state !== "closed") {
      this.#state = "closed";
      this.#dropAll();
      this.#crew.close();
      this.#bell.close();
    }
    return Promise.resolve();
  }
}

/** What has to be copied to run a task, in bytes. */
function bytesOf(task: ThreadTask): number {
  let bytes = task.args.nbytes;
  if (task.dependencies !== undefined) {
    for (const value of task.dependencies.values()) bytes += value.nbytes;
  }
  return bytes;
}
