/**
 * The thread in which a compiled `dusk-remote` runs a script: makes it look like a program of its own,
 * and shows errors at their places in its author's files.
 *
 * @module
 */
import { workerData } from "node:worker_threads";
import type { ScriptSettings } from "./script_command.ts";
import { advisePermission } from "./script_permission.ts";
import { applySettings } from "./script_settings.ts";
import { mapStacks } from "./script_stacks.ts";

const script = workerData as ScriptSettings;

/** Tell of an error that nobody has caught, and end, as Deno does. */
function fail(error: unknown, how: string): never {
  const text = error instanceof Error ? error.stack ?? String(error) : Deno.inspect(error);
  console.error(`error: Uncaught ${how}${advisePermission(text)}`);
  return Deno.exit(1);
}

Object.defineProperty(Deno, "args", { value: Object.freeze([...script.args]) });
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  fail(event.error, "");
});
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fail(event.reason, "(in promise) ");
});

const { url, map } = await applySettings(script);
if (map !== undefined) mapStacks(url, map);
try {
  await import(url);
} catch (error) {
  fail(error, "(in promise) ");
}
