/**
 * What a worker knows about a key. A key can be a computation that the
 * scheduler asked for, data that other computations here need, or both at once; so it has a state for
 * each of the two pipelines of the Worker chapter.
 *
 * @module
 */
import type { ComputeTask, Priority, WorkerTaskStateName } from "../protocol/messages.ts";
import type { PartState } from "./code_parts.ts";
import type { Holding, Peer } from "./peer.ts";

/**
 * State of a key as a computation:
 *
 * - `released`: nobody asked this worker to compute it (or not any more)
 * - `waiting`: some of its dependencies are not here yet
 * - `ready`: could run; waits for a thread
 * - `constrained`: could run; waits for a thread and for abstract resources
 * - `executing`: handed to the threads
 * - `long-running`: has left the pool of threads, and goes on in a thread of its own
 * - `memory`: done, the result is here
 * - `erred`: done, it failed
 */
export type ComputationState = WorkerTaskStateName | "released";

/**
 * State of a key as data:
 *
 * - `none`: not here, and nobody here is fetching it
 * - `waiting`: needed by a task here; waits for a connection to a holder
 * - `flight`: on its way from a peer
 * - `memory`: in the store
 */
export type DataState = "none" | "waiting" | "flight" | "memory";

/** A key on this worker. */
export class TaskState {
  readonly key: string;

  /**
   * Of this generation, or of one before, is the task that the computation or the data here belongs to.
   * Infinity: that does not matter.
   */
  generation = 0;

  // ------------------------------------------------------------------ as a computation
  state: ComputationState = "released";
  /** The scheduler's request, while there is something to compute. */
  run: ComputeTask | null = null;
  /** The function to run, while there is something to compute. */
  function: PartState | null = null;
  /** The parts that its arguments and dependencies refer to, while there is something to compute. */
  needs: PartState[] | null = null;
  priority: Priority = FIRST;
  /** Place in the heap of ready or constrained tasks, -1 when in none. */
  heapIndex = -1;
  /** What it needs, until it has run; null when it needs nothing. */
  dependencies: TaskState[] | null = null;
  /** How many of its dependencies are not in memory, while it is waiting. */
  missing = 0;
  /** Expected run time that it counts with among the handed over tasks, in microseconds. */
  committed = 0;
  /** How many threads have died under it. */
  losses = 0;
  /** When the first gather for it began and the last ended, in seconds; -1 when there was none. */
  transferStart = -1;
  transferStop = -1;

  // ------------------------------------------------------------------ what came of it
  start = 0;
  stop = 0;
  thread: number | undefined = undefined;
  type = "";

  // ------------------------------------------------------------------ as data
  data: DataState = "none";
  /** Size in bytes, as told by the scheduler or as measured; -1 when unknown. */
  nbytes = -1;
  /** Names of the parts that its value refers to, as told by the scheduler or by the threads. */
  refersTo: readonly string[] | null = null;
  /** Computations here that need it and have not ended; null for none so far. */
  dependents: Set<TaskState> | null = null;
  /** The most urgent of those computations. */
  wantedPriority: Priority = FIRST;
  /** Peers that hold it, while it is waiting or in flight. */
  holders: Holding[] | null = null;
  /** The peer that it is coming from, while in flight. */
  source: Peer | null = null;
  /** The scheduler wants a copy of it here, and an answer: `add-keys`, or `release-keys`. */
  acquired = false;
  /** In flight, but what arrives must not be used: it was given up, and is held elsewhere now. */
  stale = false;
  /** Addresses where it was expected and could not be had. */
  lostAt: string[] | null = null;

  constructor(key: string) {
    this.key = key;
  }

  /** Whether something is here, and of a task that had this key before one of the given generation. */
  isOutdated(generation: number): boolean {
    return this.generation < generation && (this.data === "memory" || this.state !== "released");
  }

  /** There is nothing to compute any more. */
  endRun(): void {
    this.run = null;
    this.function = null;
    this.needs = null;
  }

  /** Whether a task here needs it, or the scheduler wants a copy of it. */
  get isWanted(): boolean {
    return this.acquired || (this.dependents !== null && this.dependents.size > 0);
  }

  /** Whether it is being computed here, or is going to be. */
  get isUnderWay(): boolean {
    return this.isRunning || this.isPending;
  }

  /** Whether a thread has it. */
  get isRunning(): boolean {
    return this.state === "executing" || this.state === "long-running";
  }

  /** Whether its computation was asked for and has not begun. */
  get isPending(): boolean {
    return this.state === "waiting" || this.state === "ready" || this.state === "constrained";
  }
}

const FIRST: Priority = [0, 0, 0];
