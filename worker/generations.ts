/**
 * Generations of tasks, as the scheduler's messages have them.
 *
 * @module
 */
import type { Generations } from "../protocol/messages.ts";

/** The generation of one task; 0 when nothing is said of it. */
export function generationOf(generations: Generations | undefined, key: string): number {
  if (typeof generations === "number") return generations;
  return generations !== undefined && Object.hasOwn(generations, key) ? generations[key] : 0;
}

/** The newest of them. */
export function newest(generations: Generations): number {
  if (typeof generations === "number") return generations;
  let max = 0;
  for (const key in generations) max = Math.max(max, generations[key]);
  return max;
}
