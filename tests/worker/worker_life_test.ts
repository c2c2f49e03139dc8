/** How a worker's life ends, and how it does not. */
import assert from "node:assert/strict";
import { getBackend, registerBackend } from "../../comm/registry.ts";
import { checkWorkerOptions, listenAddressFor } from "../../worker/worker_options.ts";
import { rpc } from "../../comm/rpc.ts";
import { Server } from "../../comm/server.ts";
import {
  ClusterWorker,
  type ClusterWorkerOptions,
  RegistrationError,
} from "../../worker/cluster_worker.ts";
import { FakeScheduler } from "./fake_scheduler.ts";

function workerOf(
  scheduler: { address: string },
  options: Partial<ClusterWorkerOptions> = {},
): ClusterWorker {
  return new ClusterWorker({ schedulerAddress: scheduler.address, nthreads: 1, ...options });
}

Deno.test("a worker that closes tells the scheduler why, and is then gone", async () => {
  await using scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  const worker = workerOf(scheduler);
  await worker.start();
  const { address } = worker;
  const registered = await scheduler.worker();
  registered.compute("x", () => new Promise(() => {}));
  const closed = worker.close({ reason: "enough" });
  assert.equal((await registered.next("close-worker")).reason, "enough");
  await registered.left();
  await closed;
  await worker.finished;
  await worker.close();
  await using remote = rpc(address);
  await assert.rejects(remote.identity({}, { timeout: 0.05 }));
});

Deno.test("a worker closes when the scheduler tells it to", async () => {
  await using scheduler = await FakeScheduler.start();
  await using worker = workerOf(scheduler);
  await worker.start();
  const registered = await scheduler.worker();
  registered.send({ op: "close", reason: "scale down" });
  assert.equal((await registered.next("close-worker")).reason, "scale down");
  await worker.finished;
});

Deno.test("a worker closes when someone calls terminate", async () => {
  await using scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  await using worker = workerOf(scheduler);
  await worker.start();
  await using remote = rpc(worker.address);
  assert.deepEqual(await remote.terminate({ reason: "maintenance" }), { status: "OK" });
  assert.equal(
    (await (await scheduler.worker()).next("close-worker")).reason,
    "maintenance",
  );
  await worker.finished;
});

Deno.test("a refused worker gets the scheduler's words, and closes", async () => {
  await using scheduler = await FakeScheduler.start();
  scheduler.reply = { status: "error", message: 'the name "alice" is taken' };
  const worker = workerOf(scheduler, { name: "alice" });
  await assert.rejects(worker.start(), (error: Error) => {
    assert(error instanceof RegistrationError);
    assert.match(error.message, /the name "alice" is taken/);
    return true;
  });
  await worker.finished;
});

Deno.test("a worker that cannot reach its scheduler says so, and closes", async () => {
  const scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  const { address } = scheduler;
  await scheduler[Symbol.asyncDispose]();
  const worker = workerOf({ address }, { connectTimeout: 0.05 });
  await assert.rejects(worker.start(), /could not connect to tcp:\/\/127.0.0.1/);
  await worker.finished;
});

Deno.test("a scheduler that does not answer a registration is not waited for for ever", async () => {
  const server = new Server({
    handlers: { "register-worker": () => new Promise((resolve) => setTimeout(resolve, 0)) },
  });
  await server.listen("inproc://");
  const worker = workerOf(server, { connectTimeout: 0.05 });
  await assert.rejects(worker.start(), /refuses this worker|did not answer/);
  await server.close();
});

Deno.test("a worker can be closed while it starts", async () => {
  await using scheduler = await FakeScheduler.start();
  const worker = workerOf(scheduler);
  const started = worker.start();
  await worker.close();
  await assert.rejects(started);
  await worker.finished;
});

Deno.test("a worker can be closed before it was started, and then not be started", async () => {
  await using scheduler = await FakeScheduler.start();
  const worker = workerOf(scheduler);
  await worker.close();
  await assert.rejects(worker.start(), /closed/);
});

Deno.test("a worker is started once", async () => {
  await using scheduler = await FakeScheduler.start();
  await using worker = workerOf(scheduler);
  await worker.start();
  await assert.rejects(worker.start(), /started already/);
});

