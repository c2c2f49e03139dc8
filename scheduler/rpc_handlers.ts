/**
 * The calls that the scheduler answers, beside the two that become streams.
 *
 * @module
 */
import type { ConnectionPool } from "../comm/connection_pool.ts";
import type { Handler } from "../comm/server.ts";
import type { Message, RunSpecReply } from "../protocol/messages.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { type SchedulerCore, UploadRefusedError } from "./core.ts";
import type { RetireWorkersOptions } from "./retirement_calls.ts";
import type { WorkersToCloseOptions } from "./workers_to_close.ts";
import {
  assignByCores,
  gatherFromWorkers,
  type GatherReply,
  scatterToWorkers,
} from "./gather_scatter.ts";
import {
  checkCount,
  checkMap,
  checkModules,
  checkName,
  checkNames,
  checkNeedsByName,
  checkNumber,
  checkParts,
  checkSerializedByName,
  checkTextsByName,
  MalformedMessageError,
  refuse,
} from "./message_checks.ts";

/** How long `scatter` waits for a first worker when the caller does not say, in seconds. */
const DEFAULT_SCATTER_TIMEOUT = 10;
/** How long `restart` waits for workers when the caller does not say, in seconds. */
const DEFAULT_RESTART_TIMEOUT = 30;

/** What the calls need of the scheduler. */
export interface SchedulerServices {
  readonly core: SchedulerCore;
  /** Connections to workers. */
  readonly pool: ConnectionPool;
  /** The scheduler's name. */
  readonly id: string;
  readonly addresses: readonly string[];
  hasClient(id: string): boolean;
  /** The time, in seconds. */
  now(): number;
  /** Send what the core has piled up. */
  flush(): void;
  restart(options: { timeout: number }): Promise<string[]>;
  retireWorkers(options: RetireWorkersOptions): Promise<string[]>;
  removeWorker(address: string, reason: string): void;
  /** Resolves when a worker has joined, or when that has not happened within so many seconds. */
  workerJoined(timeout: number): Promise<void>;
}

/** Answer to `scatter`. */
export type ScatterReply =
  | { status: "OK"; whoHas: Record<string, string[]> }
  | { status: "error"; message: string };

/** Answer to `upload-file`. */
export type UploadReply = { status: "OK" } | { status: "error"; message: string };

