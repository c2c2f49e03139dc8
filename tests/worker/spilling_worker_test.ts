/**
 * Clusters whose workers have more results than memory: all that is done with results works from disk, too.
 */
import assert from "node:assert/strict";
import { wait } from "../../client/wait.ts";
import type { ClusterWorker } from "../../worker/cluster_worker.ts";
import { genCluster, type GenClusterOptions } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

/** Room for a few of the results below; the memory of the tests' own process is not looked at. */
const memory = { memoryLimit: 1_000_000, memoryTarget: 0.5, memoryPause: 0 };
const COUNT = 40;

const make = (seed: number): Float64Array => {
  const array = new Float64Array(12_500);
  for (let i = 0; i < array.length; i++) array[i] = i * seed;
  return array;
};
const add = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x + b[i]);
const sum = (arrays: Float64Array[]): number =>
  arrays.reduce((total, array) => total + array[1], 0);

const numbers = Array.from({ length: COUNT }, (_, i) => i);
const TOTAL = COUNT * (COUNT - 1) / 2;

/** A cluster whose folders for results are the test's own. */
async function spillingCluster(
  options: GenClusterOptions,
  body: Parameters<typeof genCluster>[1],
): Promise<void> {
  const localDirectory = await Deno.makeTempDir({ prefix: "dusk-spilling-test-" });
  await genCluster({ ...options, worker: { ...memory, localDirectory } }, async (cluster) => {
    await body(cluster);
    for (const { data } of cluster.workers) {
      assert(data.memoryBytes - data.leavingBytes <= 500_000, "results keep to their part");
    }
  });
  assert.deepEqual([...Deno.readDirSync(localDirectory)], [], "nothing is left on disk");
  await Deno.remove(localDirectory);
}

/** The files of a worker's results. */
function filesOf(localDirectory: string): string[] {
  return Array.from(Deno.readDirSync(localDirectory)).flatMap(({ name }) =>
    Array.from(
      Deno.readDirSync(`${localDirectory}/${name}`),
      (entry) => `${localDirectory}/${name}/${entry.name}`,
    )
  );
}

function spilled(worker: ClusterWorker): number {
  return worker.metrics().spilled;
}

for (const address of ["inproc://", "tcp://127.0.0.1:0"]) {
  Deno.test(`tasks, peers and clients get results that are on disk (${address})`, async () => {
    await spillingCluster({ address, nthreads: [1, 2] }, async ({ client, workers }) => {
      const [alice, bob] = workers;
      const made = client.with({ workers: ["alice"] }).map(make, numbers);
      await wait(made);
      await until("results on disk", () => spilled(alice) > 0);
      assert.equal(alice.data.nbytes > 4_000_000, true);
      assert.equal(alice.data.size, COUNT);
      // Read by tasks where they are, and by tasks elsewhere.
      for (const workers of [["alice"], ["bob"]]) {
        const pairs = client.with({ workers, pure: false }).map(add, made, made);
        const totals = await client.gather(
          pairs.map((pair) => client.submit((array: Float64Array) => array[1], pair)),
        );
        assert.equal(totals.reduce((total, one) => total + one), 2 * TOTAL);
      }
      // One task that needs more than there may be in memory.
      assert.equal(await client.with({ workers: ["bob"] }).submit(sum, made).result(), TOTAL);
      // A client that wants all at once.
      const arrays = await client.gather(made);
      assert.deepEqual(arrays.map((array) => array[1]), numbers);
      assert.deepEqual(arrays[7], make(7));
      assert(spilled(bob) > 0);
    });
  });
}

Deno.test("a client that reaches only the scheduler gets results that are on disk", async () => {
  await spillingCluster({ address: "tcp://127.0.0.1:0", nthreads: [1] }, async (cluster) => {
    const { Client } = await import("../../client/client.ts");
    await using client = await Client.connect(cluster.scheduler.address, {
      direct: false,
    });
    const arrays = await client.gather(client.map(make, numbers));
    assert.deepEqual(arrays.map((array) => array[1]), numbers);
  });
});

Deno.test("results that are dropped leave the disk", async () => {
  await spillingCluster({ nthreads: [1] }, async ({ client, workers: [alice] }) => {
    const made = client.map(make, numbers);
    await wait(made);
    await until("results on disk", () => spilled(alice) > 0);
    for (const future of made) future.release();
    await until("an empty disk", () => spilled(alice) === 0 && alice.data.size === 0);
  });
});

Deno.test("results whose files are damaged are computed again", async () => {
  const localDirectory = await Deno.makeTempDir({ prefix: "dusk-spilling-test-" });
  const worker = { ...memory, localDirectory };
  await genCluster({ nthreads: [1, 1], worker }, async ({ client, workers }) => {
    const made = client.map(make, numbers);
    await wait(made);
    await until("writes", () => workers.every((worker) => worker.data.leavingBytes === 0));
    for (const [i, path] of filesOf(localDirectory).entries()) {
      if (i % 2 === 0) Deno.truncateSync(path, 10);
      else Deno.removeSync(path);
    }
    const total = client.submit(sum, made);
    assert.equal(await total.result(), TOTAL);
    const arrays = await client.gather(made);
    assert.deepEqual(arrays.map((array) => array[1]), numbers);
  });
  await Deno.remove(localDirectory);
});

Deno.test("cancelled tasks that wait for the disk or for memory leave nothing behind", async () => {
  await spillingCluster({ nthreads: [1] }, async ({ client, workers: [alice] }) => {
    const made = client.map(make, numbers);
    await wait(made);
    await until("results on disk", () => spilled(alice) > 0);
    for (let round = 0; round < 10; round++) {
      const pairs = client.with({ pure: false }).map(add, made, made.toReversed());
      await Promise.race(pairs.slice(0, 1 + round % 3).map((pair) => pair.result()));
      await client.cancel(pairs);
    }
    assert.equal(await client.submit(sum, made).result(), TOTAL);
  });
});

Deno.test("a worker that has too much memory tells the scheduler, and starts nothing", async () => {
  // Every process has more than a megabyte.
  const worker = { memoryLimit: 1_000_000 };
  await genCluster({ nthreads: [1], worker }, async ({ client, scheduler, workers: [alice] }) => {
    const { core } = scheduler;
    await until("the pause", () => core.workers.get(alice.address)?.status === "paused");
    const x = client.submit((x: number) => x + 1, 1);
    await until("the task", () => core.tasks.has(x.key));
    assert.equal(x.status, "pending");
    assert.equal(alice.core.machine.counts.executing, 0);
    x.release();
  });
});
