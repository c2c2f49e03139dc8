/**
 * The messages that the scheduler, the workers and the clients send each other: the one place where
 * the three meet. Types only. Every message is a map with an `op`; values and functions of users
 * travel inside as opaque {@linkcode Serialized} bytes. Times are in seconds, sizes in bytes.
 *
 * @module
 */
import type { Serialized } from "./serialized.ts";

/** Any message: a map with the name of the operation. */
export interface Message {
  op: string;
  [field: string]: unknown;
}

/** Where a task stands in the order of work: user's priority (negated), generation, client's order. Lower first. */
export type Priority = [user: number, generation: number, order: number];

// ---------------------------------------------------------------------------------- client → scheduler

/**
 * Something that is shared by its content, and named by the hash of it (see `functions/definition.ts`):
 * the code of a function, class or module, a large captured buffer, a registered serialization.
 */
export interface CodePart {
  code: Serialized;
  /** Names of the parts that the code refers to; absent: none. */
  needs?: string[];
  /** Where the code comes from, for stacks. Says nothing of what it does: no part of the hash. */
  origin?: Serialized;
}

/** Tasks of one call (`submit` or `map`): they share a function and options, and differ in columns. */
export interface TaskGroup {
  /** Name of the function's part. */
  function: string;
  /** Names of the parts that the arguments refer to; absent: none. */
  needs?: string[];
  /** Names of the tasks; column `i` of the other arrays describes task `keys[i]`. */
  keys: string[];
  /** Arguments: a serialized array; futures inside it are references to their keys. */
  args: Serialized[];
  /** Keys that each task needs; absent when no task of the group needs any. */
  dependencies?: string[][];
  /** Addresses, hosts or names of workers that may run the tasks; absent: any. */
  workers?: string[];
  /** Whether `workers` is a preference only. */
  allowOtherWorkers?: boolean;
  /** Abstract resources each task takes while it runs. */
  resources?: Record<string, number>;
  /** User's priority: higher runs first. */
  priority?: number;
  /** How often to run a task again after it erred. */
  retries?: number;
  /** Seconds a task may run before it is stopped. */
  timeout?: number;
  /** Keys the client wants kept; absent: all of `keys`. */
  wanted?: string[];
}

/** Add tasks to the graph. The order of groups and of keys in them is the client's order. */
export interface UpdateGraph {
  op: "update-graph";
  /**
   * The parts that the groups use and that this client has not sent on this connection, by name. The
   * scheduler keeps a part until the client releases it ({@linkcode ReleaseParts}) and nothing uses it.
   */
  parts: Record<string, CodePart>;
  groups: TaskGroup[];
}

/** The client wants these keys, which already exist. */
export interface ClientDesiresKeys {
  op: "client-desires-keys";
  keys: string[];
}

/** The client no longer wants these keys. */
export interface ClientReleasesKeys {
  op: "client-releases-keys";
  keys: string[];
}

/** Stop these tasks, and everything that depends on them. */
export interface CancelKeys {
  op: "cancel-keys";
  keys: string[];
}

/** The client will not refer to these parts again without sending them anew. */
export interface ReleaseParts {
  op: "release-parts";
  parts: string[];
}

/** Data that the client has put on workers itself (scatter); the client wants it. */
export interface UpdateData {
  op: "update-data";
  /** Parts that the data refers to and that this client has not sent on this connection. */
  parts?: Record<string, CodePart>;
  /** Names of the parts that each value refers to, by key; keys whose values refer to none are absent. */
  needs?: Record<string, string[]>;
  whoHas: Record<string, string[]>;
  nbytes: Record<string, number>;
  types?: Record<string, string>;
}

/** The client found these keys missing where the scheduler said they were: `{key: [worker]}`. */
export interface ReportMissing {
  op: "report-missing";
  missing: Record<string, string[]>;
}

/** What a client sends on its stream after `register-client`. */
export type ClientMessage =
  | UpdateGraph
  | ClientDesiresKeys
  | ClientReleasesKeys
  | CancelKeys
  | UpdateData
  | ReportMissing
  | ReleaseParts
  | { op: "heartbeat-client" }
  | { op: "close-client" };

// ---------------------------------------------------------------------------------- scheduler → client

/** What the scheduler sends on a client's stream. */
export type SchedulerToClient =
  /**
   * So many `update-graph` and `update-data` messages of this client have been taken in when it says the next:
   * what it says of a key is not about what has come under that key since.
   */
  | { op: "heard"; updates: number }
  /** The result is in memory, on these workers. */
  | { op: "key-in-memory"; key: string; workers: string[]; type?: string }
  /** The task, or one that it depends on (`blame`), has failed. */
  | { op: "task-erred"; key: string; exception: Serialized; traceback: string; blame: string }
  /** The data is gone and will be computed again. */
  | { op: "lost-data"; key: string }
  /** The task was cancelled by someone else, its scattered data is gone for good, or nobody knows it. */
  | { op: "cancelled-key"; key: string; reason?: string }
  /** All state was flushed: every future is cancelled. */
  | { op: "restart" }
  /** The scheduler ends for good: there will be nothing to connect to again. */
  | { op: "close"; reason: string }
  /** A task wrote to its console. */
  | { op: "task-console"; key: string; worker: string; level: string; text: string }
  /** The graph could not be taken: these keys fail with this error. */
  | { op: "graph-refused"; keys: string[]; message: string };

