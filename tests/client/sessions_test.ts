/**
 * The example sessions of the documentation, on a real cluster.
 */
import assert from "node:assert/strict";
import { asCompleted } from "../../client/as_completed.ts";
import { Client } from "../../client/client.ts";
import type { Future } from "../../client/future.ts";
import { CancelledError } from "../../client/future_state.ts";
import { wait } from "../../client/wait.ts";
import { LocalCluster } from "../../deploy/local_cluster.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { ClusterWorker } from "../../worker/cluster_worker.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";
import { FakeScheduler } from "./fake_scheduler.ts";
import { someKeys } from "./key_printer.ts";

const inc = (x: number) => x + 1;
const add = (x: number, y: number) => x + y;
const square = (x: number) => x ** 2;
const neg = (x: number) => -x;
const double = (x: number) => 2 * x;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const div = (a: number, b: number) => {
  if (b === 0) throw new RangeError("division by zero");
  return a / b;
};
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

// Quickstart

Deno.test("map and submit: the sum of negated squares", async () => {
  await using client = await Client.connect();
  const a = client.map(square, range(10));
  const b = client.map(neg, a);
  const total = client.submit(sum, b);
  assert.equal(await total.result(), -285);
  assert.deepEqual(await client.gather(a), [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
  assert.equal(String(total), `<Future: status: finished, key: ${total.key}>`);
});

Deno.test("restart gives a clean cluster", async () => {
  await genCluster({}, async ({ client, scheduler }) => {
    const futures = client.map(inc, range(20));
    await wait(futures);
    const endless = client.submit(async () => await new Promise(() => {}));
    await until("the endless task", async () => {
      return Object.values(await client.processing()).flat().includes(endless.key);
    });
    await client.restart();
    assert.ok([...futures, endless].every((future) => future.cancelled()));
    assert.deepEqual(await client.whoHas(), {});
    assert.equal(scheduler.core.tasks.size, 0);
    assert.deepEqual(await client.gather(client.map(inc, range(3))), [1, 2, 3]);
  });
});

// Client

Deno.test("submit on futures", async () => {
  await genCluster({}, async ({ client }) => {
    const x = client.submit(inc, 10);
    const list = client.map(inc, range(1000));
    const y = client.submit(inc, x);
    const total = client.submit(sum, list);
    assert.deepEqual(await client.gather([x, y, total]), [11, 12, 500_500]);
    assert.deepEqual((await client.gather(list)).slice(0, 5), [1, 2, 3, 4, 5]);
  });
});

Deno.test("gather keeps nested lists and objects", async () => {
  await genCluster({}, async ({ client }) => {
    const a = client.submit(add, 1, 2);
    const b = client.submit(add, 10, 20);
    const c = client.submit(add, a, b);
    assert.deepEqual(await client.gather([c]), [33]);
    assert.equal(await client.gather(a), 3);
    assert.deepEqual(await client.gather([a, [a], { a }]), [3, [3], { a: 3 }]);
  });
});

Deno.test("keys are the same in every process", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const here = someKeys(client);
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", new URL("./key_printer.ts", import.meta.url).href],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), here);
  assert.equal(new Set(here).size, here.length);
});

Deno.test("pure calls run once, impure ones each time", async () => {
  await genCluster({}, async ({ client }) => {
    const random = () => Math.random();
    const pure = [client.submit(random), client.submit(random)];
    assert.equal(pure[0].key, pure[1].key);
    const [first, second] = await client.gather(pure);
    assert.equal(first, second);
    const impure = client.with({ pure: false });
    const values = await client.gather([impure.submit(random), impure.submit(random)]);
    assert.notEqual(values[0], values[1]);
  });
});

// API

Deno.test("whoHas, hasWhat, ncores, nbytes, processing and schedulerInfo", async () => {
  await genCluster({ nthreads: [1, 2] }, async ({ client, workers }) => {
    const [alice, bob] = workers.map((worker) => worker.address);
    assert.deepEqual(await client.ncores(), { [alice]: 1, [bob]: 2 });
    assert.deepEqual(await client.ncores(["alice"]), { [alice]: 1 });
    const [x, y, z] = client.map(inc, [1, 2, 3]);
    await wait([x, y, z]);
    const whoHas = await client.whoHas();
    assert.deepEqual(Object.keys(whoHas).sort(), [x.key, y.key, z.key].sort());
    assert.deepEqual(Object.keys(await client.whoHas([x, y])).sort(), [x.key, y.key].sort());
    const hasWhat = await client.hasWhat();
    assert.deepEqual(Object.keys(hasWhat).sort(), [alice, bob].sort());
    for (const key in whoHas) {
      for (const worker of whoHas[key]) assert.ok(hasWhat[worker].includes(key));
    }
    const bytes = await client.nbytes({ summary: false });
    assert.deepEqual(Object.keys(bytes).sort(), [x.key, y.key, z.key].sort());
    assert.deepEqual(await client.nbytes(), { inc: bytes[x.key] + bytes[y.key] + bytes[z.key] });
    const busy = client.with({ workers: "bob" }).submit(async () => await new Promise(() => {}));
    await until("the busy task", async () => {
      return (await client.processing())[bob].includes(busy.key);
    });
    assert.deepEqual((await client.processing("alice"))[alice], []);
    busy.cancel();
    const info = await client.schedulerInfo();
    assert.equal(info.workers[alice].name, "alice");
    assert.equal(info.workers[bob].nthreads, 2);
  });
});

Deno.test("asCompleted with futures that are added on the way", async () => {
  await genCluster({}, async ({ client }) => {
    const completed = asCompleted(client.map(inc, [1, 2, 3]), { withResults: true });
    const results: number[] = [];
    for await (const [future, result] of completed) {
      results.push(result);
      if (result < 5) completed.add(client.submit(double, future));
    }
    assert.deepEqual(results.sort((a, b) => a - b), [2, 3, 4, 4, 6, 8, 8]);
  });
});

Deno.test("scatter a value, a list, an object; to all; to some", async () => {
  await genCluster({}, async ({ client, workers }) => {
    const one = await client.scatter(1);
    assert.equal(await client.submit(inc, one).result(), 2);
    const list = await client.scatter([1, 2, 3]);
    assert.equal(list[0].key, one.key);
    assert.equal(await client.submit(sum, list).result(), 6);
    const named = await client.scatter({ x: 1, y: 2, z: 3 });
    assert.deepEqual(Object.values(named).map((future) => future.key), ["x", "y", "z"]);
    assert.equal(await client.submit(add, named.y, named.z).result(), 5);
    const [everywhere] = await client.scatter(["e"], { broadcast: true });
    const whoHas = await client.whoHas([everywhere]);
    const addresses = workers.map((worker) => worker.address).sort();
    assert.deepEqual(whoHas[everywhere.key].sort(), addresses);
    const table = await client.scatter(new Float64Array(100_000).fill(2), { workers: ["bob"] });
    assert.deepEqual((await client.whoHas([table]))[table.key], [workers[1].address]);
    assert.equal(await client.submit((t: Float64Array) => t.length, table).result(), 100_000);
    assert.equal((await table.result())[99_999], 2);
  });
});

// Data locality

Deno.test("scatter deals out to Alice and Bob by their cores", async () => {
  await genCluster({ nthreads: [2, 2] }, async ({ client, workers }) => {
    const futures = await client.scatter(range(10));
    const hasWhat = await client.hasWhat();
    const index = new Map(futures.map((future, i) => [future.key, i]));
    const held = workers.map((worker) => {
      return hasWhat[worker.address].map((key) => index.get(key)!).sort((a, b) => a - b);
    });
    assert.deepEqual(held, [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7]]);
    const total = client.with({ workers: ["alice"] }).submit(sum, futures);
    assert.equal(await total.result(), 45);
    assert.deepEqual((await client.whoHas([total]))[total.key], [workers[0].address]);
  });
});

