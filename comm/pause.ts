/**
 * Waiting for a while, unless there is no point in it any more.
 *
 * @module
 */

/**
 * Resolves after so many seconds, or at once when the signal aborts.
 *
 * @param seconds How long; at most about 24 days.
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
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", done);
  });
}
