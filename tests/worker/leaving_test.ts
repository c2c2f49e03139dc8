/** Workers that leave a running cluster: nothing is lost, nothing runs twice. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { ClusterWorker } from "../../worker/cluster_worker.ts";
import type { NannyHandle } from "../../worker/nanny_handle.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

/** A nanny that notes what it is told. */
class FakeNanny implements NannyHandle {
  readonly address = "nanny://fake";
  readonly told: string[] = [];

  restart(reason: string): void {
    this.told.push(`restart: ${reason}`);
  }

  leaving(reason: string): void {
    this.told.push(`leaving: ${reason}`);
  }
}

Deno.test("what only a worker holds is with others when it has left", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client, scheduler, workers: [alice, bob] }) => {
    const onAlice = client.with({ workers: ["alice"] });
    const results = onAlice.map((x: number) => new Uint8Array(1000).fill(x), [1, 2, 3]);
    const scattered = await onAlice.scatter({ data: new Uint8Array(5000).fill(7) });
    await client.gather(results);
    let computed = 0;
    scheduler.addPlugin({ transition: (_key, start) => void (computed += +(start === "waiting")) });
    await alice.closeGracefully();
    assert.deepEqual(scheduler.core.hasWhat()[bob.address].length, 4);
    const sums = await client.gather(client.map((a: Uint8Array) => a[999], results));
    assert.deepEqual(sums, [1, 2, 3]);
    assert.equal((await scattered.data.result())[4999], 7);
    assert.equal(computed, 3, "only the sums");
  });
});

Deno.test("tasks that run finish on the worker that leaves, tasks that wait run elsewhere", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client, scheduler, workers: [alice, bob] }) => {
    const preferAlice = client.with({ workers: ["alice"], allowOtherWorkers: true });
    const slowly = async (x: number) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return x;
    };
    const futures = preferAlice.map(slowly, [1, 2, 3, 4]);
    await until("a task to run", () => alice.core.machine.counts.executing > 0);
    let lost = 0;
    scheduler.addPlugin({ transition: (_key, start) => void (lost += +(start === "memory")) });
    await alice.closeGracefully();
    assert.deepEqual(await client.gather(futures), [1, 2, 3, 4]);
    assert.equal(alice.core.executedCount + bob.core.executedCount, 4, "nothing runs twice");
    assert(alice.core.executedCount < 4);
    assert.equal(lost, 0);
  });
});

Deno.test("a worker leaves when its time is up, and what it ran runs again without blame", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client, scheduler, workers: [alice] }) => {
    const preferAlice = client.with({ workers: ["alice"], allowOtherWorkers: true });
    const future = preferAlice.submit(() => new Promise(() => {}));
    await until("the task to run", () => alice.core.machine.counts.executing > 0);
    await alice.closeGracefully({ timeout: 0.1 });
    const ts = await until("the task to move", () => {
      const ts = scheduler.core.tasks.get(future.key);
      return ts?.processingOn?.name === "bob" ? ts : undefined;
    });
    assert.equal(ts.suspicious, 0);
    future.release();
  });
});

Deno.test("close cuts short what closeGracefully waits for", async () => {
  await genCluster({ nthreads: [1] }, async ({ client, workers: [alice] }) => {
    const future = client.submit(() => new Promise(() => {}));
    await until("a task to run", () => alice.core.machine.counts.executing > 0);
    const left = alice.closeGracefully();
    await alice.close();
    await left;
    await alice.closeGracefully();
    future.release();
  });
});

Deno.test("closeGracefully refuses what makes no sense", async () => {
  await genCluster({ nthreads: [1] }, async ({ workers: [alice] }) => {
    assert.throws(() => alice.closeGracefully({ timeout: -1 }), /timeout must be .* got -1/);
    assert.throws(() => alice.closeGracefully({ restart: true }), /a worker with a nanny/);
    await Promise.resolve();
  });
});

Deno.test("a client has workers retire by name, or those that can be spared", async () => {
  await genCluster({ nthreads: [1, 1, 1] }, async ({ client, workers: [alice, bob, carol] }) => {
    const data = await client.with({ workers: ["alice"] }).scatter(new Uint8Array(10));
    const kept = await client.with({ workers: ["carol"] }).scatter(new Uint8Array(1000));
    assert.deepEqual(await client.retireWorkers({ workers: "alice" }), [alice.address]);
    await alice.finished;
    assert.deepEqual(
      Object.keys(await client.ncores()).sort(),
      [
        bob.address,
        carol.address,
      ].sort(),
    );
    assert.deepEqual(await client.retireWorkers(), [bob.address], "one has to keep the data");
    assert.deepEqual((await data.result()).length, 10);
    assert.deepEqual((await kept.result()).length, 1000);
    await assert.rejects(client.retireWorkers({ n: -1 }), /"n" is -1/);
  });
});

Deno.test("a worker with a thread that will not end hands over, and its nanny restarts it", async () => {
  await genCluster({ nthreads: [1] }, async ({ client, scheduler, workers: [alice] }) => {
    const nanny = new FakeNanny();
    await using erin = new ClusterWorker({
      schedulerAddress: scheduler.address,
      name: "erin",
      nthreads: 2,
      grace: 0.05,
      validate: true,
      nanny,
    });
    await erin.start();
    const onErin = client.with({ workers: ["erin"] });
    const data = await onErin.scatter(new Uint8Array(10));
    const result = onErin.submit(() => new Uint8Array(20));
    await client.gather(result);
    const other = onErin.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return "done";
    });
    let hasBegun = false;
    await using watcher = await Client.connect(scheduler.address, {
      onConsole: () => void (hasBegun = true),
    });
    const stuck = watcher.with({ workers: ["erin"] }).submit(() => {
      console.log("begun");
      const end = Date.now() + 4000;
      while (Date.now() < end);
    });
    await until("it to begin", () => hasBegun);
    let lost = 0;
    scheduler.addPlugin({ transition: (_key, start) => void (lost += +(start === "memory")) });
    stuck.cancel();
    await until("the restart", () => nanny.told.length > 0);
    assert.deepEqual(nanny.told, ["restart: a thread would not end"]);
    await erin.finished;
    assert.deepEqual(nanny.told.length, 1, "it does not leave for good");
    assert.equal(await other.result(), "done");
    assert.equal(scheduler.core.hasWhat()[alice.address].length, 3);
    assert.equal((await data.result()).length, 10);
    assert.equal((await result.result()).length, 20);
    assert.equal(lost, 0);
  });
});

Deno.test("a worker that leaves for good says so to its nanny", async () => {
  await genCluster({ nthreads: [1] }, async ({ scheduler }) => {
    const nanny = new FakeNanny();
    const { address: schedulerAddress } = scheduler;
    await using erin = new ClusterWorker({ schedulerAddress, nthreads: 1, nanny });
    await erin.start();
    await erin.closeGracefully({ reason: "enough" });
    assert.deepEqual(nanny.told, ["leaving: enough"]);
  });
});

Deno.test("clients learn that a scheduler ends for good", async () => {
  await genCluster({ nthreads: [1], names: ["alice"] }, async ({ client, scheduler }) => {
    const future = client.submit(() => new Promise(() => {}));
    await scheduler.shutdown();
    await assert.rejects(future.result(), /has ended: the cluster is shut down/);
    assert.equal(client.status, "closed");
  });
});
