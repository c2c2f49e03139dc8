/**
 * Calls under way that have workers retire: what each of them waits for.
 *
 * @module
 */

/** One worker that someone waits for. */
interface Waiting {
  readonly address: string;
  readonly over: () => void;
  readonly left: () => void;
}

/** Keeps account of who waits for which worker. */
export class RetirementCalls {
  readonly #waiting = new Set<Waiting>();

  /**
   * Wait for a worker that is about to retire.
   *
   * @param address The worker.
   * @returns `over` resolves when nothing is lost by its leaving any more, `left` when it has left;
   *   both, when the scheduler closes.
   */
  wait(address: string): { over: Promise<void>; left: Promise<void> } {
    const over = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    this.#waiting.add({ address, over: over.resolve, left: left.resolve });
    return { over: over.promise, left: left.promise };
  }

  /** A worker's retirement is over. */
  retired(address: string): void {
    for (const waiting of this.#waiting) if (waiting.address === address) waiting.over();
  }

  /** A worker has left, in whichever way. */
  left(address: string): void {
    for (const waiting of this.#waiting) {
      if (waiting.address === address) this.#end(waiting);
    }
  }

  /** Nobody is waited for any more. */
  close(): void {
    for (const waiting of this.#waiting) this.#end(waiting);
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.over();
    waiting.left();
  }
}
