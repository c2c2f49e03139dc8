/**
 * Keeps a worker's process within its memory limit. Looks at the memory of the process five times a second
 * and whenever much has come in; sees to it that results go to disk, that garbage is collected, that no
 * task begins while memory is too short, and that the scheduler hears of it when it stays so.
 *
 * @module
 */
import { getLogger } from "../config/logging.ts";
import { discardSpares } from "../protocol/spare_memory.ts";
import type { ResultStore } from "./store.ts";

const logger = getLogger("distributed.worker.memory");

/** How often the memory is looked at, and how much may come in before it is, too. */
const INTERVAL_MS = 200;
const BYTES_BETWEEN = 1024 * 1024;
/** Memory is short when so much or less is left until the worker pauses: a part of the limit, and bytes. */
const SHORT = 0.3;
const SHORT_BYTES = 2e9;
/** Results go to disk so that the process stays this part of the limit below where it would pause. */
const MARGIN = 0.15;
/** So far below where it paused a worker goes on, as a part of the limit. */
const HYSTERESIS = 0.05;
/** So many bytes beyond the target may wait for the disk before tasks have to, as a part of the limit. */
const SLACK = 0.05;
/** After so many looks in a row at a paused worker in which nothing is under way it goes on with what it has. */
const LOOKS_IDLE = 5;
/** How soon to look again while tasks are held back: threads may just be freeing what they left, in milliseconds. */
const HELD_INTERVAL_MS = 20;
/**
 * Collecting garbage takes at most this part of the time, and there is so much time in between, in milliseconds.
 * Tasks wait in between while there is too much of it: with a smaller part, workers with many small results pause.
 */
const COLLECT_SHARE = 0.3;
const COLLECT_MS = 100;
const COLLECT_MS_IN_VAIN = 10_000;
/** It is in vain if it frees less than this part of the limit. */
const WORTHWHILE = 0.01;
/** After so long in which nothing could help, the log says so, in seconds. */
const STUCK_SECONDS = 10;

/** What a monitor looks at, and what it can do. */
export interface MemoryMonitorOptions {
  /** Bytes that the process may have. */
  limit: number;
  /** The part of it that results in memory may have. */
  target: number;
  /** The part of it from which on no task begins; 0: the memory of the process is not looked at. */
  pause: number;
  store: ResultStore;
  /** After how many seconds in which nothing could help the log says so. Default 10. */
  stuckSeconds?: number;
  /** Resident memory of the process, in bytes. */
  resident(): number;
  /** How many bytes the data of the tasks in the threads has: as much again is in use there. */
  bytesInThreads(): number;
  /** How many bytes it may have at most, and how to say that it may have less. */
  mostInThreads: number;
  limitThreads(bytes: number): void;
  /** Whether a task is running. */
  isBusy(): boolean;
  /** Whether memory is short: what is not needed should go back to the system at once. */
  saveMemory(isShort: boolean): void;
  /** Free what can be freed. */
  collectGarbage(): void;
  /** No task may begin for the moment; or they may again. */
  onHold(isHeld: boolean): void;
  /** No task may begin until further notice, and the scheduler should know; or they may again. */
  onPause(isPaused: boolean): void;
}

/** Watches over the memory of one worker. */
export class MemoryMonitor {
  readonly #options: MemoryMonitorOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  #heldTimer: ReturnType<typeof setTimeout> | undefined;
  #bytes = 0;
  #isShort = false;
  #isHeld = false;
  #isPaused = false;
  #isClosed = false;
  /** How many looks of the timer in a row have found too little memory. */
  #looksOver = 0;
  /** How many have found the worker paused with enough memory to go on, but less than it waits for, and idle. */
  #looksIdle = 0;
  /** From when on garbage may be collected again, and how long that was put off. */
  #nextCollection = -Infinity;
  #collectMs = COLLECT_MS;
  /** Since when nothing has helped; undefined: it is not so. */
  #stuckSince: number | undefined;
  #stuckIsTold = false;

  /** @param options See {@linkcode MemoryMonitorOptions}. */
  constructor(options: MemoryMonitorOptions) {
    this.#options = options;
    options.store.onWritten = () => this.look();
  }

  /** Whether the worker is paused. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Begin to look. */
  start(): void {
    this.#timer = setInterval(() => this.#tick(), INTERVAL_MS);
    this.look();
  }

