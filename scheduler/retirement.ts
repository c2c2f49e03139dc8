/**
 * Workers that leave without loss. From the moment that one retires it is "closing-gracefully":
 *
 * 1. it gets no new task, and is asked to give back those that it has not begun; those that it runs
 *    finish there;
 * 2. results that no worker that stays holds are copied to others ({@linkcode copyResults});
 * 3. when it has no task left and holds nothing that would be lost with it, it is over: the worker is
 *    told to `close`, if that is wanted, and whoever has asked for it is told too.
 *
 * It is over at its deadline in any case, and when the last worker that could take its results leaves.
 * What is lost then is computed again. A worker whose nanny is to restart it can wait instead: it goes on
 * until another worker can take over.
 *
 * @module
 */
import { copyResults, isLeavingAltogether } from "./copies.ts";
import { type SchedulerState, sendToWorker } from "./state.ts";
import { setStatus } from "./worker_status.ts";
import type { WorkerState } from "./worker_state.ts";

/** How a worker is to leave. */
export interface RetireOptions {
  /** Why, for logs. */
  reason: string;
  /** Seconds that it may take; Infinity: as long as it takes. */
  timeout: number;
  /** Whether the worker is told to close when nothing is lost by it any more. */
  close: boolean;
  /** Whether its nanny starts another: it goes on, then, until another worker can take over. */
  restart: boolean;
}

/** A worker on its way out. */
export interface Retirement {
  readonly reason: string;
  readonly timeout: number;
  /** When it is over in any case, in seconds; Infinity before it has begun. */
  deadline: number;
  close: boolean;
  restart: boolean;
  /** Whether it takes tasks still, because no other worker could take over. */
  isWaiting: boolean;
  /** Whether nothing is to be done any more but to leave. */
  isOver: boolean;
}

/** What is told of a worker when its retirement is over. */
export interface Retired {
  readonly address: string;
  readonly reason: string;
  /** Tasks that it was running still: others run them again. */
  readonly running: number;
  /** Results that are lost with it, to be computed again. */
  readonly lost: number;
  /** Data of clients that is lost with it for good. */
  readonly lostForGood: number;
}

/** Begins to retire a worker. One that retires already does so by the earlier of both deadlines. */
export function retire(s: SchedulerState, ws: WorkerState, options: RetireOptions): void {
  const { reason, timeout, close, restart } = options;
  const before = ws.retirement;
  if (before !== null) {
    if (!restart) before.deadline = Math.min(before.deadline, s.now + timeout);
    before.restart &&= restart;
    before.isWaiting &&= restart;
    // What has come to it since it was done with is not to be lost either.
    if (close && !before.close) before.isOver = false;
    before.close ||= close;
  } else {
    const isWaiting = restart;
    const deadline = isWaiting ? Infinity : s.now + timeout;
    ws.retirement = { reason, timeout, deadline, close, restart, isWaiting, isOver: false };
    s.retiring.add(ws);
    s.eventLog.add("worker", { action: "retire", worker: ws.address, reason }, s.now);
  }
  begin(s, ws);
  s.retirementDue = true;
}

/** Goes on with all workers that retire, when something has changed for them. */
export function advanceRetirements(s: SchedulerState): void {
  if (!s.retirementDue) return;
  s.retirementDue = false;
  for (const ws of s.retiring) {
    const retirement = ws.retirement as Retirement;
    if (retirement.isOver) continue;
    if (retirement.isWaiting) begin(s, ws);
    if (retirement.isWaiting) continue;
    const isLate = s.now >= retirement.deadline;
    // What it runs still gives results, too; those that are there need not wait for them.
    const unsafe = isLate ? 0 : copyResults(s, ws);
    if (isLate || (unsafe === 0 && ws.processing.size === 0)) finish(s, ws, retirement);
  }
}

/** Lets the retirement of a worker begin, unless it has to wait for another worker. */
function begin(s: SchedulerState, ws: WorkerState): void {
  const retirement = ws.retirement as Retirement;
  if (retirement.isWaiting) {
    if (!canBeSpared(s, ws)) return;
    retirement.isWaiting = false;
    retirement.deadline = s.now + retirement.timeout;
  }
  setStatus(s, ws, "closing-gracefully");
}

function canBeSpared(s: SchedulerState, ws: WorkerState): boolean {
  // Without threads it holds up whoever waits for it, and nothing gets better by waiting.
  if (ws.nthreads === 0 || (ws.processing.size === 0 && ws.hasWhat.size === 0)) return true;
  for (const other of s.workers.values()) if (other !== ws && other.takesTasks) return true;
  return false;
}

function finish(s: SchedulerState, ws: WorkerState, retirement: Retirement): void {
  retirement.isOver = true;
  let lost = 0;
  let lostForGood = 0;
  for (const ts of ws.hasWhat) {
    if (!isLeavingAltogether(ts)) continue;
    if (ts.runSpec === null) lostForGood++;
    else lost++;
  }
  const { address } = ws;
  const { reason } = retirement;
  s.retired.push({ address, reason, running: ws.processing.size, lost, lostForGood });
  s.eventLog.add("worker", { action: "retired", worker: address, lost, lostForGood }, s.now);
  if (retirement.close) sayClose(s, ws);
}

function sayClose(s: SchedulerState, ws: WorkerState): void {
  const { reason, restart } = ws.retirement as Retirement;
  sendToWorker(s, ws, { op: "close", reason, restart });
}
