/**
 * Checks that the parts of code are used from as many places as they count, and that workers have what
 * they are taken to have.
 *
 * @module
 */
import { InvariantError } from "./invariant_error.ts";
import type { PartState } from "./part_registry.ts";
import type { SchedulerState } from "./state.ts";
import type { RunSpec } from "./task_state.ts";

/** Checks all parts. */
export function validateParts(s: SchedulerState): void {
  const uses = countUses(s);
  let unusedBytes = 0;
  const before = new Set<PartState>();
  for (const part of s.parts.unused) {
    unusedBytes += part.nbytes;
    before.add(part);
    for (const need of part.needs) check(!before.has(need), part, `comes before ${need.name}`);
  }
  if (unusedBytes !== s.parts.unusedBytes) {
    throw new InvariantError(`unused parts have ${unusedBytes} bytes, not ${s.parts.unusedBytes}`);
  }
  for (const part of s.parts.values()) {
    const used = uses.get(part) ?? 0;
    check(part.references === used, part, `is used ${used} times, not ${part.references}`);
    check(s.parts.unused.has(part) === (used === 0), part, "is unused if nothing uses it");
    for (const need of part.needs) {
      check(s.parts.get(need.name) === need, part, `needs ${need.name}, which is known`);
      for (const ws of part.knownBy) {
        check(need.knownBy.has(ws), part, `is known by ${ws.address} with ${need.name}`);
      }
    }
    for (const ws of part.knownBy) {
      check(s.workers.get(ws.address) === ws, part, `is known by ${ws.address}, which exists`);
    }
    uses.delete(part);
  }
  for (const part of uses.keys()) check(false, part, "is used while it is known");
}

/** From how many places each part is used. */
function countUses(s: SchedulerState): Map<PartState, number> {
  const uses = new Map<PartState, number>();
  const use = (part: PartState) => void uses.set(part, (uses.get(part) ?? 0) + 1);
  const tasks = new Map<RunSpec, number>();
  for (const { runSpec } of s.tasks.values()) {
    if (runSpec !== null) tasks.set(runSpec, (tasks.get(runSpec) ?? 0) + 1);
  }
  for (const [spec, count] of tasks) {
    check(spec.tasks === count, spec.function, `is run by ${count} tasks, not ${spec.tasks}`);
    use(spec.function);
    spec.needs?.forEach(use);
  }
  for (const [ts, parts] of s.resultParts) {
    if (s.tasks.get(ts.key) !== ts) {
      throw new InvariantError(`the result of '${ts.key}', which is gone, refers to code`);
    }
    parts.forEach(use);
  }
  for (const cs of s.clients.values()) for (const part of cs.parts) use(part);
  for (const part of s.uploads.values()) use(part);
  // Parts that are in use use what they need.
  const inUse = [...uses.keys()];
  for (let part = inUse.pop(); part !== undefined; part = inUse.pop()) {
    for (const need of part.needs) {
      if (!uses.has(need)) inUse.push(need);
      use(need);
    }
  }
  return uses;
}

function check(holds: boolean, part: PartState, rule: string): void {
  if (!holds) throw new InvariantError(`part ${part.name}: it does not hold that it ${rule}`);
}
