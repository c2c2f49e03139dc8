/**
 * One connection of a client to a cluster: what all views of a client (`client.with(…)`) share.
 *
 * @module
 */
import { pause } from "../comm/pause.ts";
import { getLogger } from "../config/logger.ts";
import type { CodeReader } from "../protocol/functions/definition.ts";
import type { SchedulerToClient } from "../protocol/messages.ts";
import { TimeoutError, within } from "./deadline.ts";
import { Fetcher } from "./fetcher.ts";
import { type Future, type FutureOwner, makeFuture } from "./future.ts";
import type { FutureState } from "./future_state.ts";
import { gatherStates } from "./gather.ts";
import { KeyTable } from "./key_table.ts";
import { Latch } from "./latch.ts";
import { Outbox } from "./outbox.ts";
import { ConnectionLostError, SchedulerLink } from "./scheduler_link.ts";
import type { CallPool, FunctionCapture, SessionTools } from "./session_tools.ts";
import { taskError } from "./task_error.ts";
import { Uploads } from "./uploads.ts";

const logger = getLogger("distributed.client");

/** The client was closed; it can do nothing any more. */
export class ClientClosedError extends Error {
  /**
   * Make the error.
   *
   * @param message What was asked of the client.
   * @param options Why it closed, as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ClientClosedError";
  }
}

/** A line that a task wrote to its console. */
export interface ConsoleMessage {
  /** Key of the task. */
  key: string;
  /** Address of the worker that ran it. */
  worker: string;
  /** Method of the console: "log", "warn", … */
  level: string;
  /** What it wrote. */
  text: string;
}

/** Settings of a session. */
export interface SessionOptions {
  id: string;
  address: string;
  timeout: number;
  direct: boolean | undefined;
  onConsole: ((message: ConsoleMessage) => unknown) | undefined;
}

/** Seconds that workers have to leave once their time to retire is over. */
const LEAVE_SECONDS = 15;
/** Seconds that a question to the scheduler may take, if the time for what it is about is over before. */
const answerSeconds = 1;

/** The shared part of a client. */
export class Session implements FutureOwner {
  readonly options: SessionOptions;
  readonly table: KeyTable;
  readonly outbox: Outbox;
  /** Finds what functions close over and import. */
  readonly capture: FunctionCapture;
  /** Knows this program's classes, for values that come from the cluster. */
  readonly reader: CodeReader;
  /** Modules that tasks import by name. */
  readonly uploads: Uploads = new Uploads((upload) =>
    this.call("uploadFile()", "upload-file", { ...upload })
  );
  /** Connections to workers. */
  readonly workers: CallPool;
  readonly #scheduler: CallPool;
  readonly #bundleUpload: SessionTools["bundleUpload"];
  readonly fetcher: Fetcher;
  readonly #link: SchedulerLink;
  readonly #closing = new AbortController();
  #closeReason: Error | undefined;
  #closed: Promise<void> | undefined;
  /** How often the line has broken. */
  #connection = 0;
  /** Calls of restart that wait for the scheduler's word on the stream. */
  readonly #restarts = new Set<() => void>();
  /** Whether the end of the scheduler is this client's own wish. */
  #isShuttingDown = false;
  /** Where the next scatter begins its round, counted in cores. */
  scatterTurn = 0;

  private constructor(options: SessionOptions, tools: SessionTools) {
    this.options = options;
    this.capture = tools.capture;
    this.reader = tools.capture.reader();
    this.#bundleUpload = tools.bundleUpload;
    this.outbox = new Outbox((messages) => this.#link.send(messages));
    this.table = new KeyTable(this, (key) => {
      if (!this.closed) this.outbox.addRelease(key);
    });
    this.workers = tools.workers;
    this.#scheduler = tools.scheduler;
    this.fetcher = new Fetcher({
      workers: this.workers,
      scheduler: this.#scheduler,
      schedulerAddress: options.address,
      direct: options.direct,
      reportMissing: (missing) => {
        if (!this.closed) this.outbox.add({ op: "report-missing", missing });
      },
      askAgain: (state) => {
        if (this.closed || this.table.states.get(state.key) !== state) return false;
        this.outbox.add({ op: "client-desires-keys", keys: [state.key] });
        return true;
      },
      signal: this.#closing.signal,
    });
    this.#link = new SchedulerLink(options.address, options.id, options.timeout, {
      messages: (batch) => this.#receive(batch),
      broken: () => this.#onBroken(),
      restored: () => this.#onRestored(),
      givenUp: (error) => this.#onGivenUp(error),
    }, tools.connect);
  }

  /** Connect to the scheduler. */
  static async open(options: SessionOptions, tools: SessionTools): Promise<Session> {
    const session = new Session(options, tools);
    try {
      await session.#link.open();
    } catch (error) {
      await session.close("it could not connect");
      throw error;
    }
    return session;
  }

