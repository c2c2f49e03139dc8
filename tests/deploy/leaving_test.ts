/** Worker processes that leave, or begin anew, without loss. */
import assert from "node:assert/strict";
import { Client, LocalCluster } from "../../mod.ts";
import type { WorkerProcess } from "../../deploy/worker_process.ts";
import { until } from "../support/until.ts";

const OPTIONS = { processes: true, nWorkers: 2, threadsPerWorker: 2, validate: true };

/** Notes what is lost: results that leave memory, though nobody has let go of them. */
function watchLosses(cluster: LocalCluster): { count: number } {
  const losses = { count: 0 };
  cluster.scheduler.addPlugin({
    transition: (_key, start) => void (losses.count += start === "memory" ? 1 : 0),
  });
  return losses;
}

Deno.test({
  name: "SIGTERM has a worker hand over what only it holds",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using cluster = await LocalCluster.create(OPTIONS);
    await using client = await Client.connect(cluster);
    const [away, stays] = cluster.workers as WorkerProcess[];
    const onAway = client.with({ workers: [away.name] });
    const data = await onAway.scatter({ data: new Uint8Array(100_000).fill(7) });
    const results = onAway.map((x: number) => new Float64Array(1000).fill(x), [1, 2, 3]);
    await client.gather(results);
    const losses = watchLosses(cluster);
    Deno.kill(away.pid, "SIGTERM");
    await until("the worker to be gone", () => cluster.workers.length === 1);
    assert.deepEqual(cluster.scheduler.core.ncores(), { [stays.address]: 2 });
    assert.deepEqual((await data.data.result())[99_999], 7);
    assert.deepEqual((await client.gather(results)).map((result) => result[999]), [1, 2, 3]);
    assert.equal(losses.count, 0);
  },
});

Deno.test("a thread that will not end has its worker hand over and begin anew", async () => {
  await using cluster = await LocalCluster.create({ ...OPTIONS, worker: { grace: 0.05 } });
  await using client = await Client.connect(cluster);
  const [victim] = cluster.workers as WorkerProcess[];
  const { pid, name } = victim;
  const there = client.with({ workers: [name] });
  const data = await there.scatter({ data: new Uint8Array(1000).fill(7) });
  const slow = there.submit(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return "slow";
  });
  const stuck = there.submit(() => {
    for (;;);
  });
  await until("both to run", async () => {
    const info = await client.schedulerInfo();
    const { metrics } = info.workers[victim.address] as { metrics?: { executing: number } };
    return metrics?.executing === 2;
  });
  const losses = watchLosses(cluster);
  stuck.cancel();
  await until("another process to be there", () => victim.pid !== pid);
  await until("it to have joined", () => cluster.scheduler.core.coerceAddress(name) !== null);
  assert.equal(await slow.result(), "slow");
  assert.equal((await data.data.result())[999], 7);
  assert.equal(losses.count, 0);
  assert.equal(await there.submit(() => "new").result(), "new");
});

Deno.test("clients of a cluster that closes do not wait for it to come back", async () => {
  const cluster = await LocalCluster.create({ nWorkers: 1, threadsPerWorker: 1 });
  await using client = await Client.connect(cluster);
  const future = client.submit(() => new Promise(() => {}));
  await cluster.close();
  await assert.rejects(future.result(), /has ended: the cluster is shut down/);
  assert.equal(client.status, "closed");
});
