/**
 * One direction of a connection: messages arrive in order, each after a random delay; a cut link drops
 * what is on its way.
 *
 * @module
 */
import type { SeededRandom } from "../support/seeded_random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** An ordered channel with delays. */
export class Link<M> {
  #cut = false;
  #last = 0;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #deliver: (messages: M[]) => void;
  /** How many of the batches take long. */
  readonly #slowness: number;

  /** @param deliver Takes each batch as it arrives. */
  constructor(time: VirtualTime, random: SeededRandom, deliver: (messages: M[]) => void) {
    this.#time = time;
    this.#random = random;
    this.#deliver = deliver;
    this.#slowness = random.pick([0.05, 0.05, 0.3]);
  }

  /** Send a batch: it arrives after all that was sent before. */
  send(messages: M[]): void {
    if (this.#cut) return;
    const delay = this.#random.chance(this.#slowness)
      ? this.#random.next() * 0.5
      : this.#random.next() * 0.005;
    this.#last = Math.max(this.#last, this.#time.now + delay);
    this.#time.at(this.#last, () => {
      if (!this.#cut) this.#deliver(messages);
    });
  }

  /** Drop everything that has not arrived, and all that comes later. */
  cut(): void {
    this.#cut = true;
  }
}
