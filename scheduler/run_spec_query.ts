/**
 * All it takes to run a task again elsewhere, such as in the process of a client that looks for the
 * reason of a failure.
 *
 * @module
 */
import type { CodePart, RunSpecReply } from "../protocol/messages.ts";
import { addClosure } from "./part_closure.ts";
import { resultPartsOf } from "./result_parts.ts";
import type { SchedulerState } from "./state.ts";

/** How to run a task; of one that failed because of another, that one. */
export function runSpecOf(s: SchedulerState, key: string): RunSpecReply {
  const asked = s.tasks.get(key);
  if (asked === undefined) return refusal(key, "the scheduler does not know it: it was released");
  const ts = asked.failure === null ? asked : s.tasks.get(asked.failure.blame);
  if (ts === undefined) {
    return refusal(key, `it failed because of '${asked.failure?.blame}', which was released`);
  }
  if (ts.runSpec === null || ts.args === null) {
    return refusal(key, "it is data that a client has put on the workers: nothing was run");
  }
  const parts: Record<string, CodePart> = {};
  addClosure(parts, ts.runSpec.function);
  for (const part of ts.runSpec.needs ?? []) addClosure(parts, part);
  const dependencies: string[] = [];
  for (const dts of ts.dependencies) {
    dependencies.push(dts.key);
    for (const part of resultPartsOf(s, dts) ?? []) addClosure(parts, part);
  }
  const { function: fn } = ts.runSpec;
  return { status: "OK", key: ts.key, function: fn.name, parts, args: ts.args, dependencies };
}

function refusal(key: string, reason: string): RunSpecReply {
  return { status: "error", message: `task '${key}' cannot be run elsewhere: ${reason}` };
}
