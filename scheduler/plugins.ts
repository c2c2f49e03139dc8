/**
 * Calls of the user's plugins. One that throws is reported, and does not disturb the scheduling.
 *
 * @module
 */
import type { SchedulerPlugin } from "./plugin.ts";
import type { SchedulerState } from "./state.ts";

/** Calls a hook of a plugin. */
export function callPlugin(
  s: SchedulerState,
  plugin: SchedulerPlugin,
  hook: string,
  call: () => void,
): void {
  try {
    call();
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    s.eventLog.add("plugin-error", { hook, error: text }, s.now);
    s.onPluginError(error, plugin, hook);
  }
}
