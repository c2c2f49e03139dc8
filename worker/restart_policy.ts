/**
 * When a worker's process that has died is started again: at once, but with growing pauses when it dies
 * again and again, and not at all when it does not even come up.
 *
 * @module
 */

/** How often in a row a process may die before it has joined the cluster. */
export const DEATHS_AT_START = 3;
/** Seconds that a process has to live after it has joined for the next death to count as the first. */
const STEADY_LIFE = 60;
const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 30;

/** Keeps account of the deaths of one worker's processes. */
export class RestartPolicy {
  #atStart = 0;
  #inARow = 0;

  /**
   * A process has died.
   *
   * @param life Seconds from its joining the cluster to its death; undefined: it had not joined.
   * @returns Seconds to wait before the next is started; undefined: give up.
   */
  died(life: number | undefined): number | undefined {
    this.#atStart = life === undefined ? this.#atStart + 1 : 0;
    if (this.#atStart >= DEATHS_AT_START) return undefined;
    if (life !== undefined && life >= STEADY_LIFE) this.#inARow = 0;
    const earlier = this.#inARow++;
    return earlier === 0 ? 0 : Math.min(FIRST_PAUSE * 2 ** (earlier - 1), LONGEST_PAUSE);
  }
}
