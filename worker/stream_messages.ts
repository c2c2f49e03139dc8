/**
 * What the worker does with each message of the scheduler's stream: checks it, and passes it on to
 * the core.
 *
 * @module
 */
import type { ComputeTask, SchedulerToWorker } from "../protocol/messages.ts";
import { isName, isPartName } from "../protocol/names.ts";
import { Serialized } from "../protocol/serialized.ts";
import type { WorkerCore } from "./core.ts";
import type { ThreadPool } from "./threads/thread_pool.ts";

/** A message that breaks the protocol. */
export class MalformedMessageError extends Error {
  override name = "MalformedMessageError";
}

/**
 * Take one message of the scheduler, except `close`.
 *
 * @param core The state machine.
 * @param threads What runs the tasks: a task that has not begun is taken back before it is stolen or
 * cancelled.
 * @param message The message, as it came.
 * @param now The time, in seconds.
 * @throws {MalformedMessageError} When it is not as the protocol says.
 */
export function takeSchedulerMessage(
  core: WorkerCore,
  threads: Pick<ThreadPool, "recall">,
  message: SchedulerToWorker,
  now: number,
): void {
  switch (message?.op) {
    case "compute-task":
      checkTask(message);
      core.computeTask(message, now);
      return;
    case "free-keys":
      checkNames(message.op, message.keys);
      if (message.before === undefined) {
        for (const key of message.keys) takeBack(core, threads, key, now);
      } else if (!isAmount(message.before)) {
        throw malformed(message.op, "before", "a number of at least 0");
      }
      core.freeKeys(message.keys, now, message.before);
      return;
    case "cancel-compute":
      checkNames(message.op, message.keys);
      for (const key of message.keys) takeBack(core, threads, key, now);
      core.cancelCompute(message.keys, now);
      return;
    case "steal-request":
      if (!isName(message.key)) throw malformed(message.op, "key", "a name");
      checkId(message.op, message.id);
      takeBack(core, threads, message.key, now);
      core.stealRequest(message.key, message.id, now);
      return;
    case "forget-parts":
      checkPartNames(message.op, "parts", message.parts);
      core.forgetParts(message.parts, now);
      return;
    case "upload-file":
      checkModules(message.op, message.modules);
      checkParts(message.op, message.parts);
      core.uploadFile(message.modules, message.parts, now);
      return;
    case "acquire-replicas":
      checkHolders(message.op, message.whoHas);
      checkNumbers(message.op, "nbytes", message.nbytes);
      if (message.needs !== undefined) checkNeeds(message.op, "needs", message.needs);
      checkGenerations(message.op, message.generations);
      core.acquireReplicas(
        message.whoHas,
        message.nbytes ?? {},
        message.generations,
        message.needs,
        now,
      );
      return;
    case "restart":
      checkId(message.op, message.id);
      core.restart(message.id, now);
      return;
    default:
      throw new MalformedMessageError(
        `Unknown operation ${JSON.stringify((message as { op?: unknown })?.op)} of the scheduler`,
      );
  }
}

function takeBack(
  core: WorkerCore,
  threads: Pick<ThreadPool, "recall">,
  key: string,
  now: number,
): void {
  if (core.machine.tasks.get(key)?.state !== "executing") return;
  if (threads.recall(key)) core.recalled(key, now);
}

function checkTask(message: ComputeTask): void {
  const { key, priority, duration, whoHas, generations, needs, parts, dependencyNeeds } = message;
  if (!isName(key)) throw malformed(message.op, "key", "a name");
  if (!isPartName(message.function)) throw malformed(message.op, "function", "a part's name");
  if (!(message.args instanceof Serialized)) throw malformed(message.op, "args", "a value");
  if (needs !== undefined) checkPartNames(message.op, "needs", needs);
  if (parts !== undefined) checkParts(message.op, parts);
  if (dependencyNeeds !== undefined) checkNeeds(message.op, "dependencyNeeds", dependencyNeeds);
  if (
    !Array.isArray(priority) || priority.length !== 3 || !priority.every(isNumber) ||
    !isAmount(priority[1])
  ) {
    throw malformed(message.op, "priority", "three numbers, the second at least 0");
  }
  if (duration !== undefined && !isAmount(duration)) {
    throw malformed(message.op, "duration", "a number of at least 0");
  }
  if (generations !== undefined) checkGenerations(message.op, generations);
  if (whoHas !== undefined) checkHolders(message.op, whoHas);
  checkNumbers(message.op, "nbytes", message.nbytes);
  checkNumbers(message.op, "resources", message.resources);
}

function checkHolders(op: string, whoHas: unknown): void {
  if (!isMap(whoHas)) throw malformed(op, "whoHas", "a map");
  for (const key in whoHas) {
    if (!isName(key)) throw malformed(op, "whoHas", "a map by names");
    checkNames(op, whoHas[key], "whoHas");
  }
}

function checkNeeds(op: string, field: string, needs: unknown): void {
  if (!isMap(needs)) throw malformed(op, field, "a map");
  for (const key in needs) checkPartNames(op, field, needs[key]);
}

function checkParts(op: string, parts: unknown): void {
  if (!isMap(parts)) throw malformed(op, "parts", "a map");
  for (const name in parts) {
    const part = parts[name];
    if (!isPartName(name)) throw malformed(op, "parts", "a map by names of parts");
    if (!isMap(part) || !(part.code instanceof Serialized)) {
      throw malformed(op, "parts", "a map to parts with code");
    }
    if (part.origin !== undefined && !(part.origin instanceof Serialized)) {
      throw malformed(op, "parts", "a map to parts whose origin is a value");
    }
    if (part.needs !== undefined) checkPartNames(op, "parts", part.needs);
  }
}

function checkPartNames(op: string, field: string, names: unknown): void {
  if (!Array.isArray(names) || !names.every(isPartName)) {
    throw malformed(op, field, "made of names of parts");
  }
}

function checkModules(op: string, modules: unknown): void {
  if (!isMap(modules)) throw malformed(op, "modules", "a map");
  for (const name in modules) {
    if (!isName(name) || !isPartName(modules[name])) {
      throw malformed(op, "modules", "a map from names to names of parts");
    }
  }
}

function checkNumbers(op: string, field: string, numbers: unknown): void {
  if (numbers === undefined) return;
  if (!isMap(numbers)) throw malformed(op, field, "a map");
  for (const name in numbers) {
    if (!isAmount(numbers[name])) throw malformed(op, field, "a map to numbers of at least 0");
  }
}

function checkGenerations(op: string, generations: unknown): void {
  if (!isAmount(generations)) checkNumbers(op, "generations", generations ?? null);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && value === value;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

function checkNames(op: string, names: unknown, field = "keys"): void {
  if (Array.isArray(names)) {
    let valid = true;
    for (let i = 0; i < names.length; i++) valid &&= isName(names[i]);
    if (valid) return;
  }
  throw malformed(op, field, "a list of names");
}

function checkId(op: string, id: unknown): void {
  if (typeof id !== "number") throw malformed(op, "id", "a number");
}

function malformed(op: string, field: string, what: string): MalformedMessageError {
  return new MalformedMessageError(`"${field}" of a ${op} message must be ${what}`);
}
