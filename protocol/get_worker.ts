/**
 * The worker that runs a task, as the task sees it. In a thread, the runtime has these names; anywhere
 * else, where there is no worker, they are what `mod.ts` exports.
 *
 * @module
 */

/** The worker that runs the present task. */
export interface TaskWorker {
  /** Address of the worker. */
  readonly address: string;
  /** Name of the worker. */
  readonly name: string;
  /** Id of the thread in its worker. */
  readonly thread: number;
}

/** There is no worker here: this code does not run in a task. */
export class NoWorkerError extends Error {
  /** Name of the class. */
  override readonly name = "NoWorkerError";

  /**
   * Make the error.
   *
   * @param call What works in tasks only.
   */
  constructor(call = "getWorker()") {
    super(`No worker runs this code: ${call} works in tasks only, such as client.submit runs`);
  }
}

/**
 * Find the worker that runs the present task.
 *
 * @returns Where the task runs.
 * @throws {NoWorkerError} Outside of tasks.
 *
 * @example
 * ```ts
 * import { Client, getWorker } from "./mod.ts";
 *
 * await using client = await Client.connect();
 * console.log(await client.submit(() => getWorker().address).result());
 * ```
 */
export function getWorker(): TaskWorker {
  // Outside of tasks a program may have a global of that name itself.
  const { dusk } = globalThis as { dusk?: { worker?: Partial<TaskWorker>; thread?: number } };
  const { address, name } = dusk?.worker ?? {};
  if (typeof address !== "string" || typeof name !== "string") throw new NoWorkerError();
  const thread = dusk?.thread ?? 0;
  return { address, name, thread };
}