  /** Stop looking. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#heldTimer);
    this.#options.store.onWritten = () => {};
  }

  /** So many bytes have come into memory. */
  added(bytes: number): void {
    // The last tasks end while the worker closes: a look would begin a series that nobody ends.
    if (this.#isClosed) return;
    this.#bytes += bytes;
    if (this.#bytes >= BYTES_BETWEEN) this.look();
  }

  #tick(): void {
    const isOver = this.look();
    this.#looksOver = isOver ? this.#looksOver + 1 : 0;
    // The first time results go to disk and garbage is collected: that may have been enough.
    if (!this.#isPaused && this.#looksOver > 1) this.#pause(true);
    this.#goOnIfIdle(isOver);
    this.#tellIfStuck(isOver);
  }

  /** Look, and do what helps. Returns whether the process has too much memory to begin tasks. */
  look(): boolean {
    this.#bytes = 0;
    const { limit, pause, store } = this.#options;
    const resident = pause > 0 ? this.#options.resident() : 0;
    store.target = this.#target(resident);
    const left = pause * limit - resident;
    this.#setShort(pause > 0 && left <= Math.min(SHORT * limit, SHORT_BYTES));
    const most = pause > 0 ? pause * limit : Infinity;
    const goOnBelow = most - HYSTERESIS * limit;
    const isTooMuch = resident > (this.#isPaused ? goOnBelow : most);
    const remains = isTooMuch ? this.#collect(resident) : resident;
    const isOver = remains > most;
    const isBehind = store.leavingBytes > 0 &&
      store.memoryBytes > store.target + SLACK * limit;
    this.#hold(isOver || isBehind);
    this.#limitThreads(resident);
    if (this.#isPaused && remains < goOnBelow) this.#pause(false);
    return isOver;
  }

  /** How many bytes the results in memory may have now. */
  #target(resident: number): number {
    const { limit, target, pause, store, bytesInThreads } = this.#options;
    if (pause === 0) return target * limit;
    const others = Math.max(0, resident - store.memoryBytes) + bytesInThreads();
    return Math.max(0, Math.min(target * limit, (pause - MARGIN) * limit - others));
  }

  /** What is left is for tasks; one that takes so much may well give as much. */
  #limitThreads(resident: number): void {
    const { limit, pause, mostInThreads, bytesInThreads, limitThreads } = this.#options;
    if (pause === 0) return;
    const left = Math.max(0, pause * limit - resident) / 2;
    limitThreads(Math.min(mostInThreads, bytesInThreads() + left));
  }

  #setShort(isShort: boolean): void {
    // What is spare may be needed elsewhere.
    if (isShort) discardSpares();
    if (isShort === this.#isShort) return;
    this.#isShort = isShort;
    this.#options.saveMemory(isShort);
  }

  /** Collects garbage, unless that was a moment ago, or has been in vain. Returns what is resident then. */
  #collect(resident: number): number {
    const start = performance.now();
    if (start < this.#nextCollection) return resident;
    this.#options.collectGarbage();
    const end = performance.now();
    const left = this.#options.resident();
    const isInVain = resident - left < WORTHWHILE * this.#options.limit;
    this.#collectMs = isInVain ? Math.min(2 * this.#collectMs, COLLECT_MS_IN_VAIN) : COLLECT_MS;
    this.#nextCollection = end + Math.max(this.#collectMs, (end - start) / COLLECT_SHARE);
    return left;
  }

  #hold(isHeld: boolean): void {
    clearTimeout(this.#heldTimer);
    if (isHeld && !this.#isPaused) {
      this.#heldTimer = setTimeout(() => this.look(), HELD_INTERVAL_MS);
    }
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.#options.onHold(isHeld);
  }

  #pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    logger.warn(
      isPaused
        ? `The worker pauses, it starts no tasks: ${this.#numbers()}`
        : `The worker goes on: ${this.#numbers()}`,
    );
    this.#options.onPause(isPaused);
  }

  /** Nothing that would free memory is under way. */
  get #isIdle(): boolean {
    const { store, isBusy } = this.#options;
    return !isBusy() && store.leavingBytes === 0;
  }

  /** Waiting for less would be in vain where nothing is under way: it goes on with little, if slowly. */
  #goOnIfIdle(isOver: boolean): void {
    this.#looksIdle = this.#isPaused && !isOver && this.#isIdle ? this.#looksIdle + 1 : 0;
    if (this.#looksIdle === LOOKS_IDLE) this.#pause(false);
  }

  #tellIfStuck(isOver: boolean): void {
    const { stuckSeconds = STUCK_SECONDS } = this.#options;
    if (!isOver || !this.#isPaused || !this.#isIdle) {
      this.#stuckSince = undefined;
      if (!isOver) this.#stuckIsTold = false;
      return;
    }
    const now = performance.now();
    this.#stuckSince ??= now;
    if (this.#stuckIsTold || now - this.#stuckSince < 1000 * stuckSeconds) return;
    this.#stuckIsTold = true;
    logger.error(
      `The worker is paused, nothing runs, and there is nothing left that could be freed: ` +
        `${this.#numbers()}. It needs a higher memory limit, or fewer threads`,
    );
  }

  #numbers(): string {
    const { limit, store, resident } = this.#options;
    const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    return `the process has ${mb(resident())} of its limit of ${mb(limit)}, of which results ` +
      `${mb(store.memoryBytes)}; ${mb(store.diskBytes)} are on disk`;
  }
}
