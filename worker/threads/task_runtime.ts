/**
 * What code gets in a task that imports Dusk. The names are those of `runtimeNames` in
 * `protocol/functions/runtime_names.ts`: a client sends nothing that imports others.
 *
 * @module
 */
import { version } from "../../config/version.ts";
import type { AnyFunction } from "../../protocol/functions/definition.ts";
import type { Namespace } from "../../protocol/functions/linked_modules.ts";
import type { Linker } from "../../protocol/functions/linker.ts";
import { getWorker, NoWorkerError } from "../../protocol/get_worker.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { TaskTimeoutError } from "../../protocol/task_failures.ts";
import { DeserializationError, SerializationError } from "../../protocol/values_format.ts";
import type { TaskPlace } from "./task_place.ts";

/** What makes clients for tasks. It comes from above: this room knows no clients. */
export interface ClientTools {
  /** More exports of the module "dusk:", of clients. */
  readonly names: Namespace;
  /**
   * Make a client.
   *
   * @param port The line to the task's cluster.
   * @param linker Knows the code that has come to the thread.
   */
  open(port: MessagePort, linker: Linker): Promise<object>;
}

/** What the runtime needs of its thread. */
export interface RuntimeHost {
  /**
   * Called with each class that a module registers a serialization for: what counts is that the client's
   * program has registered it, which has come with the task.
   */
  register(cls: AnyFunction): void;
  readonly place: TaskPlace;
  readonly client: ClientTools | undefined;
  linker(): Linker;
}

/**
 * The exports of the module "dusk:".
 *
 * @param host See {@linkcode RuntimeHost}.
 */
export function taskRuntime({ register, place, client, linker }: RuntimeHost): Namespace {
  const open = (call: string) => {
    if (client === undefined) throw new NoWorkerError(call);
    return client.open(place.connect(call), linker());
  };
  return Object.freeze({
    DeserializationError,
    NoWorkerError,
    SerializationError,
    Serialized,
    TaskTimeoutError,
    getClient: async () => await open("getClient()"),
    getWorker,
    registerSerialization: (cls: unknown, serialize: unknown, deserialize: unknown) => {
      for (const given of [cls, serialize, deserialize]) {
        if (typeof given !== "function") {
          throw new TypeError("registerSerialization takes a class and two functions");
        }
      }
      register(cls as AnyFunction);
    },
    rejoin: () => place.rejoin(),
    secede: () => place.secede(),
    version,
    workerClient: async () => {
      place.secede("workerClient()");
      return await open("workerClient()");
    },
    ...client?.names,
  });
}
