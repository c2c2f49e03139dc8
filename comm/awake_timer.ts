/**
 * Time limits for what others have to do. A process that was blocked (by a long computation, a stop
 * from outside, a laptop's lid) finds its timers over and the answers of its peers unread, and must
 * not take the first for a sign that the second are missing.
 *
 * @module
 */

/** A block counts as one part at most; the rest is left for reading what has come meanwhile. */
const PARTS = 4;
const LONGEST_PART_MS = 1000;

/**
 * Calls back after so many seconds in which this process could have noticed what it waits for: a time
 * in which its event loop stood still counts as a quarter of the limit at most, and at most a second.
 *
 * @param seconds The limit; of any size, Infinity is none.
 * @param onOver Called once, when the time is over.
 * @returns Stops the timer.
 */
export function awakeTimer(seconds: number, onOver: () => void): () => void {
  if (seconds === Infinity) return () => {};
  let left = seconds * 1000;
  const part = Math.min(left / PARTS, LONGEST_PART_MS);
  const tick = () => {
    left -= part;
    // The last part of a sum of quarters may be a rounding error.
    if (left <= part / 2) onOver();
    else timer = setTimeout(tick, part);
  };
  let timer = setTimeout(tick, part);
  return () => clearTimeout(timer);
}
