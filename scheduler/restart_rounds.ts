/**
 * Restarts under way: which workers have still to begin anew. One without a nanny says when it has; one
 * with a nanny is replaced by another process, which registers under the same nanny.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";

/** A worker that is to begin anew. */
export interface RestartingWorker {
  readonly address: string;
  /** Who brings another in its place; null: nobody, it begins anew itself. */
  readonly nanny: string | null;
  /** Its process. */
  readonly pid: number;
}

interface Round {
  /** By nanny, or by address of those that have none. */
  readonly waiting: Map<string, RestartingWorker>;
  readonly finish: () => void;
}

/** Keeps account of restarts under way; several may overlap. */
export class RestartRounds {
  readonly #rounds = new Map<number, Round>();
  #lastId = 0;

  /**
   * Begin a restart.
   *
   * @param workers The workers that have been told, or are about to be.
   * @param timeout How long to wait for them, in seconds.
   * @returns The id for the workers to answer with; and, when all have begun anew or time is up, the
   *   addresses of those that have not.
   */
  begin(
    workers: readonly RestartingWorker[],
    timeout: number,
  ): { id: number; late: Promise<string[]> } {
    const id = ++this.#lastId;
    const waiting = new Map(workers.map((worker) => [worker.nanny ?? worker.address, worker]));
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = awakeTimer(timeout, resolve);
    this.#rounds.set(id, { waiting, finish: resolve });
    if (waiting.size === 0) resolve();
    const late = promise.then(() => {
      stopTimer();
      this.#rounds.delete(id);
      return Array.from(waiting.values(), ({ address }) => address);
    });
    return { id, late };
  }

  /** A worker that has no nanny has begun anew. */
  answered(id: number, worker: string): void {
    const round = this.#rounds.get(id);
    if (round !== undefined) tick(round, worker);
  }

  /**
   * A worker with a nanny has registered.
   *
   * @returns Ids of the restarts that it still has to be told of: it has lost its connection, not begun
   *   anew.
   */
  registered({ nanny, pid }: { nanny: string; pid: number }): number[] {
    const untold: number[] = [];
    for (const [id, round] of this.#rounds) {
      const before = round.waiting.get(nanny);
      if (before === undefined) continue;
      if (before.pid === pid) untold.push(id);
      else tick(round, nanny);
    }
    return untold;
  }

  /** Whether a worker is to begin anew: it does not come as a surprise that it is gone. */
  isExpected(worker: string): boolean {
    for (const { waiting } of this.#rounds.values()) {
      for (const { address } of waiting.values()) if (address === worker) return true;
    }
    return false;
  }

  /**
   * A worker is gone: nobody waits for it any more, unless its nanny brings another.
   *
   * @param isForGood It has said that it leaves, so that its nanny brings none.
   */
  left(worker: string, isForGood: boolean): void {
    for (const round of this.#rounds.values()) {
      for (const [name, { address, nanny }] of round.waiting) {
        if (address === worker && (isForGood || nanny === null)) tick(round, name);
      }
    }
  }

  /** Wait for nobody any more. */
  close(): void {
    for (const round of this.#rounds.values()) round.finish();
  }
}

function tick(round: Round, name: string): void {
  if (round.waiting.delete(name) && round.waiting.size === 0) round.finish();
}
