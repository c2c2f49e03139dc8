/**
 * What a check of the scheduler's tables throws.
 *
 * @module
 */

/** The scheduler's tables contradict each other: a bug in the scheduler. */
export class InvariantError extends Error {
  override name = "InvariantError";
}
