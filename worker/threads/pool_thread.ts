/**
 * The pool's side of one thread: starts its Web Worker, hands tasks over, takes them back, collects
 * what the thread sends, and ends it.
 *
 * @module
 */
import { isName, isPartNames } from "../../protocol/names.ts";
import { RecordReader } from "./record_codec.ts";
import {
  type OutcomeRecord,
  readConsole,
  readOutcome,
  RecordKind,
  type TaskRecord,
} from "./records.ts";
import { RingReader } from "./ring.ts";
import type { FromTask, FromThread, ThreadInit } from "./thread_start.ts";
import { ThreadInbox } from "./thread_inbox.ts";
import { Activity, Claim, SLOTS, threadMemory, Word } from "./thread_memory.ts";
import { ThreadParts } from "./thread_parts.ts";
import type { ConsoleOutput, ThreadPart, ThreadTask } from "./thread_task.ts";

/** Bytes of arguments that a thread is given ahead of the task it runs. */
const AHEAD_BYTES = 1024 * 1024;
/** How long a thread may take to start: its modules may come over a network. */
const START_SECONDS = 60;
const NO_BUFFERS: ArrayBuffer[] = [];

/** A thread could not be started. */
export class ThreadStartError extends Error {
  override readonly name = "ThreadStartError";
}

/** A task in the pool. */
export interface PoolTask {
  readonly task: ThreadTask;
  /** Size of what has to be copied to a thread, in bytes. */
  readonly bytes: number;
  /** The thread that it was handed to. */
  thread: PoolThread | undefined;
  slot: number;
  serial: number;
  /** Whether its memory has gone to a thread: it can't be handed over again. */
  spent: boolean;
  /** Whether its result is not wanted any more. */
  cancelled: boolean;
  /** Not to be run any more. */
  dropped: boolean;
  /** Whether it has left the pool's threads, with the one that runs it. */
  seceded: boolean;
  /** Gives the thread up when the task does not end. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** A task of the same name, to be run once this one is over. */
  successor: ThreadTask | undefined;
}

/** What a thread needs of its pool. */
export interface ThreadOwner {
  /** A task has ended by itself. */
  ended(thread: PoolThread, task: PoolTask, outcome: OutcomeRecord): void;
  wrote(output: ConsoleOutput): void;
  /** A running task asks for something. */
  asked(thread: PoolThread, task: PoolTask, message: FromTask): void;
  /** The thread is no more, or can't be trusted any more. */
  died(thread: PoolThread, message: string): void;
  /** The thread has rung by message. */
  rang(): void;
  /** What the thread has sent by message was collected. */
  collected(): void;
}

/** What it takes to start a thread. */
export interface ThreadSetup {
  id: number;
  module: URL;
  permissions: Deno.PermissionOptions;
  poolMemory: SharedArrayBuffer;
  worker: { address: string; name: string };
}

