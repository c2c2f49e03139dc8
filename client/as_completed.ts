/**
 * Futures in the order in which they are done.
 *
 * @module
 */
import { type Future, stateOf } from "./future.ts";
import { checkBoolean, checkNames } from "./task_options.ts";

/** Options of {@linkcode asCompleted}. */
export interface AsCompletedOptions {
  /** Give each future together with its result. Default: false. */
  withResults?: boolean;
  /**
   * With results: whether a failed future ends the iteration with its error, or comes with the error
   * in the place of the result. Default: true.
   */
  raiseErrors?: boolean;
}

/** What has come of a future. */
interface Entry<I> {
  item: I;
  error?: { reason: unknown };
}

/** An async iterator over futures in the order in which they are done; more can be added on the way. */
export class AsCompleted<T, I> implements AsyncIterableIterator<I> {
  /** What is ready, from `#first` on: a long array's `shift` would move all of it. */
  #ready: Entry<I>[] = [];
  #first = 0;
  /** How many futures are neither ready nor given out. */
  #running = 0;
  #wake: (() => void)[] = [];
  readonly #withResults: boolean;
  readonly #raiseErrors: boolean;

  /**
   * Begin with some futures.
   *
   * @param futures The first futures.
   * @param options What to give.
   */
  constructor(futures: Iterable<Future<T>>, options: AsCompletedOptions) {
    checkNames(options, ["withResults", "raiseErrors"], "asCompleted()");
    this.#withResults = checkBoolean("withResults", options.withResults) ?? false;
    this.#raiseErrors = checkBoolean("raiseErrors", options.raiseErrors) ?? true;
    this.update(futures);
  }

  /** Add a future; also while iterating. */
  add(future: Future<T>): void {
    this.#running++;
    const state = stateOf(future);
    const settled = () => {
      if (this.#withResults) this.#fetch(future);
      else this.#push({ item: future as I });
    };
    if (state.done) settled();
    else state.listen({ settled });
  }

  /** Add several futures. */
  update(futures: Iterable<Future<T>>): void {
    for (const future of futures) this.add(future);
  }

  /** How many futures are still to come, ready or not. */
  count(): number {
    return this.#running + this.#ready.length - this.#first;
  }

  /** Whether no future is to come. */
  isEmpty(): boolean {
    return this.count() === 0;
  }

  /** Whether the next future is there already. */
  hasReady(): boolean {
    return this.#ready.length > this.#first;
  }

  /** The next future that is done, or the end when there is none to come. */
  async next(): Promise<IteratorResult<I>> {
    while (!this.hasReady()) {
      if (this.#running === 0) return { done: true, value: undefined };
      await this.#more();
    }
    return { done: false, value: this.#take() };
  }

  /**
   * Iterate over batches instead: each has all that is ready, and at least one.
   *
   * @example
   * ```ts
   * for await (const batch of asCompleted(futures).batches()) console.log(batch.length);
   * ```
   */
  async *batches(): AsyncIterableIterator<I[]> {
    while (!this.isEmpty()) {
      if (!this.hasReady()) {
        await this.#more();
        continue;
      }
      const batch: I[] = [];
      // An error comes alone, after what was ready before it.
      while (this.hasReady() && (batch.length === 0 || !this.#ready[this.#first].error)) {
        batch.push(this.#take());
      }
      yield batch;
    }
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  #fetch(future: Future<T>): void {
    future.result().then(
      (value) => this.#push({ item: [future, value] as I }),
      (reason) => {
        const item = [future, reason] as I;
        this.#push(this.#raiseErrors ? { item, error: { reason } } : { item });
      },
    );
  }

  #push(entry: Entry<I>): void {
    this.#running--;
    this.#ready.push(entry);
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #take(): I {
    const { item, error } = this.#ready[this.#first++];
    if (this.#first === this.#ready.length) {
      this.#ready = [];
      this.#first = 0;
    }
    if (error !== undefined) throw error.reason;
    return item;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}

/**
 * Iterate over futures in the order in which they are done.
 *
 * @param futures The futures; more can be added with `add` and `update`.
 * @param options Whether to fetch the results too.
 * @returns An async iterator of futures, or with `withResults` of pairs of a future and its result.
 *
 * @example
 * ```ts
 * const inc = (x: number) => x + 1;
 * for await (const [future, result] of asCompleted(client.map(inc, [1, 2, 3]), { withResults: true })) {
 *   console.log(future.key, result);
 * }
 * ```
 */
export function asCompleted<T>(
  futures: Iterable<Future<T>>,
  options: AsCompletedOptions & { withResults: true; raiseErrors: false },
): AsCompleted<T, [future: Future<T>, result: T | Error]>;
/** See above. */
export function asCompleted<T>(
  futures: Iterable<Future<T>>,
  options: AsCompletedOptions & { withResults: true },
): AsCompleted<T, [future: Future<T>, result: T]>;
/** See above. */
export function asCompleted<T>(
  futures?: Iterable<Future<T>>,
  options?: AsCompletedOptions & { withResults?: false },
): AsCompleted<T, Future<T>>;
export function asCompleted<T>(
  futures: Iterable<Future<T>> = [],
  options: AsCompletedOptions = {},
): AsCompleted<T, unknown> {
  return new AsCompleted<T, unknown>(futures, options);
}