Deno.test("a task for a worker that is not there waits; as a preference it runs elsewhere", async () => {
  await genCluster({}, async ({ client }) => {
    const strict = client.with({ workers: ["carol"] }).submit(inc, 1);
    const loose = client.with({ workers: ["carol"], allowOtherWorkers: true }).submit(inc, 2);
    assert.equal(await loose.result(), 3);
    assert.equal(strict.status, "pending");
  });
});

// Resilience

Deno.test("a failing task throws its error, and so does what depends on it; the cluster goes on", async () => {
  await genCluster({}, async ({ client }) => {
    const x = client.submit(div, 1, 0);
    const y = client.submit(add, x, 10);
    for (const future of [x, y]) {
      await assert.rejects(future.result(), (error: Error) => {
        assert.ok(error instanceof RangeError);
        assert.equal(error.message, "division by zero");
        assert.ok(error.stack?.includes(`in task ${x.key}`), error.stack);
        return true;
      });
      assert.equal(future.status, "error");
    }
    assert.equal((await y.traceback())?.[0].function, "div");
    assert.deepEqual(await client.gather([x, client.submit(inc, 1)], { errors: "skip" }), [2]);
    assert.equal(await client.submit(div, 8, 2).result(), 4);
  });
});

Deno.test("a task is tried again as often as asked", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const flaky = () => {
      const scope = globalThis as unknown as { tries?: number };
      scope.tries = (scope.tries ?? 0) + 1;
      if (scope.tries < 3) throw new Error("not yet");
      return scope.tries;
    };
    assert.equal(await client.with({ retries: 2 }).submit(flaky).result(), 3);
  });
});

