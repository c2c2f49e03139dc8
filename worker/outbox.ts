/**
 * What a worker has to say to its scheduler, in order; with it goes how far the worker has listened, so that
 * the scheduler can tell what is said of a task from what was said of another that had its key before.
 *
 * @module
 */
import type { WorkerToScheduler } from "../protocol/messages.ts";

/** Messages that wait to be sent. */
export class Outbox {
  /** The newest generation of the tasks that the scheduler has spoken of. Infinity: it is new, and has of none. */
  heard = 0;
  /** Whether the scheduler has to be told of {@linkcode heard} before anything else. */
  #isHeardNews = false;
  #messages: WorkerToScheduler[] = [];

  /** Say something. */
  push(message: WorkerToScheduler): void {
    this.#messages.push(message);
  }

  /** What was said last and has not been sent. */
  get last(): WorkerToScheduler | undefined {
    return this.#messages.at(-1);
  }

  /** The scheduler speaks of tasks of this generation. */
  hear(generation: number): void {
    const { heard } = this;
    if (generation <= heard && heard !== Infinity) return;
    this.heard = generation;
    const messages = this.#messages;
    if (messages.length === 0) {
      this.#isHeardNews = true;
      return;
    }
    // What is to be sent already was said before.
    if (this.#isHeardNews) messages.unshift({ op: "heard", generation: heard });
    this.#isHeardNews = false;
    messages.push({ op: "heard", generation });
  }

  /** Take out what is to be sent. */
  take(): WorkerToScheduler[] {
    const messages = this.#messages;
    if (messages.length === 0) return messages;
    if (this.#isHeardNews) messages.unshift({ op: "heard", generation: this.heard });
    this.#isHeardNews = false;
    this.#messages = [];
    return messages;
  }

  /** What was to be said of keys is void. */
  dropKeys(): void {
    this.#messages = this.#messages.filter(({ op }) =>
      op === "heard" || op === "worker-status-change"
    );
  }

  /** There is nobody to say it to. The next registration tells what was heard. */
  clear(): void {
    this.#messages = [];
    this.#isHeardNews = false;
  }

  /** Another scheduler listens now, and has said nothing yet. */
  forgetScheduler(): void {
    this.heard = Infinity;
    this.#isHeardNews = false;
  }
}
