/**
 * The worker's line to the scheduler: registers, sends and reads messages, gives signs of life, and
 * connects again when the line breaks.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";
import { BatchedSend } from "../comm/batched_send.ts";
import { AuthenticationError, type Comm, CommClosedError, connect } from "../comm/comm.ts";
import { pause } from "../comm/pause.ts";
import type { ConnectionSecurity } from "../comm/security.ts";
import { getLogger } from "../config/logging.ts";
import type {
  RegisterWorker,
  RegisterWorkerReply,
  WorkerToScheduler,
} from "../protocol/messages.ts";

const logger = getLogger("distributed.worker");

/** The scheduler has refused the worker; the message holds its words. */
export class RegistrationError extends Error {
  override name = "RegistrationError";
}

/** The connection to the scheduler was lost, and could not be had again. */
export class SchedulerLostError extends Error {
  override name = "SchedulerLostError";
}

/** What the link needs of its worker. */
export interface LinkOptions {
  /** Where the scheduler is. */
  address: string;
  /** Seconds to try to connect at first. */
  connectTimeout: number;
  /** Whether to connect again after a break. */
  reconnect: boolean;
  /** Seconds to try that; undefined: for ever. */
  deathTimeout: number | undefined;
  /** Certificates and token of the worker. */
  security?: ConnectionSecurity;
  /** What to register with, at this moment. */
  registration(): RegisterWorker;
  /** The sign of life to send, at this moment. */
  heartbeat(): WorkerToScheduler;
  /** A batch of messages has come; `isShared`: the scheduler has it too. Must not throw. */
  onBatch(batch: readonly unknown[], isShared: boolean): void;
  /** The line broke; the link is trying to connect again, unless told not to. */
  onBroken(): void;
  /** The worker has registered again; `isSame`: with the scheduler of before, which has not begun anew. */
  onRestored(isSame: boolean): void;
  /** It is certain that there will be no connection any more. */
  onLost(error: Error): void;
}

const FIRST_PAUSE = 0.05;
const LONGEST_PAUSE = 5;
/** How often it is said that the scheduler is still out of reach, in seconds. */
const NOTICE_INTERVAL = 10;
/** How often in a row the scheduler may refuse a worker that comes back. */
const MAX_REFUSALS = 10;

/** A stream to the scheduler that comes back when it breaks. */
export class SchedulerLink {
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  /** Name of the scheduler that it was connected to last. */
  #scheduler: string | undefined;
  /** From the moment of a registration on; it sends once the scheduler has answered that. */
  #sender: BatchedSend | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Reads, and connects again, until the link is closed. Never rejects. */
  #running: Promise<void> | undefined;

  /** @param options How it reaches the scheduler and its worker. */
  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /**
   * Connect and register.
   *
   * @throws {RegistrationError} When the scheduler refuses this worker.
   * @throws {ConnectError} When it cannot be reached.
   */
  async open(): Promise<void> {
    const comm = await this.#register(this.#options.connectTimeout);
    this.#running = this.#run(comm);
  }

  /** Whether there is a connection. */
  get isUp(): boolean {
    return this.#sender !== undefined && !this.#sender.closed;
  }

  /** Send messages; while there is no connection, they are dropped. */
  send(messages: readonly WorkerToScheduler[]): void {
    const sender = this.#sender;
    if (sender === undefined || sender.closed) return;
    for (let i = 0; i < messages.length; i++) sender.send(messages[i]);
  }

  /** Say goodbye, and close. */
  async close(reason: string | undefined): Promise<void> {
    this.#closing.abort();
    const sender = this.#sender;
    this.#down();
    if (sender !== undefined && !sender.closed) {
      sender.send({ op: "close-worker", reason } satisfies WorkerToScheduler);
      await sender.close();
    }
    await this.#running;
  }

