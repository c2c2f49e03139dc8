/**
 * What goes into the thread pool and what comes out of it: a task, its outcome, its console output,
 * and the pool's options. Types only.
 *
 * @module
 */
import type { Serialized } from "../../protocol/serialized.ts";

/**
 * A part of code, see `protocol/functions/definition.ts`. Parts of one name are alike: a thread is sent
 * one of them.
 */
export interface ThreadPart {
  readonly name: string;
  readonly code: Serialized;
  /** Where the code comes from, for stacks. */
  readonly origin: Serialized | undefined;
  /** The parts that the code refers to. There are no circles, and no long chains. */
  readonly needs: readonly ThreadPart[];
}

/** A task that is ready to run: all its data is here. Nothing in it is changed by the pool. */
export interface ThreadTask {
  /** Name of the task; one task of a name is in the pool at a time. */
  readonly key: string;
  /** The function's part. */
  readonly function: ThreadPart;
  /** Further parts that the arguments and the dependencies' values refer to; undefined: none. */
  readonly needs: readonly ThreadPart[] | undefined;
  /** The arguments: decodes to an array; references in it are keys of `dependencies`. */
  readonly args: Serialized;
  /** Values of the keys that `args` refers to. */
  readonly dependencies: ReadonlyMap<string, Serialized> | undefined;
  /**
   * Keys of dependencies whose memory the thread may have: nobody else needs it. A task with such ones is
   * given to a thread only once; taken back from one after that, it ends as "cancelled".
   */
  readonly moved?: ReadonlySet<string>;
  /** Seconds the task may run before it is stopped; absent: no limit. */
  readonly timeout?: number;
}

/** The task returned a value. */
export interface FinishedOutcome {
  key: string;
  status: "finished";
  value: Serialized;
  /** What the value is: "number", "Float64Array", … */
  type: string;
  /** Names of the parts that the value refers to; undefined: none. */
  needs: readonly string[] | undefined;
  /**
   * When the thread began with the task and when it was done with it (arguments decoded, value encoded),
   * in seconds since the epoch.
   */
  start: number;
  stop: number;
  /** Id of the thread that ran it. */
  thread: number;
}

/** The task threw, ran into its time limit, or returned what cannot travel. */
export interface ErredOutcome {
  key: string;
  status: "erred";
  /** The error as a value. */
  exception: Serialized;
  /** The stack, as text, without frames of the machinery. */
  traceback: string;
  start: number;
  stop: number;
  thread: number;
}

/** The task was running when it was cancelled, and is now over. */
export interface CancelledOutcome {
  key: string;
  status: "cancelled";
}

/** The thread died under the task. */
export interface LostOutcome {
  key: string;
  status: "lost";
  /** What happened to the thread. */
  message: string;
}

/** How a task ended. */
export type Outcome = FinishedOutcome | ErredOutcome | CancelledOutcome | LostOutcome;

/** What a task, or something that a task left behind, wrote to its console. */
export interface ConsoleOutput {
  /** The task; null for output written when none was running. */
  key: string | null;
  /** "debug", "log", "info", "warn" or "error". */
  level: string;
  /** The formatted text, without a newline at its end. */
  text: string;
}

/** How many threads there are. */
export interface ThreadsChanged {
  /** Threads that were given up but would not end: each still keeps a core busy. */
  lost: number;
  /** Threads of the pool that run tasks. */
  nthreads: number;
}

/** Options of a pool of threads. */
export interface ThreadPoolOptions {
  /** How many threads, at least 1. */
  nthreads: number;
  /**
   * What tasks may do, as in the `deno.permissions` option of `Worker`. "inherit" (default): all that
   * this process may. Anything else needs the unstable feature `worker-options`: the flag
   * `--unstable-worker-options`, or `"unstable": ["worker-options"]` in `deno.json`. Without it `start`
   * throws; in a process that may not run programs, where it cannot be known, Deno ends the process.
   */
  permissions?: Deno.PermissionOptions;
  /** Address of the worker, for the tasks to see. */
  address?: string;
  /** Name of the worker, for the tasks to see. */
  name?: string;
  /** Called for each task that has ended. Must not throw. */
  onOutcome(outcome: Outcome): void;
  /** Called for each piece of console output; absent: output is dropped. */
  onConsole?(output: ConsoleOutput): void;
  /** Called when a task has left the threads, and how many seconds it had run; another takes its place. */
  onSecede?(key: string, seconds: number): void;
  /** Called when such a task wants to be back; {@linkcode ThreadPool.rejoin} lets it. */
  onRejoin?(key: string): void;
  /** Called when a task wants a line to its cluster. Absent: the port is closed. */
  onClient?(key: string, port: MessagePort): void;
  /** Called when a thread that would not end was given up, and when such a thread did end after all. */
  onThreadsChanged?(threads: ThreadsChanged): void;
  /** Called when a thread died and could not be replaced: the pool goes on with one thread less. */
  onFailure?(error: Error): void;
  /** Seconds a cancelled task has to end by itself before its thread is terminated (default 0.5). */
  grace?: number;
  /**
   * How the two sides wake each other: "shared-memory" by `Atomics.waitAsync`, "messages" by
   * `postMessage` (slower, for runtimes whose `waitAsync` does not hear other threads). Default: the
   * first, where it works.
   */
  waking?: "shared-memory" | "messages";
  /** The module that threads run (default: see `default_thread.ts`). */
  threadModule?: URL;
}
