/**
 * A user's way to a cluster, wherever the user is. It loads little: threads that run tasks have it too.
 *
 * @module
 */
import { stays } from "../protocol/functions/staying_classes.ts";
import type { Connection } from "./connect.ts";
import type {
  FutureInfo,
  GatherOptions,
  NbytesOptions,
  RetireOptions,
  SchedulerInfo,
} from "./facts.ts";
import { Future } from "./future.ts";
import { type FailedTask, failedTask, runFailedTask } from "./replay.ts";
import { checkScatterOptions, scatterData, type ScatterOptions } from "./scatter.ts";
import type { Session } from "./session.ts";
import { isIterator, keysOf, leftOut, statesOf, templateOf } from "./structure.ts";
import { mapTasks, submitTask } from "./submit.ts";
import {
  checkBoolean,
  type CheckedOptions,
  checkNames,
  checkOptions,
  checkSeconds,
  checkWorkers,
  OptionError,
  refuseOption,
  type TaskOptions,
} from "./task_options.ts";
import type {
  FutureArgs,
  FutureIterables,
  FuturesOrKeys,
  Gathered,
  GatheredWithoutErrors,
  NestedFutures,
  Scattered,
} from "./types.ts";

export type {
  FutureInfo,
  GatherOptions,
  NbytesOptions,
  RetireOptions,
  SchedulerInfo,
  WorkerInfo,
} from "./facts.ts";
export type { FailedTask } from "./replay.ts";

/** Why clients do not travel. */
export const clientStays =
  "a client stays in its program; return from the task what is needed to submit the next one";

/**
 * What clients of programs ({@linkcode Client}) and of tasks (`workerClient()`) have in common: they submit
 * functions, move data, wait for results.
 */
