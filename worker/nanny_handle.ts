/**
 * What a worker sees of its nanny: the process that looks after the worker's own.
 *
 * @module
 */

/** A worker's side of its nanny. Both words are final: the first that is said counts. */
export interface NannyHandle {
  /** What the scheduler knows the nanny by: its address, or a unique name where it does not listen. */
  readonly address: string;
  /**
   * The worker has nothing to lose any more: its process, with all that its tasks have started, is ended
   * at once, and a new one started.
   *
   * @param reason Why, for the log.
   */
  restart(reason: string): void;
  /**
   * The worker leaves for good: its process is waited for, and the nanny ends with it.
   *
   * @param reason Why, for the log.
   */
  leaving(reason: string): void;
}