  /** "running", "connecting" while the scheduler is away, or "closed". */
  get status(): "connecting" | "running" | "closed" {
    return this.#closeReason === undefined ? this.#link.status : "closed";
  }

  /** Whether the session has ended. */
  get closed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Aborts when the session ends. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** @throws {ClientClosedError} When the session has ended. */
  check(method: string): void {
    if (this.#closeReason === undefined) return;
    throw new ClientClosedError(`${method}: ${this.#closeReason.message}`, {
      cause: this.#closeReason,
    });
  }

  /** Call an operation of the scheduler. */
  async call<T>(
    method: string,
    op: string,
    args: Record<string, unknown> = {},
    timeout?: number,
  ): Promise<T> {
    this.check(method);
    try {
      return await this.#scheduler.call<T>(this.options.address, op, args, {
        timeout,
        signal: this.#closing.signal,
      });
    } catch (error) {
      this.check(method);
      throw error;
    }
  }

  /** A future of a key that is in the table. */
  future<T>(state: FutureState): Future<T> {
    return makeFuture<T>(state);
  }

  release(state: FutureState): void {
    this.table.release(state);
  }

  async settled(state: FutureState, timeout: number | undefined): Promise<void> {
    if (state.done) return;
    this.check("future");
    const latch = new Latch([state], "all");
    try {
      await within(latch.opened, timeout, `${state.key} was not done`);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      throw new TimeoutError(error.message + await this.#obstacle(state.key));
    } finally {
      latch.close();
    }
  }

  /** What keeps a task from running, for the message of a time-out; "" when nothing special does. */
  async #obstacle(key: string): Promise<string> {
    try {
      const op = "transition-story";
      const story = await this.call<{ key: string; finish: string }[]>("future", op, {
        keys: [key],
      }, answerSeconds);
      if (story.findLast((step) => step.key === key)?.finish !== "no-worker") return "";
      const threads = await this.call("future", "ncores", {}, answerSeconds);
      if (Object.keys(threads as object).length === 0) return ": the cluster has no workers";
    } catch (error) {
      logger.debug(`Could not learn why ${key} is not done`, { error });
      return "";
    }
    return `: no worker of the cluster may run it; see its options "workers" and "resources"`;
  }

  /** Values of keys; see {@linkcode gatherStates}. */
  async gather(states: readonly FutureState[], skipErrors: boolean): Promise<unknown[]> {
    return await gatherStates(states, this.fetcher, skipErrors, this.reader);
  }

  async result(state: FutureState, timeout: number | undefined): Promise<unknown> {
    // An outcome without a value needs no cluster.
    if (state.status !== "cancelled" && state.status !== "error") this.check("result()");
    if (timeout === undefined) return (await this.gather([state], false))[0];
    // First without fetching: what was waited for in vain is not fetched when it is done at last.
    const end = performance.now() + timeout * 1000;
    await this.settled(state, timeout);
    const [value] = await within(
      this.gather([state], false),
      Math.max(0, (end - performance.now()) / 1000),
      `the result of ${state.key} was not there`,
      timeout,
    );
    return value;
  }

  exceptionOf(state: FutureState): unknown {
    return state.status === "error" ? taskError(state, this.reader) : undefined;
  }

  cancel(states: Iterable<FutureState>): void {
    this.check("cancel()");
    const keys: string[] = [];
    for (const state of states) {
      if (this.table.states.get(state.key) !== state) continue;
      keys.push(state.key);
      this.table.cancel(state.key, "this client cancelled it");
    }
    if (keys.length > 0) this.outbox.add({ op: "cancel-keys", keys });
  }

  /** See `Client.uploadFile`. */
  async uploadFile(path: string | URL): Promise<void> {
    await this.uploads.add(String(path), this.#bundleUpload(path));
  }

  /** Flush everything: see `Client.restart`. */
  async restart(timeout: number): Promise<void> {
    this.check("restart()");
    // The answer to the call and the word on the stream come on two comms; the futures of this client
    // are cancelled by the latter, and none that is made after must be.
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    this.#restarts.add(tell);
    const aborted = new AbortController();
    const end = AbortSignal.any([this.#closing.signal, aborted.signal]);
    try {
      await this.call("restart()", "restart", { timeout }, timeout + 5);
      await Promise.race([told, pause(timeout, end)]);
    } finally {
      aborted.abort();
      this.#restarts.delete(tell);
    }
  }

  /** Have workers leave: see `Client.retireWorkers`. */
  async retireWorkers(options: {
    workers?: string[];
    timeout?: number;
    n?: number;
    memoryRatio?: number;
  }): Promise<string[]> {
    const { timeout } = options;
    const limit = timeout === undefined ? undefined : timeout + LEAVE_SECONDS;
    const reply = await this.call<{ workers: string[] }>(
      "retireWorkers()",
      "retire-workers",
      options,
      limit,
    );
    return reply.workers;
  }

  /** Take down the cluster: see `Client.shutdown`. */
  async shutdown(timeout: number): Promise<void> {
    this.#isShuttingDown = true;
    try {
      await this.call("shutdown()", "terminate", {}, timeout);
    } catch (error) {
      this.#isShuttingDown = false;
      throw error;
    }
  }

  /** Wait until a condition on the cluster holds. */
  async until(
    condition: () => Promise<boolean>,
    timeout: number,
    what: string,
  ): Promise<void> {
    const end = performance.now() + timeout * 1000;
    const secondsLeft = () => (end - performance.now()) / 1000;
    for (let wait = 0.02;; wait = Math.min(wait * 2, 0.5)) {
      // A scheduler that never answers is not waited for; one that is asked at the last moment is.
      if (await within(condition(), Math.max(secondsLeft(), answerSeconds), what, timeout)) return;
      const left = secondsLeft();
      if (left <= 0) throw new TimeoutError(`${what} within ${timeout} s`);
      await pause(Math.min(wait, left), this.#closing.signal);
      this.check(what);
    }
  }

  /** End the session. Can be called again. */
  close(reason = "the client is closed"): Promise<void> {
    return this.#closed ??= this.#close(new ClientClosedError(reason));
  }

  async #close(reason: Error): Promise<void> {
    this.#end(reason);
    await this.#link.close();
    await this.#closePools();
  }

  async #closePools(): Promise<void> {
    await Promise.all([this.workers.close(), this.#scheduler.close()]);
  }

  #end(reason: Error): void {
    // What has been said before goes out before the goodbye.
    this.outbox.flush();
    this.#closeReason = reason;
    this.outbox.clear();
    this.#closing.abort();
    this.fetcher.close(reason);
    this.table.cancelPending(reason.message);
    for (const tell of this.#restarts) tell();
  }

  #receive(batch: readonly SchedulerToClient[]): void {
    for (const message of batch) {
      if (message.op === "task-console") void this.#onConsole(message);
      else if (message.op === "restart") this.#onRestart();
      else if (message.op === "close") this.#onSchedulerEnd(message.reason);
      else this.table.apply(message);
    }
  }

  /** The scheduler ends for good. */
  #onSchedulerEnd(reason: string): void {
    // Asked for by this client, which closes by itself next.
    if (this.#isShuttingDown || this.closed) return;
    this.#link.giveUp();
    const { address } = this.options;
    this.#onGivenUp(new ConnectionLostError(`the scheduler at ${address} has ended: ${reason}`));
  }

  #onRestart(): void {
    const keys = this.table.cancelAll("the cluster was restarted");
    // What was on its way to the scheduler came after the flush, and would stay.
    if (keys.length > 0) this.outbox.add({ op: "client-releases-keys", keys });
    for (const tell of this.#restarts) tell();
  }

  /** Not awaited: what it is told of does not wait for it. It may be async, and fail in its own time. */
  async #onConsole({ key, worker, level, text }: ConsoleMessage): Promise<void> {
    try {
      await this.options.onConsole?.({ key, worker, level, text });
    } catch (error) {
      logger.error(`onConsole failed: ${error}`, { error });
    }
  }

  /** The scheduler is gone, and with it the record of all that was to be computed. */
  #onBroken(): void {
    this.#connection++;
    this.outbox.hold();
    this.outbox.clear();
    this.table.disconnected();
    const { address } = this.options;
    for (const state of [...this.table.states.values()]) {
      if (state.status === "finished") {
        state.lose();
      } else if (state.status !== "error") {
        this.table.cancel(
          state.key,
          `the connection to the scheduler at ${address} was lost while it was ${state.status}, ` +
            `and records of ongoing computations with it; submit it again`,
        );
      }
    }
  }

  /** Workers may still hold what was finished: ask for it again. The others are cancelled. */
  #onRestored(): void {
    const keys: string[] = [];
    for (const state of this.table.states.values()) {
      if (state.status === "lost") keys.push(state.key);
    }
    if (keys.length > 0) this.#link.send([{ op: "client-desires-keys", keys }]);
    if (this.uploads.isEmpty) this.outbox.resume();
    else void this.#uploadAgain();
  }

  /** Give what was uploaded to the scheduler anew, before any task that may import it. */
  async #uploadAgain(): Promise<void> {
    const connection = this.#connection;
    try {
      await this.uploads.sendAgain();
    } catch (error) {
      if (this.closed || connection !== this.#connection) return;
      logger.error(`Could not upload files to the scheduler again: ${error}`, { error });
    }
    // The line may have broken again meanwhile; then it is another's turn.
    if (!this.closed && connection === this.#connection) this.outbox.resume();
  }

  #onGivenUp(error: ConnectionLostError): void {
    logger.error(error.message, { error });
    for (const state of this.table.states.values()) if (!state.done) state.fail(error);
    this.#end(error);
    this.#closed ??= this.#closePools();
  }
}
