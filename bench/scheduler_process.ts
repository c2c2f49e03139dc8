/**
 * The benchmark of the scheduler core alone, in a process of its own so that nothing else is on its
 * heap.
 *
 * @module
 */
import type { Row } from "./table.ts";

/**
 * Measure.
 *
 * @param tasks How many tasks.
 * @returns Rows for the time a task takes, for its memory, and for what is left of it.
 */
export async function measureScheduler(tasks: number): Promise<Row[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--quiet",
      "--v8-flags=--expose-gc",
      new URL("scheduler.ts", import.meta.url).pathname,
      "--json",
      String(tasks),
    ],
  }).output();
  const text = new TextDecoder();
  if (!success) {
    throw new Error(`the scheduler with ${tasks} tasks failed:\n${text.decode(stderr)}`);
  }
  const lines = text.decode(stdout).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}
