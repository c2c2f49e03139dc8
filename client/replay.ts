/**
 * A failed task, brought here: what it was, and running it again in this process.
 *
 * @module
 */
import type { AnyFunction } from "../protocol/functions/definition.ts";
import { Linker } from "../protocol/functions/linker.ts";
import type { RunSpecification, RunSpecReply } from "../protocol/messages.ts";
import { deserialize } from "../protocol/values.ts";
import type { Future } from "./future.ts";
import type { FutureState } from "./future_state.ts";
import { Latch } from "./latch.ts";
import { localRuntime } from "./local_runtime.ts";
import type { Session } from "./session.ts";

/** A task that failed, as {@linkcode Client.getFuturesError} tells of it. */
export interface FailedTask {
  /** Key of the task: the future's own, or that of one it depends on. */
  readonly key: string;
  /** The function that threw. */
  readonly function: (...args: unknown[]) => unknown;
  /** Its arguments, with keys in the place of results of other tasks. */
  readonly args: readonly unknown[];
  /** The keys among the arguments: what the function needs to run. */
  readonly keys: readonly string[];
}

/** A failed task cannot be told of or run again. The message names the future and says why. */
export class ReplayError extends Error {
  /**
   * Make the error.
   *
   * @param message Which future, and why not.
   * @param options What went wrong, as `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReplayError";
  }
}

/** A task that can be run here. */
interface LocalTask {
  readonly spec: RunSpecification;
  readonly function: AnyFunction;
  /** Has made live what its arguments refer to. */
  readonly linker: Linker;
}

/** See `Client.getFuturesError`. */
export async function failedTask(
  session: Session,
  method: string,
  states: readonly FutureState[],
): Promise<FailedTask> {
  const task = await findTask(session, method, states);
  const { key, dependencies } = task.spec;
  const args = await decodeArguments(task, (dependency) => dependency);
  return { key, function: task.function as FailedTask["function"], args, keys: dependencies };
}

/** See `Client.recreateErrorLocally`. */
export async function runFailedTask(
  session: Session,
  method: string,
  states: readonly FutureState[],
): Promise<unknown> {
  const task = await findTask(session, method, states);
  const { dependencies } = task.spec;
  const values = new Map<string, unknown>();
  const futures = dependencies.map((key) => desire(session, key));
  try {
    const inputs = dependencies.map((key) => session.table.states.get(key)!);
    (await session.gather(inputs, false)).forEach((value, i) => values.set(dependencies[i], value));
  } finally {
    for (const future of futures) future.release();
  }
  const args = await decodeArguments(task, (key) => values.get(key));
  // The failed task: step in here.
  return await task.function(...args);
}

/** The task that failed, of those that futures wait for. */
async function findTask(
  session: Session,
  method: string,
  states: readonly FutureState[],
): Promise<LocalTask> {
  session.check(method);
  const state = await new Latch(states, "finished").opened;
  if (state === undefined) {
    const which = states.map(({ key }) => key).slice(0, 3).join(", ");
    throw new ReplayError(
      states.length === 0
        ? `${method}: there is no future; pass one that failed`
        : `${method}: ${which}${states.length > 3 ? ", …" : ""} has not failed`,
    );
  }
  if (state.exception === undefined) {
    throw new ReplayError(
      `${method}: no task of ${state.key} has failed: ${state.failure?.message}`,
      {
        cause: state.failure,
      },
    );
  }
  const reply = await session.call<RunSpecReply>(method, "get-runspec", { key: state.blame });
  if (reply.status !== "OK") throw new ReplayError(`${method}: ${reply.message}`);
  return await localTask(session, reply);
}

/** Makes a task live in this process: with this program's own functions and classes where it has them. */
async function localTask(session: Session, spec: RunSpecification): Promise<LocalTask> {
  const { capture, reader } = session;
  const linker = new Linker({
    runtime: localRuntime,
    local: {
      class: (part) => reader.class(part),
      import: (module, name) => {
        const value = reader.import(module, name);
        return value === undefined ? undefined : { value };
      },
    },
  });
  for (const name in spec.parts) linker.learn(name, spec.parts[name]);
  const own = capture.functionOf(spec.function);
  return {
    spec,
    linker,
    function: own ?? await whenLoaded(linker, () => linker.function(spec.function)),
  };
}

async function decodeArguments(
  { spec, linker }: LocalTask,
  resolve: (key: string) => unknown,
): Promise<unknown[]> {
  const options = { resolve, code: linker, copy: true };
  return await whenLoaded(linker, () => deserialize(spec.args, options) as unknown[]);
}

/** Try something again when the modules are there that it has to wait for. */
async function whenLoaded<T>(linker: Linker, attempt: () => T): Promise<T> {
  while (true) {
    try {
      return attempt();
    } catch (error) {
      const awaited = linker.takeAwaited();
      if (awaited === undefined) throw error;
      await awaited;
    }
  }
}

/** Have the cluster keep a result, or compute it again when it was dropped. */
function desire(session: Session, key: string): Future<unknown> {
  const { table, outbox } = session;
  let state = table.states.get(key);
  if (state === undefined) {
    state = table.add(key);
    outbox.add({ op: "client-desires-keys", keys: [key] });
  }
  return session.future(state);
}
