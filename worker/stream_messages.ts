/**
 * What the worker does with each message of the scheduler's stream: checks it, and passes it on to
 * the core.
 *
 * @module
 */
import type { ComputeTask, SchedulerToWorker } from "../protocol/messages.ts";
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
  threads: Pick<ThreadPool, "recall" | "forgetFunctions">,
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
      for (const key of message.keys) takeBack(core, threads, key, now);
      core.freeKeys(message.keys, now);
      return;
    case "cancel-compute":
      checkNames(message.op, message.keys);
      for (const key of message.keys) takeBack(core, threads, key, now);
      core.cancelCompute(message.keys, now);
      return;
    case "steal-request":
      checkNames(message.op, [message.key]);
      checkId(message.op, message.id);
      takeBack(core, threads, message.key, now);
      core.stealRequest(message.key, message.id, now);
      return;
    case "forget-functions":
      checkNames(message.op, message.functions);
      core.forgetFunctions(message.functions, now);
      threads.forgetFunctions(message.functions);
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
  const { key, priority } = message;
  if (typeof key !== "string" || key === "") throw malformed(message.op, "key", "a name");
  if (typeof message.function !== "string") throw malformed(message.op, "function", "a hash");
  if (!(message.args instanceof Serialized)) throw malformed(message.op, "args", "a value");
  if (message.code !== undefined && !(message.code instanceof Serialized)) {
    throw malformed(message.op, "code", "a value");
  }
  if (!Array.isArray(priority) || priority.length !== 3) {
    throw malformed(message.op, "priority", "three numbers");
  }
  for (const dependency in message.whoHas) checkNames(message.op, message.whoHas[dependency]);
}

function checkNames(op: string, names: unknown): void {
  if (Array.isArray(names)) {
    let valid = true;
    for (let i = 0; i < names.length; i++) valid &&= typeof names[i] === "string";
    if (valid) return;
  }
  throw malformed(op, "keys", "a list of names");
}

function checkId(op: string, id: unknown): void {
  if (typeof id !== "number") throw malformed(op, "id", "a number");
}

function malformed(op: string, field: string, what: string): MalformedMessageError {
  return new MalformedMessageError(`"${field}" of a ${op} message must be ${what}`);
}
