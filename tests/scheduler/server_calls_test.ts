/** The calls that the scheduler answers: data through it, restart, shutdown, and questions. */
import assert from "node:assert/strict";
import { rpc } from "../../comm/rpc.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { deserialize, serialize } from "../../protocol/values.ts";
import { modulePart } from "../support/function_part.ts";
import { until } from "../support/until.ts";
import { fakeClient, FakeWorker, startScheduler } from "./fake_peers.ts";

/** Values by key, serialized. */
function values(data: Record<string, unknown>): Record<string, Serialized> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, serialize(value)]));
}

Deno.test("scatter deals values out by cores, and gather collects them again", async () => {
  await using scheduler = await startScheduler();
  await using alice = await FakeWorker.start(scheduler, { name: "alice", nthreads: 1 });
  await using bob = await FakeWorker.start(scheduler, { name: "bob", nthreads: 2 });
  await using _client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);

  const data = values({ a: 1, b: "two", c: [3] });
  const reply = await remote.scatter({ data, client: "c" });
  assert.equal(reply.status, "OK");
  assert.deepEqual(Object.keys(alice.data).length, 1);
  assert.deepEqual(Object.keys(bob.data).length, 2);
  assert.deepEqual(scheduler.core.whoHas(["a", "b", "c"]), { ...reply.whoHas });

  const gathered = await remote.gather({ keys: ["a", "b", "c"] });
  assert.equal(gathered.status, "OK");
  assert.deepEqual(deserialize(gathered.data.b), "two");
  assert.deepEqual(deserialize(gathered.data.c), [3]);
});

Deno.test("scattered values bring the code that they refer to", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  await using client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  const part = `c${"0".repeat(32)}`;
  const parts = { [part]: { code: serialize("class") } };
  const more = { client: "c", parts, needs: { x: [part] } };
  assert.equal((await remote.scatter({ data: values({ x: 1 }), ...more })).status, "OK");
  const fn = `f${"0".repeat(32)}`;
  client.send({
    op: "update-graph",
    parts: { [fn]: { code: serialize("function") } },
    groups: [{ function: fn, keys: ["y"], args: [serialize([])], dependencies: [["x"]] }],
  });
  const task = await worker.stream.got("compute-task");
  assert.deepEqual({ ...task.dependencyNeeds as object }, { x: [part] });
  assert.deepEqual(Object.keys(task.parts as object), [fn, part]);
  const wrong = remote.scatter({ data: values({ z: 1 }), ...more, needs: { z: ["class"] } });
  await assert.rejects(wrong, /needs must be a map to lists of names of parts/);
});

Deno.test("an uploaded module is sent to all workers, and to those that come", async () => {
  await using scheduler = await startScheduler();
  await using alice = await FakeWorker.start(scheduler);
  await using remote = rpc(scheduler.address);
  const { name, part } = modulePart("(function(){ return { x: 1 }; })");
  const modules = { "lib.ts": name };
  assert.deepEqual(await remote.uploadFile({ modules, parts: { [name]: part } }), { status: "OK" });
  await using bob = await FakeWorker.start(scheduler);
  for (const worker of [alice, bob]) {
    const message = await worker.stream.got("upload-file");
    assert.deepEqual({ ...message.modules as object }, modules);
    assert.deepEqual(Object.keys(message.parts as object), [name]);
  }
  const { name: other } = modulePart("other");
  const refused = await remote.uploadFile({ modules: { other }, parts: {} });
  assert.equal(refused.status, "error");
  assert.match(refused.message, /module 'other' cannot be uploaded/);
  const parts = { [name]: part };
  // A worker would not take the message, with all other modules and parts that are in it.
  for (const modules of [{ a: "b" }, { "": name }, { ["a".repeat(10_001)]: name }, undefined]) {
    await assert.rejects(remote.uploadFile({ modules, parts }), /modules must be a map/);
  }
});

Deno.test("how to run a task again is told to whoever asks", async () => {
  await using scheduler = await startScheduler();
  await using client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  const fn = `f${"0".repeat(32)}`;
  const part = { code: serialize("function"), origin: serialize("here") };
  client.send({
    op: "update-graph",
    parts: { [fn]: part },
    groups: [{ function: fn, keys: ["x"], args: [serialize([5])] }],
  });
  await until("the task to be known", () => scheduler.core.tasks.has("x"));
  const { parts, args, ...rest } = await remote.getRunspec({ key: "x" });
  assert.deepEqual(rest, { status: "OK", key: "x", function: fn, dependencies: [] });
  assert.deepEqual(deserialize(args), [5]);
  assert.equal(deserialize(parts[fn].origin), "here");
  assert.equal((await remote.getRunspec({ key: "y" })).status, "error");
});

