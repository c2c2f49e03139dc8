/**
 * Which of the tasks that were given to workers are worth stealing, binned by how dear it is to move
 * them; and which are on their way.
 *
 * @module
 */
import type { SchedulerState } from "./state.ts";
import { StealBin } from "./steal_bin.ts";
import type { TaskState } from "./task_state.ts";
import type { WorkerState } from "./worker_state.ts";

/** Seconds that moving a task or a result takes at least. */
export const LATENCY = 0.01;
/** Tasks with dependencies that run shorter than this, in seconds, are not worth moving. */
const SHORTEST = 0.005;
/** Moving data may take so many times as long as computing before a task is never moved. */
const DEAREST = 100;
/** Bins of stealable tasks; bin 0 holds those without dependencies, each next costs twice as much. */
export const LEVELS = 15;
/** By how many times its duration a task of each bin is delayed by being moved. */
export const COST_MULTIPLIERS: readonly number[] = Array.from(
  { length: LEVELS },
  (_, level) => level === 0 ? 1 : 1 + 2 ** (level - 6),
);
/** A task on its way. */
export interface Steal {
  /** Number of the request. */
  readonly id: number;
  readonly victim: WorkerState;
  /** Null: whoever is best once the victim has let go of it. */
  readonly thief: WorkerState | null;
  /** How many tasks the victim has less when it has let go of it, and seconds of work: none once it is long-running. */
  victimTasks: number;
  victimDuration: number;
  /** What the task costs the thief, in seconds. */
  readonly thiefDuration: number;
}

/**
 * The bin that a processing task belongs in, by how long its dependencies would take to move
 * compared with how long it runs.
 *
 * @returns The level, 0 the best; -1 when the task must not or need not be stolen.
 */
export function stealLevel(s: SchedulerState, ts: TaskState): number {
  const spec = ts.runSpec as NonNullable<typeof ts.runSpec>;
  if (spec.isBound || ts.suspicious > 0) return -1;
  const dependencies = ts.dependencies.items;
  if (dependencies.length === 0) return 0;
  const compute = ts.cost;
  if (compute < SHORTEST) return -1;
  let nbytes = 0;
  for (let i = 0; i < dependencies.length; i++) nbytes += Math.max(dependencies[i].nbytes, 0);
  const ratio = (nbytes / s.bandwidth + LATENCY) / compute;
  if (ratio > DEAREST) return -1;
  return Math.min(LEVELS - 1, Math.max(1, Math.round(Math.log2(ratio) + 6)));
}

/** Makes a processing task stealable, if it is worth it. */
export function putInStealable(s: SchedulerState, ts: TaskState): void {
  const level = stealLevel(s, ts);
  ts.stealLevel = level;
  if (level < 0) return;
  const bins = (ts.processingOn as WorkerState).stealable;
  let bin = bins[level];
  if (bin === undefined) bin = bins[level] = new StealBin();
  bin.add(ts);
}

/** Makes a task not stealable any more. It must still be booked on its worker. */
export function removeFromStealable(ts: TaskState): void {
  if (ts.stealLevel < 0) return;
  ((ts.processingOn as WorkerState).stealable[ts.stealLevel] as StealBin).remove(ts);
  ts.stealLevel = -1;
}

/** A task that its worker was asked for takes none of that worker's places any more, whether it moves or not. */
export function relieveVictim(steal: Steal): void {
  const { victim } = steal;
  victim.inFlightTasks += steal.victimTasks;
  victim.inFlightOccupancy += steal.victimDuration;
  steal.victimTasks = 0;
  steal.victimDuration = 0;
}

/** A task that may be on its way is not processing where it was: its request counts no more. */
export function dropSteal(s: SchedulerState, ts: TaskState): void {
  const steal = s.inFlight.get(ts);
  if (steal === undefined) return;
  s.inFlight.delete(ts);
  const { victim, thief } = steal;
  relieveVictim(steal);
  // An empty sum is nothing, whatever rounding has left over.
  if (s.inFlight.size === 0) victim.inFlightOccupancy = 0;
  if (thief === null) return;
  thief.inFlightTasks--;
  thief.inFlightOccupancy -= steal.thiefDuration;
  if (s.inFlight.size === 0) thief.inFlightOccupancy = 0;
}
