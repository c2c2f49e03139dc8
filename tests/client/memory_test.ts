/**
 * Who lets go of results, and when: on a real cluster, down to the memory of the workers.
 */
import assert from "node:assert/strict";
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import { Client } from "../../client/client.ts";
import { wait } from "../../client/wait.ts";
import { type GenCluster, genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const inc = (x: number) => x + 1;

/** How many results the workers hold. */
function held({ workers }: GenCluster): number {
  return workers.reduce((sum, worker) => sum + worker.data.size, 0);
}

Deno.test("what the garbage collector takes here is dropped on the workers", async () => {
  await genCluster({}, async (cluster) => {
    const { client, scheduler } = cluster;
    const compute = async () => {
      await wait(client.map(inc, [1, 2, 3]));
      assert.equal(held(cluster), 3);
    };
    await compute();
    await until("free memory", () => {
      collectGarbage();
      return held(cluster) === 0;
    });
    assert.equal(scheduler.core.tasks.size, 0);
    assert.equal(client.futures.size, 0);
  });
});

Deno.test("the end of a using block and release drop what nobody else holds", async () => {
  await genCluster({}, async (cluster) => {
    const { client } = cluster;
    const kept = client.submit(inc, 0);
    {
      using future = client.submit(inc, 1);
      using same = client.submit(inc, 0);
      assert.deepEqual(await client.gather([future, same]), [2, 1]);
      assert.equal(held(cluster), 2);
    }
    await until("one result", () => held(cluster) === 1);
    assert.equal(await kept.result(), 1);
    kept.release();
    await until("free memory", () => held(cluster) === 0);
  });
});

Deno.test("what a task still needs stays, though its future is gone", async () => {
  await genCluster({}, async (cluster) => {
    const { client } = cluster;
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    const futures = client.map(inc, [1, 2, 3]);
    const total = client.submit(sum, futures);
    for (const future of futures) future.release();
    assert.equal(await total.result(), 9);
    await until("the total alone", () => held(cluster) === 1);
  });
});

Deno.test("results that are waited for are kept, though nothing else points to their futures", async () => {
  await genCluster({ nthreads: [4] }, async ({ client }) => {
    const late = async (x: number) => {
      const ends = performance.now() + 50;
      while (performance.now() < ends) await new Promise((resolve) => setTimeout(resolve, 5));
      return x;
    };
    const impure = client.with({ pure: false });
    const timer = setInterval(collectGarbage, 5);
    try {
      assert.equal(await impure.submit(late, 1).result(), 1);
      assert.deepEqual(await client.gather(impure.map(late, [1, 2])), [1, 2]);
      assert.deepEqual(await client.gather(impure.map(late, [1, 2]).values()), [1, 2]);
      assert.deepEqual(await client.gather({ a: impure.submit(late, 3) }), { a: 3 });
      const { done } = await wait(impure.map(late, [1, 2]));
      assert.deepEqual([...done].map((future) => future.status), ["finished", "finished"]);
    } finally {
      clearInterval(timer);
    }
  });
});

Deno.test("a client that closes takes along what only it wanted", async () => {
  await genCluster({}, async (cluster) => {
    const { client, scheduler } = cluster;
    const shared = client.submit(inc, 1);
    {
      await using other = await Client.connect(scheduler.address);
      assert.deepEqual(await other.gather(other.map(inc, [1, 2, 3])), [2, 3, 4]);
      assert.equal(held(cluster), 3);
    }
    await until("the shared result alone", () => held(cluster) === 1);
    assert.equal(await shared.result(), 2);
  });
});

Deno.test("scattered data is dropped with its future", async () => {
  await genCluster({}, async (cluster) => {
    const [one, two] = await cluster.client.scatter([1, 2], { broadcast: true });
    assert.equal(held(cluster), 4);
    one.release();
    await until("one value on two workers", () => held(cluster) === 2);
    assert.equal(await two.result(), 2);
  });
});
