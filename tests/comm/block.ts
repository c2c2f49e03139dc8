/**
 * Stands for a long computation.
 *
 * @module
 */

/** Keep the thread, and with it the event loop, busy for so many seconds. */
export function block(seconds: number): void {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until);
}
