/** A worker as its scheduler sees it, with real threads. */
import assert from "node:assert/strict";
import "../support/worker_options.ts";
import { rpc } from "../../comm/rpc.ts";
import { deserialize, serialize } from "../../protocol/values.ts";
import { ClusterWorker, type ClusterWorkerOptions } from "../../worker/cluster_worker.ts";
import { type DataReply, FakeScheduler, Ref, type Registered } from "./fake_scheduler.ts";

/** A fake scheduler and a worker that has registered with it. */
async function start(
  stack: AsyncDisposableStack,
  options: Partial<ClusterWorkerOptions> = {},
  address?: string,
): Promise<{ scheduler: FakeScheduler; worker: ClusterWorker; registered: Registered }> {
  const scheduler = stack.use(await FakeScheduler.start(address));
  const { worker, registered } = await join(stack, scheduler, options);
  return { scheduler, worker, registered };
}

async function join(
  stack: AsyncDisposableStack,
  scheduler: FakeScheduler,
  options: Partial<ClusterWorkerOptions> = {},
): Promise<{ worker: ClusterWorker; registered: Registered }> {
  const at = scheduler.workers.length;
  const worker = stack.use(
    new ClusterWorker({
      schedulerAddress: scheduler.address,
      nthreads: 1,
      validate: true,
      ...options,
    }),
  );
  await worker.start();
  stack.defer(() => assert.deepEqual(worker.faults, []));
  return { worker, registered: await scheduler.worker(at) };
}

function valueOf(worker: ClusterWorker, key: string): unknown {
  return deserialize(worker.data.get(key)!);
}

for (const address of ["inproc://", "tcp://127.0.0.1:0"]) {
  const scheme = address.split(":")[0];

  Deno.test(`over ${scheme}, a worker computes, keeps the result and serves it`, async () => {
    await using stack = new AsyncDisposableStack();
    const { worker, registered } = await start(stack, { name: "alice" }, address);
    assert.equal(registered.info.name, "alice");
    assert.equal(registered.info.address, worker.address);
    assert.equal(registered.info.nthreads, 1);
    assert(worker.address.startsWith(`${scheme}://`));

    registered.compute("x", (a: number, b: number) => a + b, [1, 2]);
    const finished = await registered.next("task-finished");
    assert.equal(finished.key, "x");
    assert.equal(finished.type, "number");
    assert.equal(finished.nbytes, worker.data.get("x")!.nbytes);
    assert(finished.stop >= finished.start);
    assert.equal(valueOf(worker, "x"), 3);
    assert.equal(worker.data.nbytes, finished.nbytes);

    await using remote = rpc(worker.address);
    const reply: DataReply = await remote.getData({ keys: ["x", "unknown"] });
    assert.equal(reply.status, "OK");
    assert.deepEqual(Object.keys(reply.data!), ["x"]);
    assert.equal(deserialize(reply.data!.x), 3);

    registered.send({ op: "free-keys", keys: ["x"] });
    registered.compute("y", () => 1);
    await registered.next("task-finished");
    assert.deepEqual([...worker.data.keys()], ["y"]);
  });

  Deno.test(`over ${scheme}, a worker fetches what it needs from its peers`, async () => {
    await using stack = new AsyncDisposableStack();
    const { scheduler, worker: alice, registered: toAlice } = await start(stack, {}, address);
    const { worker: bob, registered: toBob } = await join(stack, scheduler);
    toAlice.compute("x", () => new Float64Array(50_000).fill(2));
    toAlice.compute("w", () => 10);
    await toAlice.next("task-finished", "x");
    await toAlice.next("task-finished", "w");

    const whoHas = { x: [alice.address], w: [alice.address] };
    const sum = (x: Float64Array, w: number) => x.reduce((a, b) => a + b) + w;
    toBob.compute("y", sum, [new Ref("x"), new Ref("w")], { whoHas });
    const added = await toBob.next("add-keys");
    assert.deepEqual(added.keys.sort(), ["w", "x"]);
    const finished = await toBob.next("task-finished", "y");
    assert.equal(valueOf(bob, "y"), 100_010);
    assert(finished.transferStop! >= finished.transferStart!);
    assert.equal(bob.data.get("x")!.nbytes, alice.data.get("x")!.nbytes);
  });
}

Deno.test("a task that throws is reported with its error and traceback", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  registered.compute("x", () => {
    throw new RangeError("too far");
  });
  const erred = await registered.next("task-erred");
  assert.equal(erred.key, "x");
  const error = deserialize(erred.exception) as Error;
  assert(error instanceof RangeError);
  assert.equal(error.message, "too far");
  assert.match(erred.traceback, /RangeError: too far/);
});

