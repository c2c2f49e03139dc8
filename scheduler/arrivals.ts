/**
 * Who waits for a worker to join the cluster.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";

/** Waits for the next worker. */
export class Arrivals {
  readonly #waiting = new Set<() => void>();

  /**
   * Wait for the next worker.
   *
   * @param timeout How long at most, in seconds.
   * @returns Resolves when a worker has joined, when the time is over, or when the scheduler closes.
   */
  next(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        stopTimer();
        this.#waiting.delete(finish);
        resolve();
      };
      const stopTimer = awakeTimer(timeout, finish);
      this.#waiting.add(finish);
    });
  }

  /** A worker has joined, or none will any more. */
  announce(): void {
    for (const finish of this.#waiting) finish();
  }
}
