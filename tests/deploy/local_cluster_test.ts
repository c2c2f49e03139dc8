/** LocalCluster in this process, and with worker processes. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { LocalCluster, type LocalClusterOptions } from "../../deploy/local_cluster.ts";
import type { WorkerProcess } from "../../deploy/worker_process.ts";
import { parseMemoryLimit } from "../../worker/memory_limit.ts";
import { isRunning, Program } from "../support/popen.ts";
import { until } from "../support/until.ts";

const kinds: [string, LocalClusterOptions][] = [
  ["in process", { validate: true }],
  ["with processes", { validate: true, processes: true }],
];

for (const [kind, options] of kinds) {
  Deno.test(`${kind}: a cluster runs work, and ends with its scope`, async () => {
    let workers: readonly unknown[];
    {
      await using cluster = await LocalCluster.create({
        ...options,
        nWorkers: 2,
        threadsPerWorker: 1,
        name: "test",
        resources: { GPU: 1 },
      });
      workers = cluster.workers;
      assert.equal(workers.length, 2);
      assert.match(`${cluster}`, /^LocalCluster\("\w+:\/\/.+", workers=2, ncores=2\)$/);
      await using client = await Client.connect(cluster);
      const squares = client.map((x: number) => x ** 2, [1, 2, 3, 4]);
      assert.deepEqual(await client.gather(squares), [1, 4, 9, 16]);
      const onGpu = client.with({ resources: { GPU: 1 } }).submit(() => "gpu");
      assert.equal(await onGpu.result(), "gpu");
      const { workers: known } = cluster.scheduler.core.identity();
      assert.deepEqual(Object.values(known).map(({ name }) => name).sort(), ["test-0", "test-1"]);
      assert.deepEqual(cluster.scheduler.faults, []);
    }
    assert.equal(workers.length, 0);
  });

  Deno.test(`${kind}: workers are added and taken away`, async () => {
    await using cluster = await LocalCluster.create({
      ...options,
      nWorkers: 0,
      threadsPerWorker: 1,
    });
    assert.equal(cluster.workers.length, 0);
    const alice = await cluster.startWorker({ name: "alice", nthreads: 2 });
    assert.deepEqual(cluster.scheduler.core.ncores(), { [alice.address]: 2 });
    await cluster.scaleUp(3);
    assert.equal(cluster.workers.length, 3);
    await cluster.scaleUp(2);
    assert.equal(cluster.workers.length, 3);

    const others = cluster.workers.filter((worker) => worker !== alice);
    await cluster.scaleDown(others.map((worker) => worker.address));
    assert.deepEqual(cluster.scheduler.core.ncores(), { [alice.address]: 2 });
    await cluster.stopWorker("alice");
    assert.deepEqual(cluster.scheduler.core.ncores(), {});
    assert.equal(cluster.workers.length, 0);
    await cluster.stopWorker("alice");
    await cluster.stopWorker(alice);
  });

  Deno.test(`${kind}: a worker that is taken away hands over what only it holds`, async () => {
    await using cluster = await LocalCluster.create({
      ...options,
      nWorkers: 2,
      threadsPerWorker: 1,
    });
    await using client = await Client.connect(cluster);
    const [away, stays] = cluster.workers;
    const [scattered] = await client.scatter([{ only: "copy" }], { workers: [away.address] });
    await cluster.stopWorker(away);
    assert.deepEqual(cluster.scheduler.core.ncores(), { [stays.address]: 1 });
    assert.deepEqual(await scattered.result(), { only: "copy" });
  });

  Deno.test(`${kind}: a name that is taken is refused, the cluster lives on`, async () => {
    await using cluster = await LocalCluster.create({
      ...options,
      nWorkers: 1,
      threadsPerWorker: 1,
    });
    await assert.rejects(cluster.startWorker({ name: "0" }), /a worker called '0' already/);
    // One that is only starting has its name, too; numbers that are taken are passed over.
    const [one] = await Promise.allSettled([
      cluster.startWorker({ name: "1" }),
      assert.rejects(cluster.startWorker({ name: "1" }), /a worker called '1' already/),
    ]);
    assert.equal(one.status, "fulfilled");
    await cluster.scaleUp(3);
    assert.deepEqual(cluster.workers.map((worker) => worker.name).sort(), ["0", "1", "2"]);
    await using client = await Client.connect(cluster);
    assert.equal(await client.submit(() => 1).result(), 1);
  });

  Deno.test(`${kind}: close can be called again, and ends a cluster that is starting`, async () => {
    const cluster = await LocalCluster.create({ ...options, nWorkers: 1, threadsPerWorker: 1 });
    const starting = assert.rejects(cluster.startWorker());
    await Promise.all([cluster.stopWorker("0"), cluster.close(), cluster.close()]);
    await starting;
    await assert.rejects(cluster.startWorker(), /the cluster is closed/);
  });

  Deno.test(`${kind}: shutdown by a client takes the cluster down`, async () => {
    const cluster = await LocalCluster.create({ ...options, nWorkers: 1, threadsPerWorker: 1 });
    const client = await Client.connect(cluster);
    await client.shutdown();
    await cluster.scheduler.finished;
    await until("the workers to be gone", () => cluster.workers.length === 0);
    await client.close();
    await cluster.close();
  });
}

Deno.test("options that make no sense are refused by name, and nothing is left", async () => {
  await assert.rejects(LocalCluster.create({ nWorkers: -1 }), /nWorkers.*got -1/);
  await assert.rejects(LocalCluster.create({ threadsPerWorker: 0 }), /threadsPerWorker.*got 0/);
  await assert.rejects(LocalCluster.create({ startTimeout: 0 }), /startTimeout.*got 0/);
  await assert.rejects(LocalCluster.create({ startTimeout: 1e9 }), /startTimeout.*got 1000000000/);
  await assert.rejects(LocalCluster.create({ host: "256.1.1.1" }));
  await using cluster = await LocalCluster.create({ nWorkers: 0 });
  await assert.rejects(cluster.startWorker({ nthreads: 0 }), /nthreads.*got 0/);
  await assert.rejects(cluster.scaleUp(1.5), /n must be .*got 1.5/);
});

Deno.test("in process, with a port it can be reached over TCP too", async () => {
  await using cluster = await LocalCluster.create({
    nWorkers: 1,
    threadsPerWorker: 1,
    schedulerPort: 0,
    validate: true,
  });
  assert.match(cluster.schedulerAddress, /^inproc:/);
  const address = cluster.scheduler.addresses.find((address) => address.startsWith("tcp:"));
  await using client = await Client.connect(address!);
  // The worker is reached over inproc only, so the data comes through the scheduler.
  assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
});

Deno.test("a worker process that crashes is replaced, and its work done again", async () => {
  await using cluster = await LocalCluster.create({
    processes: true,
    nWorkers: 2,
    threadsPerWorker: 1,
    validate: true,
  });
  await using client = await Client.connect(cluster);
  const futures = client.map((x: number) => x + 1, Array.from({ length: 100 }, (_, i) => i));
  await client.gather(futures);
  const [victim] = cluster.workers as WorkerProcess[];
  const { name, pid, address } = victim;
  victim.kill();
  await until(
    "another process to be there",
    () => victim.pid !== pid && victim.address !== address,
  );
  assert.ok(!isRunning(pid));
  assert.equal(cluster.workers.length, 2);
  assert.equal(cluster.scheduler.core.coerceAddress(name), victim.address);
  assert.equal(cluster.scheduler.core.identity().workers[victim.address].pid, victim.pid);
  assert.deepEqual(await client.gather(futures), Array.from({ length: 100 }, (_, i) => i + 1));
  // The cluster can still be told to let it go.
  await cluster.stopWorker(victim);
  assert.ok(!isRunning(victim.pid));
  assert.equal(Object.keys(cluster.scheduler.core.ncores()).length, 1);
});

Deno.test("without nannies, a worker process that crashes is noticed, and its work done again", async () => {
  await using cluster = await LocalCluster.create({
    processes: true,
    nanny: false,
    nWorkers: 2,
    threadsPerWorker: 1,
    validate: true,
  });
  await using client = await Client.connect(cluster);
  const futures = client.map((x: number) => x + 1, Array.from({ length: 100 }, (_, i) => i));
  await client.gather(futures);
  const victim = cluster.workers[0] as WorkerProcess;
  victim.kill();
  await victim.finished;
  assert.match(victim.failure!.message, /worker process has died: it got SIGKILL/);
  await until(
    "the worker to be gone",
    () => Object.keys(cluster.scheduler.core.ncores()).length === 1,
  );
  await until("the handle to be gone", () => cluster.workers.length === 1);
  assert.deepEqual(await client.gather(futures), Array.from({ length: 100 }, (_, i) => i + 1));
});

Deno.test("a worker process that does not come up is told with its words", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const worker = { port: (taken.addr as Deno.NetAddr).port };
  const names = { name: "WorkerProcessError" };
  const cannotListen = new RegExp(`worker process '0' did not start: .*:${worker.port}.*in use`);
  for (const nanny of [true, false]) {
    await assert.rejects(
      LocalCluster.create({ processes: true, nWorkers: 1, nanny, worker }),
      { ...names, message: cannotListen },
    );
  }
  await assert.rejects(
    LocalCluster.create({ processes: true, nWorkers: 1, worker: { totalConnections: -1 } }),
    { name: "RangeError", message: /totalConnections.*-1/ },
  );
  await assert.rejects(
    LocalCluster.create({ processes: true, nWorkers: 1, startTimeout: 0.001 }),
    { ...names, message: /worker process '0' did not join the cluster within 0.001 s/ },
  );
});

Deno.test("nothing is left running or on disk when the parent is killed", async () => {
  const localDirectory = await Deno.makeTempDir({ prefix: "dusk-cluster-test-" });
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  const module = new URL("../../deploy/local_cluster.ts", import.meta.url);
  await Deno.writeTextFile(
    script,
    `import { LocalCluster } from ${JSON.stringify(module.href)};
     const localDirectory = Deno.args[0];
     const cluster = await LocalCluster.create({ processes: true, nWorkers: 2, localDirectory });
     console.log("pids", cluster.workers.map((worker) => worker.pid).join(" "), "end");`,
  );
  try {
    await using parent = new Program(Deno.execPath(), [
      "run",
      "-A",
      "--no-config",
      "--no-lock",
      script,
      localDirectory,
    ]);
    const pids = (await parent.printed(/pids ([\d ]+) end/))[1].split(" ").map(Number);
    assert.equal(pids.length, 2);
    assert.ok(pids.every(isRunning));
    for (const { name } of Deno.readDirSync(localDirectory)) {
      await Deno.writeTextFile(`${localDirectory}/${name}/result`, "as after a spill");
    }
    parent.kill("SIGKILL");
    await until("the worker processes to be gone", () => !pids.some(isRunning));
    assert.deepEqual([...Deno.readDirSync(localDirectory)], []);
  } finally {
    await Deno.remove(script);
    await Deno.remove(localDirectory, { recursive: true });
  }
});

Deno.test("a misspelt option, or one of a wrong kind, is refused before anything starts", async () => {
  const create = (options: unknown) => LocalCluster.create(options as { nWorkers: number });
  await assert.rejects(create({ nWorker: 1 }), {
    name: "TypeError",
    message: /no option "nWorker"; there are nWorkers, /,
  });
  await assert.rejects(create({ processes: "no" }), { message: /true or false, got "no"/ });
  await assert.rejects(create(5), { message: /such as \{ nWorkers: 2 \}, got 5/ });
});

Deno.test("workers share the machine's memory when they are processes, and have no limit here", async () => {
  const localDirectory = await Deno.makeTempDir({ prefix: "dusk-cluster-test-" });
  const limits = async (options: LocalClusterOptions) => {
    await using cluster = await LocalCluster.create({ nWorkers: 2, localDirectory, ...options });
    assert.equal(
      [...Deno.readDirSync(localDirectory)].length,
      options.processes || options.memoryLimit ? 2 : 0,
      "a folder for each that has a limit",
    );
    const { workers } = cluster.scheduler.core;
    return Array.from(workers.values(), ({ memoryLimit }) => memoryLimit);
  };
  const share = parseMemoryLimit("auto", 2);
  assert.deepEqual(await limits({ processes: true }), [share, share]);
  assert.deepEqual(await limits({ memoryLimit: "4 GiB" }), [2 ** 32, 2 ** 32]);
  assert.deepEqual(await limits({}), [0, 0]);
  assert.deepEqual([...Deno.readDirSync(localDirectory)], []);
  await assert.rejects(limits({ memoryLimit: "much" }), { name: "MemoryLimitError" });
  await Deno.remove(localDirectory);
});
