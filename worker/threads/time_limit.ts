/**
 * Time limits of tasks: a synchronous loop is stopped by the watchdog of `node:vm`, the only thing in
 * this runtime that can; a promise is given up by a timer.
 *
 * @module
 */
import { TaskTimeoutError } from "../../protocol/task_failures.ts";

interface Script {
  runInThisContext(options: { timeout: number }): Ended;
}

/** The longest time that the watchdog takes, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** How a call went. */
type Ended = { value: unknown } | { error: unknown };

let script: Script | undefined;
let call: (() => Ended) | undefined;

/** Loads the watchdog: lazily, since node's modules take 15 ms that few threads need to spend. */
function watchdog(): Script {
  if (script === undefined) {
    const { Script } = process.getBuiltinModule("node:vm");
    // A script sees globals only; nobody can guess the name of this one.
    const name = `duskLimited${crypto.randomUUID().replaceAll("-", "")}`;
    Object.defineProperty(globalThis, name, { value: () => call!() });
    script = new Script(`${name}()`, { filename: "dusk:limit" }) as Script;
  }
  return script;
}

/**
 * Calls a function that may not take longer than its limit until it returns.
 *
 * @param run The function.
 * @param key The task, for the error.
 * @param seconds The limit.
 * @returns What the function returns.
 * @throws {TaskTimeoutError} When it was stopped.
 * @throws What the function throws.
 */
export function callLimited(run: () => unknown, key: string, seconds: number): unknown {
  const dog = watchdog();
  call = () => {
    // Errors that go through the watchdog get its own lines in their stacks.
    try {
      return { value: run() };
    } catch (error) {
      return { error };
    }
  };
  let ended: Ended;
  try {
    ended = dog.runInThisContext({
      timeout: Math.max(1, Math.min(LONGEST_MS, Math.ceil(seconds * 1000))),
    });
  } catch (error) {
    if (isStopped(error)) throw new TaskTimeoutError(key, seconds);
    throw error;
  } finally {
    call = undefined;
  }
  if ("error" in ended) throw ended.error;
  return ended.value;
}

function isStopped(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
