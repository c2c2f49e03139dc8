/**
 * The clock of the scheduler's server. Its core has none: it is handed the time.
 *
 * @module
 */

/** The time, in seconds since 1970. */
export function now(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}
