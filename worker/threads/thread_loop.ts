/**
 * The life of a thread: takes tasks out of its ring, runs them, and sleeps when there are none. At
 * first it sleeps blocked, since a blocked thread wakes soonest, for a millisecond at a time: what tasks
 * have left behind (timers, connections) goes on in between. Then it sleeps in its event loop.
 *
 * @module
 */
import type { Linker } from "../../protocol/functions/linker.ts";
import type { Damage } from "./intrinsics.ts";
import { RecordReader } from "./record_codec.ts";
import {
  type OutcomeRecord,
  type PostedRecord,
  readForget,
  readLearn,
  readTask,
  readUploads,
  RecordKind,
  type TaskRecord,
} from "./records.ts";
import { RingReader } from "./ring.ts";
import type { TaskErrors } from "./task_error.ts";
import { TaskFunctions } from "./task_functions.ts";
import type { CurrentTask } from "./task_globals.ts";
import type { TaskPlace } from "./task_place.ts";
import { TaskRunner } from "./task_runner.ts";
import type { ThreadGarbage } from "./thread_garbage.ts";
import { Activity, Claim, Sleep, type ThreadMemory, Word } from "./thread_memory.ts";
import type { ThreadOutbox } from "./thread_outbox.ts";

/** How long a thread without work sleeps blocked before its event loop gets a turn, in milliseconds. */
const BLOCK_MS = 1;
/** How often it does so in a row before it goes to sleep in its event loop. */
const BLOCKS = 50;
/** How long tasks may follow each other without a turn of the event loop, in seconds. */
const TURN_SECONDS = 0.01;

// Kept from tasks that replace globals.
const { load, store, wait, waitAsync, compareExchange } = Atomics;
const { Promise, DataView, setImmediate } = globalThis;
const NO_BUFFERS: ArrayBuffer[] = [];

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((turned) => setImmediate(turned));
}

/** What the pool posts to a thread; a bare number wakes it. */
export type ToThread =
  | 0
  | ({ kind: "record" } & PostedRecord)
  | { kind: "abort"; serial: number }
  /** A task that has left the pool's threads is one of them again. */
  | { kind: "rejoined"; serial: number }
  | { kind: "retire" };

/** What a thread works with. */
export interface LoopParts {
  memory: ThreadMemory;
  linker: Linker;
  errors: TaskErrors;
  current: CurrentTask;
  outbox: ThreadOutbox;
  place: TaskPlace;
  garbage: ThreadGarbage;
  /** Puts back what tasks have damaged; false when there was nothing to put back. */
  mend(damage: Damage): boolean;
  /** Ends the thread. */
  close(): void;
}

/** One thread's loop. */
export class ThreadLoop {
  readonly #memory: ThreadMemory;
  readonly #ring: RingReader;
  readonly #reader = new RecordReader();
  readonly #functions: TaskFunctions;
  readonly #runner: TaskRunner;
  readonly #outbox: ThreadOutbox;
  readonly #place: TaskPlace;
  readonly #garbage: ThreadGarbage;
  readonly #mend: (damage: Damage) => boolean;
  readonly #close: () => void;
  /** Records that came by message before the ring said so. */
  readonly #posted: PostedRecord[] = [];
  #onPosted: ((posted: PostedRecord) => void) | undefined;
  #onWake: (() => void) | undefined;
  #lastTurn = 0;
  /** Whether the thread can run no more tasks, for an error in its own code. */
  broken = false;

  /** @param parts See {@linkcode LoopParts}. */
  constructor(parts: LoopParts) {
    const { memory, linker, errors, current, outbox, place, garbage, mend, close } = parts;
    this.#memory = memory;
    this.#ring = new RingReader(memory.inRing);
    this.#outbox = outbox;
    this.#place = place;
    this.#garbage = garbage;
    this.#mend = mend;
    this.#close = close;
    const functions = this.#functions = new TaskFunctions(linker);
    // After an outcome the worker brings the next task's data: what this one has left would come on top.
    const report = (outcome: OutcomeRecord) =>
      garbage.isDue() ? outbox.hold(outcome) : outbox.outcome(outcome);
    this.#runner = new TaskRunner({ memory, linker, functions, errors, current, mend, report });
  }

  /** Takes a message of the pool. */
  receive(message: ToThread): void {
    if (message === 0) {
      this.#onWake?.();
    } else if (message.kind === "record") {
      const take = this.#onPosted;
      this.#onPosted = undefined;
      if (take !== undefined) take(message);
      else this.#posted.push(message);
    } else if (message.kind === "abort") {
      this.#runner.abort(message.serial);
    } else if (message.kind === "rejoined") {
      this.#place.rejoined(message.serial);
    } else {
      this.#leave();
    }
  }

