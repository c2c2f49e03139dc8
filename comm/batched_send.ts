/**
 * A sender for streams that batches by itself, without any delay.
 *
 * @module
 */
import { type Comm, CommClosedError } from "./comm.ts";

/** Options of {@linkcode BatchedSend}. */
export interface BatchedSendOptions {
  /** Called once when a batch could not be sent. The comm is aborted, what was pending is dropped. */
  onError?: (error: unknown) => void;
}

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
  #comm: Comm | undefined;
  #buffer: unknown[] = [];
  /** Messages of the batch that is being written. */
  #underWay = 0;
  #state: "open" | "closing" | "closed" | "broken" = "open";
  /** The loop that writes batches, from the first message on until none is left. */
  #sending: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Makes a sender; it sends once it is started.
   *
   * @param options What to do about errors.
   */
  constructor(options: BatchedSendOptions = {}) {
    this.#onError = options.onError;
  }

  /**
   * Starts to send over a comm, with what has been sent before.
   *
   * @param comm The comm; nobody else writes to it from now on.
   */
  start(comm: Comm): void {
    if (this.#comm !== undefined) throw new Error("this BatchedSend is started already");
    this.#comm = comm;
    if (this.#buffer.length > 0) this.#sending ??= this.#send();
  }

  /**
   * Sends messages. They must not be changed afterwards. After an error, which `onError` has told of,
   * they are dropped.
   *
   * @param messages The messages.
   * @throws {CommClosedError} After `close` or `abort`.
   */
  send(...messages: unknown[]): void {
    if (this.#state === "broken") return;
    if (this.#state !== "open") throw new CommClosedError("send on a closed BatchedSend");
    for (let i = 0; i < messages.length; i++) this.#buffer.push(messages[i]);
    if (this.#comm !== undefined) this.#sending ??= this.#send();
  }

  /** Messages that have been sent and not yet been taken by the comm. */
  get pending(): number {
    return this.#buffer.length + this.#underWay;
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

  /** Sends what is pending, then closes the comm. */
  close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.#sending;
    if (this.#state === "closing") this.#state = "closed";
    this.#buffer = [];
    await this.#comm?.close();
  }

  /** Drops what is pending and aborts the comm. */
  abort(): void {
    if (this.#state !== "broken") this.#state = "closed";
    this.#buffer = [];
    this.#comm?.abort();
  }

  /** Writes batches until nothing is left to write. Never throws. */
  async #send(): Promise<void> {
    // One microtask, so that the messages of one turn become one batch.
    await undefined;
    try {
      while (this.#buffer.length > 0) {
        const batch = this.#buffer;
        this.#buffer = [];
        this.#underWay = batch.length;
        await this.#comm!.write(batch);
        this.#underWay = 0;
      }
    } catch (error) {
      this.#break(error);
    } finally {
      this.#sending = undefined;
    }
  }

  #break(error: unknown): void {
    this.#underWay = 0;
    this.#buffer = [];
    if (this.#state === "closed") return; // aborted: the writer's error is no news
    this.#state = "broken";
    this.#comm!.abort();
    this.#onError?.(error);
  }
}
