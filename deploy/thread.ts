/**
 * A thread whose tasks have clients: the entry of its Web Worker. What a client takes is loaded when the
 * first task asks for one.
 *
 * @module
 */
import { CancelledError } from "../client/future_state.ts";
import { TimeoutError } from "../client/deadline.ts";
import { NoWorkerError } from "../protocol/get_worker.ts";
import { startThread } from "../worker/threads/thread_start.ts";

type TaskClientModule = typeof import("./task_client.ts");
let loaded: TaskClientModule | undefined;

/** What works on futures, and so with a client only. */
function withClient<Name extends "asCompleted" | "wait">(name: Name): TaskClientModule[Name] {
  return ((...args: unknown[]) => {
    if (loaded === undefined) throw new NoWorkerError(`${name}() without a workerClient()`);
    return (loaded[name] as (...args: unknown[]) => unknown)(...args);
  }) as TaskClientModule[Name];
}

startThread({
  names: {
    CancelledError,
    TimeoutError,
    asCompleted: withClient("asCompleted"),
    wait: withClient("wait"),
  },
  open: async (port, linker) => {
    loaded ??= await import("./task_client.ts");
    return await loaded.open(port, linker);
  },
});
