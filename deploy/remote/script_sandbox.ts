/**
 * The thread with a script's permissions: starts the one that runs the script, and tells how it ended.
 *
 * @module
 */
import { Worker } from "node:worker_threads";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(code: number): void;
};

scope.onmessage = ({ data }) => {
  const thread = new Worker(new URL("./script_thread.ts", import.meta.url), { workerData: data });
  let hasFailed = false;
  // Deno has printed it.
  thread.on("error", () => hasFailed = true);
  thread.on("exit", (code) => scope.postMessage(hasFailed ? code || 1 : code));
};