Deno.test("after a lost connection, a worker registers again with what it holds", async () => {
  await using scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  await using worker = workerOf(scheduler);
  await worker.start();
  const before = await scheduler.worker(0);
  before.compute("done", () => 1);
  await before.next("task-finished");
  const sign = await Deno.makeTempFile();
  before.compute("running", async (sign: string) => {
    console.log("running");
    while (Deno.statSync(sign).size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return 2;
  }, [sign]);
  before.compute("queued", () => 3);
  await before.next("task-console");
  before.comm.abort();

  const after = await scheduler.worker(1);
  assert.deepEqual(Object.keys(after.info.nbytes), ["done"]);
  assert.equal(after.info.address, worker.address);
  await Deno.writeTextFile(sign, "go on");
  const finished = await after.next("task-finished");
  assert.equal(finished.key, "running", "what ran has gone on");
  after.compute("new", () => 4);
  await after.next("task-finished", "new");
  assert.deepEqual([...worker.data.keys()].sort(), ["done", "new", "running"]);
  await Deno.remove(sign);
});

Deno.test("a worker comes back to a scheduler that comes back", async () => {
  const first = await FakeScheduler.start("tcp://127.0.0.1:0");
  const { address } = first;
  await using worker = workerOf(first);
  await worker.start();
  await first[Symbol.asyncDispose]();
  await using second = await FakeScheduler.start(address);
  const registered = await second.worker();
  assert.equal(registered.info.address, worker.address);
});

Deno.test("a worker that has been cut off for its death timeout closes", async () => {
  const scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  await using worker = workerOf(scheduler, { deathTimeout: 0.1 });
  await worker.start();
  await scheduler[Symbol.asyncDispose]();
  await worker.finished;
});

Deno.test("a worker that is not to reconnect closes when the scheduler is gone", async () => {
  const scheduler = await FakeScheduler.start();
  await using worker = workerOf(scheduler, { reconnect: false });
  await worker.start();
  await scheduler[Symbol.asyncDispose]();
  await worker.finished;
});

Deno.test("a worker that is refused again and again when it comes back closes", async () => {
  await using scheduler = await FakeScheduler.start();
  await using worker = workerOf(scheduler, { deathTimeout: 1 });
  await worker.start();
  scheduler.reply = { status: "error", message: "no" };
  (await scheduler.worker()).comm.abort();
  await worker.finished;
});

Deno.test("a worker can be closed while it tries to reach the scheduler again", async () => {
  const scheduler = await FakeScheduler.start();
  const worker = workerOf(scheduler);
  await worker.start();
  const left = (await scheduler.worker()).left();
  await scheduler[Symbol.asyncDispose]();
  await left;
  await worker.close();
});

Deno.test("a worker listens where it is told to", async () => {
  await using scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  await using here = workerOf(scheduler, { host: "127.0.0.1" });
  await here.start();
  assert.match(here.address, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  await using there = workerOf(scheduler, { listenAddress: "inproc://" });
  await there.start();
  assert.match(there.address, /^inproc:/);
});

Deno.test("where the scheduler's transport has no ports, the worker listens without one", () => {
  registerBackend("paper", getBackend("inproc"));
  for (const scheme of ["inproc", "paper"]) {
    const settings = checkWorkerOptions({ schedulerAddress: `${scheme}://boss` });
    assert.equal(listenAddressFor(settings), `${scheme}://`);
  }
});

Deno.test("options that make no sense are refused with words that say what would", () => {
  const schedulerAddress = "tcp://127.0.0.1:8786";
  const bad: [Record<string, unknown>, RegExp][] = [
    [{}, /schedulerAddress must be the address of a scheduler, such as "tcp:.*got undefined/],
    [{ schedulerAddress: "" }, /schedulerAddress/],
    [{ schedulerAddress: "foo://x" }, /foo/],
    [{ schedulerAddress, nthreads: 0 }, /nthreads must be a whole number from 1 to 4096; got 0/],
    [{ schedulerAddress, nthreads: 1.5 }, /nthreads/],
    [{ schedulerAddress, name: "" }, /name must be a text/],
    [{ schedulerAddress, port: 70000 }, /port must be a whole number from 0 to 65535/],
    [{ schedulerAddress, resources: { GPU: -1 } }, /resources.GPU must be a number of at least 0/],
    [{ schedulerAddress, resources: { GPU: "2" } }, /resources.GPU .* got "2"/],
    [{ schedulerAddress, listenAddress: "tcp://a", port: 1 }, /either listenAddress, or host/],
    [{ schedulerAddress, deathTimeout: -1 }, /deathTimeout/],
    [{ schedulerAddress, connectTimeout: NaN }, /connectTimeout/],
    [{ schedulerAddress, maxOutgoing: 0 }, /maxOutgoing/],
  ];
  for (const [options, message] of bad) {
    assert.throws(() => new ClusterWorker(options as never), message);
  }
});
