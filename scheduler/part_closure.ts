/**
 * Parts of code with all that they need, directly or not, as messages carry them: each after those that
 * it needs.
 *
 * @module
 */
import type { CodePart } from "../protocol/messages.ts";
import type { PartState } from "./part_registry.ts";
import type { WorkerState } from "./worker_state.ts";

/** Adds to `parts` a part and all that it needs. */
export function addClosure(parts: Record<string, CodePart>, root: PartState): void {
  if (Object.hasOwn(parts, root.name)) return;
  for (const need of root.needs) addClosure(parts, need);
  parts[root.name] = root.part;
}

/**
 * Adds to `parts` what a worker lacks of a part and all that it needs. It counts as known to the worker
 * from then on: the parts must be sent to it.
 */
export function addUnknown(
  parts: Record<string, CodePart>,
  root: PartState,
  ws: WorkerState,
): void {
  // What a worker has, it has with all that it needs.
  if (root.knownBy.has(ws)) return;
  root.knownBy.add(ws);
  for (const need of root.needs) addUnknown(parts, need, ws);
  parts[root.name] = root.part;
}