Deno.test("scatter with broadcast puts a value on all workers, with workers on those", async () => {
  await using scheduler = await startScheduler();
  await using alice = await FakeWorker.start(scheduler, { name: "alice" });
  await using bob = await FakeWorker.start(scheduler, { name: "bob" });
  await using _client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  await remote.scatter({ data: values({ x: 1 }), client: "c", broadcast: true });
  await remote.scatter({ data: values({ y: 1, z: 2 }), client: "c", workers: ["bob"] });
  assert.deepEqual(Object.keys(alice.data), ["x"]);
  assert.deepEqual(Object.keys(bob.data), ["x", "y", "z"]);

  const nobody = await remote.scatter({ data: values({ w: 1 }), client: "c", workers: ["carol"] });
  assert.equal(nobody.status, "error");
  assert.match(nobody.message, /no worker called carol/);
});

Deno.test("scatter waits for a first worker", async () => {
  await using scheduler = await startScheduler();
  await using _client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  const nobody = await remote.scatter({ data: values({ x: 1 }), client: "c", timeout: 0 });
  assert.match(nobody.message, /there is no worker in the cluster/);
  const scattering = remote.scatter({ data: values({ x: 1 }), client: "c" });
  await using worker = await FakeWorker.start(scheduler);
  assert.equal((await scattering).status, "OK");
  assert.deepEqual(Object.keys(worker.data), ["x"]);
});

Deno.test("scatter goes on to other workers when one cannot be reached", async () => {
  await using scheduler = await startScheduler();
  await using deaf = await FakeWorker.start(scheduler, { name: "deaf" });
  await using good = await FakeWorker.start(scheduler, { name: "good" });
  await using _client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  await deaf.closeServer();
  const reply = await remote.scatter({ data: values({ x: 1, y: 2, z: 3 }), client: "c" });
  assert.equal(reply.status, "OK");
  assert.deepEqual(Object.keys(good.data).sort(), ["x", "y", "z"]);
});

Deno.test("scatter is refused for a client that is not connected", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  await using remote = rpc(scheduler.address);
  const reply = await remote.scatter({ data: values({ x: 1 }), client: "stranger" });
  assert.match(reply.message, /stranger is not connected/);
  assert.deepEqual(worker.data, {});
});

Deno.test("gather asks the next holder, and says what it did not find where", async () => {
  await using scheduler = await startScheduler();
  await using alice = await FakeWorker.start(scheduler, { name: "alice" });
  await using bob = await FakeWorker.start(scheduler, { name: "bob" });
  await using client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  await remote.scatter({ data: values({ x: 1, y: 2 }), client: "c", broadcast: true });
  delete alice.data.x;
  assert.equal((await remote.gather({ keys: ["x"] })).status, "OK");

  delete bob.data.x;
  const { status, data, missing } = await remote.gather({ keys: ["x", "y", "unknown"] });
  assert.equal(status, "error");
  assert.deepEqual(Object.keys(data), ["y"], "what was found comes along");
  assert.equal(deserialize(data.y), 2);
  assert.deepEqual(missing.x.sort(), [alice.address, bob.address].sort());
  assert.deepEqual(missing.unknown, []);
  // It was scattered, so it is gone for good: the client is told.
  assert.equal((await client.got("cancelled-key")).key, "x");
});

Deno.test("gather does not wait for a worker that is given up while it hangs", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  await using _client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  await remote.scatter({ data: values({ x: 1 }), client: "c" });
  const thawed = Promise.withResolvers<void>();
  worker.frozen = thawed.promise;
  const gathering = remote.gather({ keys: ["x"] });
  await until("the worker to be asked", () => worker.asked.length > 0);
  await remote.unregisterWorker({ address: worker.address });
  assert.deepEqual({ ...(await gathering).missing }, { x: [worker.address] });
  thawed.resolve();
});

Deno.test("restart waits for all workers, and drops the work and the data", async () => {
  await using scheduler = await startScheduler();
  await using alice = await FakeWorker.start(scheduler, { name: "alice" });
  await using bob = await FakeWorker.start(scheduler, { name: "bob" });
  await using client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  await remote.scatter({ data: values({ x: 1 }), client: "c" });

  let over = false;
  const restarting = remote.restart({ timeout: 30 }).then((reply) => {
    over = true;
    return reply;
  });
  const { id } = await alice.stream.got("restart");
  await bob.stream.got("restart");
  alice.stream.send({ op: "restarted", id });
  await remote.identity();
  assert.equal(over, false);
  bob.stream.send({ op: "restarted", id });
  assert.deepEqual(await restarting, { status: "OK", removed: [] });
  await client.got("restart");
  assert.deepEqual(scheduler.core.whoHas(), {});
});

