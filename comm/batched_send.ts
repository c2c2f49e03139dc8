/**
 * A sender for streams that batches by itself, without any delay.
 *
 * @module
 */
import { Backlog, type BacklogLimits } from "./backlog.ts";
import { type Comm, CommClosedError } from "./transport.ts";

export { BacklogError, type BacklogLimits } from "./backlog.ts";

/** Options of {@linkcode BatchedSend}. */
export interface BatchedSendOptions extends BacklogLimits {
  /**
   * Called once, when a batch could not be sent, or too much waits for a peer that does not read. The
   * comm is aborted, what was pending is dropped.
   */
  onError?: (error: unknown) => void;
}

/** A longer batch would keep both ends from everything else for too long. */
const LARGEST_BATCH = 16_384;

/**
 * Sends messages over a comm as arrays: what is sent within one turn goes out as one batch, and what
 * is sent while a batch is being written goes out together as the next. An idle comm sends at once.
 *
 * @example
 * ```ts ignore
 * const stream = new BatchedSend();
 * stream.start(comm);
 * stream.send({ op: "free-keys", keys: ["x"] });
 * await stream.close();
 * ```
 */
export class BatchedSend {
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #backlog: Backlog;
  #comm: Comm | undefined;
  /** The batch that is being filled; those in `#full` come before it. */
  #batch: unknown[] = [];
  #full: unknown[][] = [];
  /** Messages that are being written. */
  #underWay = 0;
  #state: "open" | "closing" | "closed" | "broken" = "open";
  /** The loop that writes batches, from the first message on until none is left. */
  #sending: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Makes a sender; it sends once it is started.
   *
   * @param options What to do about errors, and how much may wait.
   * @throws {RangeError} When a limit is no number above 0.
   */
  constructor(options: BatchedSendOptions = {}) {
    this.#onError = options.onError;
    this.#backlog = new Backlog(options);
  }

  /**
   * Starts to send over a comm, with what has been sent before.
   *
   * @param comm The comm; nobody else writes to it from now on.
   */
  start(comm: Comm): void {
    if (this.#comm !== undefined) throw new Error("this BatchedSend is started already");
    this.#comm = comm;
    if (this.#state === "broken") comm.abort();
    else if (this.#batch.length > 0) this.#sending ??= this.#send(comm);
  }

  /**
   * Sends messages. They must not be changed afterwards. After an error, which `onError` has told of,
   * they are dropped.
   *
   * @param messages The messages, few enough for the arguments of a call; see {@linkcode sendAll}.
   * @throws {CommClosedError} After `close` or `abort`.
   */
  send(...messages: unknown[]): void {
    this.sendAll(messages);
  }

  /**
   * Sends messages, as {@linkcode send} does, of which there may be any number.
   *
   * @param messages The messages.
   * @throws {CommClosedError} After `close` or `abort`.
   */
  sendAll(messages: readonly unknown[]): void {
    if (this.#state === "broken") return;
    if (this.#state !== "open") throw new CommClosedError("send on a closed BatchedSend");
    for (let i = 0; i < messages.length; i++) {
      if (this.#batch.length === LARGEST_BATCH) {
        this.#full.push(this.#batch);
        this.#batch = [];
      }
      this.#batch.push(messages[i]);
    }
    const comm = this.#comm;
    if (comm !== undefined && this.#underWay === 0) {
      this.#sending ??= this.#send(comm);
      return;
    }
    const tooMuch = this.#backlog.check(this.pending, this.pendingBytes, this.#full, this.#batch);
    if (tooMuch !== undefined) this.#break(tooMuch);
  }

  /** Messages that have been sent and not yet been taken by the comm. */
  get pending(): number {
    return this.#full.length * LARGEST_BATCH + this.#batch.length + this.#underWay;
  }

  /** Bytes of the batch under way that the transport has not taken yet. */
  get pendingBytes(): number {
    return this.#comm?.pendingBytes ?? 0;
  }

  /** The comm it sends over, once started. */
  get comm(): Comm | undefined {
    return this.#comm;
  }

  /** Whether no message can be sent any more. */
  get closed(): boolean {
    return this.#state !== "open";
  }

  /**
   * Sends what is pending, then closes the comm; gives up, as `onError` hears, on a peer that takes
   * nothing.
   */
  close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    const comm = this.#comm;
    // All at once, not one batch when the one before is through: only the comm's own close knows when
    // a peer takes nothing any more, and it sees to all that has been written by then.
    const writes = comm === undefined || this.#state !== "closing" ? [] : this.#writeAll(comm);
    await comm?.close();
    await Promise.all(writes);
    await this.#sending;
    if (this.#state === "closing") this.#state = "closed";
    this.#drop();
  }

  #writeAll(comm: Comm): Promise<void>[] {
    const writes: Promise<void>[] = [];
    while (this.#batch.length > 0) {
      const batch = this.#next();
      this.#underWay += batch.length;
      writes.push(comm.write(batch).catch((error) => this.#break(error)));
    }
    return writes;
  }

  /** Drops what is pending and aborts the comm. */
  abort(): void {
    if (this.#state !== "broken") this.#state = "closed";
    this.#drop();
    this.#comm?.abort();
  }

  /** Writes batches until nothing is left to write. Never throws. */
  async #send(comm: Comm): Promise<void> {
    // One microtask, so that the messages of one turn become one batch.
    await undefined;
    try {
      while (this.#batch.length > 0) {
        const batch = this.#next();
        this.#underWay = batch.length;
        this.#backlog.begin();
        await comm.write(batch);
        this.#underWay = 0;
      }
    } catch (error) {
      this.#break(error);
    } finally {
      this.#sending = undefined;
    }
  }

  #next(): unknown[] {
    const full = this.#full.shift();
    if (full !== undefined) return full;
    const batch = this.#batch;
    this.#batch = [];
    return batch;
  }

  #drop(): void {
    this.#underWay = 0;
    this.#full = [];
    this.#batch = [];
  }

  #break(error: unknown): void {
    this.#drop();
    // Aborted, or broken already: what the writes under way come to then is no news.
    if (this.#state === "closed" || this.#state === "broken") return;
    this.#state = "broken";
    this.#comm?.abort();
    this.#onError?.(error);
  }
}
