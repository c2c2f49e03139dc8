/**
 * The parts of code that results refer to, such as the classes of their objects. Most refer to none, so
 * what is known is kept beside the tasks.
 *
 * @module
 */
import type { PartState } from "./part_registry.ts";
import type { SchedulerState } from "./state.ts";
import type { TaskState } from "./task_state.ts";

/**
 * Notes what a task's result refers to, on top of what is known of it already: a copy that was computed
 * before may still turn up.
 *
 * @param names The parts; undefined: none.
 * @returns The first part that the scheduler does not know; then nothing was noted. Null: all is well.
 */
export function learnResultParts(
  s: SchedulerState,
  ts: TaskState,
  names: readonly string[] | undefined,
): string | null {
  if (names === undefined || names.length === 0) return null;
  const known = s.resultParts.get(ts) ?? [];
  const parts = new Set(known);
  for (const name of names) {
    const part = s.parts.get(name);
    if (part === undefined) return name;
    parts.add(part);
  }
  if (parts.size === known.length) return null;
  const all = [...parts];
  for (const part of all.slice(known.length)) s.parts.use(part);
  s.resultParts.set(ts, all);
  return null;
}

/** What a task's result refers to; undefined: nothing. */
export function resultPartsOf(s: SchedulerState, ts: TaskState): readonly PartState[] | undefined {
  return s.resultParts.size === 0 ? undefined : s.resultParts.get(ts);
}

/** There will be no result of the task any more. */
export function forgetResultParts(s: SchedulerState, ts: TaskState): void {
  const parts = resultPartsOf(s, ts);
  if (parts === undefined) return;
  s.resultParts.delete(ts);
  for (const part of parts) s.parts.release(part);
}
