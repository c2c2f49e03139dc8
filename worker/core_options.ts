/**
 * How the worker's state machine is set up: its surroundings and its limits.
 *
 * @module
 */

/** How a `WorkerCore` is set up. */
export interface WorkerCoreOptions {
  /** The worker's own address: a peer by this name is itself. */
  address: string;
  /** How many threads run tasks. */
  nthreads: number;
  /** How much there is of each abstract resource. */
  resources?: Record<string, number>;
  /** A number from 0 up to 1, as `Math.random`: which holder to ask. */
  random: () => number;
  /** Most gathers at once (50). */
  totalConnections?: number;
  /** Most bytes to ask a peer for at once (200 MB). */
  maxGatherBytes?: number;
  /** Most keys to ask a peer for at once (10,000). */
  maxGatherKeys?: number;
  /** Most bytes on their way from all peers together, unless a single gather has more (no limit). */
  maxIncomingBytes?: number;
  /** How many tasks beyond the running one a thread may be given (`AHEAD_LIMIT`). */
  aheadLimit?: number;
  /** How long the tasks given to one thread may take together, in seconds (0.005). */
  aheadSeconds?: number;
  /** How many threads a task may kill before it fails (3). */
  allowedLosses?: number;
  /** How many transitions to remember (10,000). */
  logLength?: number;
  /** Check every invariant after every stimulus. */
  validate?: boolean;
}
