/**
 * The engine of the state machine: finds the way of a task from one state to another, logs each
 * step, tells the plugins, and goes on until nothing more is due.
 *
 * @module
 */
import type { TransitionDetails } from "./plugin.ts";
import { callPlugin } from "./plugins.ts";
import type { SchedulerState } from "./state.ts";
import { nextTrial } from "./suspects.ts";
import type { TaskState, TaskStateName } from "./task_state.ts";
import {
  transitionErredForgotten,
  transitionMemoryForgotten,
  transitionReleasedForgotten,
} from "./transitions_forgotten.ts";
import {
  transitionNoWorkerWaiting,
  transitionReleasedWaiting,
  transitionWaitingProcessing,
} from "./transitions_forward.ts";
import {
  transitionErredReleased,
  transitionMemoryReleased,
  transitionNoWorkerReleased,
  transitionProcessingReleased,
  transitionWaitingReleased,
} from "./transitions_released.ts";
import {
  transitionNoWorkerMemory,
  transitionProcessingErred,
  transitionProcessingMemory,
  transitionReleasedErred,
  transitionReleasedMemory,
  transitionWaitingMemory,
} from "./transitions_result.ts";
import type { WorkerState } from "./worker_state.ts";

/**
 * Takes a task from one state to the next and recommends what follows from that. It may end in
 * another state than the usual one (`waiting` to `no-worker`), or find that it is not due any more.
 */
type Transition = (s: SchedulerState, ts: TaskState, worker: WorkerState | null) => void;

/** A task that cannot get from one state to another. */
export class TransitionError extends Error {
  override name = "TransitionError";
}

/** The transitions that there are. Other pairs go through `released`. */
const TRANSITIONS: Record<TaskStateName, Partial<Record<TaskStateName, Transition>>> = {
  "released": {
    "waiting": transitionReleasedWaiting,
    "memory": transitionReleasedMemory,
    "erred": transitionReleasedErred,
    "forgotten": transitionReleasedForgotten,
  },
  "waiting": {
    "released": transitionWaitingReleased,
    "processing": transitionWaitingProcessing,
    "memory": transitionWaitingMemory,
  },
  "no-worker": {
    "released": transitionNoWorkerReleased,
    "waiting": transitionNoWorkerWaiting,
    "memory": transitionNoWorkerMemory,
  },
  "processing": {
    "released": transitionProcessingReleased,
    "memory": transitionProcessingMemory,
    "erred": transitionProcessingErred,
  },
  "memory": {
    "released": transitionMemoryReleased,
    "forgotten": transitionMemoryForgotten,
  },
  "erred": {
    "released": transitionErredReleased,
    "forgotten": transitionErredForgotten,
  },
  "forgotten": {},
};

/**
 * Takes a task to a state, through `released` when there is no direct way. What follows for other
 * tasks is recommended, and done by {@linkcode transitions}.
 *
 * @param s The scheduler's state.
 * @param ts The task.
 * @param finish The state it shall reach.
 * @param worker The worker that has the result, when it goes to `memory`.
 * @throws {TransitionError} When there is no way.
 */
export function transition(
  s: SchedulerState,
  ts: TaskState,
  finish: TaskStateName,
  worker: WorkerState | null = null,
): void {
  const start = ts.state;
  if (start === finish) return;
  const direct = TRANSITIONS[start][finish];
  if (direct !== undefined) {
    step(s, ts, direct, worker);
    return;
  }
  const toReleased = TRANSITIONS[start]["released"];
  if (toReleased !== undefined && finish !== "released") {
    step(s, ts, toReleased, null);
    // Whether it shall be computed again is for it to say now: it may not be needed any more, or
    // have to be forgotten.
    const next = finish === "waiting" ? ts.recommended : finish;
    ts.recommended = null;
    if (next === null || next === "released") return;
    const onward = TRANSITIONS["released"][next];
    if (onward !== undefined) {
      step(s, ts, onward, worker);
      return;
    }
  }
  throw new TransitionError(`task '${ts.key}' cannot go from ${start} to ${finish}`);
}

/** Does what is recommended, and what that recommends, until nothing is. */
export function transitions(s: SchedulerState): void {
  const stack = s.stack;
  for (;;) {
    for (let ts = stack.pop(); ts !== undefined; ts = stack.pop()) {
      const finish = ts.recommended;
      // Null when the task has gone there on the way to somewhere else.
      if (finish === null) continue;
      ts.recommended = null;
      transition(s, ts, finish);
    }
    if (s.trialSlotFreed) nextTrial(s);
    if (stack.length === 0) return;
  }
}

function step(
  s: SchedulerState,
  ts: TaskState,
  enact: Transition,
  worker: WorkerState | null,
): void {
  const start = ts.state as Exclude<TaskStateName, "forgotten">;
  const processingOn = ts.processingOn;
  enact(s, ts, worker);
  const finish = ts.state;
  if (finish === start) return;
  const counts = ts.prefix.counts;
  counts[start]--;
  if (finish !== "forgotten") counts[finish]++;
  s.log.add(ts.key, start, finish, s.stimulus, s.now);
  if (s.validate) s.touched.add(ts);
  if (s.transitionPlugins.length > 0) {
    tellPlugins(s, ts, start, worker ?? ts.processingOn ?? processingOn);
  }
}

function tellPlugins(
  s: SchedulerState,
  ts: TaskState,
  start: TaskStateName,
  worker: WorkerState | null,
): void {
  const details: TransitionDetails = { stimulus: s.stimulus, time: s.now };
  if (worker !== null) details.worker = worker.address;
  if (ts.state === "memory") {
    details.nbytes = ts.nbytes;
    details.type = ts.type;
    if (s.run !== null) {
      details.start = s.run.start;
      details.stop = s.run.stop;
    }
  }
  const finish = ts.state;
  for (const plugin of s.transitionPlugins) {
    callPlugin(s, plugin, "transition", () => plugin.transition?.(ts.key, start, finish, details));
  }
}
