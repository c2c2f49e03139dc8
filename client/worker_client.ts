/**
 * What tasks have to launch tasks. In a thread that runs one, the runtime has these names; anywhere else,
 * where there is no worker, they are what `mod.ts` exports.
 *
 * @module
 */
import { NoWorkerError } from "../protocol/get_worker.ts";
import type { BaseClient } from "./base_client.ts";

/**
 * A client for the running task, which leaves its worker's threads: another thread takes the place of the
 * one that runs it, so that the tasks that it launches, and waits for, have all threads of the cluster. It
 * has the methods of `Client`, and speaks through the worker: the task needs no permission for it.
 *
 * Close the client when it is not needed any more, best with `await using`; it is closed with the task
 * at the latest. What it holds futures of is dropped then.
 *
 * @returns The client, connected.
 * @throws {NoWorkerError} Outside of tasks.
 *
 * @example
 * ```ts
 * import { Client, workerClient } from "./mod.ts";
 *
 * async function fib(n: number): Promise<number> {
 *   if (n < 2) return n;
 *   await using client = await workerClient();
 *   const [a, b] = await client.gather(client.map(fib, [n - 1, n - 2]));
 *   return a + b;
 * }
 *
 * await using client = await Client.connect();
 * console.log(await client.submit(fib, 10).result()); // 55
 * ```
 */
export function workerClient(): Promise<BaseClient> {
  return Promise.reject(new NoWorkerError("workerClient()"));
}

/**
 * A client for the running task, which stays among its worker's threads: to submit what it does not wait
 * for. A task that waits for others should use {@linkcode workerClient}, or {@linkcode secede} first: if
 * all threads wait, nothing goes on.
 *
 * @returns The client, connected. Close it, best with `await using`.
 * @throws {NoWorkerError} Outside of tasks.
 */
export function getClient(): Promise<BaseClient> {
  return Promise.reject(new NoWorkerError("getClient()"));
}

/**
 * Leave the worker's threads: another thread takes the place of the one that runs the task, which goes on
 * for as long as it likes, and keeps its resources.
 *
 * @throws {NoWorkerError} Outside of tasks.
 */
export function secede(): void {
  throw new NoWorkerError("secede()");
}

/**
 * Be one of the worker's threads again, after {@linkcode secede} or {@linkcode workerClient}.
 *
 * @returns Resolves when there is a place.
 * @throws {NoWorkerError} Outside of tasks.
 */
export function rejoin(): Promise<void> {
  return Promise.reject(new NoWorkerError("rejoin()"));
}