/** The handlers, by operation. */
export function rpcHandlers(services: SchedulerServices): Record<string, Handler> {
  const { core } = services;
  let scattered = 0;

  async function gather(_comm: unknown, message: Message): Promise<GatherReply> {
    const keys = checkNames(message, "keys");
    const known = core.whoHas(keys);
    const whoHas: Record<string, string[]> = {};
    for (const key of keys) whoHas[key] = Object.hasOwn(known, key) ? known[key] : [];
    const { data, missing } = await gatherFromWorkers(whoHas, services.pool);
    const lost: Record<string, string[]> = {};
    let complete = true;
    for (const key in missing) {
      complete = false;
      if (missing[key].length > 0) lost[key] = missing[key];
    }
    if (complete) return { status: "OK", data };
    core.reportMissing(lost, services.now());
    services.flush();
    return { status: "error", data, missing };
  }

  async function scatter(_comm: unknown, message: Message): Promise<ScatterReply> {
    const data = checkSerializedByName(message, "data");
    const client = checkName(message, "client");
    const types = checkTextsByName(message, "types");
    const parts = message.parts === undefined ? undefined : checkParts(message, "parts");
    const needs = message.needs === undefined ? undefined : checkNeedsByName(message, "needs");
    const wanted = optionalNames(message, "workers");
    const timeout = message.timeout === undefined
      ? DEFAULT_SCATTER_TIMEOUT
      : checkNumber(message, "timeout", 0);
    if (!services.hasClient(client)) {
      return { status: "error", message: `scatter: client ${client} is not connected` };
    }
    if (core.workersList().length === 0) await services.workerJoined(timeout);
    // Not on those that are about to leave.
    const workers = Object.keys(core.ncores(wanted));
    if (workers.length === 0) {
      const which = wanted === undefined ? "" : ` called ${wanted.join(" or ")}`;
      return { status: "error", message: `scatter: there is no worker${which} in the cluster` };
    }
    const whoHas = await place(data, workers, message.broadcast === true);
    const lost = Object.keys(data).filter((key) => whoHas[key] === undefined);
    if (lost.length > 0) {
      return {
        status: "error",
        message: `scatter: no worker of ${workers.join(", ")} took ${lost.join(", ")}`,
      };
    }
    const nbytes: Record<string, number> = {};
    for (const key in data) nbytes[key] = data[key].nbytes;
    core.addScattered(
      client,
      { op: "update-data", parts, needs, whoHas, nbytes, types },
      services.now(),
    );
    services.flush();
    return { status: "OK", whoHas };
  }

  /** Put data on workers; what one does not take goes to the others. */
  async function place(
    data: Record<string, Serialized>,
    workers: string[],
    broadcast: boolean,
  ): Promise<Record<string, string[]>> {
    const keys = Object.keys(data);
    if (broadcast) {
      return await scatterToWorkers(
        data,
        new Map(workers.map((worker) => [worker, keys])),
        services.pool,
      );
    }
    // Without a prototype: a key that no worker has taken yet may be "constructor".
    const whoHas: Record<string, string[]> = Object.create(null);
    let open = keys;
    let candidates = workers;
    while (open.length > 0 && candidates.length > 0) {
      const ncores = core.ncores(candidates);
      const assignment = assignByCores(
        open,
        candidates.map((address) => ({ address, nthreads: ncores[address] ?? 1 })),
        scattered,
      );
      scattered += open.length;
      Object.assign(whoHas, await scatterToWorkers(data, assignment, services.pool));
      const failed = new Set<string>();
      for (const [worker, assigned] of assignment) {
        if (assigned.some((key) => whoHas[key] === undefined)) failed.add(worker);
      }
      open = open.filter((key) => whoHas[key] === undefined);
      candidates = candidates.filter((worker) => !failed.has(worker));
    }
    return whoHas;
  }

  async function broadcast(_comm: unknown, message: Message): Promise<Record<string, unknown>> {
    const { op, ...fields } = checkMap(message, "message");
    if (typeof op !== "string") throw new MalformedMessageError("broadcast: message needs an op");
    const answers: Record<string, unknown> = {};
    await Promise.all(
      core.workersList(optionalNames(message, "workers")).map(async (worker) => {
        try {
          answers[worker] = await services.pool.rpc(worker)[op](fields);
        } catch (error) {
          answers[worker] = { status: "error", message: (error as Error).message };
        }
      }),
    );
    return answers;
  }

  function uploadFile(_comm: unknown, message: Message): UploadReply {
    const modules = checkModules(message, "modules");
    const parts = checkParts(message, "parts");
    try {
      core.uploadFile(modules, parts, services.now());
    } catch (error) {
      if (!(error instanceof UploadRefusedError)) throw error;
      return { status: "error", message: error.message };
    }
    services.flush();
    return { status: "OK" };
  }

  async function restart(_comm: unknown, message: Message): Promise<unknown> {
    const timeout = message.timeout === undefined
      ? DEFAULT_RESTART_TIMEOUT
      : checkNumber(message, "timeout", 0);
    return { status: "OK", removed: await services.restart({ timeout }) };
  }

  async function retireWorkers(_comm: unknown, message: Message): Promise<unknown> {
    const workers = await services.retireWorkers({
      ...toClose(message),
      workers: optionalNames(message, "workers"),
      remove: optionalBoolean(message, "remove"),
      closeWorkers: optionalBoolean(message, "closeWorkers"),
      timeout: message.timeout === undefined ? undefined : checkNumber(message, "timeout", 0),
    });
    return { status: "OK", workers };
  }

  return {
    gather,
    scatter,
    broadcast,
    restart,
    "retire-workers": retireWorkers,
    "workers-to-close": (_comm, message) => core.workersToClose(toClose(message)),
    "upload-file": uploadFile,
    "get-runspec": (_comm, message): RunSpecReply => core.runSpec(checkName(message, "key")),
    "identity": () => ({
      ...core.identity(),
      id: services.id,
      address: services.addresses[0],
      addresses: services.addresses,
    }),
    "who-has": (_comm, message) => core.whoHas(optionalNames(message, "keys")),
    "has-what": (_comm, message) => core.hasWhat(optionalNames(message, "workers")),
    "ncores": (_comm, message) => core.ncores(optionalNames(message, "workers")),
    "nbytes": (_comm, message) =>
      core.nbytes(optionalNames(message, "keys"), message.summary !== false),
    "processing": (_comm, message) => core.processing(optionalNames(message, "workers")),
    "transition-story": (_comm, message) => core.transitionStory(...checkNames(message, "keys")),
    "events": (_comm, message) =>
      core.events(message.topic === undefined ? undefined : checkName(message, "topic")),
    "unregister-worker": (_comm, message) => {
      services.removeWorker(checkName(message, "address"), "unregistered");
      return { status: "OK" };
    },
  };
}

function toClose(message: Message): WorkersToCloseOptions {
  const { by } = message;
  if (by !== undefined && by !== "worker" && by !== "host") {
    refuse(message, "by", '"worker" or "host"');
  }
  return {
    memoryRatio: message.memoryRatio === undefined
      ? undefined
      : checkNumber(message, "memoryRatio", 0),
    n: message.n === undefined ? undefined : checkCount(message, "n"),
    by,
  };
}

function optionalBoolean(message: Message, field: string): boolean | undefined {
  const value = message[field];
  if (value !== undefined && typeof value !== "boolean") refuse(message, field, "true or false");
  return value;
}

/** A list of names, or undefined when the field is absent (or null, as other languages say it). */
function optionalNames(message: Message, field: string): string[] | undefined {
  if (message[field] === undefined || message[field] === null) return undefined;
  return checkNames(message, field);
}
