/**
 * How far a worker's threads are fed in advance: the worker keeps to it, and the scheduler reckons with
 * it when it looks for the task that has brought a worker down.
 *
 * @module
 */

/** How many tasks beyond the running one a thread may be given. */
export const AHEAD_LIMIT = 32;