  /**
   * Runs tasks until the thread has to end. What is thrown in between of tasks, mostly for what a task
   * has done to the thread, is told to the pool, which puts another thread in the place of this one.
   */
  async run(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      this.broken = true;
      // Telling may need it.
      this.#mend("changed");
      this.#outbox.broken(describe(error));
    }
  }

  async #work(): Promise<void> {
    const { words } = this.#memory;
    for (;;) {
      while (this.#ring.next()) {
        const pending = this.#takeRecord();
        if (pending !== undefined) await pending;
        const { heldBytes } = this.#outbox;
        if (heldBytes > 0) {
          this.#garbage.collect(heldBytes);
          this.#outbox.release();
        }
        if (load(words, Word.RETIRE) === 1) return this.#leave();
        if (this.#runner.lastStop - this.#lastTurn > TURN_SECONDS) {
          await turn();
          this.#lastTurn = this.#runner.lastStop;
        }
      }
      for (let blocks = 0; !this.#block(); blocks++) {
        if (blocks < BLOCKS) await turn();
        else await this.#sleep();
        if (load(words, Word.RETIRE) === 1) return this.#leave();
      }
      this.#lastTurn = this.#runner.lastStop;
    }
  }

  /** Sleeps blocked; true when there is something in the ring. */
  #block(): boolean {
    const { words } = this.#memory;
    const bell = load(words, Word.BELL);
    store(words, Word.SLEEP, Sleep.BLOCKED);
    // What was written before the pool could see that the thread sleeps did not ring the bell.
    if (this.#ring.empty) wait(words, Word.BELL, bell, BLOCK_MS);
    store(words, Word.SLEEP, Sleep.AWAKE);
    return !this.#ring.empty;
  }

  /** Sleeps in the event loop. */
  async #sleep(): Promise<void> {
    const { words } = this.#memory;
    const bell = load(words, Word.BELL);
    if (load(words, Word.WAKING) === 1) {
      store(words, Word.SLEEP, Sleep.WAIT_ASYNC);
      if (this.#ring.empty) {
        const woken = waitAsync(words, Word.BELL, bell);
        if (woken.async) await woken.value;
      }
    } else {
      store(words, Word.SLEEP, Sleep.WAIT_MESSAGE);
      if (this.#ring.empty) {
        await new Promise<void>((wake) => this.#onWake = wake);
        this.#onWake = undefined;
      }
    }
    store(words, Word.SLEEP, Sleep.AWAKE);
  }

  /** Does what the record found in the ring says. */
  #takeRecord(): Promise<void> | undefined {
    const ring = this.#ring;
    this.#reader.begin(ring.bytes, ring.view, ring.offset, ring.end, NO_BUFFERS);
    const kind = this.#reader.u8();
    if (kind !== RecordKind.BY_MESSAGE) {
      const task = this.#read(kind);
      ring.release();
      return task && this.#takeTask(task);
    }
    ring.release();
    const posted = this.#posted.shift();
    return posted !== undefined ? this.#takePosted(posted) : this.#awaitPosted();
  }

  /** Reads a record and does what it says; a task is returned. */
  #read(kind: number): TaskRecord | undefined {
    const reader = this.#reader;
    switch (kind) {
      case RecordKind.TASK:
        return readTask(reader);
      case RecordKind.LEARN:
        this.#functions.learn(readLearn(reader));
        return undefined;
      case RecordKind.FORGET:
        this.#functions.forget(readForget(reader));
        return undefined;
      case RecordKind.UPLOADS:
        this.#functions.setUploads(readUploads(reader));
        return undefined;
      default:
        throw new RangeError(`Unknown kind of record: ${kind}`);
    }
  }

  #takePosted({ record, beside }: PostedRecord): Promise<void> | undefined {
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    this.#reader.begin(record, view, 0, record.byteLength, beside);
    const task = this.#read(this.#reader.u8());
    return task && this.#takeTask(task);
  }

  async #awaitPosted(): Promise<void> {
    await this.#takePosted(
      await new Promise<PostedRecord>((received) => this.#onPosted = received),
    );
  }

  #takeTask(task: TaskRecord): Promise<void> | undefined {
    const { claims } = this.#memory;
    if (compareExchange(claims, task.slot, Claim.QUEUED, Claim.TAKEN) !== Claim.QUEUED) {
      store(claims, task.slot, Claim.FREE);
      return undefined;
    }
    return this.#runner.run(task);
  }

  /** Ends the thread, so that the pool can tell. */
  #leave(): void {
    store(this.#memory.words, Word.ACTIVITY, Activity.GONE);
    this.#outbox.farewell();
    this.#close();
  }
}

/** An error in the thread's own code, as text. */
function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "an error that can't be shown";
  }
}
