/** What a user sees of failures: killed workers, tasks that kill, restarts in the middle of work. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { LocalCluster } from "../../deploy/local_cluster.ts";
import type { WorkerProcess } from "../../deploy/worker_process.ts";
import type { SchedulerPlugin } from "../../scheduler/plugin.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { printStories } from "../support/stories.ts";
import { until } from "../support/until.ts";
import { withCluster } from "../support/with_cluster.ts";

Deno.test("kill -9 of one of two workers during a graph of 2,000 tasks: the result is right", async () => {
  await using cluster = await LocalCluster.create({
    processes: true,
    nWorkers: 2,
    threadsPerWorker: 1,
    validate: true,
  });
  // How often each task of the first layer came into memory: some of them twice, in the end.
  let computed = 0;
  let lost = 0;
  const plugin: SchedulerPlugin = {
    transition(_key, start, finish) {
      if (start === "processing" && finish === "memory") computed++;
      if (start === "memory" && finish !== "forgotten") lost++;
    },
  };
  cluster.scheduler.addPlugin(plugin);
  await using client = await Client.connect(cluster);
  try {
    const numbers = Array.from({ length: 1000 }, (_, i) => i);
    // Long enough for the kill to come in the middle.
    const squares = client.map((x: number) => {
      const end = performance.now() + 1;
      while (performance.now() < end);
      return x ** 2;
    }, numbers);
    const sums = client.map(
      (x: number, y: number) => x + y,
      squares,
      [...squares.slice(1), squares[0]],
    );
    await until("some of the work to be done", () => computed > 300);
    assert.ok(computed < 2000, "and some of it not");
    const [victim] = cluster.workers;
    assert.ok("kill" in victim);
    const { pid, address } = victim;
    victim.kill("SIGKILL");

    const expected = numbers.map((x) => x ** 2 + ((x + 1) % 1000) ** 2);
    assert.deepEqual(await client.gather(sums), expected);
    assert.deepEqual(await client.gather(squares), numbers.map((x) => x ** 2));
    assert.ok(lost > 0, "the killed worker had held results");
    assert.ok(computed > 2000, `lost results were computed again (${computed} computations)`);
    await until("another process in its place", () => victim.address !== address);
    assert.notEqual(victim.pid, pid);
    assert.equal(Object.keys(cluster.scheduler.core.ncores()).length, 2);
    assert.deepEqual(cluster.scheduler.faults, []);
  } catch (error) {
    printStories(cluster.scheduler.core);
    throw error;
  }
});

Deno.test("a task that kills three workers is marked bad, its neighbours finish", async () => {
  await using cluster = await LocalCluster.create({
    processes: true,
    nWorkers: 5,
    threadsPerWorker: 1,
    validate: true,
  });
  await using client = await Client.connect(cluster);
  const kill = () => Deno.kill(Deno.pid, "SIGKILL");
  const bad = client.with({ key: "killer" }).submit(kill);
  const dependent = client.submit((x: unknown) => x, bad);
  const neighbours = client.map((x: number) => x * 2, Array.from({ length: 200 }, (_, i) => i));

  const words = /task 'killer' was marked bad: 3 workers died while they ran it/;
  await assert.rejects(bad.result(), words);
  await assert.rejects(dependent.result(), words);
  assert.deepEqual(await client.gather(neighbours), Array.from({ length: 200 }, (_, i) => i * 2));
  await until(
    "others in the place of the dead",
    () => Object.keys(cluster.scheduler.core.ncores()).length === 5,
  );
  assert.equal(cluster.workers.length, 5);
  assert.deepEqual(cluster.scheduler.faults, []);
});

Deno.test("restart during work leaves a clean cluster", async () => {
  await genCluster({ nthreads: [1, 2] }, async ({ client, scheduler, workers }) => {
    const slow = client.map(
      async (x: number) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return x;
      },
      Array.from({ length: 500 }, (_, i) => i),
    );
    await slow[0].result();
    await client.restart();
    assert.equal(scheduler.core.tasks.size, 0);
    for (const worker of workers) assert.equal(worker.data.size, 0);
    assert.ok(slow.every((future) => future.cancelled()));
    assert.deepEqual(Object.keys(await client.ncores()).length, 2);
    assert.deepEqual(
      await client.gather(client.map((x: number) => x + 1, [1, 2, 3])),
      [2, 3, 4],
    );
  });
});

Deno.test("a restart of a local cluster brings new processes", async () => {
  await using cluster = await LocalCluster.create({
    processes: true,
    nWorkers: 2,
    threadsPerWorker: 1,
    validate: true,
  });
  await using client = await Client.connect(cluster);
  const pids = () => cluster.workers.map((worker) => (worker as WorkerProcess).pid);
  const before = pids();
  assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
  await client.restart();
  assert.equal(cluster.workers.length, 2);
  assert.equal(Object.keys(cluster.scheduler.core.ncores()).length, 2);
  assert.ok(pids().every((pid) => !before.includes(pid)));
  assert.equal(await client.submit((x: number) => x + 1, 2).result(), 3);
  assert.deepEqual(cluster.scheduler.faults, []);
});

Deno.test("restart during work with processes leaves a clean cluster", async () => {
  await withCluster({ nworkers: 2 }, async ({ scheduler }) => {
    await using client = await Client.connect(scheduler.address);
    const busy = client.map((x: number) => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      return x;
    }, Array.from({ length: 200 }, (_, i) => i));
    await busy[0].result();
    await client.restart();
    assert.deepEqual(Object.values(await client.hasWhat()), [[], []]);
    assert.deepEqual(Object.values(await client.processing()), [[], []]);
    assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
  });
});

Deno.test("a result that died with its worker is computed again when it is needed", async () => {
  await withCluster({ nworkers: 2 }, async ({ scheduler, workers }) => {
    await using client = await Client.connect(scheduler.address);
    const [alice, bob] = workers;
    const x = client.with({ workers: [alice.name], allowOtherWorkers: true }).submit(() => 1);
    assert.equal(await x.result(), 1);
    alice.program.kill("SIGKILL");
    await alice.program.status;
    await until(
      "the scheduler to notice",
      async () => !(alice.address in await client.ncores()),
    );
    assert.equal(await client.submit((x: number) => x + 1, x).result(), 2);
    assert.deepEqual(Object.keys(await client.ncores()), [bob.address]);
  });
});
