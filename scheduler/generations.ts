/**
 * Which tasks messages mean: once a task is gone, another can have its key.
 *
 * @module
 */
import type { Generations } from "../protocol/messages.ts";
import { freeKey, type SchedulerState, sendToWorker } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/**
 * The task that a worker speaks of. A worker that has not heard of any so new means the one before.
 *
 * @param generation The newest one that it can mean.
 */
export function taskOf(
  s: SchedulerState,
  ws: WorkerState,
  key: string,
  generation: number = ws.heard,
): TaskState | undefined {
  const ts = s.tasks.get(key);
  return ts !== undefined && ts.generation > generation ? undefined : ts;
}

/** A worker drops what it has of a task that is gone; but not what it may have of the next of that key. */
export function freeOutdated(s: SchedulerState, ws: WorkerState, key: string): void {
  const next = s.tasks.get(key);
  if (next === undefined) freeKey(s, ws, key);
  else sendToWorker(s, ws, { op: "free-keys", keys: [key], before: next.generation });
}

/** Generations of tasks, as messages have them. There is at least one. */
export function generationsOf(tasks: readonly TaskState[]): Generations {
  const { generation } = tasks[0];
  for (let i = 1; i < tasks.length; i++) {
    if (tasks[i].generation !== generation) return generationsByKey(tasks);
  }
  return generation;
}

function generationsByKey(tasks: readonly TaskState[]): Record<string, number> {
  // Without a prototype: keys are the user's.
  const generations: Record<string, number> = Object.create(null);
  for (const { key, generation } of tasks) generations[key] = generation;
  return generations;
}
