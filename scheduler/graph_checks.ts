/**
 * Whether a graph that a client sends can be computed at all.
 *
 * @module
 */
import type { TaskState } from "./task_state.ts";

/** So many tasks of a circle are named to the user. */
const NAMED = 10;

/**
 * Looks for tasks that need each other in a circle.
 *
 * @param tasks New tasks, linked with what they depend on. Tasks that existed before depend on none
 *   of them.
 * @returns The circle as text, `a -> b -> a`, each task followed by one that it needs; null when
 *   there is none.
 */
export function findCycle(tasks: readonly TaskState[]): string | null {
  const missing = new Map<TaskState, number>();
  for (const ts of tasks) missing.set(ts, 0);
  for (const ts of tasks) {
    let count = 0;
    for (const dts of ts.dependencies) if (missing.has(dts)) count++;
    missing.set(ts, count);
  }
  const ready = tasks.filter((ts) => missing.get(ts) === 0);
  for (let ts = ready.pop(); ts !== undefined; ts = ready.pop()) {
    missing.delete(ts);
    for (const dts of ts.dependents) {
      const left = missing.get(dts);
      if (left === undefined) continue;
      missing.set(dts, left - 1);
      if (left === 1) ready.push(dts);
    }
  }
  if (missing.size === 0) return null;

  // Every task left needs another one that is left: following them must come back to one seen.
  const path: TaskState[] = [];
  const seen = new Map<TaskState, number>();
  let ts = missing.keys().next().value as TaskState;
  while (!seen.has(ts)) {
    seen.set(ts, path.length);
    path.push(ts);
    for (const dts of ts.dependencies) {
      if (!missing.has(dts)) continue;
      ts = dts;
      break;
    }
  }
  const circle = path.slice(seen.get(ts)).map((t) => `'${t.key}'`);
  const named = circle.length <= NAMED
    ? circle
    : [...circle.slice(0, NAMED), `… (${circle.length - NAMED} more)`];
  return [...named, circle[0]].join(" -> ");
}

/**
 * All tasks that cannot be computed because they need, directly or not, a key that nobody knows.
 *
 * @param unknown New tasks with the unknown key that each needs.
 * @returns The tasks by unknown key.
 */
export function findRefused(unknown: ReadonlyMap<TaskState, string>): Map<string, TaskState[]> {
  const refused = new Map<string, TaskState[]>();
  const seen = new Set<TaskState>(unknown.keys());
  for (const [root, missing] of unknown) {
    let tasks = refused.get(missing);
    if (tasks === undefined) refused.set(missing, tasks = []);
    const due = [root];
    for (let ts = due.pop(); ts !== undefined; ts = due.pop()) {
      tasks.push(ts);
      for (const dts of ts.dependents) {
        if (seen.has(dts)) continue;
        seen.add(dts);
        due.push(dts);
      }
    }
  }
  return refused;
}
