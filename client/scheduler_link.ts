/**
 * The client's line to the scheduler: it registers, reads what the scheduler says, and connects again
 * when the line breaks.
 *
 * @module
 */
import { BatchedSend } from "../comm/batched_send.ts";
import { pause } from "../comm/pause.ts";
import { type Comm, CommClosedError } from "../comm/transport.ts";
import { getLogger } from "../config/logger.ts";
import type {
  ClientMessage,
  RegisterClient,
  RegisterClientReply,
  SchedulerToClient,
} from "../protocol/messages.ts";
import { versions } from "../config/version.ts";
import { within } from "./deadline.ts";
import type { Connect } from "./session_tools.ts";

const logger = getLogger("distributed.client");

/** The connection to the scheduler was lost and could not be had again in time. */
export class ConnectionLostError extends Error {
  /**
   * Make the error.
   *
   * @param message Which scheduler, and what was tried.
   * @param options The last attempt's error as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConnectionLostError";
  }
}

/** What the link tells the client's session. */
export interface LinkEvents {
  /** The scheduler said something. */
  messages(batch: readonly SchedulerToClient[]): void;
  /** The line broke; the link is trying to connect again. */
  broken(): void;
  /** Connected and registered again. */
  restored(): void;
  /** Could not connect again. */
  givenUp(error: ConnectionLostError): void;
}

/** Seconds between signs of life. */
const heartbeatInterval = 5;
const firstPause = 0.02;
const longestPause = 1;

/** A stream to the scheduler that comes back when it breaks. */
export class SchedulerLink {
  /** Where the scheduler is. */
  readonly address: string;
  /** Whether the stream is up. */
  status: "connecting" | "running" | "closed" = "connecting";

  readonly #id: string;
  readonly #timeout: number;
  readonly #events: LinkEvents;
  readonly #open: Connect;
  #comm: Comm | undefined;
  #sender: BatchedSend | undefined;
  #reading: Promise<void> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Ends the attempts to connect again. */
  readonly #closing = new AbortController();

  /**
   * Make a link that is not connected yet.
   *
   * @param address Where the scheduler is.
   * @param id Name of this client.
   * @param timeout Seconds to try to connect, at first and after a break.
   * @param events Told of what happens.
   * @param connect Opens comms.
   */
  constructor(
    address: string,
    id: string,
    timeout: number,
    events: LinkEvents,
    connect: Connect,
  ) {
    this.address = address;
    this.#open = connect;
    this.#id = id;
    this.#timeout = timeout;
    this.#events = events;
  }

  /** Connect and register. */
  async open(): Promise<void> {
    await this.#connect(this.#timeout);
  }

  /** Send messages; only while the status is "running". */
  send(messages: readonly ClientMessage[]): void {
    this.#sender?.sendAll(messages);
  }

  /** The scheduler ends for good: do not try to connect again. */
  giveUp(): void {
    if (this.status === "closed") return;
    this.status = "closed";
    this.#closing.abort();
    clearInterval(this.#heartbeat);
    this.#sender?.abort();
    this.#comm?.abort();
  }

  /** Say goodbye and close. */
  async close(): Promise<void> {
    if (this.status === "closed") return;
    const wasRunning = this.status === "running";
    this.status = "closed";
    this.#closing.abort();
    clearInterval(this.#heartbeat);
    if (wasRunning) {
      this.#sender!.send({ op: "close-client" });
      await this.#sender!.close();
    }
    await this.#comm?.close();
    await this.#reading;
  }

  async #connect(timeout: number): Promise<void> {
    const { signal } = this.#closing;
    const comm = await this.#open(this.address, { timeout, signal });
    // A scheduler that takes its time with the answer does not hold up a client that closes.
    const abort = () => comm.abort();
    signal.addEventListener("abort", abort);
    try {
      const registration: RegisterClient = {
        op: "register-client",
        client: this.#id,
        versions: versions(),
      };
      await comm.write(registration);
      const reply = await within(
        comm.read(),
        timeout,
        `the scheduler at ${this.address} did not answer`,
      ) as RegisterClientReply;
      if (reply.status !== "OK") {
        throw new ConnectionLostError(
          `the scheduler at ${this.address} refused this client: ${reply.message}`,
        );
      }
    } catch (error) {
      comm.abort();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (this.status === "closed") {
      comm.abort();
      throw new CommClosedError("the client was closed while it connected");
    }
    this.#comm = comm;
    this.#sender = new BatchedSend({
      onError: (error) => {
        logger.warn(`Lost the scheduler at ${this.address} while sending to it`, { error });
      },
    });
    this.#sender.start(comm);
    this.status = "running";
    this.#heartbeat = setInterval(
      () => this.#sender?.send({ op: "heartbeat-client" }),
      heartbeatInterval * 1000,
    );
    this.#reading = this.#read(comm);
  }

  async #read(comm: Comm): Promise<void> {
    try {
      while (true) {
        this.#events.messages(await comm.read() as SchedulerToClient[]);
      }
    } catch (error) {
      comm.abort();
      if (this.status === "closed") return;
      if (!(error instanceof CommClosedError)) {
        logger.error(`A message of the scheduler could not be handled: ${error}`, { error });
      }
    }
    this.status = "connecting";
    clearInterval(this.#heartbeat);
    this.#sender?.abort();
    logger.warn(`The connection to the scheduler at ${this.address} was lost`);
    this.#events.broken();
    await this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const until = performance.now() + this.#timeout * 1000;
    let wait = firstPause;
    let cause: unknown;
    while (!this.#closing.signal.aborted) {
      const left = (until - performance.now()) / 1000;
      if (left <= 0) break;
      try {
        await this.#connect(left);
        logger.info(`Connected to the scheduler at ${this.address} again`);
        this.#events.restored();
        return;
      } catch (error) {
        cause = error;
      }
      const rest = Math.max(0, (until - performance.now()) / 1000);
      await pause(Math.min(wait, rest), this.#closing.signal);
      wait = Math.min(wait * 2, longestPause);
    }
    if (this.#closing.signal.aborted) return;
    this.status = "closed";
    this.#events.givenUp(
      new ConnectionLostError(
        `the connection to the scheduler at ${this.address} was lost, and it could not be reached ` +
          `again within ${this.#timeout} s`,
        { cause },
      ),
    );
  }
}