Deno.test("what a task writes to its console reaches the scheduler", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  registered.compute("x", () => console.warn("hello", { a: 1 }));
  const output = await registered.next("task-console");
  assert.equal(output.key, "x");
  assert.equal(output.level, "warn");
  assert.match(output.text, /hello .*a: 1/);
  await registered.next("task-finished");
});

Deno.test("a thousand short tasks run, in order", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack);
  for (let i = 0; i < 1000; i++) registered.compute(`x${i}`, (i: number) => i * 2, [i]);
  for (let i = 0; i < 1000; i++) {
    const finished = await registered.next("task-finished");
    assert.equal(finished.key, `x${i}`);
  }
  assert.equal(valueOf(worker, "x999"), 1998);
  assert.equal(worker.data.size, 1000);
});

Deno.test("a task that runs is stopped when it is cancelled, and the next one runs", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack, { grace: 0.01 });
  registered.compute("x", () => {
    console.log("running");
    return new Promise(() => {});
  });
  await registered.next("task-console");
  registered.send({ op: "cancel-compute", keys: ["x"] });
  registered.compute("y", () => 1);
  await registered.next("task-finished", "y");
  assert.deepEqual([...worker.data.keys()], ["y"]);
  assert(!registered.messages.some((message) => message.op === "task-finished"));
});

Deno.test("a task that has not begun is given away, one that runs is not", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  const forever = () => {
    console.log("running");
    return new Promise(() => {});
  };
  registered.compute("x", forever);
  // Taken for short, so that the thread has it already.
  registered.compute("y", () => 1, [], { duration: 1e-6 });
  await registered.next("task-console");
  registered.send({ op: "steal-request", key: "y", id: 1 });
  registered.send({ op: "steal-request", key: "x", id: 2 });
  registered.send({ op: "steal-request", key: "unknown", id: 3 });
  const states = [];
  for (let i = 0; i < 3; i++) states.push((await registered.next("steal-response")).state);
  assert.deepEqual(states, ["ready", "executing", null]);
});

Deno.test("restart drops all work and data, and new work runs", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack);
  registered.compute("done", () => 1);
  await registered.next("task-finished");
  registered.compute("x", () => {
    console.log("running");
    return new Promise(() => {});
  });
  await registered.next("task-console");
  registered.compute("queued", () => 1);
  registered.send({ op: "restart", id: 9 });
  assert.equal((await registered.next("restarted")).id, 9);
  assert.equal(worker.data.size, 0);
  assert.equal(worker.core.machine.tasks.size, 0);
  registered.compute("y", () => 2);
  await registered.next("task-finished", "y");
});

Deno.test("data can be put on a worker and deleted from it", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack);
  await using remote = rpc(worker.address);
  const value = serialize([1, 2, 3]);
  const reply = await remote.updateData({ data: { x: value } });
  assert.deepEqual(reply, { status: "OK", nbytes: { x: value.nbytes } });
  registered.compute("y", (x: number[]) => x.length, [new Ref("x")], {
    whoHas: { x: [worker.address] },
  });
  await registered.next("task-finished", "y");
  assert.equal(valueOf(worker, "y"), 3);
  assert.deepEqual(await remote.deleteData({ keys: ["x", "unknown"] }), { status: "OK" });
  assert.deepEqual((await registered.next("release-keys")).keys, ["x"]);
  assert(!worker.data.has("x"));
});

Deno.test("a worker says who it is", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, scheduler } = await start(stack, { name: "alice", resources: { GPU: 2 } });
  await using remote = rpc(worker.address);
  const identity = await remote.identity();
  assert.equal(identity.type, "Worker");
  assert.equal(identity.id, "alice");
  assert.equal(identity.scheduler, scheduler.address);
  assert.deepEqual(identity.resources, { GPU: 2 });
  assert.equal(identity.nthreads, 1);
});

Deno.test("a worker gives signs of life as often as the scheduler asks for", async () => {
  await using stack = new AsyncDisposableStack();
  const scheduler = stack.use(await FakeScheduler.start());
  scheduler.reply = { status: "OK", time: 0, heartbeatInterval: 0.01, scheduler: "s1" };
  const { registered } = await join(stack, scheduler);
  registered.compute("x", () => 1);
  await registered.next("task-finished");
  registered.messages.length = 0;
  await registered.next("heartbeat-worker");
  const { metrics, now } = await registered.next("heartbeat-worker");
  assert(now > 1e9);
  assert.equal(metrics.inMemory, 1);
  assert.equal(metrics.executing, 0);
  assert(metrics.memory > 1e6);
});

/** Name of a part. */
const PART = `f${"0".repeat(32)}`;

