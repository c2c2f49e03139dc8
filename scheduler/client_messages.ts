/**
 * What clients say on their streams, checked and handed to the core.
 *
 * @module
 */
import type {
  CancelKeys,
  ClientMessage,
  Message,
  TaskGroup,
  UpdateData,
  UpdateGraph,
} from "../protocol/messages.ts";
import { Serialized } from "../protocol/serialized.ts";
import type { SchedulerCore } from "./core.ts";
import {
  checkNames,
  checkNamesByName,
  checkNeedsByName,
  checkNumbersByName,
  checkParts,
  checkTextsByName,
  isMap,
  isNames,
  isPartName,
  isPartNames,
  MalformedMessageError,
  MOST_NEEDS,
} from "./message_checks.ts";

/**
 * Handle one message of a client's stream.
 *
 * @param core The core to tell.
 * @param client The client's id.
 * @param message What it said.
 * @param now The time, in seconds.
 * @returns False when the client says goodbye.
 * @throws {MalformedMessageError} When no honest client says this. The core has not seen it then.
 */
export function handleClientMessage(
  core: SchedulerCore,
  client: string,
  message: Message,
  now: number,
): boolean {
  switch (message.op as ClientMessage["op"]) {
    case "update-graph":
      checkGraph(message);
      core.updateGraph(client, message as unknown as UpdateGraph, now);
      return true;
    case "client-releases-keys":
      core.clientReleasesKeys(client, checkNames(message, "keys"), now);
      return true;
    case "client-desires-keys":
      core.clientDesiresKeys(client, checkNames(message, "keys"), now);
      return true;
    case "cancel-keys":
      core.stimulusCancel(client, checkNames(message, "keys") as CancelKeys["keys"], now);
      return true;
    case "update-data":
      checkNamesByName(message, "whoHas");
      checkNumbersByName(message, "nbytes");
      checkTextsByName(message, "types");
      if (message.parts !== undefined) checkParts(message, "parts");
      if (message.needs !== undefined) checkNeedsByName(message, "needs");
      core.updateData(client, message as unknown as UpdateData, now);
      return true;
    case "release-parts":
      core.releaseParts(client, checkNames(message, "parts"), now);
      return true;
    case "report-missing":
      core.reportMissing(checkNamesByName(message, "missing"), now);
      return true;
    case "heartbeat-client":
      return true;
    case "close-client":
      return false;
    default:
      throw new MalformedMessageError(`unknown op ${JSON.stringify(message.op)} from a client`);
  }
}

/** Check a graph: as many arguments as keys, everything a task needs present and of its kind. */
function checkGraph(message: Message): void {
  checkParts(message, "parts");
  const groups = message.groups;
  if (!Array.isArray(groups)) throw graphError("groups must be a list");
  for (const group of groups) {
    if (!isMap(group)) throw graphError("a group must be a map");
    checkGroup(group as unknown as TaskGroup);
  }
}

function checkGroup(group: TaskGroup): void {
  const { keys, args, dependencies } = group;
  if (!isPartName(group.function)) throw graphError("function must be the name of a part");
  if (group.needs !== undefined && !isPartNames(group.needs)) {
    throw graphError(`needs must be a list of at most ${MOST_NEEDS} names of parts`);
  }
  if (!isNames(keys)) throw graphError("keys must be a list of texts");
  if (!Array.isArray(args) || args.length !== keys.length) {
    throw graphError(`args must be a list of ${keys.length}, one for each key`);
  }
  for (let i = 0; i < args.length; i++) {
    if (!(args[i] instanceof Serialized)) throw graphError("args must be serialized values");
  }
  if (dependencies !== undefined) {
    if (!Array.isArray(dependencies) || dependencies.length !== keys.length) {
      throw graphError(`dependencies must be a list of ${keys.length}, one for each key`);
    }
    for (let i = 0; i < dependencies.length; i++) {
      if (!isNames(dependencies[i])) throw graphError("dependencies must be lists of texts");
    }
  }
  if (group.workers !== undefined && !isNames(group.workers)) {
    throw graphError("workers must be a list of texts");
  }
  if (group.wanted !== undefined && !isNames(group.wanted)) {
    throw graphError("wanted must be a list of texts");
  }
  if (group.allowOtherWorkers !== undefined && typeof group.allowOtherWorkers !== "boolean") {
    throw graphError("allowOtherWorkers must be true or false");
  }
  if (group.resources !== undefined) {
    if (!isMap(group.resources)) throw graphError("resources must be a map");
    for (const name in group.resources) checkAmount(group.resources[name], `resources.${name}`);
  }
  if (group.priority !== undefined && !Number.isFinite(group.priority)) {
    throw graphError("priority must be a number");
  }
  if (group.retries !== undefined) checkAmount(group.retries, "retries");
  if (group.timeout !== undefined) checkAmount(group.timeout, "timeout");
}

function checkAmount(value: unknown, name: string): void {
  if (typeof value !== "number" || !(value >= 0)) {
    throw graphError(`${name} must be a number of at least 0, got ${value}`);
  }
}

function graphError(reason: string): MalformedMessageError {
  return new MalformedMessageError(`message 'update-graph': ${reason}`);
}
