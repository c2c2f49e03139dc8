/**
 * What users get wrong, on a real cluster: one clear error each, and a cluster that works after it.
 */
import assert from "node:assert/strict";
import type { Client } from "../../client/client.ts";
import { FreeNameError } from "../../client/functions/function_error.ts";
import { CancelledError } from "../../client/future_state.ts";
import { connect } from "../../comm/comm.ts";
import { serialize } from "../../protocol/values.ts";
import { type GenCluster, genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

const inc = (x: number) => x + 1;
let number = 0;

/** Run a test on a cluster that must work after it as before. */
function mistake(name: string, body: (cluster: GenCluster) => Promise<void>): void {
  Deno.test(name, async () => {
    await genCluster({}, async (cluster) => {
      await body(cluster);
      const items = Array.from({ length: 10 }, () => number++);
      assert.deepEqual(await cluster.client.gather(cluster.client.map(inc, items)), items.map(inc));
    });
  });
}

/** What a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => assert.fail("nothing was thrown"),
    (error) => error as Error,
  );
}

mistake("a result that cannot be serialized is the task's error", async ({ client }) => {
  const error = await errorOf(client.submit(() => ({ list: [() => 0] })).result());
  assert.equal(error.name, "SerializationError");
  assert.match(error.message, /list\[0\]/);
});

mistake("a function with a free name is refused when it is submitted", ({ client }) => {
  assert.throws(() => client.submit(() => number), FreeNameError);
  return Promise.resolve();
});

mistake("a cancelled future cannot be gathered", async ({ client }) => {
  const future = client.submit(inc, -1);
  future.cancel();
  const error = await errorOf(client.gather([future]));
  assert.ok(error instanceof CancelledError);
  assert.match(error.message, new RegExp(future.key));
});

mistake(
  "a task for an unknown worker waits, and can be cancelled",
  async ({ client, scheduler }) => {
    const future = client.with({ workers: ["nobody"] }).submit(inc, -2);
    await until("the task", () => scheduler.core.tasks.get(future.key)?.state === "no-worker");
    assert.equal(future.status, "pending");
    future.cancel();
    await until("the end of the task", () => !scheduler.core.tasks.has(future.key));
  },
);

mistake("an endless loop ends with its time limit", async ({ client }) => {
  const spin = () => {
    for (;;);
  };
  const error = await errorOf(client.with({ timeout: 0.1 }).submit(spin).result());
  assert.match(error.message, /0\.1/);
});

mistake("an endless loop with a time limit can be cancelled", async ({ client }) => {
  const spin = () => {
    for (;;);
  };
  const future = client.with({ timeout: 0.5 }).submit(spin);
  await untilRunning(client, future.key);
  future.cancel();
  assert.ok(await errorOf(future.result()) instanceof CancelledError);
});

mistake("a task that waits for ever can be cancelled while it runs", async ({ client }) => {
  const future = client.submit(async () => await new Promise(() => {}));
  await untilRunning(client, future.key);
  client.cancel(future);
  assert.ok(await errorOf(future.result()) instanceof CancelledError);
});

mistake("a circle of tasks is refused", async ({ scheduler }) => {
  // No client makes one; another program may.
  const comm = await connect(scheduler.address);
  await comm.write({ op: "register-client", client: "other", versions: {} });
  await comm.read();
  const code = serialize({ source: "() => 0", name: "f", kind: "expression" });
  const args = serialize([]);
  await comm.write([{
    op: "update-graph",
    functions: { f: code },
    groups: [{ function: "f", keys: ["a", "b"], args: [args, args], dependencies: [["b"], ["a"]] }],
  }]);
  const [answer] = await comm.read() as { op: string; keys: string[]; message: string }[];
  assert.equal(answer.op, "graph-refused");
  assert.deepEqual(answer.keys, ["a", "b"]);
  await comm.close();
});

async function untilRunning(client: Client, key: string): Promise<void> {
  await until("the task to run", async () => {
    return Object.values(await client.processing()).flat().includes(key);
  });
}
