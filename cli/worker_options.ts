/**
 * What `dusk-worker` makes of its settings: the options of each worker that it starts.
 *
 * @module
 */
import type { Security } from "../comm/security.ts";
import { workerOptions } from "../config/options.ts";
import type { Settings } from "../config/settings.ts";
import { parseMemoryLimit } from "../worker/memory_limit.ts";
import type { ClusterWorkerOptions } from "../worker/worker_options.ts";
import { ProgramError, UsageError } from "./command_line.ts";
import { namedHost } from "./endpoint.ts";
import type { TaskPermissions } from "./task_permissions.ts";

/** What is known of the cluster. */
export interface WorkerPlace {
  /** Address of the scheduler. */
  schedulerAddress: string;
  /** What protects the worker. */
  security: Security;
  /** What tasks may do. */
  permissions: "inherit" | "none" | TaskPermissions;
}

/** Options of one worker and of its nanny. */
export interface WorkerPlan {
  worker: ClusterWorkerOptions;
  /** Port where its nanny can be asked; undefined: nowhere. */
  nannyPort: number | undefined;
}

/** All that running the workers takes, with nannies or without. */
export interface WorkerRun {
  settings: Settings;
  place: WorkerPlace;
  plans: WorkerPlan[];
  /** Resolves when the program is told to stop. */
  stopped: Promise<unknown>;
  /** The workers have joined the cluster. */
  onJoined(): void;
}

/** Tell the operator that a worker is there. */
export function announce(address: string, schedulerAddress: string): void {
  console.log(`Start worker at: ${address}\nRegistered with: ${schedulerAddress}`);
}

/**
 * A worker is not in the cluster, and why; with what to do where the scheduler is not to be had, or a port.
 * The message may come from the worker's own process, where the worker itself has failed.
 */
export function cannotJoin(schedulerAddress: string, { message }: Error): ProgramError {
  if (message.startsWith("cannot preload ")) return new ProgramError(message);
  if (/^cannot listen on \S+: Address already in use/i.test(message)) {
    return new ProgramError(
      `${message}; name another with --worker-port or --nanny-port, or none for any that is free`,
    );
  }
  const remedy = /^could not connect to \S+ within /.test(message)
    ? "; start the scheduler there, or give it longer with --death-timeout"
    : "";
  return new ProgramError(`cannot join ${schedulerAddress}: ${message}${remedy}`);
}

const LAST_PORT = 65535;
/** Bytes that the process of a worker takes before any task, and that each thread adds, about. */
const BARE_WORKER = 100e6;
const BARE_THREAD = 20e6;
/** Seconds in which a scheduler that is there can answer; a worker with less would never join. */
const SHORTEST_TIMEOUT = 0.1;

/**
 * The options of each worker: with names, ports and a share of the machine of its own.
 *
 * @param settings The settings.
 * @param place What is known of the cluster.
 * @returns As many as `worker.nprocs` says.
 * @throws {UsageError} When the settings do not go together.
 */
export function planWorkers(settings: Settings, place: WorkerPlace): WorkerPlan[] {
  const count = settings["worker.nprocs"];
  if (count > 1 && !settings["worker.nanny"]) {
    throw new UsageError(
      `${count} workers need a process each, and --no-nanny leaves only this one: take --nprocs 1, ` +
        "or the nanny",
    );
  }
  const cores = navigator.hardwareConcurrency;
  const nthreads = settings["worker.nthreads"] ?? Math.max(1, Math.floor(cores / count));
  const memoryLimit = parseMemoryLimit(settings["worker.memory.limit"], count);
  const host = namedHost(settings, "worker");
  const name = settings["worker.name"];
  const ports = portsFrom(settings, "worker.port", count);
  const nannyPorts = portsFrom(settings, "worker.nanny-port", count);
  return Array.from({ length: count }, (_, i) => ({
    worker: {
      ...workerOptions(settings),
      ...place,
      connectTimeout: Math.max(
        settings["worker.death-timeout"] ?? settings["worker.connect-timeout"],
        SHORTEST_TIMEOUT,
      ),
      name: name === undefined || count === 1 ? name : `${name}-${i}`,
      host,
      port: ports[i],
      nthreads,
      memoryLimit,
    },
    nannyPort: nannyPorts[i],
  }));
}

/**
 * What to tell the operator where workers have less memory than they take by themselves.
 *
 * @param options Options of a worker.
 * @returns One sentence; undefined: they have enough, or no limit.
 */
export function memoryWarning(
  { memoryLimit = 0, nthreads = 1 }: Pick<ClusterWorkerOptions, "memoryLimit" | "nthreads">,
): string | undefined {
  const least = BARE_WORKER + BARE_THREAD * nthreads;
  if (memoryLimit === 0 || memoryLimit >= least) return undefined;
  return `The memory limit of ${Math.floor(memoryLimit / 1e6)} MB is less than the about ` +
    `${
      least / 1e6
    } MB that a worker of ${nthreads} threads takes before any task, so that it may ` +
    "pause or be restarted again and again: raise --memory-limit, or lower --nthreads";
}

/** Consecutive ports, or as often 0: any that is free; none where the setting has none. */
function portsFrom(
  settings: Settings,
  name: "worker.port" | "worker.nanny-port",
  count: number,
): number[] {
  const first = settings[name];
  if (first === undefined) return [];
  if (first !== 0 && first + count - 1 > LAST_PORT) {
    throw new UsageError(
      `${settings.origin(name)}: ${count} ports from ${first} on would pass ${LAST_PORT}: ` +
        "begin lower, or take 0 for any that are free",
    );
  }
  return Array.from({ length: count }, (_, i) => first === 0 ? 0 : first + i);
}
