/**
 * Waiting for a while, unless there is no point in it any more.
 *
 * @module
 */

/** The longest time that a timer takes, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Resolves after so many seconds, or at once when the signal aborts.
 *
 * @param seconds How long; anything above about 24 days is cut to that.
 * @param signal Ends the wait.
 */
export function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(seconds * 1000, LONGEST_MS));
    signal.addEventListener("abort", done);
  });
}
