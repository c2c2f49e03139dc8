/**
 * Brings results from the cluster: asked for in one turn of the event loop, they are fetched together,
 * each from a worker that holds it, or through the scheduler where workers cannot be reached. What is
 * not where it was said to be is reported, and fetched again when it is back.
 *
 * @module
 */
import { pause } from "../comm/pause.ts";
import { RemoteError } from "../comm/remote.ts";
import { getLogger } from "../config/logger.ts";
import { Serialized } from "../protocol/serialized.ts";
import { CancelledError, type FutureState } from "./future_state.ts";
import type { CallPool } from "./session_tools.ts";

const logger = getLogger("distributed.client");

/** A result could not be had although the cluster says that it is there. */
export class MissingDataError extends Error {
  /**
   * Make the error.
   *
   * @param message Which key, and what was tried.
   */
  constructor(message: string) {
    super(message);
    this.name = "MissingDataError";
  }
}

/** Told of the results that were asked for, each once. */
export interface FetchListener {
  /**
   * The result is here.
   *
   * @param place The number that was given with the request.
   * @param value The result.
   * @param shared Whether its buffers are those of the worker's store, in this process.
   */
  fetched(place: number, value: Serialized, shared: boolean): void;
  /** The state is not finished any more: see its status. */
  unfinished(place: number, state: FutureState): void;
  /** It could not be fetched. */
  failed(error: Error): void;
}

/** How the fetcher reaches the rest of the client. */
export interface FetcherOptions {
  /** Connections to workers. */
  workers: CallPool;
  /** Connections to the scheduler. */
  scheduler: CallPool;
  schedulerAddress: string;
  /** Straight from workers: true; through the scheduler: false; undefined: whichever works. */
  direct: boolean | undefined;
  /** Tell the scheduler that keys are not where it said. */
  reportMissing(missing: Record<string, string[]>): void;
  /**
   * Have the scheduler say where a key stands; on the client's stream.
   *
   * @returns False when the client does not hold the key any more.
   */
  askAgain(state: FutureState): boolean;
  /** Aborted when the client closes. */
  signal: AbortSignal;
}

/** A result that is being fetched, and who for: mostly one listener. */
class Request {
  /** How often the data was not where it was said to be. */
  misses = 0;
  others: { listener: FetchListener; place: number }[] | undefined;

  constructor(
    readonly state: FutureState,
    readonly listener: FetchListener,
    readonly place: number,
  ) {}

  /** Not answered yet. */
  get isOpen(): boolean {
    return this.state.fetching === this;
  }
}

/** Replies of a worker's `get-data` and of the scheduler's `gather`. */
interface DataReply {
  status: string;
  data?: Record<string, Serialized>;
  missing?: Record<string, string[]>;
  /** Keys that the worker has on disk, and did not read at once with the others: to be asked for again. */
  later?: string[];
}

const maxMisses = 10;
const maxKeysPerRequest = 10_000;
const unreachableFor = 30_000;
const firstPause = 0.01;
const longestPause = 1;

/** Fetches results, many at a time. */
export class Fetcher {
  readonly #options: FetcherOptions;
  /** What has not been answered. The states know of it too: asked for twice at a time it travels once. */
  readonly #open = new Set<Request>();
  #queue: Request[] = [];
  /** Why nothing can be fetched any more. */
  #closeReason: Error | undefined;
  /** Workers that could not be reached, and until when they are not tried again. */
  readonly #unreachable = new Map<string, number>();

