/**
 * The message that gives a task to a worker.
 *
 * @module
 */
import { addresses, type SchedulerState, sendToWorker } from "./state.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";
import type { Serialized } from "../protocol/serialized.ts";

/** Queues that a worker shall run a task; the function's code goes along if the worker lacks it. */
export function sendTaskToWorker(s: SchedulerState, ts: TaskState, ws: WorkerState): void {
  const spec = ts.runSpec as NonNullable<typeof ts.runSpec>;
  const fn = spec.function;
  let code: Serialized | undefined;
  if (!fn.knownBy.has(ws)) {
    fn.knownBy.add(ws);
    code = fn.code;
  }
  let whoHas: Record<string, string[]> | undefined;
  let nbytes: Record<string, number> | undefined;
  const dependencies = ts.dependencies.items;
  if (dependencies.length > 0) {
    // Without a prototype: keys are the user's, and V8 then makes no shape for each.
    whoHas = { __proto__: null } as unknown as Record<string, string[]>;
    nbytes = { __proto__: null } as unknown as Record<string, number>;
    for (let i = 0; i < dependencies.length; i++) {
      const dts = dependencies[i];
      whoHas[dts.key] = addresses(dts);
      nbytes[dts.key] = dts.nbytes;
    }
  }
  sendToWorker(s, ws, {
    op: "compute-task",
    key: ts.key,
    function: fn.hash,
    code,
    args: ts.args as Serialized,
    priority: [0 - spec.userPriority, spec.generation, ts.order],
    duration: ts.prefix.duration < 0 ? undefined : ts.prefix.duration,
    whoHas,
    nbytes,
    resources: spec.resourceRestrictions === null
      ? undefined
      : spec.resourceRestrictions as Record<string, number>,
    timeout: spec.timeout,
  });
}
