/** How clients connect, lose their scheduler and find it again, and close. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { TimeoutError } from "../../client/deadline.ts";
import { CancelledError } from "../../client/future_state.ts";
import { ConnectionLostError } from "../../client/scheduler_link.ts";
import { ClientClosedError } from "../../client/session.ts";
import { ConnectTimeoutError } from "../../comm/comm.ts";
import { RemoteError } from "../../comm/rpc.ts";
import { until } from "../support/until.ts";
import { FakeScheduler, FakeWorker } from "./fake_scheduler.ts";

const inc = (x: number) => x + 1;

/** A port that nobody listens on. */
function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

Deno.test("connect takes an address without scheme, or anything with a schedulerAddress", async () => {
  await using scheduler = await FakeScheduler.start({}, "tcp://127.0.0.1:0");
  const bare = scheduler.address.replace("tcp://", "");
  {
    await using client = await Client.connect(bare, { name: "me" });
    assert.equal(client.schedulerAddress, scheduler.address);
    assert.equal(client.id, "me");
    const text = `<Client: scheduler="${scheduler.address}" status=running>`;
    assert.equal(Deno.inspect(client), text);
  }
  await using client = await Client.connect({ schedulerAddress: scheduler.address });
  assert.equal(client.status, "running");
});

Deno.test("connect says what is wrong with its arguments", async () => {
  await assert.rejects(Client.connect(5 as never), /must be an address such as "127.0.0.1:8786"/);
  await assert.rejects(Client.connect("a", { timeout: 0 }), /option "timeout" is 0/);
  await assert.rejects(Client.connect("a", { naem: "x" } as never), /no option "naem"/);
  await assert.rejects(Client.connect("a", { name: "" }), /option "name"/);
  await assert.rejects(Client.connect("a", { direct: 1 as never }), /option "direct"/);
  await assert.rejects(Client.connect("a", { onConsole: 1 as never }), /option "onConsole"/);
  await assert.rejects(Client.connect("nonsense://x"), /nonsense/);
});

Deno.test("connect gives up after its timeout when there is no scheduler", async () => {
  const address = freeAddress();
  await assert.rejects(Client.connect(address, { timeout: 0.1 }), (error: Error) => {
    assert.ok(error instanceof ConnectTimeoutError);
    assert.match(error.message, new RegExp(address));
    return true;
  });
});

Deno.test("connect tells why the scheduler refused", async () => {
  await using scheduler = new FakeScheduler({
    "register-client": () => ({ status: "error", message: "no more clients" }),
  });
  await scheduler.server.listen("inproc://");
  await assert.rejects(Client.connect(scheduler.address), /refused this client: no more clients/);
});

Deno.test("connect gives up on a scheduler that does not answer", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using scheduler = new FakeScheduler({ "register-client": () => promise });
  await scheduler.server.listen("inproc://");
  await assert.rejects(Client.connect(scheduler.address, { timeout: 0.05 }), TimeoutError);
  resolve();
});

Deno.test("closing says goodbye, cancels what is pending, and ends every method", async () => {
  await using scheduler = await FakeScheduler.start();
  await using worker = await FakeWorker.start();
  const client = await Client.connect(scheduler.address);
  const [pending, finished] = client.map(inc, [1, 2]);
  worker.put(finished.key, 3);
  scheduler.send({ op: "key-in-memory", key: finished.key, workers: [worker.address] });
  assert.equal(await finished.result(), 3);
  const waiting = assert.rejects(pending.result(), (error: Error) => {
    assert.ok(error instanceof CancelledError);
    assert.match(error.message, /the client is closed/);
    return true;
  });
  const last = client.submit(inc, 3);
  await Promise.all([client.close(), client.close()]);
  await waiting;
  assert.deepEqual(
    scheduler.messages.map((message) => message.op),
    ["update-graph", "update-graph", "close-client"],
  );
  assert.equal(client.status, "closed");
  assert.deepEqual([pending, finished, last].map((future) => future.status), [
    "cancelled",
    "finished",
    "cancelled",
  ]);
  const closed = { name: "ClientClosedError" };
  assert.throws(() => client.submit(inc, 1), closed);
  assert.throws(() => client.map(inc, [1]), closed);
  assert.throws(() => client.with({}), closed);
  assert.throws(() => client.cancel(finished), closed);
  for (
    const call of [
      () => finished.result(),
      () => client.gather(finished),
      () => client.scatter(1),
      () => client.whoHas(),
      () => client.hasWhat(),
      () => client.ncores(),
      () => client.nbytes(),
      () => client.processing(),
      () => client.schedulerInfo(),
      () => client.restart(),
      () => client.shutdown(),
      () => client.waitForWorkers(1),
    ]
  ) await assert.rejects(call(), closed);
  finished.release();
});

