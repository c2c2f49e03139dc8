/**
 * What code gets in a task that imports Dusk. The names are those of `runtimeNames` in
 * `protocol/functions/runtime_names.ts`: a client sends nothing that imports others.
 *
 * @module
 */
import { version } from "../../config/version.ts";
import type { AnyFunction } from "../../protocol/functions/definition.ts";
import type { Namespace } from "../../protocol/functions/linked_modules.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { TaskTimeoutError } from "../../protocol/task_failures.ts";
import { DeserializationError, SerializationError } from "../../protocol/values_format.ts";
import { getWorker, NoWorkerError } from "../../protocol/get_worker.ts";

/**
 * The exports of the module "dusk:".
 *
 * @param register Called with each class that a module registers a serialization for: what counts is
 * that the client's program has registered it, which has come with the task.
 */
export function taskRuntime(register: (cls: AnyFunction) => void): Namespace {
  return Object.freeze({
    DeserializationError,
    NoWorkerError,
    SerializationError,
    Serialized,
    TaskTimeoutError,
    getWorker,
    registerSerialization: (cls: unknown, serialize: unknown, deserialize: unknown) => {
      for (const given of [cls, serialize, deserialize]) {
        if (typeof given !== "function") {
          throw new TypeError("registerSerialization takes a class and two functions");
        }
      }
      register(cls as AnyFunction);
    },
    version,
  });
}
