/** Workers with nannies: how a restart replaces them, and how one takes the place of another. */
import assert from "node:assert/strict";
import { rpc } from "../../comm/rpc.ts";
import { FakeWorker, startScheduler } from "./fake_peers.ts";

Deno.test("a restart waits for the worker that a nanny brings", async () => {
  await using scheduler = await startScheduler();
  const old = await FakeWorker.start(scheduler, { name: "alice", nanny: "nanny-a", pid: 1 });
  await using bob = await FakeWorker.start(scheduler, { name: "bob" });
  await using remote = rpc(scheduler.address);
  let over = false;
  const restarting = scheduler.restart({ timeout: 60 }).finally(() => over = true);
  const { id } = await bob.stream.got("restart");
  await old.stream.got("restart");
  bob.stream.send({ op: "restarted", id });
  await old[Symbol.asyncDispose]();
  await remote.identity();
  assert.equal(over, false);
  // Somebody else's does not count.
  await using _other = await FakeWorker.start(scheduler, { nanny: "nanny-b", pid: 3 });
  await remote.identity();
  assert.equal(over, false);
  await using alice = await FakeWorker.start(scheduler, {
    name: "alice",
    nanny: "nanny-a",
    pid: 2,
  });
  assert.deepEqual(await restarting, []);
  assert.ok(alice.address in scheduler.core.ncores());
  assert.equal(alice.stream.received.some(({ op }) => op === "restart"), false);
  assert.deepEqual(scheduler.faults, []);
});

Deno.test("a worker that has only lost its connection during a restart is told again", async () => {
  await using scheduler = await startScheduler();
  const worker = { name: "alice", nanny: "nanny-a", pid: 1 };
  const first = await FakeWorker.start(scheduler, worker);
  const restarting = scheduler.restart({ timeout: 60 });
  await first.stream.got("restart");
  await first[Symbol.asyncDispose]();
  const again = await FakeWorker.start(scheduler, worker);
  await again.stream.got("restart");
  await again[Symbol.asyncDispose]();
  await using _next = await FakeWorker.start(scheduler, { ...worker, pid: 2 });
  assert.deepEqual(await restarting, []);
});

Deno.test("a restart does not wait for a worker that leaves for good, nor for ever for a nanny", async () => {
  await using scheduler = await startScheduler();
  await using leaving = await FakeWorker.start(scheduler, { nanny: "nanny-a", pid: 1 });
  const restarting = scheduler.restart({ timeout: 60 });
  await leaving.stream.got("restart");
  leaving.stream.send({ op: "close-worker", reason: "told to leave" });
  assert.deepEqual(await restarting, []);

  const late = await FakeWorker.start(scheduler, { nanny: "nanny-b", pid: 2 });
  const { address } = late;
  const waiting = scheduler.restart({ timeout: 0.01 });
  await late[Symbol.asyncDispose]();
  assert.deepEqual(await waiting, [address]);
});

Deno.test("tasks of a worker that is restarted are not suspected of its death", async () => {
  await using scheduler = await startScheduler();
  const unsafe: string[] = [];
  const { core } = scheduler;
  const removeWorker = core.removeWorker.bind(core);
  core.removeWorker = (address, options, now) => {
    if (!options.safe) unsafe.push(address);
    return removeWorker(address, options, now);
  };
  const crashed = await FakeWorker.start(scheduler, { nanny: "nanny-a", pid: 1 });
  await crashed[Symbol.asyncDispose]();
  await using old = await FakeWorker.start(scheduler, { nanny: "nanny-b", pid: 1 });
  assert.deepEqual(unsafe, [crashed.address]);
  const restarting = scheduler.restart({ timeout: 60 });
  await old.stream.got("restart");
  await old.stream[Symbol.asyncDispose]();
  await using _next = await FakeWorker.start(scheduler, { nanny: "nanny-b", pid: 2 });
  await restarting;
  assert.deepEqual(unsafe, [crashed.address]);
});

Deno.test("a nanny's next worker takes the name and the place of the one before", async () => {
  await using scheduler = await startScheduler();
  // Its connection has not been seen to break, as when a cable was pulled.
  await using before = await FakeWorker.start(scheduler, {
    name: "alice",
    nanny: "nanny-a",
    pid: 1,
  });
  await using after = await FakeWorker.start(scheduler, {
    name: "alice",
    nanny: "nanny-a",
    pid: 2,
  });
  assert.deepEqual(after.stream.reply.status, "OK");
  await before.stream.closed;
  assert.deepEqual(Object.keys(scheduler.core.ncores()), [after.address]);
  // One of another nanny may not have the name.
  await using other = await FakeWorker.start(scheduler, {
    name: "alice",
    nanny: "nanny-b",
    pid: 3,
  });
  assert.match(String(other.stream.reply.message), /worker name 'alice' is taken/);
  assert.deepEqual(Object.keys(scheduler.core.ncores()), [after.address]);
});
