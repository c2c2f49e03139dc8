/**
 * What workers say on their streams, checked and handed to the core.
 *
 * @module
 */
import type {
  Message,
  RegisterWorker,
  TaskErred,
  TaskFinished,
  WorkerMetrics,
  WorkerToScheduler,
} from "../protocol/messages.ts";
import { Serialized } from "../protocol/serialized.ts";
import type { SchedulerCore } from "./core.ts";
import {
  checkCount,
  checkMap,
  checkName,
  checkNames,
  checkNamesByName,
  checkNeedsByName,
  checkNumber,
  checkNumbersByName,
  checkPartNames,
  isName,
  MalformedMessageError,
  refuse,
} from "./message_checks.ts";

type Of<Op extends WorkerToScheduler["op"]> = Extract<WorkerToScheduler, { op: Op }>;

/**
 * Handle one message of a worker's stream.
 *
 * @param core The core to tell.
 * @param address The worker's address.
 * @param message What it said.
 * @param now The time, in seconds.
 * @returns Whether the core had to be told; false for what concerns the worker's connection only
 *   (`restarted`, `close-worker`), which is the caller's.
 * @throws {MalformedMessageError} When no worker says this. The core has not seen it then.
 */
export function handleWorkerMessage(
  core: SchedulerCore,
  address: string,
  message: Message,
  now: number,
): boolean {
  switch (message.op as WorkerToScheduler["op"]) {
    case "task-finished": {
      const finished = message as unknown as TaskFinished;
      if (!isName(finished.key)) refuse(message, "key", "a non-empty text");
      if (!(finished.nbytes >= 0 && finished.nbytes < Infinity)) {
        refuse(message, "nbytes", "a number of at least 0");
      }
      if (!(finished.stop >= finished.start)) refuse(message, "stop", "a time not before start");
      if (typeof finished.type !== "string") refuse(message, "type", "a text");
      if (finished.needs !== undefined) checkPartNames(message, "needs");
      if (finished.generation !== undefined) checkCount(message, "generation");
      core.stimulusTaskFinished(address, finished, now);
      return true;
    }
    case "heard":
      core.workerHeard(address, checkCount(message, "generation"));
      return true;
    case "add-keys":
      core.addKeys(address, checkNames(message, "keys"), now);
      return true;
    case "steal-response":
      checkName(message, "key");
      checkNumber(message, "id");
      core.stealResponse(address, message as unknown as Of<"steal-response">, now);
      return true;
    case "task-erred": {
      checkName(message, "key");
      if (!(message.exception instanceof Serialized)) {
        refuse(message, "exception", "a serialized value");
      }
      if (typeof message.traceback !== "string") refuse(message, "traceback", "a text");
      if (message.generation !== undefined) checkCount(message, "generation");
      core.stimulusTaskErred(address, message as unknown as TaskErred, now);
      return true;
    }
    case "long-running":
      checkName(message, "key");
      if (message.seconds !== undefined) checkNumber(message, "seconds", 0);
      core.longRunning(address, message as unknown as Of<"long-running">, now);
      return true;
    case "missing-data":
      checkName(message, "key");
      checkNamesByName(message, "missing");
      core.stimulusMissingData(address, message as unknown as Of<"missing-data">, now);
      return true;
    case "release-keys":
      core.releaseKeys(address, checkNames(message, "keys"), now);
      return true;
    case "heartbeat-worker":
      checkNumber(message, "now");
      checkMap(message, "metrics");
      core.heartbeatWorker(
        address,
        { now: message.now as number, metrics: message.metrics as WorkerMetrics },
        now,
      );
      return true;
    case "task-console":
      checkName(message, "key");
      if (typeof message.text !== "string") refuse(message, "text", "a text");
      if (typeof message.level !== "string") refuse(message, "level", "a text");
      core.taskConsole(address, message as unknown as Of<"task-console">, now);
      return true;
    case "worker-status-change": {
      const { status } = message;
      if (status !== "running" && status !== "paused") {
        refuse(message, "status", '"running" or "paused"');
      }
      core.workerStatusChange(address, status, now);
      return true;
    }
    case "retire-worker":
      if (typeof message.reason !== "string") refuse(message, "reason", "a text");
      if (typeof message.restart !== "boolean") refuse(message, "restart", "true or false");
      if (message.timeout !== undefined) checkNumber(message, "timeout", 0);
      core.workerRetires(address, message as unknown as Of<"retire-worker">, now);
      return true;
    case "threads-changed":
      core.threadsChanged(address, checkCount(message, "nthreads"), now);
      return true;
    case "restarted":
    case "close-worker":
      return false;
    default:
      throw new MalformedMessageError(`unknown op ${JSON.stringify(message.op)} from a worker`);
  }
}

/**
 * Check a worker's registration.
 *
 * @throws {MalformedMessageError} When a field is missing or of a wrong kind.
 */
export function checkRegistration(message: Message): RegisterWorker {
  checkName(message, "address");
  checkName(message, "name");
  checkCount(message, "nthreads");
  checkNumbersByName(message, "resources");
  checkNumber(message, "now");
  checkNumber(message, "pid", 0);
  checkMap(message, "versions");
  checkNumbersByName(message, "nbytes");
  if (message.needs !== undefined) checkNeedsByName(message, "needs");
  if (message.scheduler !== undefined) checkName(message, "scheduler");
  if (message.heard !== undefined) checkCount(message, "heard");
  if (message.generations !== undefined) checkNumbersByName(message, "generations");
  if (message.memoryLimit !== undefined) checkNumber(message, "memoryLimit", 0);
  if (message.nanny !== undefined) checkName(message, "nanny");
  if (!["running", "paused", undefined].includes(message.status as string | undefined)) {
    refuse(message, "status", '"running" or "paused"');
  }
  return message as unknown as RegisterWorker;
}