Deno.test("closing ends what is on its way", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using scheduler = await FakeScheduler.start({
    "who-has": () => promise,
    "restart": () => promise,
    "ncores": () => ({}),
  });
  const client = await Client.connect(scheduler.address);
  const calls = [
    client.whoHas(),
    client.restart(),
    client.scatter(1),
    client.waitForWorkers(1),
  ].map((call) => assert.rejects(call, ClientClosedError));
  await until("calls", () => scheduler.server.connections.requests >= 2);
  await client.close();
  await Promise.all(calls);
  resolve();
});

Deno.test("a view is the same client: closing it closes both", async () => {
  await using scheduler = await FakeScheduler.start();
  const client = await Client.connect(scheduler.address);
  const view = client.with({ pure: false });
  const future = view.submit(inc, 1);
  assert.ok(client.futures.has(future.key));
  await view.close();
  assert.equal(client.status, "closed");
});

Deno.test("when the scheduler's stream breaks, the client comes back: finished futures are asked for again, pending ones cancelled", async () => {
  await using scheduler = await FakeScheduler.start();
  await using worker = await FakeWorker.start();
  await using client = await Client.connect(scheduler.address);
  const [pending, kept, lost] = client.map(inc, [1, 2, 3]);
  for (const { key } of [kept, lost]) {
    worker.put(key, key);
    scheduler.send({ op: "key-in-memory", key, workers: [worker.address] });
  }
  await until("results", () => lost.done());
  const waiting = assert.rejects(pending.result(), (error: Error) => {
    assert.ok(error instanceof CancelledError);
    assert.match(error.message, /the connection to the scheduler at inproc.* was lost.*submit it/);
    return true;
  });
  scheduler.breakStream();
  await waiting;
  assert.equal(kept.status, "lost");
  const again = client.submit(inc, 1);
  const [{ keys }] = await scheduler.heard("client-desires-keys");
  assert.equal(scheduler.registrations, 2);
  assert.deepEqual(keys, [kept.key, lost.key]);
  await scheduler.heard("update-graph", 2);
  assert.deepEqual(scheduler.groups.at(-1)!.keys, [again.key]);
  scheduler.send(
    { op: "key-in-memory", key: kept.key, workers: [worker.address] },
    { op: "cancelled-key", key: lost.key, reason: "unknown" },
  );
  assert.equal(await kept.result(), kept.key as never);
  await assert.rejects(lost.result(), CancelledError);
  assert.equal(client.status, "running");
});

Deno.test("code is sent anew after the stream has broken, also what was submitted meanwhile", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const { promise, resolve } = Promise.withResolvers<void>();
  const step = 2;
  const further = (x: number) => inc(x) + step;
  client.submit(further, 1);
  client.submit(inc, 1);
  await scheduler.heard("update-graph");
  const names = scheduler.parts.map(([name]) => name);
  assert.equal(new Set(names).size, names.length);
  scheduler.beforeRegistration = promise;
  scheduler.breakStream();
  await until("the loss", () => client.status === "connecting");
  client.submit(further, 2);
  resolve();
  await scheduler.heard("update-graph", 2);
  client.submit(inc, 2);
  await scheduler.heard("update-graph", 3);
  assert.deepEqual(scheduler.parts.slice(names.length).map(([name]) => name), names);
});