  async #register(timeout: number): Promise<Comm> {
    const { address, security } = this.#options;
    const comm = await connect(address, { timeout, signal: this.#closing.signal, security });
    const giveUp = () => comm.abort();
    this.#closing.signal.addEventListener("abort", giveUp);
    const stopTimer = awakeTimer(timeout, giveUp);
    // What happens between the registration and its answer is in neither, and must not get lost.
    const sender = this.#sender = this.#makeSender();
    try {
      await comm.write({ ...this.#options.registration(), scheduler: this.#scheduler });
      const reply = await comm.read() as RegisterWorkerReply;
      if (reply?.status !== "OK") {
        throw new RegistrationError(
          `The scheduler at ${address} refuses this worker: ${reply?.message ?? "no reason given"}`,
        );
      }
      const interval = reply.heartbeatInterval;
      if (!(interval > 0 && interval < 1e6)) {
        throw new RegistrationError(
          `The scheduler at ${address} asks for a heartbeat every ${interval} seconds`,
        );
      }
      this.#scheduler = reply.scheduler;
      // Closed in the meantime: the handler below will not run for an abort that has been.
      this.#closing.signal.throwIfAborted();
      sender.start(comm);
      this.#heartbeat = setInterval(() => this.send([this.#options.heartbeat()]), interval * 1000);
      return comm;
    } catch (error) {
      this.#sender = undefined;
      comm.abort();
      if (error instanceof CommClosedError && !this.#closing.signal.aborted) {
        const text = `The scheduler at ${address} did not answer the registration`;
        throw new SchedulerLostError(text, { cause: error });
      }
      throw error;
    } finally {
      stopTimer();
      this.#closing.signal.removeEventListener("abort", giveUp);
    }
  }

  #makeSender(): BatchedSend {
    return new BatchedSend({
      onError: (error) => {
        logger.warn(`Lost the scheduler at ${this.#options.address} while sending to it`, {
          error,
        });
      },
    });
  }

  #down(): void {
    clearInterval(this.#heartbeat);
    this.#sender = undefined;
  }

  async #run(first: Comm): Promise<void> {
    let comm: Comm | undefined = first;
    while (comm !== undefined) {
      await this.#read(comm);
      if (this.#closing.signal.aborted) return;
      this.#down();
      this.#options.onBroken();
      const before = this.#scheduler;
      try {
        comm = await this.#reconnect();
        this.#options.onRestored(this.#scheduler === before);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#options.onLost(error as Error);
        return;
      }
    }
  }

  /** Hand on what comes, until the comm closes. */
  async #read(comm: Comm): Promise<void> {
    const { address, onBatch } = this.#options;
    try {
      for (;;) {
        const batch = await comm.read();
        if (!Array.isArray(batch)) {
          logger.error(`Closed the connection to the scheduler at ${address}: it sent no batch`);
          return comm.abort();
        }
        onBatch(batch, comm.sharesMemory);
      }
    } catch (error) {
      comm.abort();
      if (!(error instanceof CommClosedError)) {
        logger.error(`Lost the scheduler at ${address}`, { error });
      }
    }
  }

  /** @throws {Error} When it is given up. */
  async #reconnect(): Promise<Comm> {
    const { address, reconnect, deathTimeout = Infinity } = this.#options;
    if (!reconnect) throw new SchedulerLostError(`Lost the scheduler at ${address}`);
    logger.warn(`Lost the scheduler at ${address}: trying to reach it again`);
    const notices = setInterval(
      () => logger.warn(`Still trying to reach the scheduler at ${address}`),
      NOTICE_INTERVAL * 1000,
    );
    try {
      return await this.#registerAgain(deathTimeout);
    } finally {
      clearInterval(notices);
    }
  }

  /** @throws {Error} When it is given up. */
  async #registerAgain(deathTimeout: number): Promise<Comm> {
    const { address } = this.#options;
    const until = performance.now() + deathTimeout * 1000;
    let wait = FIRST_PAUSE;
    let refusals = 0;
    for (;;) {
      const left = (until - performance.now()) / 1000;
      if (left <= 0) {
        const text = `The scheduler at ${address} has been out of reach for ${deathTimeout} s`;
        throw new SchedulerLostError(text);
      }
      try {
        const comm = await this.#register(Math.min(left, this.#options.connectTimeout));
        logger.info(`Registered again with the scheduler at ${address}`);
        return comm;
      } catch (error) {
        if (this.#closing.signal.aborted) throw error;
        // A scheduler that has not noticed yet that the old connection is gone: it will.
        const refused = error instanceof RegistrationError || error instanceof AuthenticationError;
        refusals = refused ? refusals + 1 : 0;
        if (refusals >= MAX_REFUSALS) throw error;
      }
      const rest = Math.max(0, (until - performance.now()) / 1000);
      await pause(Math.min(wait, rest), this.#closing.signal);
      wait = Math.min(2 * wait, LONGEST_PAUSE);
    }
  }
}
