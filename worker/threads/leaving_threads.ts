/**
 * Threads that were told to end and have not ended yet. One in a busy loop does not: it is lost, and
 * keeps a core busy, until its loop ends by itself.
 *
 * @module
 */
import type { PoolThread } from "./pool_thread.ts";

/** How long a thread has to say that it ends, in milliseconds, until it counts as lost. */
const LEAVE_MS = 250;

interface Leaving {
  readonly thread: PoolThread;
  readonly timer: ReturnType<typeof setTimeout>;
  lost: boolean;
}

/** The threads on their way out. */
export class LeavingThreads {
  readonly #leaving = new Set<Leaving>();
  readonly #onLost: () => void;

  /** @param onLost Called whenever the number of lost threads has changed. */
  constructor(onLost: () => void) {
    this.#onLost = onLost;
  }

  /** How many would not end. */
  get lost(): number {
    let lost = 0;
    for (const leaving of this.#leaving) if (leaving.lost) lost++;
    return lost;
  }

  /** Whether one has ended since {@linkcode seeOff}. */
  get anyGone(): boolean {
    for (const { thread } of this.#leaving) if (thread.gone) return true;
    return false;
  }

  /** Tells a thread to end. */
  add(thread: PoolThread): void {
    const timer = setTimeout(() => {
      if (thread.gone) return;
      leaving.lost = true;
      this.#onLost();
    }, LEAVE_MS);
    const leaving: Leaving = { thread, timer, lost: false };
    this.#leaving.add(leaving);
    thread.retire();
  }

  /** Forgets those that have ended. */
  seeOff(): void {
    for (const leaving of this.#leaving) {
      if (!leaving.thread.gone) continue;
      this.#end(leaving);
      if (leaving.lost) this.#onLost();
    }
  }

  /** Ends them all, as far as this runtime can. */
  close(): void {
    for (const leaving of this.#leaving) this.#end(leaving);
  }

  #end(leaving: Leaving): void {
    clearTimeout(leaving.timer);
    leaving.thread.terminate();
    this.#leaving.delete(leaving);
  }
}
