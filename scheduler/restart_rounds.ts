/**
 * Restarts under way: which workers have still to say that they have restarted.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";

interface Round {
  readonly waiting: Set<string>;
  readonly finish: () => void;
}

/** Keeps account of restarts under way; several may overlap. */
export class RestartRounds {
  readonly #rounds = new Map<number, Round>();
  #lastId = 0;

  /**
   * Begin a restart.
   *
   * @param workers Addresses of the workers that have been told, or are about to be.
   * @param timeout How long to wait for them, in seconds.
   * @returns The id for the workers to answer with; and, when all have or time is up, those that
   *   have not.
   */
  begin(workers: readonly string[], timeout: number): { id: number; late: Promise<string[]> } {
    const id = ++this.#lastId;
    const waiting = new Set(workers);
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = awakeTimer(timeout, resolve);
    this.#rounds.set(id, { waiting, finish: resolve });
    if (waiting.size === 0) resolve();
    const late = promise.then(() => {
      stopTimer();
      this.#rounds.delete(id);
      return [...waiting];
    });
    return { id, late };
  }

  /** A worker has restarted. */
  answered(id: number, worker: string): void {
    const round = this.#rounds.get(id);
    if (round !== undefined) this.#tick(round, worker);
  }

  /** A worker has left: nobody waits for it any more. */
  left(worker: string): void {
    for (const round of this.#rounds.values()) this.#tick(round, worker);
  }

  /** Wait for nobody any more. */
  close(): void {
    for (const round of this.#rounds.values()) round.finish();
  }

  #tick(round: Round, worker: string): void {
    if (round.waiting.delete(worker) && round.waiting.size === 0) round.finish();
  }
}
