/**
 * A compiled `dusk-remote` that runs one script: the process has all permissions, the script in it only
 * those that it was given. A Web Worker has them; in it a worker of Node's kind runs the script, since
 * that one ends when nothing is left to do, as a program does, and has an exit code.
 *
 * @module
 */
import { endWithParent, readSettings } from "./script_settings.ts";

/** Run the script that standard input names, and end with its exit code. */
export async function runScriptChild(): Promise<never> {
  const settings = readSettings();
  endWithParent();
  const worker = new Worker(new URL("./script_sandbox.ts", import.meta.url), {
    type: "module",
    name: settings.name,
    deno: { permissions: settings.permissions },
  } as WorkerOptions);
  const ended = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => ended.resolve(data);
  worker.onerror = () => ended.resolve(1); // It has been printed.
  worker.postMessage(settings);
  Deno.exit(await ended.promise);
}
