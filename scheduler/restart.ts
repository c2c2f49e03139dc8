/**
 * A clean slate: all tasks and all data are dropped, the workers stay. So does the code that clients
 * hold, which they may still refer to by name, and the modules that they have uploaded.
 *
 * @module
 */
import type { SchedulerCore } from "./core.ts";
import { forgetCopies } from "./copies.ts";
import { loadsChanged } from "./occupancy.ts";
import { callPlugin } from "./plugins.ts";
import { forgetResultParts } from "./result_parts.ts";
import { leaveRunSpec } from "./run_spec_parts.ts";
import { type SchedulerState, sendToClient } from "./state.ts";
import { sendAllUploads } from "./uploads.ts";

/** Drops everything but the workers and the clients, and tells the clients. */
export function restart(s: SchedulerState): void {
  for (const ts of s.tasks.values()) {
    forgetResultParts(s, ts);
    if (ts.runSpec !== null) leaveRunSpec(s, ts.runSpec);
  }
  s.tasks.clear();
  s.unrunnable.clear();
  s.suspects.clear();
  s.inFlight.clear();
  s.prefixes.reset();
  forgetCopies(s);
  s.retirementDue = s.retiring.size > 0;
  for (const ts of s.stack) ts.recommended = null;
  s.stack.length = 0;
  s.touched.clear();
  s.totalProcessing = 0;
  s.totalOccupancy = 0;
  s.trialSlotFreed = false;
  for (const ws of s.workers.values()) {
    ws.processing.clear();
    ws.hasWhat.clear();
    ws.nbytes = 0;
    ws.orphans = null;
    ws.occupancy = 0;
    ws.longRunning = 0;
    for (const name in ws.usedResources) ws.usedResources[name] = 0;
    ws.stealable.length = 0;
    ws.inFlightOccupancy = 0;
    ws.inFlightTasks = 0;
    ws.suspects = 0;
    ws.trial = null;
    // What was still to be sent is about work that is dropped.
    ws.outbox.length = 0;
  }
  s.workersToSend.length = 0;
  for (const ws of s.workers.values()) {
    // It has begun anew.
    s.parts.forgetWorker(ws);
    sendAllUploads(s, ws);
  }
  loadsChanged(s);
  for (const cs of s.clients.values()) {
    cs.wantsWhat.clear();
    sendToClient(s, cs, { op: "restart" });
  }
  s.eventLog.add("all", { action: "restart" }, s.now);
  for (const plugin of s.plugins) {
    callPlugin(s, plugin, "restart", () => plugin.restart?.(s as SchedulerCore));
  }
}
