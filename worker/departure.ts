/**
 * A worker's wish to leave without loss: the scheduler is asked to have others copy what only this
 * worker holds, and says when it can close. One that leaves for good does so in the end even if that
 * word does not come; one that its nanny is to restart waits for it.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";
import type { WorkerToScheduler } from "../protocol/messages.ts";

/** Seconds that the scheduler has to say the word once the time that it was given is over. */
const WORD_TIMEOUT = 2;

/** How to leave. */
export interface DepartureOptions {
  /** Why, for logs. */
  reason: string;
  /** Seconds that handing over may take; Infinity: as long as it takes. */
  timeout: number;
  /** Whether the nanny starts another worker in place of this one. */
  restart: boolean;
}

/** Asks the scheduler to let the worker go. */
export class Departure {
  readonly #send: (message: WorkerToScheduler) => void;
  readonly #leave: (reason: string) => void;
  #wish: (DepartureOptions & { readonly began: number }) | undefined;
  #stopTimer: () => void = () => {};

  /**
   * @param send Takes messages for the scheduler.
   * @param leave Called when the scheduler has not said the word in time.
   */
  constructor(
    send: (message: WorkerToScheduler) => void,
    leave: (reason: string) => void,
  ) {
    this.#send = send;
    this.#leave = leave;
  }

  /** Begin to leave. Who leaves already can change that for one thing only: to leave for good. */
  begin(options: DepartureOptions): void {
    if (this.#wish !== undefined && (options.restart || !this.#wish.restart)) return;
    this.#wish = { ...options, began: performance.now() };
    this.ask();
    const { reason, timeout, restart } = options;
    if (!restart) {
      this.#stopTimer = awakeTimer(timeout + WORD_TIMEOUT, () => this.#leave(reason));
    }
  }

  /** Ask the scheduler, if the worker wants to leave: at first, and whenever it has registered again. */
  ask(): void {
    if (this.#wish === undefined) return;
    const { reason, restart, timeout, began } = this.#wish;
    // For a restart the time begins when another worker can take over.
    const gone = restart ? 0 : (performance.now() - began) / 1000;
    const left = timeout === Infinity ? undefined : Math.max(0, timeout - gone);
    this.#send({ op: "retire-worker", reason, restart, timeout: left });
  }

  /** The worker closes. */
  close(): void {
    this.#stopTimer();
  }
}