export class BaseClient implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #options: CheckedOptions;

  /** For those who have a connection. */
  protected constructor(connection: Connection, options: CheckedOptions) {
    this.#connection = connection;
    this.#session = connection.session;
    this.#options = options;
  }

  /** What the scheduler calls this client. */
  get id(): string {
    return this.#session.options.id;
  }

  /** Address of the scheduler. */
  get schedulerAddress(): string {
    return this.#session.options.address;
  }

  /** "running", "connecting" while the scheduler cannot be reached, or "closed". */
  get status(): "connecting" | "running" | "closed" {
    return this.#session.status;
  }

  /** What this client holds futures of, by key. Follows what happens. */
  get futures(): ReadonlyMap<string, FutureInfo> {
    return this.#session.table.states;
  }

  /**
   * The same client with options for `submit`, `map` and `scatter`.
   *
   * @param options Put over those that this view has already.
   * @returns A view. Closing it closes the client.
   * @throws {OptionError} When an option is unknown or has a wrong value.
   *
   * @example
   * ```ts
   * const random = client.with({ pure: false, workers: ["alice"] }).submit(() => Math.random());
   * ```
   */
  with(options: TaskOptions): this {
    this.#session.check("with()");
    const own = this.constructor as new (connection: Connection, options: CheckedOptions) => this;
    return new own(this.#connection, checkOptions(options, this.#options));
  }

  /**
   * Run a function on the cluster. Returns at once. Arguments may be futures, or arrays, objects, maps
   * and sets that hold futures: the function gets their results. All arguments are taken as they are
   * now; what is done to them later has no effect.
   *
   * The function travels with what it uses of the code around it: variables, other functions, classes
   * and imports. Variables are captured by value: the task sees what they were at `submit`, and what it
   * assigns to them stays there. Arguments and results may be instances of your own classes.
   *
   * @param fn The function; it may be async.
   * @param args Its arguments. They may be or hold functions and classes too.
   * @returns A future of what the function returns.
   * @throws {FunctionError} When the function, or something that it imports, cannot run on a worker.
   * @throws {FreeNameError} When it uses a name that is defined nowhere.
   * @throws {SerializationError} When an argument, or something that the function uses, cannot be sent;
   * the message says where it stands and what to do instead.
   * @throws {CancelledError} When an argument is a cancelled future.
   * @throws {ClientClosedError} When the client is closed.
   *
   * @example
   * ```ts
   * const add = (x: number, y: number) => x + y;
   * const a = client.submit(add, 1, 2);
   * const b = client.submit(add, a, 10);
   * console.log(await b.result()); // 13
   *
   * const rates = new Map([["EUR", 1.25]]);
   * const rate = (currency: string) => rates.get(currency) ?? 1;
   * const dollars = client.submit((euros: number) => euros * rate("EUR"), 10);
   * console.log(await dollars.result()); // 12.5
   * ```
   */
  submit<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...args: FutureArgs<A>
  ): Future<Awaited<R>> {
    return submitTask(this.#session, this.#options, fn, args) as Future<Awaited<R>>;
  }

  /**
   * Run a function on each item of an iterable, or on the items of several side by side, up to the end
   * of the shortest. Items may be futures or hold futures.
   *
   * @param fn The function; it may be async.
   * @param iterables An iterable for each parameter.
   * @returns A future for each item.
   * @throws What `submit` throws; then no task was submitted.
   *
   * @example
   * ```ts
   * const add = (x: number, y: number) => x + y;
   * const sums = client.map(add, [1, 2, 3], [10, 20, 30]);
   * console.log(await client.gather(sums)); // [11, 22, 33]
   * ```
   */
  map<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...iterables: FutureIterables<A>
  ): Future<Awaited<R>>[] {
    return mapTasks(this.#session, this.#options, fn, iterables) as Future<Awaited<R>>[];
  }

  /**
   * Wait for futures and bring their results here.
   *
   * @param futures A future, or futures nested in arrays, plain objects, maps and sets, or an iterator.
   * @param options `errors: "skip"` leaves out futures that failed.
   * @returns The same structure with results in the place of futures; for an iterator an array.
   * @throws The error of a task that failed.
   * @throws {CancelledError} When a future was cancelled.
   *
   * @example
   * ```ts
   * const x = client.submit((a: number, b: number) => a + b, 1, 2);
   * console.log(await client.gather([x, [x], { x }])); // [3, [3], { x: 3 }]
   * ```
   */
  async gather<const F>(
    futures: F,
    options?: GatherOptions & { errors?: "raise" },
  ): Promise<Gathered<F>>;
  /** Leaves out futures that failed or were cancelled. */
  async gather<const F>(
    futures: F,
    options: GatherOptions & { errors: "skip" },
  ): Promise<GatheredWithoutErrors<F>>;
  async gather(futures: unknown, options: GatherOptions = {}): Promise<unknown> {
    this.#session.check("gather()");
    checkNames(options, ["errors"], "gather()");
    const { errors = "raise" } = options;
    if (errors !== "raise" && errors !== "skip") {
      refuseOption("errors", errors, `"raise" or "skip"`);
    }
    const structure = isIterator(futures) ? [...futures] : futures;
    const template = templateOf(structure);
    const skip = errors === "skip";
    const values = await this.#session.gather(template.states, skip);
    const result = template.fill(values);
    return result === leftOut ? undefined : result;
  }

  /**
   * Put local data into the memory of the cluster. It is often better to have tasks load data. Do not
   * change buffers in the data before the promise resolves.
   *
   * @param data A value; or an array, iterator or plain object, whose items become data of their own. The
   * keys of an object are the keys of its futures.
   * @param options See {@linkcode ScatterOptions}; `workers` of the view apply here too.
   * @returns A future, or an array or object of futures, finished.
   * @throws {TimeoutError} When the cluster has no worker for the data in time.
   * @throws {SerializationError} When a value cannot be sent.
   *
   * @example
   * ```ts
   * const [a, b] = await client.scatter([1, 2]);
   * const { x } = await client.scatter({ x: new Float64Array(1000) }, { broadcast: true });
   * ```
   */
  async scatter<D>(data: D, options: ScatterOptions = {}): Promise<Scattered<D>> {
    const checked = checkScatterOptions(options);
    checked.workers ??= this.#options.group.workers;
    return await scatterData(this.#session, data, checked) as Scattered<D>;
  }

  /**
   * Stop tasks, and everything that depends on them, for all clients. Their results are dropped.
   *
   * @param futures A future, or futures nested in arrays, plain objects, maps and sets.
   * @throws {TypeError} When it is none of these.
   */
  cancel(futures: NestedFutures): void {
    this.#session.cancel(statesOf("cancel()", futures));
  }

  /**
   * Make modules importable by their names in tasks, on all workers that there are and will be:
   * `await import("table")` or `await import("table.ts")` for a file `table.ts`. Tasks that are submitted
   * from then on get this version of it. It is no part of their keys: to run a call again with a new
   * version, submit it with `pure: false` or another key. What a function imports statically needs no
   * upload, and travels with it as it is at `submit`.
   *
   * @param path Path or `file:` URL of a TypeScript or JavaScript file; or of a folder, whose `mod.ts`,
   * `index.ts` or `main.ts` has the name of the folder, and the others names such as `folder/file.ts`.
   * @throws {FunctionError} When the module, or one that it imports, cannot run on a worker.
   * @throws {UploadError} When the cluster does not take it.
   *
   * @example
   * ```ts
   * await client.uploadFile("table.ts");
   * const future = client.submit(async (name: string) => (await import("table")).lookUp(name), "a");
   * ```
   */
  async uploadFile(path: string | URL): Promise<void> {
    this.#session.check("uploadFile()");
    await this.#session.uploadFile(path);
  }

  /**
   * Learn which task failed, and what it was given. Waits until a future has failed.
   *
   * @param futures A future that failed, or futures nested in arrays, plain objects, maps and sets.
   * @returns The task that failed: the future's own, or one that it depends on.
   * @throws {ReplayError} When no task has failed, or the scheduler does not know it any more.
   *
   * @example
   * ```ts
   * const future = client.submit((a: number, b: number[]) => b[a].toFixed(), 3, [1, 2]);
   * const { function: fn, args } = await client.getFuturesError(future);
   * console.log(fn, args); // [Function (anonymous)] [ 3, [ 1, 2 ] ]
   * ```
   */
  async getFuturesError(futures: NestedFutures): Promise<FailedTask> {
    const method = "getFuturesError()";
    return await failedTask(this.#session, method, statesOf(method, futures));
  }

  /**
   * Run the task that failed once more, in this process, with its real inputs: start the program with
   * `deno run --inspect-brk`, and the debugger stops where it throws. No time limit counts here: what
   * never ended in the cluster does not end here either.
   *
   * @param futures A future that failed, or futures nested in arrays, plain objects, maps and sets.
   * @returns What the function returns, should it not fail here.
   * @throws What the function throws.
   * @throws {ReplayError} When no task has failed, or the scheduler does not know it any more.
   *
   * @example
   * ```ts
   * const future = client.submit((text: string) => JSON.parse(text), "{");
   * await client.recreateErrorLocally(future); // SyntaxError, from this process
   * ```
   */
  async recreateErrorLocally(futures: NestedFutures): Promise<unknown> {
    const method = "recreateErrorLocally()";
    return await runFailedTask(this.#session, method, statesOf(method, futures));
  }

  /**
   * Which workers hold the results of futures.
   *
   * @param futures Futures or keys. Default: everything in the cluster.
   * @returns Addresses of workers by key.
   */
  async whoHas(futures?: FuturesOrKeys): Promise<Record<string, string[]>> {
    return await this.#session.call("whoHas()", "who-has", { keys: keysOf(futures) });
  }

  /**
   * Which results workers hold.
   *
   * @param workers Addresses, hosts or names. Default: all.
   * @returns Keys by address of worker.
   */
  async hasWhat(workers?: string | readonly string[]): Promise<Record<string, string[]>> {
    return await this.#session.call("hasWhat()", "has-what", { workers: workersOf(workers) });
  }

  /**
   * How many tasks workers can run at once.
   *
   * @param workers Addresses, hosts or names. Default: all.
   * @returns Numbers of threads by address of worker.
   */
  async ncores(workers?: string | readonly string[]): Promise<Record<string, number>> {
    return await this.#session.call("ncores()", "ncores", { workers: workersOf(workers) });
  }

  /**
   * How much memory results take.
   *
   * @param options Which keys, and whether to add up those of each function.
   * @returns Bytes by function name, or by key.
   */
  async nbytes(options: NbytesOptions = {}): Promise<Record<string, number>> {
    checkNames(options, ["keys", "summary"], "nbytes()");
    const summary = checkBoolean("summary", options.summary) ?? true;
    return await this.#session.call("nbytes()", "nbytes", { keys: keysOf(options.keys), summary });
  }

  /**
   * Which tasks are running or about to run on workers.
   *
   * @param workers Addresses, hosts or names. Default: all.
   * @returns Keys by address of worker.
   */
  async processing(workers?: string | readonly string[]): Promise<Record<string, string[]>> {
    return await this.#session.call("processing()", "processing", { workers: workersOf(workers) });
  }

  /** Facts about the scheduler and its workers. */
  async schedulerInfo(): Promise<SchedulerInfo> {
    return await this.#session.call("schedulerInfo()", "identity");
  }

  /**
   * Wait until the cluster has a number of workers.
   *
   * @param count How many.
   * @param options `timeout` in seconds; default: the client's.
   * @throws {TimeoutError} When they are not there in time.
   */
  async waitForWorkers(count: number, options: { timeout?: number } = {}): Promise<void> {
    checkNames(options, ["timeout"], "waitForWorkers()");
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new OptionError(
        `waitForWorkers(): count is ${count}, but must be a whole number of at least 0`,
      );
    }
    await this.#session.until(
      async () => Object.keys(await this.ncores()).length >= count,
      checkSeconds("timeout", options.timeout) ?? this.#session.options.timeout,
      `waitForWorkers(): the cluster did not have ${count} workers`,
    );
  }

  /**
   * Stop all work, drop all data of all clients and give the workers fresh threads. All futures are
   * cancelled.
   *
   * @param options `timeout` in seconds for the workers to be back; default: 30.
   */
  async restart(options: { timeout?: number } = {}): Promise<void> {
    checkNames(options, ["timeout"], "restart()");
    await this.#session.restart(checkSeconds("timeout", options.timeout) ?? 30);
  }

  /**
   * Have workers leave the cluster without loss: they get no new tasks, finish those that they run, and
   * others copy the results that only they hold. Where that cannot be, because no other worker is left or
   * the time is up, what is lost is computed again.
   *
   * @param options Which workers; by default idle ones that the cluster can do without.
   * @returns Addresses of the workers that have left.
   *
   * @example
   * ```ts ignore
   * await client.retireWorkers({ workers: ["alice"], timeout: 60 });
   * ```
   */
  async retireWorkers(options: RetireOptions = {}): Promise<string[]> {
    checkNames(options, ["workers", "timeout", "n", "memoryRatio"], "retireWorkers()");
    const { n, memoryRatio } = options;
    if (n !== undefined && !(Number.isSafeInteger(n) && n >= 0)) {
      refuseOption("n", n, "a whole number of at least 0");
    }
    if (memoryRatio !== undefined && !(memoryRatio >= 0)) {
      refuseOption("memoryRatio", memoryRatio, "a number of at least 0");
    }
    const timeout = checkSeconds("timeout", options.timeout);
    return await this.#session.retireWorkers({
      workers: workersOf(options.workers),
      timeout,
      n,
      memoryRatio,
    });
  }

  /**
   * Close the client. Its pending futures are cancelled, and the cluster drops what only it wanted. A
   * cluster that the client has started ends. Can be called again.
   */
  async close(): Promise<void> {
    try {
      await this.#session.close();
    } finally {
      await this.#connection.cluster?.close();
    }
  }

  /**
   * Take down the whole cluster, scheduler and workers, for all clients; then close.
   *
   * @param options `timeout` in seconds for the scheduler to answer; default: the client's.
   */
  async shutdown(options: { timeout?: number } = {}): Promise<void> {
    checkNames(options, ["timeout"], "shutdown()");
    const timeout = checkSeconds("timeout", options.timeout) ?? this.#session.options.timeout;
    if (this.#connection.cluster === undefined) {
      await this.#session.shutdown(timeout);
    }
    await this.close();
  }

  /** Same as {@linkcode BaseClient.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Text such as `<Client: scheduler="tcp://127.0.0.1:8786" status=running>`. */
  toString(): string {
    return `<Client: scheduler="${this.schedulerAddress}" status=${this.status}>`;
  }

  /** Shown by `console.log` in Deno. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Shown by `console.log` in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

stays(BaseClient, clientStays);
stays(
  Future,
  "a future stays in its program; pass it as an argument, and the task gets its result",
);

function workersOf(workers: string | readonly string[] | undefined): string[] | undefined {
  return workers === undefined ? undefined : checkWorkers(workers);
}
