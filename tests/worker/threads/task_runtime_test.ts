/** What Dusk is inside of a task, and getWorker outside of one. */
import assert from "node:assert/strict";
import { runtimeNames } from "../../../protocol/functions/runtime_names.ts";
import { getWorker, NoWorkerError } from "../../../protocol/get_worker.ts";
import { localRuntime } from "../../../client/local_runtime.ts";
import { CurrentTask } from "../../../worker/threads/task_globals.ts";
import { TaskPlace } from "../../../worker/threads/task_place.ts";
import { taskRuntime } from "../../../worker/threads/task_runtime.ts";

/** The runtime of a thread in which no task runs. */
function runtimeWith(register: (cls: unknown) => void) {
  const { CancelledError, TimeoutError, asCompleted, wait } = localRuntime;
  return taskRuntime({
    register,
    place: new TaskPlace(new CurrentTask(new Int32Array(64)), () => {}),
    client: {
      names: { CancelledError, TimeoutError, asCompleted, wait },
      open: () => Promise.reject(new Error("never called")),
    },
    linker: () => {
      throw new Error("never called");
    },
  });
}

Deno.test("the runtime of a task has the names that may be imported, and no others", () => {
  const runtime = runtimeWith(() => {});
  assert.deepEqual(Object.keys(runtime).sort(), [...runtimeNames].sort());
  for (const name of runtimeNames) assert.notEqual(runtime[name], undefined, name);
});

Deno.test("code that is run again in a program has the same names as in a task", () => {
  assert.deepEqual(Object.keys(localRuntime).sort(), [...runtimeNames].sort());
});

Deno.test("between tasks nothing can leave the threads, or have a client", async () => {
  const runtime = runtimeWith(() => {}) as Record<string, () => unknown>;
  for (const name of ["secede", "rejoin", "workerClient", "getClient"]) {
    await assert.rejects(async () => await runtime[name](), {
      name: "NoWorkerError",
      message:
        `No worker runs this code: ${name}() works in tasks only, such as client.submit runs`,
    });
  }
});

Deno.test("registerSerialization in a task takes a class and two functions", () => {
  const registered: unknown[] = [];
  const runtime = runtimeWith((cls) => registered.push(cls));
  const register = runtime.registerSerialization as (...args: unknown[]) => void;
  class Money {}
  register(Money, () => {}, () => {});
  assert.deepEqual(registered, [Money]);
  assert.throws(() => register(Money, () => {}), {
    name: "TypeError",
    message: "registerSerialization takes a class and two functions",
  });
});

Deno.test("outside of tasks there is no worker", () => {
  const none = {
    name: "NoWorkerError",
    message:
      "No worker runs this code: getWorker() works in tasks only, such as client.submit runs",
  };
  assert.throws(getWorker, none);
  assert.throws(getWorker, NoWorkerError);
  const scope = globalThis as unknown as { dusk?: unknown };
  for (const own of ["of the program's", null, { worker: 5 }]) {
    scope.dusk = own;
    try {
      assert.throws(getWorker, none);
    } finally {
      delete scope.dusk;
    }
  }
});