// ---------------------------------------------------------------------------------- scheduler → worker

/**
 * When one task is gone, another can have its key, with a generation of its own (the second number of its
 * priority): the generation that all tasks of a message have, or theirs by key.
 */
export type Generations = number | Record<string, number>;

/** Run a task. */
export interface ComputeTask {
  op: "compute-task";
  key: string;
  /** Name of the function's part. */
  function: string;
  /** Names of the parts that the arguments refer to; absent: none. */
  needs?: string[];
  /**
   * Of all parts that the task needs, directly or not, those that this worker does not have; each after
   * those that it needs.
   */
  parts?: Record<string, CodePart>;
  args: Serialized;
  priority: Priority;
  /** Expected run time in seconds; absent when not known yet. */
  duration?: number;
  /** The dependencies: `{key: [worker, …]}`. */
  whoHas?: Record<string, string[]>;
  /** Their generations. */
  generations?: Generations;
  /** Sizes of the dependencies. */
  nbytes?: Record<string, number>;
  /** Names of the parts that values of dependencies refer to; those that refer to none are absent. */
  dependencyNeeds?: Record<string, string[]>;
  resources?: Record<string, number>;
  timeout?: number;
}

/** What the scheduler sends on a worker's stream. */
export type SchedulerToWorker =
  | ComputeTask
  /** Stop or forget the task or the copy of its result, if it has not finished; answer nothing. */
  | { op: "cancel-compute"; keys: string[] }
  /** Drop these results from the store; `before`: if they are of tasks of generations before this one. */
  | { op: "free-keys"; keys: string[]; before?: number }
  /** These parts are not needed any more, neither by tasks nor by other parts. */
  | { op: "forget-parts"; parts: string[] }
  /**
   * Modules that tasks can import by name from now on; a name that is known gets a new module. `parts` has
   * those that this worker does not have, each after those that it needs.
   */
  | { op: "upload-file"; modules: Record<string, string>; parts: Record<string, CodePart> }
  /** May this task be moved to another worker? Answered by `steal-response`. */
  | { op: "steal-request"; key: string; id: number }
  /**
   * Forget all work and all data, replace all threads, answer `restarted`. A worker with a nanny has its
   * process replaced, and answers nothing: the next registers under the same nanny.
   */
  | { op: "restart"; id: number }
  /**
   * Get copies of these results from the workers that hold them, and answer `add-keys` for those that are
   * here then; for those that cannot be had, `release-keys`.
   */
  | {
    op: "acquire-replicas";
    whoHas: Record<string, string[]>;
    nbytes: Record<string, number>;
    generations: Generations;
    /** Names of the parts that the values refer to; those that refer to none are absent. */
    needs?: Record<string, string[]>;
  }
  /** Leave the cluster and end. `restart`: the worker has asked for its nanny to start another then. */
  | { op: "close"; reason?: string; restart?: boolean };

// ---------------------------------------------------------------------------------- worker → scheduler

/**
 * Of this generation is the newest task that the worker has heard of. What it says of a key whose task is
 * newer is about the task before, and so is what it holds from before then.
 */
export interface Heard {
  op: "heard";
  generation: number;
}

/** A task has run; its result is in the worker's store. */
export interface TaskFinished {
  op: "task-finished";
  key: string;
  nbytes: number;
  /** What the value is: "number", "Float64Array", … */
  type: string;
  /** Names of the parts that the value refers to; absent: none. */
  needs?: string[];
  /** Generation of the task, when it was asked for on a connection that was lost since; absent: else. */
  generation?: number;
  /** Start and end of the run on the worker's clock, in seconds. */
  start: number;
  stop: number;
  /** Which thread ran it. */
  thread?: number;
  /** Start and end of gathering its dependencies, on the worker's clock. */
  transferStart?: number;
  transferStop?: number;
}

/** A task has failed. */
export interface TaskErred {
  op: "task-erred";
  key: string;
  exception: Serialized;
  /** The stack, as text. */
  traceback: string;
  /** As in {@linkcode TaskFinished}. */
  generation?: number;
  start?: number;
  stop?: number;
  thread?: number;
}

