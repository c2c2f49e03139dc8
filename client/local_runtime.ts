/**
 * What code of a task gets in this process that imports Dusk: the names that it has in a thread.
 *
 * @module
 */
import { version } from "../config/version.ts";
import type { Namespace } from "../protocol/functions/linked_modules.ts";
import { getWorker, NoWorkerError } from "../protocol/get_worker.ts";
import { registerSerialization } from "../protocol/registrations.ts";
import { Serialized } from "../protocol/serialized.ts";
import { TaskTimeoutError } from "../protocol/task_failures.ts";
import { DeserializationError, SerializationError } from "../protocol/values_format.ts";
import { asCompleted } from "./as_completed.ts";
import { TimeoutError } from "./deadline.ts";
import { CancelledError } from "./future_state.ts";
import { wait } from "./wait.ts";
import { getClient, rejoin, secede, workerClient } from "./worker_client.ts";

/** The exports of the module "dusk:" outside of threads. */
export const localRuntime: Namespace = Object.freeze({
  CancelledError,
  DeserializationError,
  NoWorkerError,
  SerializationError,
  Serialized,
  TaskTimeoutError,
  TimeoutError,
  asCompleted,
  getClient,
  getWorker,
  registerSerialization,
  rejoin,
  secede,
  version,
  wait,
  workerClient,
});
