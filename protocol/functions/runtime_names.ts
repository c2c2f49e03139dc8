/**
 * What `mod.ts` of Dusk is inside of a task: the names that the runtime of a thread has under the
 * name `dusk:`. A module that a task imports may use these and no others; types vanish before.
 *
 * @module
 */

/** The exports of the module `dusk:`. */
export const runtimeNames: ReadonlySet<string> = new Set([
  "CancelledError",
  "DeserializationError",
  "NoWorkerError",
  "SerializationError",
  "Serialized",
  "TaskTimeoutError",
  "TimeoutError",
  "asCompleted",
  "getClient",
  "getWorker",
  "registerSerialization",
  "rejoin",
  "secede",
  "version",
  "wait",
  "workerClient",
]);
