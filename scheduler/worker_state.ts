/**
 * What the scheduler keeps on one worker.
 *
 * @module
 */
import type { SchedulerToWorker, WorkerMetrics, WorkerStatus } from "../protocol/messages.ts";
import type { Retirement } from "./retirement.ts";
import { sharedSetOf, type SmallSet } from "./small_set.ts";
import type { StealBin } from "./steal_bin.ts";
import type { TaskState } from "./task_state.ts";

/** A result that a worker held when it registered. */
export interface Orphan {
  /** Its size in bytes. */
  nbytes: number;
  /** Names of the parts that it refers to; undefined: none. */
  needs: string[] | undefined;
  /** Of this generation, or of one before, is the task that it is of. */
  generation: number;
}

/** One worker. */
export class WorkerState {
  /** Where to reach it. */
  readonly address: string;
  /** Its alias. */
  readonly name: string;
  /** The machine it runs on. */
  readonly host: string;
  /** The set of this worker alone, for the many results that only it holds. */
  readonly alone: SmallSet<WorkerState> = sharedSetOf(this);
  /** The address alone, in the form that messages want. */
  readonly addressList: string[];
  /** How many tasks it runs at once. */
  nthreads: number;
  /** Whether it takes tasks. Changed by `setStatus` only. */
  status: WorkerStatus;
  /** Bytes of memory that it may use; 0: no limit. */
  readonly memoryLimit: number;
  /** Address of the nanny that looks after it; null: it has none. */
  readonly nanny: string | null;
  /** How it leaves, once it is to; it may have to wait with that. */
  retirement: Retirement | null = null;
  /** Size in bytes of the copies that it was told to get, and has not got yet. */
  incomingBytes = 0;
  /** Abstract resources it has. */
  readonly resources: Readonly<Record<string, number>>;
  /** What its tasks use of them. */
  readonly usedResources: Record<string, number> = { __proto__: null } as never;
  /** Its process. */
  readonly pid: number;
  /** When it registered, in seconds. */
  readonly joined: number;
  /** When it was last heard of, in seconds. */
  lastSeen: number;
  /** The newest generation of tasks that it has said to have heard of. */
  heard: number;
  /** What to add to its clock to get the scheduler's, in seconds. */
  timeDelay: number;
  /** What it last said of itself. */
  metrics: WorkerMetrics | null = null;
  /** Tasks that were given to it. */
  readonly processing: Set<TaskState> = new Set();
  /** How many of them are long-running: they take none of its threads. */
  longRunning = 0;
  /** Tasks whose results it holds. */
  readonly hasWhat: Set<TaskState> = new Set();
  /** Size of those results in bytes. */
  nbytes = 0;
  /** What it held when it registered and nobody knew: see `claimOrphans`. */
  orphans: Map<string, Orphan> | null = null;
  /** Seconds of work that its tasks are expected to take, on one thread. */
  occupancy = 0;
  /** Whether it is in the set of idle workers. */
  isIdle = false;
  /** Whether it is in the set of saturated workers. */
  isSaturated = false;
  /** Its place in the heap of workers by load; -1: not in it. */
  heapIndex = -1;
  /** Its stealable tasks, by level. */
  readonly stealable: (StealBin | undefined)[] = [];
  /** What tasks that are being stolen will change in its occupancy and number of tasks. */
  inFlightOccupancy = 0;
  inFlightTasks = 0;
  /** How many suspicious tasks it is trying out. */
  suspects = 0;
  /** The task that it tries out apart from all other suspicious ones. */
  trial: TaskState | null = null;
  /** Messages that wait to be sent. */
  outbox: SchedulerToWorker[] = [];
  /** Whether the worker has left. */
  gone = false;
  /** Scratch of `decideWorker`: which decision `localBytes` belongs to. */
  mark = 0;
  localBytes = 0;

  /** @param fields What it said when it registered, and when. */
  constructor(fields: {
    address: string;
    name: string;
    host: string;
    nthreads: number;
    resources: Record<string, number>;
    pid: number;
    status: WorkerStatus;
    memoryLimit: number;
    nanny: string | null;
    heard: number;
    now: number;
    timeDelay: number;
  }) {
    this.address = fields.address;
    this.name = fields.name;
    this.host = fields.host;
    this.addressList = [fields.address];
    this.nthreads = fields.nthreads;
    this.resources = fields.resources;
    this.pid = fields.pid;
    this.status = fields.status;
    this.memoryLimit = fields.memoryLimit;
    this.nanny = fields.nanny;
    this.joined = this.lastSeen = fields.now;
    this.heard = fields.heard;
    this.timeDelay = fields.timeDelay;
  }

  /** Whether new tasks may be given to it. */
  get takesTasks(): boolean {
    return this.nthreads > 0 && this.status === "running";
  }

  /** How many tasks it has that need its threads, now or later. */
  get load(): number {
    return this.processing.size - this.longRunning;
  }
}
