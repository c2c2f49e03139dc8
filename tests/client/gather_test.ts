/** How results come to the client: from which workers, and what happens when they are not there. */
import assert from "node:assert/strict";
import { Client, type ClientOptions } from "../../client/client.ts";
import { TimeoutError } from "../../client/deadline.ts";
import type { Future } from "../../client/future.ts";
import { CancelledError } from "../../client/future_state.ts";
import { MissingDataError } from "../../client/fetcher.ts";
import { wait } from "../../client/wait.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { serialize } from "../../protocol/values.ts";
import { FakeScheduler, FakeWorker } from "./fake_scheduler.ts";

const inc = (x: number) => x + 1;

/** A scheduler, two workers called alice and bob, a client. */
class Cluster implements AsyncDisposable {
  readonly alice: FakeWorker;
  readonly bob: FakeWorker;
  readonly scheduler: FakeScheduler;
  /** What the scheduler answers to `ncores`. */
  cores: Record<string, number>;
  /** The keys of each `gather` through the scheduler. */
  readonly relayed: string[][] = [];
  client!: Client;
  /** Where data is put that is scattered through the scheduler. */
  readonly scattered: Record<string, unknown>[] = [];
  static async start(options: ClientOptions = {}, address = "inproc://"): Promise<Cluster> {
    const cluster = new Cluster(await FakeWorker.start(address), await FakeWorker.start(address));
    await cluster.scheduler.server.listen(address);
    cluster.client = await Client.connect(cluster.scheduler.address, options);
    return cluster;
  }

  private constructor(alice: FakeWorker, bob: FakeWorker) {
    this.alice = alice;
    this.bob = bob;
    this.cores = { [alice.address]: 2, [bob.address]: 2 };
    this.scheduler = new FakeScheduler({
      ncores: (_comm, { workers }) => {
        if (workers === undefined) return this.cores;
        const named: Record<string, string> = { alice: alice.address, bob: bob.address };
        const found = workers.map((name: string) => named[name]).filter(Boolean);
        return Object.fromEntries(found.map((worker: string) => [worker, this.cores[worker]]));
      },
      gather: (_comm, { keys }) => {
        this.relayed.push(keys);
        const data: Record<string, Serialized> = {};
        const missing: Record<string, string[]> = {};
        for (const key of keys) {
          const value = alice.data.get(key) ?? bob.data.get(key);
          if (value === undefined) missing[key] = [];
          else data[key] = value;
        }
        return Object.keys(missing).length > 0
          ? { status: "error", missing }
          : { status: "OK", data };
      },
      scatter: (_comm, message) => {
        this.scattered.push(message);
        for (const key in message.data) alice.data.set(key, message.data[key]);
        const place = (key: string) => [key, [alice.address]];
        return { status: "OK", whoHas: Object.fromEntries(Object.keys(message.data).map(place)) };
      },
    });
  }

  /** Put the result on a worker and say so. */
  finish(future: Future<unknown>, value: unknown, ...workers: FakeWorker[]): void {
    for (const worker of workers) worker.put(future.key, value);
    this.announce(future, ...workers);
  }

  announce(future: Future<unknown>, ...workers: { address: string }[]): void {
    const { key } = future;
    const addresses = workers.map((worker) => worker.address);
    this.scheduler.send({ op: "key-in-memory", key, workers: addresses });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.scheduler[Symbol.asyncDispose]();
    await this.alice[Symbol.asyncDispose]();
    await this.bob[Symbol.asyncDispose]();
  }
}

// gather

Deno.test("gather keeps the structure, and asks each worker once", async () => {
  await using cluster = await Cluster.start();
  const { client, alice, bob } = cluster;
  const [a, b, c] = client.map(inc, [0, 1, 2]);
  cluster.finish(a, 1, alice);
  cluster.finish(b, 2, bob);
  cluster.finish(c, 3, alice);
  const gathered = await client.gather({
    one: a,
    list: [a, [b], c],
    map: new Map([["c", c]]),
    set: new Set([b]),
    other: "text",
    date: new Date(0),
  });
  assert.deepEqual(gathered, {
    one: 1,
    list: [1, [2], 3],
    map: new Map([["c", 3]]),
    set: new Set([2]),
    other: "text",
    date: new Date(0),
  });
  assert.deepEqual([alice.requests, bob.requests], [[[a.key, c.key]], [[b.key]]]);
  assert.equal(await client.gather(a), 1);
  assert.deepEqual(await client.gather([].values()), []);
  assert.deepEqual(await client.gather([a, b].values()), [1, 2]);
});