/** What a worker sends on its stream after `register-worker`. */
export type WorkerToScheduler =
  /** Before what the worker says next. */
  | Heard
  | TaskFinished
  | TaskErred
  /**
   * A task goes on for as long as it likes, on a thread of its own: it takes none of the worker's places
   * any more. `seconds` is how long it ran until then; absent when that was told before.
   */
  | { op: "long-running"; key: string; seconds?: number }
  /** These dependencies of `key` were not where they should be: `{dep: [worker]}`. The worker has dropped `key`. */
  | { op: "missing-data"; key: string; missing: Record<string, string[]> }
  /** The worker has copies of these keys now (gathered as dependencies). */
  | { op: "add-keys"; keys: string[] }
  /** Asked to compute or keep these, the worker has them no more. */
  | { op: "release-keys"; keys: string[] }
  /** Answer to `steal-request`: the task's state on the worker at that moment, or null when unknown. */
  | { op: "steal-response"; key: string; id: number; state: WorkerTaskStateName | null }
  | { op: "heartbeat-worker"; now: number; metrics: WorkerMetrics }
  | { op: "task-console"; key: string; level: string; text: string }
  | { op: "restarted"; id: number }
  /** A thread that will not end was given up: the worker now has this many. */
  | { op: "threads-changed"; nthreads: number }
  /** The worker's memory is too full to start tasks ("paused"), or no longer ("running"). */
  | { op: "worker-status-change"; status: "running" | "paused" }
  /**
   * The worker wants to leave without loss: its results are to be copied to others, then it is told to
   * `close`. `restart`: its nanny starts a new one in its place. `timeout`: seconds until it is told so even
   * if something is lost by it; absent: never.
   */
  | { op: "retire-worker"; reason: string; restart: boolean; timeout?: number }
  | { op: "close-worker"; reason?: string };

/**
 * Whether a worker takes tasks: "paused", its memory is too full to start any; "closing-gracefully", it is
 * about to leave and gets none.
 */
export type WorkerStatus = "running" | "paused" | "closing-gracefully";

/** States of a task on a worker (spec, Worker chapter). */
export type WorkerTaskStateName =
  | "waiting"
  | "ready"
  | "constrained"
  | "executing"
  | "long-running"
  | "memory"
  | "erred";

/** What a heartbeat says of its worker. */
export interface WorkerMetrics {
  /** Tasks that are running. */
  executing: number;
  /** Tasks that could run, but for a free thread. */
  ready: number;
  /** Tasks that wait for data. */
  waiting: number;
  /** Results in the store. */
  inMemory: number;
  /** Size of the results in bytes. */
  nbytes: number;
  /** Size of those that are in memory, in bytes. */
  managed: number;
  /** What results take on disk, in bytes. */
  spilled: number;
  /** Resident memory of the process in bytes. */
  memory: number;
}

// ---------------------------------------------------------------------------------- registration

/** First message of a worker; answered by {@linkcode RegisterWorkerReply}, then the comm is a stream. */
export interface RegisterWorker {
  op: "register-worker";
  address: string;
  name: string;
  nthreads: number;
  resources: Record<string, number>;
  /** Bytes of memory that the worker may use; absent or 0: no limit. */
  memoryLimit?: number;
  /** The nanny that looks after it: its address, or a unique name where it has none; absent: no nanny. */
  nanny?: string;
  /** Absent: "running". */
  status?: "running" | "paused";
  /** Worker's clock. */
  now: number;
  pid: number;
  versions: Record<string, string>;
  /** Results that the worker already holds (it comes back after a lost connection). */
  nbytes: Record<string, number>;
  /** Names of the parts that these refer to, by key; those that refer to none are absent. */
  needs?: Record<string, string[]>;
  /** The scheduler that it comes back to, if it is the same; absent: it comes for the first time. */
  scheduler?: string;
  /** What it has {@linkcode Heard} from that one; absent: that does not matter. */
  heard?: number;
  /** Generations of the results, or later ones, by key; absent: that does not matter. */
  generations?: Record<string, number>;
}

/** Answer to {@linkcode RegisterWorker}. */
export type RegisterWorkerReply =
  | { status: "OK"; time: number; heartbeatInterval: number; scheduler: string }
  | { status: "error"; message: string };

/** First message of a client; answered by {@linkcode RegisterClientReply}, then the comm is a stream. */
export interface RegisterClient {
  op: "register-client";
  client: string;
  versions: Record<string, string>;
}

/** Answer to {@linkcode RegisterClient}. */
export type RegisterClientReply =
  | { status: "OK"; id: string; time: number }
  | { status: "error"; message: string };

// ---------------------------------------------------------------------------------------------- replay

/** All it takes to run a task again elsewhere, such as in a client that looks for the reason of a failure. */
export interface RunSpecification {
  status: "OK";
  /** The task: not the one that was asked about if that failed because of another. */
  key: string;
  /** Name of the function's part. */
  function: string;
  /** The code of the function, of its arguments and of what it depends on, with all that it needs. */
  parts: Record<string, CodePart>;
  args: Serialized;
  dependencies: string[];
}

/** Answer to `get-runspec`. */
export type RunSpecReply = RunSpecification | { status: "error"; message: string };