Deno.test("a lost result that is submitted again is computed again, also by a scheduler that does not know it", async () => {
  await using scheduler = await FakeScheduler.start();
  await using worker = await FakeWorker.start();
  await using client = await Client.connect(scheduler.address);
  const future = client.submit(inc, 1);
  scheduler.send({ op: "key-in-memory", key: future.key, workers: [worker.address] });
  await until("the result", () => future.done());
  scheduler.breakStream();
  await until("the loss", () => future.status === "lost");
  await scheduler.heard("client-desires-keys");
  const again = client.submit(inc, 1);
  // What it answers before it has taken the task in.
  scheduler.send({ op: "heard", updates: 0 }, { op: "cancelled-key", key: future.key });
  await scheduler.heard("update-graph", 2);
  worker.put(future.key, 2);
  scheduler.send(
    { op: "heard", updates: 1 },
    { op: "key-in-memory", key: future.key, workers: [worker.address] },
  );
  assert.deepEqual(await client.gather([future, again]), [2, 2]);
  // After that it is news.
  scheduler.send({ op: "cancelled-key", key: future.key });
  await until("the end", () => again.cancelled());
});

Deno.test("a client survives a restart of the scheduler's process on the same port", async () => {
  const first = await FakeScheduler.start({}, "tcp://127.0.0.1:0");
  await using client = await Client.connect(first.address);
  await first.server.close();
  await until("break", () => client.status === "connecting");
  await using second = await FakeScheduler.start({}, first.address);
  await until("return", () => client.status === "running");
  const future = client.submit(inc, 1);
  await second.heard("update-graph");
  assert.equal(future.status, "pending");
});

Deno.test("when the scheduler stays away, futures err with ConnectionLostError and the client is closed", async () => {
  const scheduler = await FakeScheduler.start();
  const worker = await FakeWorker.start();
  await using client = await Client.connect(scheduler.address, { timeout: 0.1 });
  const future = client.submit(inc, 1);
  scheduler.send({ op: "key-in-memory", key: future.key, workers: [worker.address] });
  await until("result", () => future.done());
  await scheduler.server.close();
  await until("break", () => client.status === "connecting");
  const late = client.submit(inc, 2);
  for (const lost of [future, late]) {
    await assert.rejects(lost.result(), (error: Error) => {
      assert.ok(error instanceof ConnectionLostError);
      assert.match(error.message, /could not be reached again within 0.1 s/);
      return true;
    });
  }
  assert.equal(client.status, "closed");
  assert.throws(() => client.submit(inc, 3), (error: Error) => {
    assert.ok(error instanceof ClientClosedError);
    assert.ok(error.cause instanceof ConnectionLostError);
    return true;
  });
  await worker.server.close();
});

Deno.test("a client can be closed while it tries to come back", async () => {
  const scheduler = await FakeScheduler.start();
  const client = await Client.connect(scheduler.address);
  const future = client.submit(inc, 1);
  await scheduler.server.close();
  await until("break", () => client.status === "connecting");
  await client.close();
  assert.equal(future.status, "cancelled");
});

Deno.test("a client can be closed while a scheduler takes its time to register it again", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using scheduler = await FakeScheduler.start();
  const client = await Client.connect(scheduler.address, { timeout: 3600 });
  scheduler.beforeRegistration = promise;
  scheduler.breakStream();
  await until("the second registration", () => scheduler.registrations === 2);
  await client.close();
  assert.equal(client.status, "closed");
  resolve();
});