/** One thread. */
export class PoolThread {
  readonly id: number;
  /** Resolves when the thread can run tasks; rejects with a {@linkcode ThreadStartError}. */
  readonly ready: Promise<void>;
  /** Whether it may be given tasks now. */
  available = false;
  /** What it was given and has not answered, the oldest first. */
  readonly tasks: PoolTask[] = [];
  readonly #owner: ThreadOwner;
  readonly #module: URL;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #memory = threadMemory();
  readonly #inbox: ThreadInbox;
  readonly #parts: ThreadParts;
  readonly #out: RingReader;
  readonly #reader = new RecordReader();
  readonly #slots: (PoolTask | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #freeSlots: number[] = [];
  /** Slots of recalled tasks that the thread has not come across yet. */
  readonly #recalledSlots: number[] = [];
  #nextSerial = 1;
  #bytes = 0;
  /** Whether its ring is full of tasks taken back: it passes over them when it ends the one it runs. */
  #full = false;
  #settleReady!: (error?: ThreadStartError) => void;
  #open = true;
  #retired = false;
  /** Why it cannot be used any more, though nobody has ended it yet. */
  #failure: ThreadStartError | undefined;
  /** Used for every task, to leave no garbage. */
  readonly #record: TaskRecord = {
    slot: 0,
    serial: 0,
    functionId: 0,
    key: "",
    args: undefined!,
    needs: undefined,
    dependencies: undefined,
    moved: undefined,
    timeout: undefined,
  };

  constructor(setup: ThreadSetup, owner: ThreadOwner) {
    this.id = setup.id;
    this.#owner = owner;
    this.#module = setup.module;
    this.#out = new RingReader(this.#memory.outRing);
    for (let slot = SLOTS - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new ThreadStartError(
            `A thread did not start within ${START_SECONDS} s (module ${this.#module}): it takes too long ` +
              `to load; where Deno checks types, as in "deno test", --no-check makes it quicker`,
          ),
        );
      }, START_SECONDS * 1000);
      this.#settleReady = (error) => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    const channel = new MessageChannel();
    this.#port = channel.port1;
    this.#inbox = new ThreadInbox(this.#memory, this.#port);
    this.#parts = new ThreadParts(this.#inbox);
    this.#port.onmessage = (event: MessageEvent<FromThread>) => this.#receive(event.data);
    const options: WorkerOptions = { type: "module", name: `dusk thread ${setup.id}` };
    // Naming permissions at all takes an unstable feature.
    if (setup.permissions !== "inherit") options.deno = { permissions: setup.permissions };
    this.#worker = new Worker(setup.module, options);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.collect();
      this.#fail(event.message);
    };
    const init: ThreadInit = {
      memory: this.#memory.buffer,
      poolMemory: setup.poolMemory,
      port: channel.port2,
      thread: setup.id,
      worker: setup.worker,
    };
    this.#worker.postMessage(init, [channel.port2]);
  }

  #fail(message: string): void {
    if (!this.#open || this.#failure !== undefined) return;
    this.#failure = new ThreadStartError(
      `A thread did not start (module ${this.#module}): ${message}`,
    );
    this.#settleReady(this.#failure);
    this.#owner.died(this, message);
  }

  #receive(message: FromThread): void {
    if (!this.#isUsable) return;
    if (message === null || this.#retired) {
      this.#owner.rang();
    } else if (message.kind === "ready") {
      this.#settleReady();
    } else if (message.kind === "broken") {
      this.collect();
      this.#fail(message.message);
    } else if (message.kind !== "record") {
      this.#ask(message);
    } else {
      // What is in the ring was written before.
      this.collect();
      const { record, beside } = message;
      this.#guard(() => {
        const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
        this.#reader.begin(record, view, 0, record.byteLength, beside);
        this.#take(false);
      });
      this.#owner.collected();
    }
  }

  /** A task may ask while it runs; what comes too late, or makes no sense, is nothing to answer. */
  #ask(message: FromTask): void {
    const entry = this.tasks.find(({ serial }) => serial === message.serial);
    if (entry !== undefined && !entry.cancelled) this.#owner.asked(this, entry, message);
    else if (message.kind === "client") message.port?.close();
  }

  /** Tells a task that has left the pool's threads that it is among them again. */
  rejoined(entry: PoolTask): void {
    this.#inbox.post({ kind: "rejoined", serial: entry.serial });
  }

  /** Makes the thread use shared memory for waking. */
  useSharedWaking(): void {
    Atomics.store(this.#memory.words, Word.WAKING, 1);
  }

  // ------------------------------------------------------------------------------ to the thread

  /** Whether a task of this size may be handed over now. */
  hasRoom(bytes: number): boolean {
    const count = this.tasks.length;
    return this.available &&
      (count === 0 || !this.#full && count < SLOTS && this.#bytes + bytes <= AHEAD_BYTES);
  }

  /** Hands a task over; false when there is no room for it now. */
  hand(entry: PoolTask): boolean {
    const slot = this.#takeSlot();
    this.#full = slot === undefined;
    if (slot === undefined) return false;
    const { task } = entry;
    Atomics.store(this.#memory.claims, slot, Claim.QUEUED);
    if (task.timeout !== undefined) this.#memory.starts[slot] = 0;
    if (!this.#send(task, slot)) {
      Atomics.store(this.#memory.claims, slot, Claim.FREE);
      this.#freeSlots.push(slot);
      this.#full = true;
      // It makes room by reading what was sent ahead of the task.
      this.#inbox.wake();
      return false;
    }
    entry.thread = this;
    entry.spent = task.moved !== undefined;
    entry.slot = slot;
    entry.serial = this.#nextSerial;
    // Fits a word of shared memory, and is never 0.
    this.#nextSerial = this.#nextSerial === 0x7fff_ffff ? 1 : this.#nextSerial + 1;
    this.#slots[slot] = entry;
    this.tasks.push(entry);
    this.#bytes += entry.bytes;
    this.#inbox.wake();
    return true;
  }

  /** Sends a task, and ahead of it what it needs and the thread lacks. */
  #send(task: ThreadTask, slot: number): boolean {
    const parts = this.#parts;
    if (!parts.catchUp()) return false;
    const functionId = parts.numberOf(task.function);
    if (functionId < 0) return false;
    let needs: number[] | undefined;
    if (task.needs !== undefined) {
      needs = parts.numbersOf(task.needs);
      if (needs === undefined) return false;
    }
    const record = this.#record;
    record.slot = slot;
    record.serial = this.#nextSerial;
    record.functionId = functionId;
    record.key = task.key;
    record.args = task.args;
    record.needs = needs;
    record.dependencies = task.dependencies;
    record.moved = task.moved;
    record.timeout = task.timeout;
    return this.#inbox.task(record);
  }

  #takeSlot(): number | undefined {
    if (this.#freeSlots.length === 0) {
      const recalled = this.#recalledSlots;
      let kept = 0;
      for (const slot of recalled) {
        if (Atomics.load(this.#memory.claims, slot) === Claim.FREE) this.#freeSlots.push(slot);
        else recalled[kept++] = slot;
      }
      recalled.length = kept;
    }
    return this.#freeSlots.pop();
  }

  /** Takes a task back that the thread has not begun; false when it has. */
  recall(entry: PoolTask): boolean {
    const { claims } = this.#memory;
    const claim = Atomics.compareExchange(claims, entry.slot, Claim.QUEUED, Claim.RECALLED);
    if (claim !== Claim.QUEUED) return false;
    this.#recalledSlots.push(entry.slot);
    this.#remove(entry);
    return true;
  }

  #remove(entry: PoolTask): void {
    this.#slots[entry.slot] = undefined;
    this.tasks.splice(this.tasks.indexOf(entry), 1);
    this.#bytes -= entry.bytes;
    entry.thread = undefined;
  }

  /** Takes back all tasks that the thread has not begun. */
  recallAll(): PoolTask[] {
    // A copy: each recall takes one out.
    return this.tasks.slice().filter((entry) => this.recall(entry));
  }

  /** When a task with a time limit began, in seconds; 0: it has not. */
  startOf(entry: PoolTask): number {
    return this.#memory.starts[entry.slot];
  }

  /** Asks a running task to stop. */
  abort(entry: PoolTask): void {
    Atomics.store(this.#memory.words, Word.ABORT, entry.serial);
    this.#inbox.post({ kind: "abort", serial: entry.serial });
  }

  /** Has the thread forget parts that nothing uses any more. */
  forget(names: readonly string[]): void {
    this.#parts.forget(names);
  }

  /** Has tasks import these modules by these names from now on. */
  setUploads(modules: ReadonlyMap<string, ThreadPart>): void {
    this.#parts.setUploads(modules);
  }

  // ---------------------------------------------------------------------------- from the thread

  /** Whether the thread has sent something. */
  get pending(): boolean {
    return this.#isUsable && !this.#out.empty;
  }

  /** @throws {ThreadStartError} When it has failed, if only after it was ready. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  get #isUsable(): boolean {
    return this.#open && this.#failure === undefined;
  }

  /** Collects what the thread has sent: all of it, or the thread has failed. */
  collect(): void {
    this.#guard(() => {
      const ring = this.#out;
      while (this.#isUsable && ring.next()) {
        this.#reader.begin(ring.bytes, ring.view, ring.offset, ring.end, NO_BUFFERS);
        this.#take(true);
      }
    });
  }

  /** The thread runs strangers' code, which may get at its memory: nonsense costs the thread, no more. */
  #guard(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!this.#open) throw error;
      this.#fail(`it sent a record that makes no sense (${error})`);
    }
  }

  #take(fromRing: boolean): void {
    const kind = this.#reader.u8();
    if (kind === RecordKind.CONSOLE) {
      const output = readConsole(this.#reader);
      if (fromRing) this.#out.release();
      if (output.key !== null && !isName(output.key)) {
        throw new RangeError(`Output of a task whose name is none`);
      }
      this.#owner.wrote(output);
      return;
    }
    if (kind !== RecordKind.FINISHED && kind !== RecordKind.ERRED) {
      throw new RangeError(`Unknown kind of record: ${kind}`);
    }
    const outcome = readOutcome(this.#reader, kind);
    if (fromRing) this.#out.release();
    const { start, stop } = outcome;
    if (!(start > -Infinity && stop >= start && stop < Infinity)) {
      throw new RangeError(`A task that ran from ${start} to ${stop}`);
    }
    if (outcome.needs !== undefined && !isPartNames(outcome.needs)) {
      throw new RangeError(`A value that refers to parts which cannot be`);
    }
    const entry = this.#slots[outcome.slot];
    if (entry === undefined || entry.serial !== outcome.serial) {
      throw new RangeError(`An outcome of task ${outcome.serial}, which the thread does not have`);
    }
    this.#remove(entry);
    this.#full = false;
    Atomics.store(this.#memory.claims, outcome.slot, Claim.FREE);
    this.#freeSlots.push(outcome.slot);
    this.#owner.ended(this, entry, outcome);
  }

  // -------------------------------------------------------------------------------------- its end

  /**
   * Asks the thread to end, and listens no more to what its tasks give. One in a busy loop does not
   * answer; see {@linkcode gone}.
   */
  retire(): void {
    this.available = false;
    this.#retired = true;
    Atomics.store(this.#memory.words, Word.RETIRE, 1);
    this.#inbox.post({ kind: "retire" });
    this.#inbox.wake();
  }

  /** Whether the thread has answered {@linkcode retire}. */
  get gone(): boolean {
    return Atomics.load(this.#memory.words, Word.ACTIVITY) === Activity.GONE;
  }

  /** Ends the Web Worker, at its next turn of the event loop, and all that belongs to it here. */
  terminate(): void {
    if (!this.#open) return;
    this.available = false;
    this.#open = false;
    // A blocked thread looks at this word.
    Atomics.store(this.#memory.words, Word.RETIRE, 1);
    this.#settleReady(new ThreadStartError("The thread was ended before it was ready"));
    this.#worker.terminate();
    this.#port.close();
  }
}