Deno.test("gather keeps cycles, sharing, and names such as __proto__", async () => {
  await using cluster = await Cluster.start();
  const { client, alice } = cluster;
  const future = client.submit(inc, 0);
  cluster.finish(future, { deep: true }, alice);
  const list: unknown[] = [future, future];
  list.push(list);
  const gathered = await client.gather(list) as unknown[];
  assert.equal(gathered[0], gathered[1]);
  assert.equal(gathered[2], gathered);
  const named = await client.gather(JSON.parse('{"__proto__": 5}'));
  assert.deepEqual(Object.keys(named), ["__proto__"]);
});

Deno.test("gather throws the error of the first that failed, or leaves failed ones out", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice } = cluster;
  const [a, b, c] = client.map(inc, [0, 1, 2]);
  cluster.finish(a, 1, alice);
  const exception = serialize(new RangeError("no"));
  scheduler.send({ op: "task-erred", key: b.key, exception, traceback: "", blame: b.key });
  await assert.rejects(client.gather([a, b, c]), RangeError);
  c.cancel();
  await assert.rejects(client.gather([a, c]), CancelledError);
  const skipped = await client.gather({ list: [a, b, [c, a]], b }, { errors: "skip" });
  assert.deepEqual(skipped, { list: [1, [1]] });
  assert.equal(await client.gather(b, { errors: "skip" }), undefined);
  await assert.rejects(client.gather(a, { errors: "ignore" as never }), /option "errors"/);
});

Deno.test("ten thousand results come in one request", async () => {
  await using cluster = await Cluster.start({}, "tcp://127.0.0.1:0");
  const { client, alice } = cluster;
  const items = Array.from({ length: 10_000 }, (_, i) => i);
  const futures = client.map(inc, items);
  futures.forEach((future, i) => cluster.finish(future, i + 1, alice));
  assert.deepEqual(await client.gather(futures), items.map((i) => i + 1));
  assert.equal(alice.requests.length, 1);
});

Deno.test("a gathered array is not copied after it was received", async () => {
  await using cluster = await Cluster.start({}, "tcp://127.0.0.1:0");
  const { client, alice } = cluster;
  const future = client.submit((n: number) => new Float64Array(n), 1_000_000);
  const large = Float64Array.from({ length: 1_000_000 }, (_, i) => i);
  cluster.finish(future, large, alice);
  const result = await future.result();
  assert.deepEqual(result, large);
  assert.equal(result.byteLength, result.buffer.byteLength);
});

Deno.test("within a process, changing a result does not change what the cluster has", async () => {
  await using cluster = await Cluster.start();
  const { client, alice } = cluster;
  const future = client.submit((n: number) => new Float64Array(n), 1000);
  cluster.finish(future, new Float64Array(1000), alice);
  (await future.result()).fill(1);
  assert.equal((await future.result())[0], 0);
});

Deno.test("data that is not on the worker is looked for on the next, and reported", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice, bob } = cluster;
  const future = client.submit(inc, 0);
  bob.put(future.key, 1);
  cluster.announce(future, alice);
  const result = future.result();
  const [{ missing }] = await scheduler.heard("report-missing");
  assert.deepEqual(missing, { [future.key]: [alice.address] });
  cluster.announce(future, bob);
  assert.equal(await result, 1);
});

Deno.test("data that was lost is fetched when it has been computed again", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice, bob } = cluster;
  const future = client.submit(inc, 0);
  cluster.announce(future, alice);
  const result = client.gather([future]);
  await scheduler.heard("report-missing");
  scheduler.send({ op: "lost-data", key: future.key });
  cluster.finish(future, 1, bob);
  assert.deepEqual(await result, [1]);
});

Deno.test("news of an earlier run of a task does no harm: the scheduler is asked, and the result waited for", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice } = cluster;
  client.submit(inc, 0).release();
  const future = client.submit(inc, 0);
  cluster.announce(future, alice);
  const result = future.result();
  const [{ keys }] = await scheduler.heard("client-desires-keys");
  assert.deepEqual(keys, [future.key]);
  assert.equal(future.status, "lost");
  cluster.finish(future, 1, alice);
  assert.equal(await result, 1);
});

