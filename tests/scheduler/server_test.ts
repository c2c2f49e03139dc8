/** The scheduler's server: registrations, streams, and what it does with nonsense. */
import assert from "node:assert/strict";
import { connect } from "../../comm/comm.ts";
import { rpc } from "../../comm/rpc.ts";
import type { Message } from "../../protocol/messages.ts";
import { serialize } from "../../protocol/values.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { until } from "../support/until.ts";
import { fakeClient, FakeWorker, registration, startScheduler, Stream } from "./fake_peers.ts";

/** Name of a function's part. */
const PART = `f${"0".repeat(32)}`;

/** A graph of one task, as a client sends it. */
function oneTask(key: string): Message {
  return {
    op: "update-graph",
    parts: { [PART]: { code: serialize("() => 1") } },
    groups: [{ function: PART, keys: [key], args: [serialize([])] }],
  };
}

/** What a worker says of a task that has run. */
function finished(key: string): Message {
  return { op: "task-finished", key, nbytes: 10, type: "number", start: 1, stop: 2, thread: 0 };
}

Deno.test("a task goes from client to worker and its result is announced to the client", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler, { name: "alice" });
  await using client = await fakeClient(scheduler);
  assert.equal(worker.stream.reply.status, "OK");
  assert.equal(client.reply.status, "OK");

  client.send(oneTask("x"));
  const task = await worker.stream.got("compute-task");
  assert.equal(task.key, "x");
  worker.stream.send(finished("x"));
  const done = await client.got("key-in-memory");
  assert.deepEqual([done.key, done.workers], ["x", [worker.address]]);
  assert.deepEqual(scheduler.faults, []);
});

Deno.test("it listens on several addresses at once", async () => {
  await using scheduler = new Scheduler({ validate: true });
  await scheduler.start(["inproc://", "tcp://127.0.0.1:0"]);
  assert.equal(scheduler.addresses.length, 2);
  for (const address of scheduler.addresses) {
    await using remote = rpc(address);
    const identity = await remote.identity();
    assert.equal(identity.type, "Scheduler");
    assert.deepEqual(identity.addresses, scheduler.addresses);
  }
});

Deno.test("it cannot listen where a port is in use, and leaves nothing open then", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const scheduler = new Scheduler();
  await assert.rejects(
    scheduler.start(["inproc://", `tcp://127.0.0.1:${(taken.addr as Deno.NetAddr).port}`]),
    /in use/i,
  );
  await scheduler.finished;
});

Deno.test("an interval that makes no sense is refused by name", () => {
  assert.throws(() => new Scheduler({ heartbeatInterval: 0 }), /heartbeatInterval.*got 0/);
});

Deno.test("a worker's name that is taken is refused; the one who has it stays", async () => {
  await using scheduler = await startScheduler();
  await using first = await FakeWorker.start(scheduler, { name: "alice" });
  await using second = await FakeWorker.start(scheduler, { name: "alice" });
  assert.equal(second.stream.reply.status, "error");
  assert.match(String(second.stream.reply.message), /alice/);
  assert.deepEqual(Object.keys(scheduler.core.ncores()), [first.address]);
});

Deno.test("a worker that comes back takes the place of its old connection", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler, { name: "alice" });
  await using again = await Stream.open(
    scheduler.address,
    registration({ address: worker.address, name: "alice", nthreads: 3 }),
  );
  assert.equal(again.reply.status, "OK");
  await worker.stream.closed;
  assert.deepEqual(scheduler.core.ncores(), { [worker.address]: 3 });
});

Deno.test("a registration that lacks something is refused, naming it", async () => {
  await using scheduler = await startScheduler();
  for (
    const [fields, words] of [
      [{ name: "alice" }, /address must be a name of 1 to 10000 characters, got nothing/],
      [{ address: "nonsense", name: "alice", nthreads: "many" }, /nthreads must be/],
      [{ address: "inproc://x/1/1", name: "alice", resources: { GPU: -1 } }, /resources must be/],
    ] as [Record<string, unknown>, RegExp][]
  ) {
    await using stream = await Stream.open(scheduler.address, registration(fields));
    assert.equal(stream.reply.status, "error");
    assert.match(String(stream.reply.message), words);
  }
  assert.deepEqual(scheduler.core.ncores(), {});
});

