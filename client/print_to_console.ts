/**
 * Writes what tasks write to their consoles to this one.
 *
 * @module
 */
import type { ConsoleMessage } from "./session.ts";

/** Write a line of a task, with the task and where it ran. */
export function printToConsole({ key, worker, level, text }: ConsoleMessage): void {
  const line = `[${key} on ${worker}] ${text}`;
  switch (level) {
    case "debug":
    case "info":
    case "warn":
    case "error":
      console[level](line);
      break;
    default:
      console.log(line);
  }
}
