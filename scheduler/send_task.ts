/**
 * The message that gives a task to a worker.
 *
 * @module
 */
import type { CodePart, Generations } from "../protocol/messages.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { generationsOf } from "./generations.ts";
import { addUnknown } from "./part_closure.ts";
import type { PartState } from "./part_registry.ts";
import { resultPartsOf } from "./result_parts.ts";
import { addresses, type SchedulerState, sendToWorker } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** Queues that a worker shall run a task; the code that the worker lacks goes along. */
export function sendTaskToWorker(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  const spec = ts.runSpec as NonNullable<typeof ts.runSpec>;
  let parts = bring(undefined, spec.function, ws);
  let needs: string[] | undefined;
  if (spec.needs !== null) {
    needs = spec.needs.map((part) => part.name);
    for (const part of spec.needs) parts = bring(parts, part, ws);
  }
  let whoHas: Record<string, string[]> | undefined;
  let generations: Generations | undefined;
  let nbytes: Record<string, number> | undefined;
  let dependencyNeeds: Record<string, string[]> | undefined;
  const dependencies = ts.dependencies.items;
  if (dependencies.length > 0) {
    // Without a prototype: keys are the user's, and V8 then makes no shape for each.
    whoHas = { __proto__: null } as unknown as Record<string, string[]>;
    generations = generationsOf(dependencies);
    nbytes = { __proto__: null } as unknown as Record<string, number>;
    for (let i = 0; i < dependencies.length; i++) {
      const dts = dependencies[i];
      whoHas[dts.key] = addresses(dts);
      nbytes[dts.key] = dts.nbytes;
      const referred = resultPartsOf(s, dts);
      if (referred === undefined) continue;
      dependencyNeeds ??= { __proto__: null } as unknown as Record<string, string[]>;
      dependencyNeeds[dts.key] = referred.map((part) => part.name);
      for (const part of referred) parts = bring(parts, part, ws);
    }
  }
  sendToWorker(s, ws, {
    op: "compute-task",
    key: ts.key,
    function: spec.function.name,
    needs,
    parts,
    args: ts.args as Serialized,
    priority: [0 - spec.userPriority, spec.generation, ts.order],
    duration: ts.prefix.duration < 0 ? undefined : ts.prefix.duration,
    whoHas,
    generations,
    nbytes,
    dependencyNeeds,
    resources: spec.resourceRestrictions === null
      ? undefined
      : spec.resourceRestrictions as Record<string, number>,
    timeout: spec.timeout,
  });
}

/** Adds to the parts that go along what the worker lacks of one part, and of those that it needs. */
function bring(
  parts: Record<string, CodePart> | undefined,
  part: PartState,
  ws: WorkerState,
): Record<string, CodePart> | undefined {
  if (part.knownBy.has(ws)) return parts;
  const extended = parts ?? {};
  addUnknown(extended, part, ws);
  return extended;
}
