/**
 * How to start a worker's process: `dusk-worker` again, with a hidden argument that has it take its
 * settings from its standard input.
 *
 * @module
 */
import { denoRun } from "./deno_program.ts";

/** The only argument of a `dusk-worker` that is run by a nanny. */
export const CHILD_ARGUMENT = "--worker-child";

/** A worker's process could not be started, or did not stay. */
export class WorkerProcessError extends Error {
  /** Name of the class. */
  override name = "WorkerProcessError";
}

/**
 * The command that runs `dusk-worker` from its source, wherever that is: on disk or behind a URL.
 *
 * @throws {WorkerProcessError} In a compiled program, which has no `deno` to do that.
 */
export function workerFromSource(): string[] {
  if (Deno.build.standalone) {
    throw new WorkerProcessError(
      "a compiled program cannot start worker processes from source: use processes: false, or " +
        "start dusk-worker programs and connect to their scheduler",
    );
  }
  return [
    ...denoRun(),
    "--allow-all",
    new URL("../cli/worker.ts", import.meta.url).href,
    CHILD_ARGUMENT,
  ];
}
