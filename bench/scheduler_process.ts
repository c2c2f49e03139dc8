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
 * @returns A row for the time a task takes, and one for the memory.
 */
export async function measureScheduler(tasks: number): Promise<Row[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--quiet",
      "--v8-flags=--expose-gc",
      new URL("scheduler.ts", import.meta.url).pathname,
      "--json",
      String(tasks),
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`the benchmark of the scheduler with ${tasks} tasks failed`);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}
