/** What Dusk is inside of a task, and getWorker outside of one. */
import assert from "node:assert/strict";
import { runtimeNames } from "../../../protocol/functions/runtime_names.ts";
import { getWorker, NoWorkerError } from "../../../protocol/get_worker.ts";
import { taskRuntime } from "../../../worker/threads/task_runtime.ts";

Deno.test("the runtime of a task has the names that may be imported, and no others", () => {
  const runtime = taskRuntime(() => {});
  assert.deepEqual(Object.keys(runtime).sort(), [...runtimeNames].sort());
  for (const name of runtimeNames) assert.notEqual(runtime[name], undefined, name);
});

Deno.test("registerSerialization in a task takes a class and two functions", () => {
  const registered: unknown[] = [];
  const runtime = taskRuntime((cls) => registered.push(cls));
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
