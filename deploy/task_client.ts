/**
 * Puts together what a client takes in a thread: the client, the line to the worker, and the code that
 * has come to the thread.
 *
 * @module
 */
import type { BaseClient } from "../client/base_client.ts";
import { openTaskClient } from "../client/task_client.ts";
import { type LogLevel, writeLogsWith } from "../config/logger.ts";
import type { Linker } from "../protocol/functions/linker.ts";
import { ThreadCapture } from "../protocol/functions/thread_capture.ts";
import { ClientLine } from "../worker/threads/client_line.ts";

export { asCompleted } from "../client/as_completed.ts";
export { wait } from "../client/wait.ts";

const QUIET: readonly LogLevel[] = ["debug", "info"];

// What a client has to say goes where the task's own output goes.
writeLogsWith(() => ({
  isEnabled: (level) => !QUIET.includes(level),
  write: (level, message) => {
    if (!QUIET.includes(level)) console.warn(message);
  },
}));

/**
 * Make a client for the running task.
 *
 * @param port Leads to the worker.
 * @param linker Knows the code that has come to the thread.
 */
export async function open(port: MessagePort, linker: Linker): Promise<BaseClient> {
  const line = new ClientLine(port);
  return await openTaskClient({
    ready: () => line.ready(),
    connect: (address, options) => line.connect(address, options),
    call: (address, op, args, options) => line.call(address, op, args, options),
    close: () => line.close(),
  }, new ThreadCapture(linker));
}