Deno.test("questions to the scheduler pass its answers on", async () => {
  const asked: [string, unknown][] = [];
  const answer = (op: string, reply: unknown) =>
    [op, (_comm: unknown, message: unknown) => {
      const { op: _, ...fields } = message as Record<string, unknown>;
      asked.push([op, JSON.parse(JSON.stringify(fields))]);
      return reply;
    }] as const;
  await using scheduler = await FakeScheduler.start(Object.fromEntries([
    answer("who-has", { x: ["a"] }),
    answer("has-what", { a: ["x"] }),
    answer("ncores", { a: 2 }),
    answer("nbytes", { inc: 84 }),
    answer("processing", { a: [] }),
    answer("identity", { id: "s", address: "a", workers: {} }),
  ]));
  await using client = await Client.connect(scheduler.address);
  const future = client.submit(inc, 1);
  assert.deepEqual(await client.whoHas([future, "y"] as never), { x: ["a"] });
  assert.deepEqual(await client.whoHas(), { x: ["a"] });
  assert.deepEqual(await client.whoHas(new Set(["x", future])), { x: ["a"] });
  assert.deepEqual(await client.whoHas("x"), { x: ["a"] });
  assert.deepEqual(await client.hasWhat("alice"), { a: ["x"] });
  assert.deepEqual(await client.ncores(["a"]), { a: 2 });
  assert.deepEqual(await client.nbytes({ summary: false, keys: ["x"] }), { inc: 84 });
  assert.deepEqual(await client.processing(), { a: [] });
  assert.deepEqual((await client.schedulerInfo()).workers, {});
  assert.deepEqual(asked, [
    ["who-has", { keys: [future.key, "y"] }],
    ["who-has", {}],
    ["who-has", { keys: [future.key, "x"] }],
    ["who-has", { keys: ["x"] }],
    ["has-what", { workers: ["alice"] }],
    ["ncores", { workers: ["a"] }],
    ["nbytes", { summary: false, keys: ["x"] }],
    ["processing", {}],
    ["identity", {}],
  ]);
  await client.waitForWorkers(1);
  await assert.rejects(client.waitForWorkers(-1), /count is -1.*of at least 0/);
  await assert.rejects(client.waitForWorkers(2, { timeout: 0.05 }), TimeoutError);
  await assert.rejects(client.ncores([]), /option "workers"/);
});

Deno.test("waiting for workers ends in time when the scheduler does not answer", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using scheduler = await FakeScheduler.start({ "ncores": () => promise });
  await using client = await Client.connect(scheduler.address);
  await assert.rejects(client.waitForWorkers(1, { timeout: 0.05 }), {
    name: "TimeoutError",
    message: /did not have 1 workers within 0\.05 s/,
  });
  resolve({});
});

Deno.test("an error of the scheduler reaches the caller, and the client goes on", async () => {
  await using scheduler = await FakeScheduler.start({
    "who-has": () => {
      throw new Error("broken");
    },
  });
  await using client = await Client.connect(scheduler.address);
  await assert.rejects(client.whoHas(), (error) => {
    return error instanceof RemoteError && /broken/.test(error.message);
  });
  assert.equal(client.status, "running");
});

Deno.test("restart cancels the futures of before, and none that is made after it", async () => {
  await using scheduler = await FakeScheduler.start({ restart: () => ({ status: "OK" }) });
  await using client = await Client.connect(scheduler.address);
  const before = client.submit(inc, 1);
  await scheduler.heard("update-graph");
  const restarted = client.restart();
  let done = false;
  void restarted.then(() => done = true);
  await until("the call", () => scheduler.server.connections.requests > 0);
  assert.equal(done, false);
  scheduler.send({ op: "restart" });
  await restarted;
  assert.equal(before.status, "cancelled");
  const after = client.submit(inc, 1);
  await scheduler.heard("update-graph", 2);
  assert.equal(after.status, "pending");
});

Deno.test("shutdown takes the scheduler down and closes the client", async () => {
  let terminated = false;
  await using scheduler = await FakeScheduler.start({
    terminate: () => {
      terminated = true;
      return { status: "OK" };
    },
  });
  await using client = await Client.connect(scheduler.address);
  await client.shutdown();
  assert.ok(terminated);
  assert.equal(client.status, "closed");
});
