/**
 * Waiting for no longer than a number of seconds.
 *
 * @module
 */

/** Something did not come about in time. The work itself goes on. */
export class TimeoutError extends Error {
  /**
   * Make the error.
   *
   * @param message What was waited for, and for how long.
   */
  constructor(message: string) {
    super(message);
    this.name = "TimeoutError";
  }
}

/** The longest time that a timer takes, in milliseconds. */
const maxDelay = 2 ** 31 - 1;

/**
 * Call back after some seconds, at most about 24 days.
 *
 * @returns The timer, for `clearTimeout`.
 */
function after(seconds: number, callback: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(callback, Math.min(seconds * 1000, maxDelay));
}

/**
 * The promise's outcome, or a {@linkcode TimeoutError} when it is not there in time.
 *
 * @param promise What to wait for.
 * @param seconds How long; undefined: as long as it takes.
 * @param what What is waited for, for the error's message.
 * @param all The whole time, for the message, where a part of it is over.
 */
export function within<T>(
  promise: Promise<T>,
  seconds: number | undefined,
  what: string,
  all = seconds,
): Promise<T> {
  if (seconds === undefined) return promise;
  return new Promise((resolve, reject) => {
    const timer = after(seconds, () => reject(new TimeoutError(`${what} within ${all} s`)));
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
