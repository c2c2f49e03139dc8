/**
 * What the scheduler keeps on one task.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import type { ClientState } from "./client_state.ts";
import type { PartState } from "./part_registry.ts";
import { emptySet, type SmallSet } from "./small_set.ts";
import type { TaskPrefix } from "./task_prefix.ts";
import type { WorkerState } from "./worker_state.ts";

/**
 * The states of a task on the scheduler: `released` (known, neither computing nor in memory),
 * `waiting` (for its dependencies), `no-worker` (ready, but no worker may take it), `processing`
 * (given to a worker), `memory` (its result is on a worker), `erred`, and `forgotten` (gone).
 */
export type TaskStateName =
  | "released"
  | "waiting"
  | "no-worker"
  | "processing"
  | "memory"
  | "erred"
  | "forgotten";

/** How to run the tasks of one call: what they share, kept once. */
export class RunSpec {
  /** What they run. */
  readonly function: PartState;
  /** Further parts that their arguments refer to; null: none. */
  readonly needs: readonly PartState[] | null;
  /** User's priority: higher runs first. */
  readonly userPriority: number;
  /** Which `update-graph` they came with. */
  readonly generation: number;
  /** Addresses or names of the only workers that may run them. */
  readonly workerRestrictions: readonly string[] | null;
  /** Hosts whose workers may run them. */
  readonly hostRestrictions: readonly string[] | null;
  /** What each run takes of a worker's abstract resources. */
  readonly resourceRestrictions: Readonly<Record<string, number>> | null;
  /** Whether the restrictions to workers and hosts are a preference only. */
  readonly looseRestrictions: boolean;
  /** Seconds that a run may take. */
  readonly timeout: number | undefined;
  /** How many tasks there are of the call: as long as there is one, the parts are in use. */
  tasks = 0;
  /** How many tasks of the call need no other task: they are placed in blocks of neighbours. */
  rootTasks = 0;
  /** The worker that takes the current block, and how much of the block is left. */
  blockWorker: WorkerState | null = null;
  blockLeft = 0;
  /** Workers that satisfy the restrictions, as of `validVersion` of the set of workers. */
  valid: WorkerState[] | null = null;
  validVersion = -1;

  /** @param fields What the tasks share. */
  constructor(fields: {
    function: PartState;
    needs: readonly PartState[] | null;
    userPriority: number;
    generation: number;
    workerRestrictions: readonly string[] | null;
    hostRestrictions: readonly string[] | null;
    resourceRestrictions: Readonly<Record<string, number>> | null;
    looseRestrictions: boolean;
    timeout: number | undefined;
  }) {
    this.function = fields.function;
    this.needs = fields.needs;
    this.userPriority = fields.userPriority;
    this.generation = fields.generation;
    this.workerRestrictions = fields.workerRestrictions;
    this.hostRestrictions = fields.hostRestrictions;
    this.resourceRestrictions = fields.resourceRestrictions;
    this.looseRestrictions = fields.looseRestrictions;
    this.timeout = fields.timeout;
  }

  /** Whether the tasks stay on the worker they were given to: others may not run them. */
  get isBound(): boolean {
    return this.resourceRestrictions !== null ||
      (!this.looseRestrictions &&
        (this.workerRestrictions !== null || this.hostRestrictions !== null));
  }
}

/** Why a task has failed; tasks that failed because of another share its failure. */
export class TaskFailure {
  /** The error, as the thread serialized it. */
  readonly exception: Serialized;
  /** The error's stack, as text. */
  readonly traceback: string;
  /** The task that failed first. */
  readonly blame: string;

  /** @param exception The error. @param traceback Its stack. @param blame The task that raised it. */
  constructor(exception: Serialized, traceback: string, blame: string) {
    this.exception = exception;
    this.traceback = traceback;
    this.blame = blame;
  }
}

/**
 * One task. All fields are set here in one order, so that all tasks have one shape; the sets share
 * one empty object until they have a member.
 */
export class TaskState {
  /** Name of the task. */
  readonly key: string;
  /** Its kind. */
  readonly prefix: TaskPrefix;
  /** Where it stands. Changed by transitions only. */
  state: TaskStateName = "released";
  /** How to compute it; null for data that a client has put on the workers. */
  runSpec: RunSpec | null;
  /** Its arguments. */
  args: Serialized | null;
  /** Its place in the client's order. */
  order: number;
  /** Tells it from tasks that have had its key before: later ones have a greater one. */
  readonly generation: number;
  /** How often it may still be run again after it erred. */
  retries: number;
  /** Tasks whose results it needs. */
  dependencies: SmallSet<TaskState> = emptySet();
  /** Tasks that need its result. */
  dependents: SmallSet<TaskState> = emptySet();
  /** While it waits: the dependencies that are not in memory. */
  waitingOn: SmallSet<TaskState> = emptySet();
  /** Dependents that are waiting, without a worker, or processing: they need it in memory. */
  waiters: SmallSet<TaskState> = emptySet();
  /** Workers that hold the result. */
  whoHas: SmallSet<WorkerState> = emptySet();
  /** Clients that want the result kept. */
  whoWants: SmallSet<ClientState> = emptySet();
  /** The worker that it was given to. */
  processingOn: WorkerState | null = null;
  /** Seconds it is expected to keep that worker busy. */
  cost = 0;
  /** Whether it has left the worker's pool of threads: it launches tasks, and takes no other's place. */
  longRunning = false;
  /** Size of the result in bytes; -1 as long as it has not been computed. */
  nbytes = -1;
  /** What the result is: `number`, `Float64Array`, … */
  type = "";
  /** Why it has failed. */
  failure: TaskFailure | null = null;
  /** In how many failures of workers it was involved. */
  suspicious = 0;
  /** Data of a client that it needs to be computed again, and that is lost for good. */
  lostInput: string | null = null;
  /** The transition that is due for it. */
  recommended: TaskStateName | null = null;
  /** The bin of stealable tasks that it is in on its worker (-1: none), and where in it. */
  stealLevel = -1;
  stealIndex = 0;

  /**
   * @param key Name of the task.
   * @param prefix Its kind.
   * @param runSpec How to compute it, or null.
   * @param args Its arguments, or null.
   * @param order Its place in the client's order.
   * @param generation Tells it from tasks that have had its key before.
   * @param retries How often it may be run again after it erred.
   */
  constructor(
    key: string,
    prefix: TaskPrefix,
    runSpec: RunSpec | null,
    args: Serialized | null,
    order: number,
    generation: number,
    retries: number,
  ) {
    this.key = key;
    this.prefix = prefix;
    this.runSpec = runSpec;
    this.args = args;
    this.order = order;
    this.generation = generation;
    this.retries = retries;
  }
}

/**
 * Orders tasks: the user's priority first, then the calls in the order they came, then the client's
 * order.
 *
 * @returns Negative when `a` comes before `b`.
 */
export function comparePriority(a: TaskState, b: TaskState): number {
  const x = a.runSpec, y = b.runSpec;
  if (x === y) return a.order - b.order;
  if (x === null) return -1;
  if (y === null) return 1;
  return y.userPriority - x.userPriority || x.generation - y.generation || a.order - b.order;
}

/** Whether a task is on its way to be computed, and so needs its dependencies. */
export function isPending(ts: TaskState): boolean {
  return ts.state === "waiting" || ts.state === "processing" || ts.state === "no-worker";
}
