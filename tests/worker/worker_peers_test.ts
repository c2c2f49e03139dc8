/** Fetching from peers that are busy, gone or talk nonsense. */
import assert from "node:assert/strict";
import { Server } from "../../comm/server.ts";
import { serialize } from "../../protocol/values.ts";
import { ClusterWorker, type ClusterWorkerOptions } from "../../worker/cluster_worker.ts";
import { FakeScheduler, Ref, type Registered } from "./fake_scheduler.ts";

async function start(
  stack: AsyncDisposableStack,
  options: Partial<ClusterWorkerOptions> = {},
): Promise<{ worker: ClusterWorker; registered: Registered }> {
  const scheduler = stack.use(await FakeScheduler.start());
  const worker = stack.use(
    new ClusterWorker({
      schedulerAddress: scheduler.address,
      nthreads: 1,
      validate: true,
      ...options,
    }),
  );
  await worker.start();
  return { worker, registered: await scheduler.worker() };
}

/** A peer that answers `get-data` as the test says. */
async function peer(
  stack: AsyncDisposableStack,
  getData: (keys: string[]) => unknown,
): Promise<Server> {
  const server = new Server({
    handlers: { "get-data": (_comm, { keys }) => getData(keys) },
  });
  stack.defer(() => server.close());
  await server.listen("inproc://");
  return server;
}

const same = (x: unknown) => x;

Deno.test("a busy peer is asked again until it has time", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack);
  let asked = 0;
  const busy = await peer(stack, () => {
    if (++asked < 4) return { status: "busy" };
    return { status: "OK", data: { x: serialize(7) } };
  });
  registered.compute("y", same, [new Ref("x")], { whoHas: { x: [busy.address] } });
  await registered.next("task-finished", "y");
  assert.equal(asked, 4);
  assert(worker.data.has("x"));
});

Deno.test("what a peer does not have is reported missing, and the task given up", async () => {
  await using stack = new AsyncDisposableStack();
  const { worker, registered } = await start(stack);
  const empty = await peer(stack, () => ({ status: "OK", data: {} }));
  registered.compute("y", same, [new Ref("x")], { whoHas: { x: [empty.address] } });
  const missing = await registered.next("missing-data");
  assert.deepEqual(missing, {
    op: "missing-data",
    key: "y",
    missing: { x: [empty.address] },
  });
  assert.equal(worker.core.machine.tasks.size, 0);
});

Deno.test("when one holder cannot be reached, fails or talks nonsense, another is asked", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  const gone = await peer(stack, () => undefined);
  const goneAddress = gone.address;
  await gone.close();
  const broken = await peer(stack, () => {
    throw new Error("out of order");
  });
  const nonsense = await peer(stack, () => ({ status: "OK", data: { x: "no value" } }));
  const strange = await peer(stack, () => 5);
  const good = await peer(stack, () => ({ status: "OK", data: { x: serialize(7) } }));
  const holders = [goneAddress, broken.address, nonsense.address, strange.address, good.address];
  for (let i = 0; i < 10; i++) {
    registered.compute(`y${i}`, same, [new Ref("x")], { whoHas: { x: holders } });
    await registered.next("task-finished", `y${i}`);
    registered.send({ op: "free-keys", keys: ["x", `y${i}`] });
  }
});

Deno.test("when a peer dies during a transfer, its data is reported missing", async () => {
  await using stack = new AsyncDisposableStack();
  const { registered } = await start(stack);
  const asked = Promise.withResolvers<void>();
  const dying = await peer(stack, () => {
    asked.resolve();
    return new Promise((resolve) => dying.closing.addEventListener("abort", resolve));
  });
  const address = dying.address;
  registered.compute("y", same, [new Ref("x")], { whoHas: { x: [address] } });
  await asked.promise;
  await dying.close();
  assert.deepEqual((await registered.next("missing-data")).missing, { x: [address] });
});