  /** @param options How to reach the rest of the client. */
  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /**
   * Fetch the result of a finished state.
   *
   * @param state The state.
   * @param listener Told of the result.
   * @param place A number for the listener to know the result by.
   */
  fetch(state: FutureState, listener: FetchListener, place: number): void {
    if (this.#closeReason !== undefined) return listener.failed(this.#closeReason);
    if (state.fetching instanceof Request) {
      (state.fetching.others ??= []).push({ listener, place });
      return;
    }
    const request = new Request(state, listener, place);
    state.fetching = request;
    this.#open.add(request);
    this.#enqueue(request);
  }

  /** End all that is being fetched, and refuse the rest. */
  close(error: Error): void {
    this.#closeReason = error;
    for (const request of this.#open) this.#fail(request, error);
  }

  #enqueue(request: Request): void {
    if (this.#queue.length === 0) queueMicrotask(() => this.#dispatch());
    this.#queue.push(request);
  }

  #dispatch(): void {
    const queue = this.#queue;
    this.#queue = [];
    const groups = new Map<string, Request[]>();
    for (const request of queue) {
      if (!request.isOpen) continue;
      if (request.state.status !== "finished") {
        this.#await(request);
        continue;
      }
      const address = this.#holder(request.state.workers);
      const group = groups.get(address);
      if (group === undefined) groups.set(address, [request]);
      else group.push(request);
    }
    for (const [address, group] of groups) {
      for (let i = 0; i < group.length; i += maxKeysPerRequest) {
        const part = group.length <= maxKeysPerRequest
          ? group
          : group.slice(i, i + maxKeysPerRequest);
        this.#ask(address, part).catch((error) => {
          for (const request of part) this.#fail(request, error as Error);
        });
      }
    }
  }

  /** Which worker to ask; the scheduler's address when none is known or within reach. */
  #holder(workers: readonly string[]): string {
    const { direct, schedulerAddress } = this.#options;
    if (direct === false || workers.length === 0) return schedulerAddress;
    const first = workers.length === 1 ? 0 : Math.floor(Math.random() * workers.length);
    for (let i = 0; i < workers.length; i++) {
      const worker = workers[(first + i) % workers.length];
      if (direct === true || this.isReachable(worker)) return worker;
    }
    return schedulerAddress;
  }

  /** Whether it makes sense to try to talk to a worker. */
  isReachable(worker: string): boolean {
    const until = this.#unreachable.get(worker);
    if (until === undefined) return true;
    if (performance.now() < until) return false;
    this.#unreachable.delete(worker);
    return true;
  }

  /** Remember that a worker could not be reached. */
  markUnreachable(worker: string): void {
    const now = performance.now();
    // Workers that are gone for good are asked for by nobody.
    for (const [each, until] of this.#unreachable) {
      if (until <= now) this.#unreachable.delete(each);
    }
    this.#unreachable.set(worker, now + unreachableFor);
  }

  async #ask(address: string, requests: Request[]): Promise<void> {
    const { workers, scheduler, schedulerAddress, signal } = this.#options;
    const keys = requests.map((request) => request.state.key);
    const viaScheduler = address === schedulerAddress;
    let reply: DataReply;
    try {
      reply = await (viaScheduler
        ? scheduler.call<DataReply>(address, "gather", { keys })
        : workers.call<DataReply>(address, "get-data", { keys }));
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RemoteError) throw error;
      if (viaScheduler) {
        // The scheduler's stream breaks as well then, and settles what becomes of the futures.
        logger.warn(`Could not gather through the scheduler: ${error}`);
        for (const request of requests) this.#missed(request, []);
        return;
      }
      logger.warn(`Could not get data from ${address}: ${error}`);
      this.markUnreachable(address);
      if (this.#options.direct === true) {
        for (const request of requests) this.#missed(request, []);
      } else {
        for (const request of requests) this.#enqueue(request);
      }
      return;
    }
    const shared = address.startsWith("inproc:");
    const missing: Record<string, string[]> = {};
    let anyMissing = false;
    // One that sends nothing but promises is not asked for ever.
    const later = new Set(reply.later?.length === requests.length ? [] : reply.later);
    for (const request of requests) {
      const { key } = request.state;
      const value = reply.data?.[key];
      if (value instanceof Serialized) {
        this.#finish(request, value, shared);
      } else if (later.has(key)) {
        this.#again(request);
      } else if (!viaScheduler) {
        anyMissing = true;
        missing[key] = [address];
        this.#missed(request, missing[key]);
      } else if (reply.missing !== undefined && !Object.hasOwn(reply.missing, key)) {
        // Found, but left out of an answer that tells of others.
        this.#enqueue(request);
      } else {
        this.#outdated(request, reply.missing?.[key] ?? []);
      }
    }
    // What the scheduler did not find it knows already.
    if (anyMissing) this.#options.reportMissing(missing);
  }

  /** The data was not there: look again a little later, elsewhere if it is known to be elsewhere. */
  #missed(request: Request, holders: string[]): void {
    const { state } = request;
    if (!request.isOpen) return;
    request.misses++;
    if (request.misses > maxMisses) {
      const where = holders.length === 0 ? "" : ` (last looked for on ${holders.join(", ")})`;
      const message =
        `the result of ${state.key} could not be fetched in ${maxMisses} attempts${where}`;
      this.#fail(request, new MissingDataError(message));
      return;
    }
    if (holders.length > 0 && state.status === "finished") {
      state.workers = state.workers.filter((worker) => !holders.includes(worker));
    }
    const seconds = Math.min(firstPause * 2 ** (request.misses - 1), longestPause);
    pause(seconds, this.#options.signal).then(() => this.#again(request));
  }

  /** The scheduler did not have the data either: what this client knows of the key is out of date. */
  #outdated(request: Request, holders: string[]): void {
    const { state } = request;
    this.#missed(request, holders);
    if (!request.isOpen) return;
    state.lose();
    if (this.#options.askAgain(state)) return;
    this.#fail(request, new CancelledError(state.key, "it was released while it was fetched"));
  }

  /** Wait for a result that is being computed again. */
  #await(request: Request): void {
    const { state } = request;
    if (state.status === "error" || state.status === "cancelled") {
      this.#close(request);
      request.listener.unfinished(request.place, state);
      request.others?.forEach(({ listener, place }) => listener.unfinished(place, state));
    } else {
      state.listen({ settled: () => this.#again(request) });
    }
  }

  #again(request: Request): void {
    if (request.isOpen) this.#enqueue(request);
  }

  #finish(request: Request, value: Serialized, shared: boolean): void {
    if (!request.isOpen) return;
    this.#close(request);
    request.listener.fetched(request.place, value, shared);
    request.others?.forEach(({ listener, place }) => listener.fetched(place, value, shared));
  }

  #fail(request: Request, error: Error): void {
    if (!request.isOpen) return;
    this.#close(request);
    request.listener.failed(error);
    request.others?.forEach(({ listener }) => listener.failed(error));
  }

  #close(request: Request): void {
    request.state.fetching = undefined;
    this.#open.delete(request);
  }
}
