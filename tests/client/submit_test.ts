/** What goes to the scheduler for calls of `submit` and `map`, and what is refused before. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { FreeNameError, FunctionError } from "../../protocol/functions/function_error.ts";
import { CancelledError } from "../../client/future_state.ts";
import { OptionError, type TaskOptions } from "../../client/task_options.ts";
import { deserialize, SerializationError } from "../../protocol/values.ts";
import { FakeScheduler } from "./fake_scheduler.ts";

const inc = (x: number) => x + 1;
const add = (x: number, y: number) => x + y;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

Deno.test("submit returns a pending future at once, and the task goes out at the end of the turn", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const future = client.submit(inc, 10);
  assert.equal(future.status, "pending");
  assert.match(future.key, /^inc-[0-9a-f]{32}$/);
  assert.equal(client.futures.get(future.key)?.status, "pending");
  const [graph] = await scheduler.heard("update-graph");
  const [group] = graph.groups;
  assert.deepEqual(group.keys, [future.key]);
  assert.deepEqual(deserialize(group.args[0]), [10]);
  assert.equal(group.dependencies, undefined);
  assert.match(group.function, /^f[0-9a-f]{32}$/);
  assert.deepEqual(Object.keys(graph.parts), [group.function]);
  assert.equal(group.needs, undefined);
});

Deno.test("all submissions of a turn are one graph, in order, with a group for each run of a function", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const a = client.submit(inc, 1);
  const b = client.submit(inc, 2);
  const c = client.submit(add, a, b);
  const d = client.map(inc, [3, c]);
  const [graph] = await scheduler.heard("update-graph");
  assert.equal(scheduler.batches.length, 1);
  assert.deepEqual(graph.groups.map((group) => group.keys), [
    [a.key, b.key],
    [c.key],
    d.map((future) => future.key),
  ]);
  assert.deepEqual(graph.groups.map((group) => group.dependencies), [
    undefined,
    [[a.key, b.key]],
    [[], [c.key]],
  ]);
  assert.equal(Object.keys(graph.parts).length, 2);
});

Deno.test("submissions, releases and cancellations of a turn keep their order", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const a = client.submit(inc, 1);
  const b = client.submit(inc, 2);
  a.release();
  b.release();
  const c = client.submit(inc, 1);
  c.cancel();
  const d = client.submit(inc, 1);
  await scheduler.heard("cancel-keys");
  await scheduler.heard("update-graph", 3);
  assert.deepEqual(
    scheduler.messages.map((message) => message.op),
    ["update-graph", "client-releases-keys", "update-graph", "cancel-keys", "update-graph"],
  );
  const [releases] = await scheduler.heard("client-releases-keys");
  assert.deepEqual(releases.keys, [a.key, b.key]);
  assert.equal(c.status, "cancelled");
  assert.equal(d.status, "pending");
});

Deno.test("a turn may say more than a function call has room for arguments", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const futures = client.map(inc, Array.from({ length: 150_000 }, (_, i) => i));
  for (const future of futures) future.cancel();
  await scheduler.heard("cancel-keys", futures.length);
});

Deno.test("equal calls have equal keys and are sent once; other arguments or functions have others", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const again = (x: number) => x + 1;
  const keys = [
    client.submit(inc, 1),
    client.submit(inc, 1),
    client.submit(inc, 2),
    client.submit(inc, -0),
    client.submit(inc, 0),
    client.submit(again, 1),
    client.map(inc, [1])[0],
  ].map((future) => future.key);
  assert.equal(keys[0], keys[1]);
  assert.equal(keys[0], keys[6]);
  assert.equal(new Set(keys).size, 5);
  await scheduler.heard("update-graph");
  assert.equal(scheduler.groups.flatMap((group) => group.keys).length, 5);
});

Deno.test("keys depend on the keys of futures among the arguments, not on the objects", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const key = (x: number) => client.submit(sum, [client.submit(inc, x), 5]).key;
  assert.equal(key(1), key(1));
  assert.notEqual(key(1), key(2));
});

Deno.test("impure tasks have a new key each time", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const impure = client.with({ pure: false });
  const random = () => Math.random();
  const first = impure.submit(random);
  const second = impure.submit(random);
  assert.match(first.key, /^random-[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.notEqual(first.key, second.key);
});

Deno.test("keys can be chosen: exact for submit, prefix or names for map", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  assert.equal(client.with({ key: "x" }).submit(inc, 1).key, "x");
  for (const { key } of client.with({ key: "part" }).map(inc, [1, 2])) {
    assert.match(key, /^part-[0-9a-f]{32}$/);
  }
  const named = client.with({ key: ["a", "b"] }).map(inc, [1, 2]);
  assert.deepEqual(named.map((future) => future.key), ["a", "b"]);
  assert.throws(() => client.with({ key: ["a", "b"] }).map(inc, [1]), OptionError);
  assert.throws(() => client.with({ key: ["a"] }).submit(inc, 1), OptionError);
});

Deno.test("map takes several iterables, up to the end of the shortest", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  let closed = false;
  function* naturals() {
    try {
      for (let i = 0;; i++) yield i;
    } finally {
      closed = true;
    }
  }
  const futures = client.map(add, naturals(), new Set([10, 20, 30]));
  assert.equal(futures.length, 3);
  assert.ok(closed);
  await scheduler.heard("update-graph");
  assert.deepEqual(scheduler.groups[0].args.map((args) => deserialize(args)), [
    [0, 10],
    [1, 20],
    [2, 30],
  ]);
  assert.deepEqual(client.map(inc, []), []);
});

Deno.test("futures are found in nested arguments and stand there as references, each a dependency once", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const a = client.submit(inc, 1);
  const b = client.submit(inc, 2);
  client.submit(
    (_data: { list: number[]; map: Map<string, number> }, _again: number) => 0,
    { list: [a, 5], map: new Map([["b", b]]) },
    a,
  );
  await scheduler.heard("update-graph");
  const group = scheduler.groups[1];
  assert.deepEqual(group.dependencies, [[a.key, b.key]]);
  const values = new Map([[a.key, "A"], [b.key, "B"]]);
  assert.deepEqual(deserialize(group.args[0], { resolve: (key) => values.get(key) }), [
    { list: ["A", 5], map: new Map([["b", "B"]]) },
    "A",
  ]);
});

Deno.test("a task gets its arguments as they were at submit", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const large = new Float64Array(10_000).fill(1);
  const small = [1, 2];
  client.submit((_a: Float64Array, _b: number[]) => 0, large, small);
  large.fill(2);
  small.push(3);
  await scheduler.heard("update-graph");
  const [sent, list] = deserialize(scheduler.groups[0].args[0]) as [Float64Array, number[]];
  assert.equal(sent[9_999], 1);
  assert.deepEqual(list, [1, 2]);
});

Deno.test("options travel with the tasks; a view inherits those of the view it was made from", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const view = client.with({ workers: "alice", priority: 3, retries: 2 });
  view.with({ workers: ["bob"], allowOtherWorkers: true, resources: { GPU: 1 }, timeout: 5 })
    .submit(inc, 1);
  view.submit(inc, 2);
  client.submit(inc, 3);
  await scheduler.heard("update-graph");
  const [first, second, third] = scheduler.groups;
  assert.deepEqual([first.workers, first.allowOtherWorkers], [["bob"], true]);
  assert.deepEqual([first.resources, first.timeout], [{ GPU: 1 }, 5]);
  assert.deepEqual([first.priority, first.retries], [3, 2]);
  assert.deepEqual([second.workers, second.timeout], [["alice"], undefined]);
  assert.equal(third.workers, undefined);
});

const wrongOptions: [options: unknown, message: RegExp][] = [
  [{ worker: "alice" }, /no option "worker"; its options are key, pure, workers/],
  [{ workers: [] }, /option "workers" is \[\], but must be one or several addresses/],
  [{ workers: [1] }, /option "workers" is \[1\]/],
  [{ workers: "" }, /option "workers" is ""/],
  [{ timeout: -1 }, /option "timeout" is -1, but must be a number of seconds above 0/],
  [{ timeout: "5" }, /option "timeout" is "5"/],
  [{ resources: { GPU: "1" } }, /option "resources.GPU" is "1", but must be a number above 0/],
  [{ resources: ["GPU"] }, /option "resources" is \["GPU"\]/],
  [{ pure: 0 }, /option "pure" is 0, but must be true or false/],
  [{ priority: NaN }, /option "priority" is NaN/],
  [{ retries: 1.5 }, /option "retries" is 1.5, but must be a whole number/],
  [{ key: "" }, /option "key" is ""/],
  [{ key: ["a", "a"] }, /names that differ: "a" is there twice/],
  [{ key: 5 }, /option "key" is 5/],
  [{ allowOtherWorkers: true }, /without workers/],
  [null, /options of with\(\) are null/],
];

for (const [options, message] of wrongOptions) {
  Deno.test(`with refuses ${JSON.stringify(options)} at once`, async () => {
    await using scheduler = await FakeScheduler.start();
    await using client = await Client.connect(scheduler.address);
    assert.throws(() => client.with(options as TaskOptions), (error: Error) => {
      assert.ok(error instanceof OptionError && error instanceof TypeError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("what cannot be submitted is refused at once, and nothing of it is sent", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  await using other = await Client.connect(scheduler.address);
  const released = client.submit(inc, 100);
  released.release();
  const cancelled = client.submit(inc, 101);
  cancelled.cancel();
  const foreign = other.submit(inc, 102);
  await scheduler.heard("update-graph", 2);
  const before = scheduler.groups.length;
  assert.throws(() => client.submit(new Function("return absent") as () => void), FreeNameError);
  assert.throws(() => client.submit(Array.prototype.slice.bind([1]), 1), FunctionError);
  assert.throws(() => client.submit((_: unknown) => 0, inc.bind(null)), SerializationError);
  assert.throws(() => client.map((_: unknown) => 0, [1, 2, Symbol()]), SerializationError);
  assert.throws(() => client.submit(inc, released), CancelledError);
  assert.throws(() => client.submit(inc, cancelled), CancelledError);
  assert.throws(() => client.submit(inc, foreign), /future of another client/);
  assert.throws(() => client.map(inc, 5 as never), /argument 1 of map\(\) is number.*iterable/);
  assert.throws(() => (client.map as (fn: unknown) => void)(inc), TypeError);
  client.submit(inc, 103);
  await scheduler.heard("update-graph", 3);
  assert.equal(scheduler.groups.length, before + 1);
  assert.equal(scheduler.groups.at(-1)!.keys.length, 1);
});

Deno.test("a large graph is cut into messages, in order", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const count = 50_001;
  const futures = client.map(inc, Array.from({ length: count }, (_, i) => i));
  const graphs = await scheduler.heard("update-graph", 2);
  assert.deepEqual(graphs.map((graph) => graph.groups[0].keys.length), [50_000, 1]);
  assert.equal(graphs[1].groups[0].keys[0], futures[count - 1].key);
});
