/**
 * Starts a thread of the pool, in the Web Worker that it is. It has few imports and needs no permission:
 * tasks run in here.
 *
 * @module
 */
import { Linker } from "../../protocol/functions/linker.ts";
import { installGuards } from "./exit_guard.ts";
import { type Damage, Intrinsics } from "./intrinsics.ts";
import type { PostedRecord } from "./records.ts";
import { TaskPlace } from "./task_place.ts";
import { installConsole } from "./task_console.ts";
import { TaskErrors } from "./task_error.ts";
import { CurrentTask, installGlobal } from "./task_globals.ts";
import { type ClientTools, taskRuntime } from "./task_runtime.ts";
import { ThreadGarbage } from "./thread_garbage.ts";
import { ThreadLoop, type ToThread } from "./thread_loop.ts";
import { PoolWord, threadMemory } from "./thread_memory.ts";
import { ThreadOutbox } from "./thread_outbox.ts";

/** The first message to a thread: who it is, and the memory and the port that it shares with its pool. */
export interface ThreadInit {
  memory: SharedArrayBuffer;
  poolMemory: SharedArrayBuffer;
  /** A port of its own: what tasks post or listen for in the worker's scope does not get in the way. */
  port: MessagePort;
  thread: number;
  worker: { address: string; name: string };
}

/**
 * What a thread posts: that it is ready, a record too large for its ring, that it can go on no more,
 * null to wake the pool.
 */
export type FromThread =
  | null
  | { kind: "ready" }
  | ({ kind: "record" } & PostedRecord)
  | { kind: "broken"; message: string }
  | FromTask;

/** What a running task asks of the pool; `serial` is its number in the thread. */
export type FromTask =
  /** It leaves the pool's threads, after so many seconds. */
  | { kind: "secede"; serial: number; seconds: number }
  /** It wants to be one of them again. */
  | { kind: "rejoin"; serial: number }
  /** It wants a line to its cluster; this end of it is the pool's. */
  | { kind: "client"; serial: number; port: MessagePort };

function begin(init: ThreadInit, client: ClientTools | undefined): void {
  const { port } = init;
  const close = globalThis.close.bind(globalThis);
  const post = port.postMessage.bind(port) as (message: unknown, transfer: Transferable[]) => void;
  const memory = threadMemory(init.memory);
  const poolWords = new Int32Array(init.poolMemory);
  const outbox = new ThreadOutbox(memory, poolWords, post);
  const current = new CurrentTask(memory.words);
  const place = new TaskPlace(current, post);
  const runtime = taskRuntime({
    register: (cls) => linker.registrations.declare(cls),
    place,
    client,
    linker: () => linker,
  });
  const linker: Linker = new Linker({ runtime });
  const errors = new TaskErrors(linker, init.worker.address);
  const intrinsics = new Intrinsics();
  const mend = (damage: Damage) => {
    const restored = intrinsics.restore(damage);
    if (restored === "") return false;
    const text = `${restored} of the thread was changed by a task, and was put back`;
    outbox.console("warn", current.key, text);
    return true;
  };
  const garbage = new ThreadGarbage(poolWords);
  const loop = new ThreadLoop({
    memory,
    linker,
    errors,
    current,
    outbox,
    place,
    garbage,
    mend,
    close,
  });
  port.onmessage = (event: MessageEvent<ToThread>) => loop.receive(event.data);
  installGlobal(current, init.thread, init.worker);
  installConsole((level, text) => outbox.console(level, current.key, text));
  installGuards((error) => {
    // The last resort of a thread that cannot even tell: it ends of its error.
    if (loop.broken) return false;
    const text = `Uncaught error, left behind by a task: ${errors.text(error)}`;
    outbox.console("error", current.key, text);
    return true;
  });
  Atomics.add(poolWords, PoolWord.PROBE, 1);
  Atomics.notify(poolWords, PoolWord.PROBE);
  const ready: FromThread = { kind: "ready" };
  post(ready, []);
  loop.run();
}

/**
 * Makes this Web Worker a thread, as soon as its pool says of which worker.
 *
 * @param client What makes clients for tasks; undefined: tasks have none.
 */
export function startThread(client?: ClientTools): void {
  globalThis.addEventListener("message", (event) => {
    begin((event as MessageEvent<ThreadInit>).data, client);
  }, { once: true });
}
