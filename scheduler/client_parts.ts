/**
 * The code that clients have sent. A client sends a part once and refers to it from then on by its name,
 * so the scheduler keeps it until the client lets go of it, or leaves.
 *
 * @module
 */
import type { ClientState } from "./client_state.ts";
import type { PartState } from "./part_registry.ts";
import type { SchedulerState } from "./state.ts";

/** Keeps parts for a client. */
export function holdParts(s: SchedulerState, cs: ClientState, parts: readonly PartState[]): void {
  for (const part of parts) {
    if (cs.parts.has(part)) continue;
    cs.parts.add(part);
    s.parts.use(part);
  }
}

/** A client will not refer to these parts again without sending them anew. */
export function releaseParts(s: SchedulerState, cs: ClientState, names: readonly string[]): void {
  for (const name of names) {
    const part = s.parts.get(name);
    if (part !== undefined && cs.parts.delete(part)) s.parts.release(part);
  }
}

/** A client has left. */
export function releaseAllParts(s: SchedulerState, cs: ClientState): void {
  for (const part of cs.parts) s.parts.release(part);
  cs.parts.clear();
}
