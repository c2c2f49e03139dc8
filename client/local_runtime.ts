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

/** The exports of the module "dusk:" outside of threads. */
export const localRuntime: Namespace = Object.freeze({
  DeserializationError,
  NoWorkerError,
  SerializationError,
  Serialized,
  TaskTimeoutError,
  getWorker,
  registerSerialization,
  version,
});