Deno.test("malformed messages are logged, and the worker works on", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack);
  const task = {
    op: "compute-task",
    key: "x",
    function: PART,
    parts: { [PART]: { code: serialize({}) } },
    args: serialize([]),
    priority: [0, 0, 0],
  };
  const bad = [
    { op: "compute-task", key: "" },
    { op: "compute-task", key: "x", function: 5 },
    { op: "compute-task", key: "x", function: PART, args: "none" },
    { op: "compute-task", key: "x", function: PART, args: serialize([]), priority: 3 },
    { ...task, function: "f" },
    { ...task, needs: PART },
    { ...task, needs: ["x"] },
    { ...task, dependencyNeeds: { y: ["x"] } },
    { ...task, parts: { f: { code: serialize({}) } } },
    { ...task, parts: { [PART]: { code: "x => x" } } },
    { ...task, parts: { [PART]: { code: serialize({}), needs: [1] } } },
    { ...task, parts: { [PART]: { code: serialize({}), origin: 1 } } },
    { op: "forget-parts", parts: ["f"] },
    { op: "upload-file", modules: { "lib.ts": "lib" }, parts: {} },
    { op: "upload-file", modules: { "lib.ts": PART } },
    { ...task, key: "__proto__" },
    { ...task, key: "x".repeat(10_001) },
    { ...task, key: "\ud800" },
    { ...task, priority: [0, NaN, 0] },
    { ...task, priority: [0, 0, "1"] },
    { ...task, duration: "short" },
    { ...task, whoHas: ["y"] },
    { ...task, whoHas: { y: "tcp://127.0.0.1:1" } },
    { ...task, whoHas: { y: [""] } },
    { ...task, whoHas: JSON.parse('{"__proto__": []}') },
    { ...task, nbytes: { y: "5" } },
    { ...task, resources: { GPU: NaN } },
    { op: "free-keys" },
    { op: "cancel-compute", keys: [1] },
    { op: "steal-request", key: "x" },
    { op: "restart" },
    { op: "dance" },
    null,
    "text",
  ];
  registered.send(...bad as never[]);
  registered.compute("x", () => 1);
  await registered.next("task-finished", "x");
  assert.deepEqual([...worker.core.machine.tasks.keys()], ["x"]);
  await using remote = rpc(worker.address);
  await assert.rejects(remote.getData({ keys: "x" }), /"keys" of a get-data message/);
  await assert.rejects(remote.updateData({ data: { x: 1 } }), /"data" of an update-data message/);
  const unnamed = { data: { "": serialize(1) } };
  await assert.rejects(remote.updateData(unnamed), /"data" of an update-data message/);
  await assert.rejects(remote.deleteData({}), /"keys" of a delete-data message/);
  await assert.rejects(remote.dance(), /unknown operation/);
});

Deno.test("keys that every object has are keys like any other", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack, { resources: { GPU: 1 } }, "tcp://127.0.0.1:0");
  const keys = ["constructor", "toString", "hasOwnProperty", "valueOf", "then", "0", "op", " "];
  const whoHas: Record<string, string[]> = {};
  for (const [i, key] of keys.entries()) {
    registered.compute(key, (i: number) => i, [i]);
    await registered.next("task-finished", key);
    whoHas[key] = [worker.address];
  }
  const add = (...numbers: number[]) => numbers.reduce((a, b) => a + b);
  // No sizes are told: the objects that they would be looked up in have some all the same.
  registered.compute("sum", add, keys.map((key) => new Ref(key)), { whoHas, nbytes: {} });
  await registered.next("task-finished", "sum");
  assert.equal(valueOf(worker, "sum"), 28);
  await using remote = rpc(worker.address);
  const reply: DataReply = await remote.getData({ keys: [...keys, "isPrototypeOf"] });
  assert.deepEqual(Object.keys(reply.data!).sort(), keys.slice().sort());
  // Of these resources it has none.
  registered.compute("never", () => 1, [], { resources: { constructor: 1 } });
  registered.compute("after", () => 1);
  await registered.next("task-finished", "after");
  assert.equal(worker.core.machine.tasks.get("never")!.state, "constrained");
});

Deno.test("a task with a time limit that makes no sense fails with words that say so", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  registered.compute("x", () => 1, [], { timeout: -1 });
  assert.match((await registered.next("task-erred")).traceback, /time limit .* -1/);
  registered.compute("y", () => 1);
  await registered.next("task-finished", "y");
});

Deno.test("a task in an endless loop is stopped by its time limit", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  const loop = () => {
    for (;;);
  };
  registered.compute("x", loop, [], { timeout: 0.05 });
  assert.match((await registered.next("task-erred")).traceback, /0\.05/);
  registered.compute("y", () => 1);
  await registered.next("task-finished", "y");
});

Deno.test("tasks of a worker without permissions have none", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack, { permissions: "none" });
  registered.compute("x", () => Deno.readTextFileSync("/etc/hostname"));
  const erred = await registered.next("task-erred");
  assert.match(erred.traceback, /NotCapable|read access/);
});