Deno.test("a future that is released while its data is looked for is given up", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice } = cluster;
  const future = client.submit(inc, 0);
  cluster.announce(future, alice);
  const result = assert.rejects(future.result(), CancelledError);
  await scheduler.heard("report-missing");
  future.release();
  await result;
});

Deno.test("data that becomes an error while it is fetched throws that error", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice } = cluster;
  const [a, b] = client.map(inc, [0, 1]);
  for (const future of [a, b]) cluster.announce(future, alice);
  const failing = assert.rejects(client.gather([a]), RangeError);
  const skipping = client.gather([b], { errors: "skip" });
  await scheduler.heard("report-missing");
  for (const { key } of [a, b]) {
    const exception = serialize(new RangeError("no"));
    scheduler.send(
      { op: "lost-data", key },
      { op: "task-erred", key, exception, traceback: "", blame: key },
    );
  }
  await failing;
  assert.deepEqual(await skipping, []);
});

Deno.test("data that is nowhere although it should be is given up with an error", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice } = cluster;
  const future = client.submit(inc, 0);
  cluster.announce(future, alice);
  scheduler.onDesires = () => cluster.announce(future, alice);
  await assert.rejects(future.result(), (error: Error) => {
    assert.ok(error instanceof MissingDataError);
    assert.match(error.message, new RegExp(`${future.key} could not be fetched`));
    return true;
  });
});

Deno.test("a worker out of reach is passed by: its data comes through the scheduler, at once the next time", async () => {
  await using cluster = await Cluster.start();
  const { client, alice } = cluster;
  const [a, b] = client.map(inc, [0, 1]);
  const gone = { address: "inproc://nobody/0/0" };
  for (const future of [a, b]) {
    alice.put(future.key, 1);
    cluster.announce(future, gone);
  }
  assert.deepEqual(await client.gather([a]), [1]);
  assert.deepEqual(await client.gather([b]), [1]);
  assert.deepEqual(cluster.relayed, [[a.key], [b.key]]);
  assert.deepEqual(alice.requests, []);
});

Deno.test("with direct: false everything goes through the scheduler", async () => {
  await using cluster = await Cluster.start({ direct: false });
  const { client, alice } = cluster;
  const future = client.submit(inc, 0);
  cluster.finish(future, 1, alice);
  assert.equal(await future.result(), 1);
  assert.deepEqual(cluster.relayed, [[future.key]]);
  const scattered = await client.scatter({ x: 5 });
  assert.deepEqual(cluster.scattered.map(({ data }) => Object.keys(data as object)), [["x"]]);
  assert.equal(await scattered.x.result(), 5);
});

Deno.test("a client that closes during a gather ends it, also when finished futures are left to fetch", async () => {
  await using cluster = await Cluster.start();
  const { client, alice } = cluster;
  const [finished, pending] = client.map(inc, [0, 1]);
  cluster.finish(finished, 1, alice);
  await wait(finished);
  const ends = [
    client.gather([finished, pending], { errors: "skip" }),
    client.gather([finished, pending]),
  ].map((gathered) => assert.rejects(gathered));
  await client.close();
  await Promise.all(ends);
});

// scatter

