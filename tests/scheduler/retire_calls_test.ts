/** Workers that are told to retire by calls, and what becomes of their registration. */
import assert from "node:assert/strict";
import { rpc } from "../../comm/rpc.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

Deno.test("workers are told to leave, and are gone when the call returns", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ scheduler, workers: [alice, bob] }) => {
    await using remote = rpc(scheduler.address);
    const reply = await remote["retire-workers"]({ workers: ["alice", "nobody"] });
    assert.deepEqual(reply, { status: "OK", workers: [alice.address] });
    assert.deepEqual(scheduler.core.workersList(), [bob.address]);
    await alice.finished;
    assert.equal(alice.failure, undefined);
  });
});

Deno.test("a drained worker stays until it is told to leave", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client, scheduler, workers: [alice, bob] }) => {
    const data = await client.with({ workers: ["alice"] }).scatter(new Uint8Array(10));
    const how = { workers: ["alice"], closeWorkers: false, remove: false };
    assert.deepEqual(await scheduler.retireWorkers(how), [alice.address]);
    assert.equal(scheduler.core.identity().workers[alice.address].status, "closing-gracefully");
    assert.deepEqual(scheduler.core.whoHas([data.key])[data.key].length, 2);
    assert.deepEqual(await client.map((x: number) => x, [1, 2])[0].result(), 1);
    assert.equal(alice.core.executedCount, 0);
    assert.deepEqual(await scheduler.retireWorkers({ workers: [alice.address] }), [alice.address]);
    await alice.finished;
    assert.deepEqual(scheduler.core.workersList(), [bob.address]);
  });
});

Deno.test("a worker that is only removed is cut off", async () => {
  const options = { nthreads: [1, 1], worker: { reconnect: false } };
  await genCluster(options, async ({ scheduler, workers: [alice, bob] }) => {
    await scheduler.retireWorkers({ workers: ["alice"], closeWorkers: false });
    assert.deepEqual(scheduler.core.workersList(), [bob.address]);
    await alice.finished;
    assert.match(String(alice.failure), /Lost the scheduler/);
  });
});

Deno.test("results that a client has just put on a worker are handed over with it", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client, workers: [alice] }) => {
    const onAlice = client.with({ workers: ["alice"] });
    const datas = await Promise.all(
      Array.from({ length: 20 }, (_, i) => onAlice.scatter(new Uint8Array(100).fill(i))),
    );
    await alice.closeGracefully();
    const values = await client.gather(datas);
    assert.deepEqual(values.map((value) => value[99]), Array.from({ length: 20 }, (_, i) => i));
  });
});

Deno.test("a restart while a worker retires ends both", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client, scheduler, workers: [alice, bob] }) => {
    const future = client.with({ workers: ["alice"] }).submit(() => new Promise(() => {}));
    await until("the task to run", () => alice.core.machine.counts.executing > 0);
    const left = alice.closeGracefully();
    await until("the wish to arrive", () => scheduler.core.retiring.size > 0);
    await client.restart();
    await left;
    assert.deepEqual(scheduler.core.workersList(), [bob.address]);
    assert.equal(future.status, "cancelled");
    assert.equal(await client.submit(() => 1).result(), 1);
  });
});

Deno.test("a call that makes no sense is refused", async () => {
  await genCluster({ nthreads: [1] }, async ({ scheduler, workers: [alice] }) => {
    await assert.rejects(scheduler.retireWorkers({ timeout: -1 }), /timeout must be .* got -1/);
    await using remote = rpc(scheduler.address);
    for (const wrong of [{ workers: 5 }, { remove: 1 }, { timeout: "1" }, { n: -1 }, { by: "x" }]) {
      await assert.rejects(remote["retire-workers"](wrong), JSON.stringify(wrong));
    }
    await assert.rejects(remote["workers-to-close"]({ memoryRatio: -1 }));
    assert.deepEqual(await remote["workers-to-close"]({ n: 1 }), [alice.address]);
  });
});