Deno.test("the work of a worker whose connection breaks goes to another", async () => {
  await using scheduler = await startScheduler();
  await using client = await fakeClient(scheduler);
  {
    await using worker = await FakeWorker.start(scheduler, { name: "alice" });
    client.send(oneTask("x"));
    await worker.stream.got("compute-task");
  }
  await using other = await FakeWorker.start(scheduler, { name: "bob" });
  assert.equal((await other.stream.got("compute-task")).key, "x");
});

Deno.test("a worker that says goodbye is gone", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  worker.stream.send({ op: "close-worker", reason: "enough" });
  await worker.stream.closed;
  assert.deepEqual(scheduler.core.ncores(), {});
});

Deno.test("a silent worker is given up", async () => {
  await using scheduler = await startScheduler({ workerTtl: 0.05, heartbeatInterval: 0.02 });
  await using worker = await FakeWorker.start(scheduler);
  await worker.stream.closed;
  assert.deepEqual(scheduler.core.ncores(), {});
});

Deno.test("workers are not given up for a time in which the scheduler itself was held up", async () => {
  await using scheduler = await startScheduler({ workerTtl: 1, heartbeatInterval: 0.05 });
  await using worker = await FakeWorker.start(scheduler);
  let beats = 0;
  // Rarer than the checks, so that a check comes first after the hold-up.
  const beat = setInterval(() => {
    beats++;
    worker.stream.send({ op: "heartbeat-worker", now: Date.now() / 1000, metrics: {} });
  }, 200);
  const end = performance.now() + 1500;
  while (performance.now() < end);
  const before = beats;
  await until("more heartbeats", () => beats > before + 3);
  clearInterval(beat);
  assert.deepEqual(Object.keys(scheduler.core.ncores()), [worker.address]);
});

Deno.test("what a client wanted is dropped when it goes", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  for (const goodbye of [true, false]) {
    {
      await using client = await fakeClient(scheduler);
      client.send(oneTask(`x-${goodbye}`));
      await worker.stream.got("compute-task");
      worker.stream.send(finished(`x-${goodbye}`));
      await client.got("key-in-memory");
      if (goodbye) client.send({ op: "close-client" });
      if (goodbye) await client.closed;
    }
    await until(
      "the task to be forgotten",
      () => Object.keys(scheduler.core.whoHas()).length === 0,
    );
    worker.stream.received.length = 0;
  }
});

for (
  const [what, message] of Object.entries({
    "an unknown op": { op: "make-coffee" },
    "no op": {},
    "no map": 42,
    "a graph without groups": { op: "update-graph", parts: {} },
    "a group with fewer arguments than keys": {
      op: "update-graph",
      parts: {},
      groups: [{ function: PART, keys: ["a", "b"], args: [] }],
    },
    "arguments that are not serialized": {
      op: "update-graph",
      parts: {},
      groups: [{ function: PART, keys: ["a"], args: [[1]] }],
    },
    "dependencies that are no lists": {
      op: "update-graph",
      parts: {},
      groups: [{ function: PART, keys: ["a"], args: [serialize([])], dependencies: ["b"] }],
    },
    "a negative number of retries": {
      op: "update-graph",
      parts: {},
      groups: [{ function: PART, keys: ["a"], args: [serialize([])], retries: -1 }],
    },
    "a function that is no part": {
      op: "update-graph",
      parts: {},
      groups: [{ function: "f", keys: ["a"], args: [serialize([])] }],
    },
    "needs that are no parts": {
      op: "update-graph",
      parts: {},
      groups: [{ function: PART, needs: ["c"], keys: ["a"], args: [serialize([])] }],
    },
    "parts that are not named by hashes": {
      op: "update-graph",
      parts: { f: { code: serialize(1) } },
      groups: [],
    },
    "a part without code": { op: "update-graph", parts: { [PART]: { needs: [] } }, groups: [] },
    "a part that needs what is no part": {
      op: "update-graph",
      parts: { [PART]: { code: serialize(1), needs: [1] } },
      groups: [],
    },
    "an origin that is not serialized": {
      op: "update-graph",
      parts: { [PART]: { code: serialize(1), origin: "here" } },
      groups: [],
    },
    "data that needs what is no part": {
      op: "update-data",
      whoHas: {},
      nbytes: {},
      needs: { x: ["y"] },
    },
    "parts to release that are no list": { op: "release-parts", parts: PART },
    "keys that are numbers": { op: "client-releases-keys", keys: [1] },
    "data without sizes": { op: "update-data", whoHas: { x: ["here"] } },
    "data of infinite size": { op: "update-data", whoHas: {}, nbytes: { x: Infinity } },
    "types that are no texts": { op: "update-data", whoHas: {}, nbytes: {}, types: { x: 1 } },
    "missing that is a list": { op: "report-missing", missing: [] },
  })
) {
  Deno.test(`a client that sends ${what} is cut off, and nobody else is harmed`, async () => {
    await using scheduler = await startScheduler();
    await using worker = await FakeWorker.start(scheduler);
    await using honest = await fakeClient(scheduler, "honest");
    await using bad = await fakeClient(scheduler, "bad");
    bad.send(message);
    await bad.closed;
    assert.deepEqual(scheduler.core.identity().clients, ["honest"]);
    honest.send(oneTask("x"));
    await worker.stream.got("compute-task");
    assert.deepEqual(scheduler.faults, []);
  });
}

