/**
 * The parts of code that the tasks of a call use: counted once for all of them.
 *
 * @module
 */
import type { SchedulerState } from "./state.ts";
import type { RunSpec } from "./task_state.ts";

/** There is one more task of a call. */
export function joinRunSpec(s: SchedulerState, spec: RunSpec): void {
  if (spec.tasks++ > 0) return;
  s.parts.use(spec.function);
  if (spec.needs !== null) { for (const part of spec.needs) s.parts.use(part); }
}

/** There is one task fewer of a call. */
export function leaveRunSpec(s: SchedulerState, spec: RunSpec): void {
  if (--spec.tasks > 0) return;
  s.parts.release(spec.function);
  if (spec.needs !== null) { for (const part of spec.needs) s.parts.release(part); }
}