Deno.test("restart removes a worker that does not restart in time", async () => {
  await using scheduler = await startScheduler();
  await using hung = await FakeWorker.start(scheduler, { name: "hung" });
  await using remote = rpc(scheduler.address);
  const { removed } = await remote.restart({ timeout: 0.01 });
  assert.deepEqual(removed, [hung.address]);
  await hung.stream.closed;
  assert.deepEqual(scheduler.core.ncores(), {});
});

Deno.test("restart does not wait for a worker that dies meanwhile", async () => {
  await using scheduler = await startScheduler();
  const worker = await FakeWorker.start(scheduler);
  await using remote = rpc(scheduler.address);
  const restarting = remote.restart({ timeout: 60 });
  await worker.stream.got("restart");
  await worker[Symbol.asyncDispose]();
  assert.deepEqual((await restarting).removed, []);
});

Deno.test("terminate tells the workers to leave, then ends the scheduler", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  await using remote = rpc(scheduler.address);
  assert.deepEqual(await remote.terminate(), { status: "OK" });
  await worker.stream.got("close");
  worker.stream.send({ op: "close-worker" });
  await scheduler.finished;
});

Deno.test("terminate without workers ends the scheduler too", async () => {
  await using scheduler = await startScheduler();
  await using remote = rpc(scheduler.address);
  assert.deepEqual(await remote.terminate(), { status: "OK" });
  await scheduler.finished;
});

Deno.test("a shutdown that close cuts short, or that is asked for twice, leaves nothing", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  const first = scheduler.shutdown();
  assert.equal(scheduler.shutdown(), first);
  await worker.stream.got("close");
  await scheduler.close();
  await first;
});

Deno.test("a restart may be given any time", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  // In milliseconds that is more than a timer of the runtime takes: it would be over at once.
  const restarting = scheduler.restart({ timeout: 1e9 });
  const { id } = await worker.stream.got("restart");
  await new Promise((turned) => setTimeout(turned, 5));
  worker.stream.send({ op: "restarted", id });
  assert.deepEqual(await restarting, []);
});

Deno.test("broadcast asks workers, and tells which could not answer", async () => {
  await using scheduler = await startScheduler();
  await using alice = await FakeWorker.start(scheduler, { name: "alice" });
  await using bob = await FakeWorker.start(scheduler, { name: "bob" });
  await using remote = rpc(scheduler.address);
  const message = { op: "ping", text: "hello" };
  assert.deepEqual(await remote.broadcast({ message }), {
    [alice.address]: { pong: "hello" },
    [bob.address]: { pong: "hello" },
  });
  await bob.closeServer();
  const answers = await remote.broadcast({ message, workers: ["bob"] });
  assert.deepEqual(Object.keys(answers), [bob.address]);
  assert.equal(answers[bob.address].status, "error");
});

Deno.test("unregister-worker takes a worker out of the cluster", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler);
  await using remote = rpc(scheduler.address);
  await remote.unregisterWorker({ address: worker.address });
  await until("the worker to be gone", () => Object.keys(scheduler.core.ncores()).length === 0);
  await worker.stream.closed;
});

Deno.test("questions about the state are answered", async () => {
  await using scheduler = await startScheduler();
  await using worker = await FakeWorker.start(scheduler, { name: "alice", nthreads: 4 });
  await using _client = await fakeClient(scheduler, "c");
  await using remote = rpc(scheduler.address);
  await remote.scatter({ data: values({ x: "some text" }), client: "c" });

  assert.deepEqual(await remote.ncores(), { [worker.address]: 4 });
  assert.deepEqual(await remote.whoHas({ keys: ["x"] }), { x: [worker.address] });
  assert.deepEqual(await remote.hasWhat(), { [worker.address]: ["x"] });
  assert.equal((await remote.nbytes({ keys: ["x"], summary: false })).x, worker.data.x.nbytes);
  assert.deepEqual(await remote.processing(), { [worker.address]: [] });
  assert.equal((await remote.identity()).workers[worker.address].name, "alice");
  assert.equal((await remote.transitionStory({ keys: ["x"] })).at(-1).finish, "memory");
  assert.ok(Array.isArray(await remote.events()));
  await assert.rejects(remote.whoHas({ keys: "x" }), /keys must be a list of texts, got "x"/);
});