for (
  const [what, message] of Object.entries({
    "an unknown op": { op: "make-coffee" },
    "a finished task without a key": { op: "task-finished", nbytes: 1, start: 1, stop: 2 },
    "a negative size": { ...finished("x"), nbytes: -1 },
    "an infinite size": { ...finished("x"), nbytes: Infinity },
    "half a thread": { op: "threads-changed", nthreads: 0.5 },
    "an end before the start": { ...finished("x"), start: 3 },
    "an error that is not serialized": { op: "task-erred", key: "x", exception: "oh" },
    "a heartbeat without metrics": { op: "heartbeat-worker", now: 1 },
  })
) {
  Deno.test(`a worker that sends ${what} is cut off, its work goes to another`, async () => {
    await using scheduler = await startScheduler();
    await using bad = await FakeWorker.start(scheduler, { name: "bad" });
    await using client = await fakeClient(scheduler);
    client.send(oneTask("x"));
    await bad.stream.got("compute-task");
    await using good = await FakeWorker.start(scheduler, { name: "good" });
    bad.stream.send(message);
    await bad.stream.closed;
    assert.equal((await good.stream.got("compute-task")).key, "x");
    assert.deepEqual(scheduler.faults, []);
  });
}

Deno.test("a stream that does not carry lists is closed", async () => {
  await using scheduler = await startScheduler();
  const comm = await connect(scheduler.address);
  await comm.write({ op: "register-client", client: "c", versions: {} });
  await comm.read();
  await comm.write({ op: "heartbeat-client" });
  await assert.rejects(comm.read());
  await comm.close();
  assert.deepEqual(scheduler.core.identity().clients, []);
});

Deno.test("an unknown operation is an error for its caller only", async () => {
  await using scheduler = await startScheduler();
  await using remote = rpc(scheduler.address);
  await assert.rejects(remote.makeCoffee(), /make-coffee/);
  assert.equal((await remote.identity()).type, "Scheduler");
});

Deno.test("a plugin that throws is noted, and disturbs nothing", async () => {
  await using scheduler = await startScheduler();
  scheduler.addPlugin({
    addWorker() {
      throw new Error("plugin is broken");
    },
  });
  await using worker = await FakeWorker.start(scheduler);
  assert.deepEqual(Object.keys(scheduler.core.ncores()), [worker.address]);
  assert.equal(scheduler.faults[0].message, "plugin is broken");
});

Deno.test("close ends a scheduler that is starting, and none starts twice", async () => {
  for (const address of ["inproc://", "tcp://127.0.0.1:0"]) {
    const scheduler = new Scheduler();
    const starting = assert.rejects(scheduler.start(address), /closed/);
    await scheduler.close();
    await starting;
  }
  await using scheduler = await startScheduler();
  await assert.rejects(scheduler.start("inproc://"), /has been started already/);
  assert.equal(scheduler.addresses.length, 1);
});

Deno.test("when it has closed, its port is free for the next", async () => {
  let port = 0;
  for (let i = 0; i < 5; i++) {
    const scheduler = new Scheduler();
    await scheduler.start(`tcp://127.0.0.1:${port}`);
    port = Number(new URL(scheduler.address.replace("tcp:", "http:")).port);
    await scheduler.close();
  }
});

Deno.test("close ends everything, and can be called again", async () => {
  const scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  await using client = await fakeClient(scheduler);
  await Promise.all([scheduler.close(), scheduler.close()]);
  await Promise.all([worker.stream.closed, client.closed, scheduler.finished]);
});