Deno.test("scatter deals out by cores: Alice and Bob with two cores each", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler, alice, bob } = cluster;
  const futures = await client.scatter(Array.from({ length: 10 }, (_, i) => i));
  assert.ok(futures.every((future) => future.status === "finished" && future.type === "number"));
  const held = (worker: FakeWorker) => [...worker.data.keys()].map((key) => worker.get(key));
  assert.deepEqual([held(alice), held(bob)], [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7]]);
  const [{ whoHas, nbytes, types }] = await scheduler.heard("update-data");
  assert.deepEqual(whoHas[futures[2].key], [bob.address]);
  assert.equal(types![futures[2].key], "number");
  assert.ok(nbytes[futures[2].key] > 0);
  assert.deepEqual(await client.gather(futures), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("scatter takes a value, an array or an object, and keys follow content or names", async () => {
  await using cluster = await Cluster.start();
  const { client } = cluster;
  const one = await client.scatter(1);
  assert.match(one.key, /^number-[0-9a-f]{32}$/);
  const [again, two, twice] = await client.scatter([1, 2, 2]);
  assert.equal(again.key, one.key);
  assert.equal(two.key, twice.key);
  const named = await client.scatter({ x: 1, y: new Map([[1, 2]]) });
  assert.deepEqual([named.x.key, named.y.key], ["x", "y"]);
  assert.deepEqual(await client.gather(named), { x: 1, y: new Map([[1, 2]]) });
  const set = await client.scatter(new Set([1]));
  assert.match(set.key, /^Set-/);
  const table = await client.scatter(new Float64Array(10));
  assert.match(table.key, /^Float64Array-/);
  const [first, second] = [
    await client.scatter(1, { hash: false }),
    await client.scatter(1, { hash: false }),
  ];
  assert.notEqual(first.key, second.key);
  const dealt = await client.scatter([1, 2].values());
  assert.deepEqual(dealt.map((future) => future.key), [one.key, two.key]);
  assert.deepEqual(await client.scatter([]), []);
  assert.deepEqual(await client.scatter({}), {});
});

Deno.test("scatter to all, or to the workers named", async () => {
  await using cluster = await Cluster.start();
  const { client, alice, bob } = cluster;
  const [a] = await client.scatter([1], { broadcast: true });
  assert.deepEqual([alice.get(a.key), bob.get(a.key)], [1, 1]);
  const [b, c] = await client.scatter([2, 3], { workers: "bob" });
  assert.deepEqual([bob.get(b.key), bob.get(c.key)], [2, 3]);
  assert.equal(alice.get(b.key), undefined);
  const d = await client.with({ workers: ["alice"] }).scatter(4);
  assert.equal(alice.get(d.key), 4);
});

Deno.test("within a process, changing what was scattered does not change what the cluster has", async () => {
  await using cluster = await Cluster.start();
  const data = new Float64Array(1000);
  const future = await cluster.client.scatter(data);
  data.fill(1);
  assert.equal((await future.result())[0], 0);
});

Deno.test("scatter waits for workers, and says when none comes", async () => {
  await using cluster = await Cluster.start();
  const { client, alice } = cluster;
  cluster.cores = {};
  await assert.rejects(client.scatter(1, { timeout: 0.05 }), (error: Error) => {
    assert.ok(error instanceof TimeoutError);
    assert.match(error.message, /the cluster had no workers to put the data on within 0.05 s/);
    return true;
  });
  await assert.rejects(client.scatter(1, { timeout: 0.05, workers: "carol" }), /no workers carol/);
  const waiting = client.scatter(1);
  cluster.cores = { [alice.address]: 1 };
  assert.equal(await (await waiting).result(), 1);
});

Deno.test("scatter goes through the scheduler where a worker cannot be reached", async () => {
  await using cluster = await Cluster.start();
  const { client } = cluster;
  cluster.cores = { "inproc://nobody/0/0": 1 };
  const future = await client.scatter(7);
  assert.equal(await future.result(), 7);
  assert.equal(cluster.scattered.length, 1);
  assert.equal(cluster.scattered[0].client, client.id);
});

Deno.test("scatter refuses wrong options and data that cannot travel", async () => {
  await using cluster = await Cluster.start();
  const { client } = cluster;
  await assert.rejects(client.scatter(1, { broadcas: true } as never), /no option "broadcas"/);
  await assert.rejects(client.scatter(1, { workers: [] }), /option "workers" is \[\]/);
  await assert.rejects(client.scatter([new WeakMap()]), /WeakMap/);
  await assert.rejects(client.scatter({ "": 1 }), /the name "" cannot be a key/);
});

Deno.test("a scattered future can be waited for and released like any other", async () => {
  await using cluster = await Cluster.start();
  const { client, scheduler } = cluster;
  const future = await client.scatter(1);
  assert.deepEqual((await wait(future)).done, new Set([future]));
  future.release();
  const [{ keys }] = await scheduler.heard("client-releases-keys");
  assert.deepEqual(keys, [future.key]);
  const ops = scheduler.messages.map((message) => message.op);
  assert.ok(ops.indexOf("update-data") < ops.indexOf("client-releases-keys"));
});