Deno.test("a result that was lost with its worker is computed again", async () => {
  await genCluster({}, async ({ client, workers }) => {
    const future = client.with({ workers: ["alice", "bob"] }).submit(inc, 1);
    await wait(future);
    const [address] = (await client.whoHas([future]))[future.key];
    await workers.find((worker) => worker.address === address)!.close();
    assert.equal(await future.result(), 2);
  });
});

Deno.test("when the scheduler comes back, workers and client find it again", async () => {
  const first = new Scheduler();
  await first.start("tcp://127.0.0.1:0");
  const { address } = first;
  await using worker = new ClusterWorker({ schedulerAddress: address, nthreads: 1 });
  await worker.start();
  await using client = await Client.connect(address, { timeout: 60 });
  const endless = client.submit(async () => await new Promise(() => {}));
  await first.close();
  await assert.rejects(endless.result(), CancelledError);
  // The port is free only a little after the listener was closed.
  await using second = await until("the port", async () => {
    const scheduler = new Scheduler();
    return await scheduler.start(address).then(() => scheduler, () => undefined);
  });
  await client.waitForWorkers(1, { timeout: 60 });
  assert.equal(second.address, address);
  assert.equal(await client.submit(inc, 1).result(), 2);
});

// Managing memory

Deno.test("what no future points to is dropped from the cluster", async () => {
  await genCluster({}, async ({ client, scheduler, workers }) => {
    const x = client.submit(inc, 1);
    {
      using y = client.submit(inc, x);
      assert.equal(await y.result(), 3);
    }
    await until("release of y", () => scheduler.core.tasks.size === 1);
    const again = client.submit(inc, 1);
    x.release();
    assert.equal(await again.result(), 2);
    again.release();
    await until("release of x", () => scheduler.core.tasks.size === 0);
    await until("free memory", () => workers.every((worker) => worker.data.size === 0));
  });
});

Deno.test("cancel stops a task and all that depends on it", async () => {
  await genCluster({}, async ({ client, scheduler }) => {
    const endless = client.submit(async (): Promise<number> => await new Promise(() => {}));
    const dependent = client.submit(inc, endless);
    const other = client.submit(inc, 5);
    client.cancel([endless]);
    await assert.rejects(dependent.result(), (error: Error) => {
      assert.ok(error instanceof CancelledError);
      assert.match(error.message, new RegExp(endless.key));
      return true;
    });
    assert.equal(await other.result(), 6);
    await until("an empty cluster", () => scheduler.core.tasks.size === 1);
    const again = client.submit(inc, 5);
    assert.equal(await again.result(), 6);
  });
});

Deno.test("tasks and their dependents that are cancelled one by one can be submitted again at once", async () => {
  await genCluster({}, async ({ client }) => {
    const one = async () => await Promise.resolve(1);
    const x = client.submit(one);
    const y = client.submit(inc, x);
    x.cancel();
    y.cancel();
    const again = client.submit(inc, client.submit(one));
    assert.equal(again.key, y.key);
    assert.equal(await again.result(), 2);
  });
});

// Efficiency

Deno.test("a question about large data travels to the data", async () => {
  await using cluster = await LocalCluster.create({ nWorkers: 2, threadsPerWorker: 1 });
  await using client = await Client.connect(cluster);
  const data = client.submit((n: number) => new Float64Array(n), 1_000_000);
  assert.equal(await client.submit((x) => x.length, data).result(), 1_000_000);
});

Deno.test("what tasks write to their console arrives with key and worker", async () => {
  await genCluster({}, async ({ scheduler }) => {
    const lines: string[] = [];
    await using client = await Client.connect(scheduler.address, {
      onConsole: ({ key, level, text }) => lines.push(`${level} ${key} ${text}`),
    });
    const future: Future<void> = client.submit(() => console.warn("low on coffee", 3));
    await future.result();
    await until("the line", () => lines.length > 0);
    assert.deepEqual(lines, [`warn ${future.key} low on coffee 3`]);
  });
});
