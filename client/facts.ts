/**
 * What a client's methods take and tell: options of gather, facts about the scheduler and its workers.
 *
 * @module
 */
import type { FutureStatus } from "./future_state.ts";
import type { FuturesOrKeys } from "./types.ts";

/** Options of {@linkcode Client.gather}. */
export interface GatherOptions {
  /** Whether the error of a failed future is thrown, or the future left out. Default: "raise". */
  errors?: "raise" | "skip";
}

/** Options of {@linkcode Client.nbytes}. */
export interface NbytesOptions {
  /** Futures or keys to look at. Default: all. */
  keys?: FuturesOrKeys;
  /** Whether to add up the keys of each function. Default: true. */
  summary?: boolean;
}

/** Options of {@linkcode Client.retireWorkers}. */
export interface RetireOptions {
  /** Addresses, hosts or names. Default: idle ones with little data, as many as can be spared. */
  workers?: string | readonly string[];
  /** Seconds until they leave even if something is lost. Default: as long as it takes. */
  timeout?: number;
  /** Without `workers`: retire so many, busy ones too when there are not enough idle ones. */
  n?: number;
  /** Without `workers`: how many times the size of all data the others must have room for. Default 2. */
  memoryRatio?: number;
}

/** What {@linkcode Client.schedulerInfo} says of a worker. */
export interface WorkerInfo {
  /** Name, by default its address. */
  name: string;
  /** How many tasks it can run at once. */
  nthreads: number;
  /** More facts: host, memory, resources, last sign of life, … */
  [fact: string]: unknown;
}

/** What {@linkcode Client.schedulerInfo} gives. */
export interface SchedulerInfo {
  /** The scheduler's own name. */
  id: string;
  /** Its address. */
  address: string;
  /** Its workers by address. */
  workers: Record<string, WorkerInfo>;
  /** More facts. */
  [fact: string]: unknown;
}

/** What a client knows of a key without asking. */
export interface FutureInfo {
  /** Name of the task or data. */
  readonly key: string;
  /** Where it stands. */
  readonly status: FutureStatus;
  /** What the result is ("number", "Float64Array", …), once it is known. */
  readonly type: string | undefined;
}
