/**
 * The options of `client.with(…)`, each by what it does on a real cluster.
 */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { TimeoutError } from "../../client/deadline.ts";
import { wait } from "../../client/wait.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

const inc = (x: number) => x + 1;
/** Ends when it is cancelled. */
const endless = async (_number?: number) => await new Promise<void>(() => {});

Deno.test("key names a task, and what the scheduler calls it", async () => {
  await genCluster({}, async ({ client, scheduler }) => {
    const future = client.with({ key: "my task/1" }).submit(inc, 1);
    assert.equal(await future.result(), 2);
    assert.deepEqual([...scheduler.core.tasks.keys()], ["my task/1"]);
    const parts = client.with({ key: ["a", "b"] }).map(inc, [1, 2]);
    assert.deepEqual(await client.gather(parts), [2, 3]);
    assert.deepEqual([...scheduler.core.tasks.keys()].sort(), ["a", "b", "my task/1"]);
  });
});

Deno.test("pure: false runs the same call again", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const count = () => {
      const scope = globalThis as unknown as { calls?: number };
      scope.calls = (scope.calls ?? 0) + 1;
      return scope.calls;
    };
    const impure = client.with({ pure: false });
    assert.deepEqual(
      (await client.gather([impure.submit(count), impure.submit(count)])).sort(),
      [1, 2],
    );
    assert.deepEqual(await client.gather([client.submit(count), client.submit(count)]), [3, 3]);
  });
});

Deno.test("workers says where tasks run, by name and by address; others are not asked", async () => {
  await genCluster({ nthreads: [1, 2] }, async ({ client, workers }) => {
    const [alice, bob] = workers.map((worker) => worker.address);
    for (const [which, address] of [["alice", alice], [bob, bob]]) {
      const futures = client.with({ workers: which, pure: false })
        .map(inc, Array.from({ length: 20 }, (_, i) => i));
      await wait(futures);
      const whoHas = await client.whoHas(futures);
      for (const { key } of futures) assert.deepEqual(whoHas[key], [address]);
    }
  });
});

Deno.test("allowOtherWorkers makes workers a preference", async () => {
  await genCluster({}, async ({ client, workers }) => {
    const preferred = client.with({ workers: "bob", allowOtherWorkers: true });
    const future = preferred.submit(inc, 1);
    await wait(future);
    assert.deepEqual((await client.whoHas(future))[future.key], [workers[1].address]);
    const absent = client.with({ workers: "carol", allowOtherWorkers: true });
    assert.equal(await absent.submit(inc, 2).result(), 3);
  });
});

Deno.test("resources are taken while a task runs: no more run at once than there are", async () => {
  const resources: Record<string, number>[] = [{ GPU: 2 }, {}];
  await genCluster({ nthreads: [4, 1], resources }, async ({ scheduler, workers }) => {
    const begun = new Set<string>();
    const bearers = new Set<string>();
    await using client = await Client.connect(scheduler.address, {
      onConsole: ({ key, worker }) => {
        begun.add(key);
        bearers.add(worker);
      },
    });
    const begin = async (_number: number) => {
      console.log("begun");
      await new Promise<void>(() => {});
    };
    const gpu = client.with({ resources: { GPU: 1 } });
    const futures = gpu.map(begin, [1, 2, 3]);
    await until("two tasks", () => begun.size === 2);
    // What needs no resources passes the one that waits for them, though it came later.
    assert.equal(await client.with({ workers: "alice" }).submit(inc, 1).result(), 2);
    assert.equal(begun.size, 2);
    assert.deepEqual([...bearers], [workers[0].address]);
    client.cancel(futures.filter((future) => begun.has(future.key)));
    await until("the third task", () => begun.size === 3);
  });
});

Deno.test("tasks of a higher priority run first", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const note = (name: string) => {
      const scope = globalThis as unknown as { order?: string[] };
      (scope.order ??= []).push(name);
    };
    const order = () => (globalThis as unknown as { order?: string[] }).order;
    const blocker = client.submit(endless);
    await until("the blocker", async () => {
      return Object.values(await client.processing()).flat().includes(blocker.key);
    });
    const low = client.with({ priority: -1 }).submit(note, "low");
    const middle = client.submit(note, "middle");
    const high = client.with({ priority: 10 }).submit(note, "high");
    await until("all three on the worker", async () => {
      return Object.values(await client.processing()).flat().length === 4;
    });
    // It holds the only thread without a result: what is noted is noted after it, in a fresh thread.
    blocker.cancel();
    await wait([low, middle, high]);
    assert.deepEqual(await client.submit(order).result(), ["high", "middle", "low"]);
  });
});

Deno.test("retries runs a task again as often as it says, and not more often", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const failing = (name: string) => {
      const scope = globalThis as unknown as Record<string, number>;
      scope[name] = (scope[name] ?? 0) + 1;
      throw new Error(`attempt ${scope[name]}`);
    };
    await assert.rejects(client.submit(failing, "once").result(), /attempt 1/);
    await assert.rejects(
      client.with({ retries: 2 }).submit(failing, "thrice").result(),
      /attempt 3/,
    );
  });
});

Deno.test("timeout stops a task, and only that", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const limited = client.with({ timeout: 0.1 });
    const [slow, quick] = [limited.submit(endless), limited.submit(inc, 1)];
    await assert.rejects(slow.result(), (error: Error) => {
      assert.equal(error.name, "TaskTimeoutError");
      assert.match(error.message, /0\.1/);
      return true;
    });
    assert.equal(await quick.result(), 2);
  });
});

Deno.test("who waits in vain for a task that no worker may run is told so", async () => {
  await genCluster({}, async ({ client }) => {
    for (const options of [{ workers: "nobody" }, { resources: { GPU: 1 } }]) {
      const future = client.with({ ...options, pure: false }).submit(inc, 1);
      await assert.rejects(future.result({ timeout: 0.05 }), (error: Error) => {
        assert.ok(error instanceof TimeoutError);
        assert.match(error.message, /within 0\.05 s: no worker of the cluster may run it/);
        return true;
      });
    }
  });
});

Deno.test("a wait that runs out says when the cluster has no workers", async () => {
  await genCluster({ nthreads: [] }, async ({ client }) => {
    const future = client.submit((x: number) => x + 1, 1);
    await assert.rejects(future.result({ timeout: 0.05 }), {
      message: /the cluster has no workers$/,
    });
  });
});
