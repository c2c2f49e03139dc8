/**
 * Future: a task or piece of data on the cluster, from where a user stands.
 *
 * @module
 */
import { getLogger } from "../config/logger.ts";
import { parseStack, type StackFrame } from "../protocol/functions/stack_frames.ts";
import { CancelledError, type FutureState, type FutureStatus } from "./future_state.ts";
import { checkNames, checkSeconds } from "./task_options.ts";

const logger = getLogger("distributed.client");

/** What a future needs of the client that made it. */
export interface FutureOwner {
  /** Count one reference less. */
  release(state: FutureState): void;
  /** The result, or the task's error thrown. */
  result(state: FutureState, timeout: number | undefined): Promise<unknown>;
  /** Wait until the outcome is known. */
  settled(state: FutureState, timeout: number | undefined): Promise<void>;
  /** The task's exception as a value, undefined when there is none. */
  exceptionOf(state: FutureState): unknown;
  /** Cancel the tasks. */
  cancel(states: Iterable<FutureState>): void;
}

/** How long to wait for an outcome. */
export interface WaitOptions {
  /** Seconds to wait before a `TimeoutError`; as long as it takes by default. */
  timeout?: number;
}

/** Releases what a future held when the garbage collector has taken the future. */
const forgotten = new FinalizationRegistry<FutureState>((state) => state.owner.release(state));

/** Makes futures; set by the class, so that its constructor can stay out of users' hands. */
let make: <T>(state: FutureState) => Future<T>;
let stateIn: (future: Future<unknown>) => FutureState;
let releasedIn: (future: Future<unknown>) => boolean;

/**
 * A result that is, or will be, in the memory of the cluster. It is kept there while a live future
 * points to it: {@linkcode Future.release}, `using` and the garbage collector let go of it.
 *
 * A future is not thenable, so that an async function can return one: `await future.result()`.
 *
 * @example
 * ```ts
 * const future = client.submit((x: number) => x + 1, 10);
 * console.log(future); // <Future: status: pending, key: lambda-…>
 * console.log(await future.result()); // 11
 * ```
 */
export class Future<T> implements Disposable {
  /** Name of the task or data; the same for the same computation on every machine. */
  readonly key: string;
  readonly #state: FutureState;
  #released = false;
  /** Makes the type of the result part of the future's type. */
  declare protected readonly value: T;

  private constructor(state: FutureState) {
    this.key = state.key;
    this.#state = state;
    state.references++;
    forgotten.register(this, state, this);
  }

  static {
    make = <T>(state: FutureState) => new Future<T>(state);
    stateIn = (future) => future.#state;
    releasedIn = (future) => future.#released;
  }

  /** Where it stands: "pending", "finished", "error", "lost" or "cancelled". */
  get status(): FutureStatus {
    return this.#state.status;
  }

  /** What the result is ("number", "Float64Array", …), once it is known. */
  get type(): string | undefined {
    return this.#state.type;
  }

  /** Whether the outcome is known: finished, failed or cancelled. */
  done(): boolean {
    return this.#state.done;
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state.status === "cancelled";
  }

  /**
   * Wait for the task and fetch its result. Nothing is kept here: each call fetches it anew.
   *
   * @param options How long to wait.
   * @returns The result.
   * @throws The task's own error when it, or a task it depends on, failed.
   * @throws {CancelledError} When it was cancelled or released.
   * @throws {TimeoutError} When it took longer than `timeout`.
   */
  async result(options?: WaitOptions): Promise<T> {
    const timeout = this.#check("result()", options);
    return await this.#state.owner.result(this.#state, timeout) as T;
  }

  /**
   * Wait for the task and get what it threw.
   *
   * @param options How long to wait.
   * @returns What the task threw, undefined when it finished well.
   * @throws {CancelledError} When it was cancelled or released.
   * @throws {TimeoutError} When it took longer than `timeout`.
   */
  async exception(options?: WaitOptions): Promise<unknown> {
    const timeout = this.#check("exception()", options);
    await this.#state.owner.settled(this.#state, timeout);
    if (this.#state.status === "cancelled") throw this.#state.failure!;
    return this.#state.owner.exceptionOf(this.#state);
  }

  /**
   * Wait for the task and get the stack of what it threw, as data: which functions called each other,
   * and where they are in your own files. The text of the stack is in `error.stack`.
   *
   * @param options How long to wait.
   * @returns The frames, the innermost first; undefined when it finished well.
   * @throws {CancelledError} When it was cancelled or released.
   * @throws {TimeoutError} When it took longer than `timeout`.
   *
   * @example
   * ```ts
   * const future = client.submit(() => JSON.parse("{"));
   * const [frame] = await future.traceback() ?? [];
   * console.log(`${frame.function} in ${frame.file}, line ${frame.line}`);
   * ```
   */
  async traceback(options?: WaitOptions): Promise<StackFrame[] | undefined> {
    const timeout = this.#check("traceback()", options);
    await this.#state.owner.settled(this.#state, timeout);
    if (this.#state.status === "cancelled") throw this.#state.failure!;
    return this.#state.status === "error" ? parseStack(this.#state.traceback) : undefined;
  }

  /**
   * Call a function once when the outcome is known, in a later microtask; soon, when it is known
   * already. What the function throws is logged.
   *
   * @param fn Called with this future.
   */
  addDoneCallback(fn: (future: Future<T>) => unknown): void {
    const call = () => {
      queueMicrotask(async () => {
        try {
          await fn(this);
        } catch (error) {
          logger.error(`A done callback of ${this.key} failed: ${error}`, { error });
        }
      });
    };
    if (this.#state.done) call();
    else this.#state.listen({ settled: call });
  }

  /** Stop the task and whatever depends on it, in all clients. */
  cancel(): void {
    this.#state.owner.cancel([this.#state]);
  }

  /**
   * Let go of the result. Once no future of any client points to it, the cluster drops it. Done for
   * you by `using`, and by the garbage collector some time after the last use.
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    forgotten.unregister(this);
    this.#state.owner.release(this.#state);
  }

  /** Same as {@linkcode Future.release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** Text such as `<Future: status: finished, key: inc-…>`. */
  toString(): string {
    return `<Future: status: ${this.status}, key: ${this.key}>`;
  }

  /** Shown by `console.log` in Deno. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Shown by `console.log` in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** The time-out of a call, once it is clear that the call makes sense. */
  #check(method: string, options: WaitOptions | undefined): number | undefined {
    if (this.#released) {
      throw new CancelledError(this.key, `${method} was called on a future that was released`);
    }
    if (options === undefined) return undefined;
    checkNames(options, ["timeout"], method);
    return checkSeconds("timeout", options.timeout);
  }
}

/** Make a future. Not for users: they get theirs from a client. */
export function makeFuture<T>(state: FutureState): Future<T> {
  return make<T>(state);
}

/**
 * The state behind a future.
 *
 * @throws {TypeError} When it is no future: TypeScript does not check every program.
 */
export function stateOf(future: Future<unknown>): FutureState {
  if (future instanceof Future) return stateIn(future);
  const kind = (future as unknown) === null ? "null" : typeof future;
  throw new TypeError(
    `a future is wanted, as submit, map and scatter give them, but there is ` +
      `${
        kind === "object" ? "another object" : kind
      }; a promise of futures has to be awaited first`,
  );
}

/** Whether a future has let go of its result. */
export function isReleased(future: Future<unknown>): boolean {
  return releasedIn(future);
}
