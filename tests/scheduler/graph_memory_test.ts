/** The memory of what graphs have brought, in a cluster whose processes meet over sockets. */
import assert from "node:assert/strict";
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import { Client } from "../../client/client.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { LARGE_MEMORY } from "../../protocol/spare_memory.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { ClusterWorker } from "../../worker/cluster_worker.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const COUNT = LARGE_MEMORY / 8;
const tcp = { address: "tcp://127.0.0.1:0", nthreads: [1, 1] };

/** The arguments' array, as the scheduler has it. */
function argumentsOf(scheduler: Scheduler, key: string): Uint8Array {
  return scheduler.core.tasks.get(key)!.args!.frames[1];
}

Deno.test("what tasks do to large arguments is seen by no other task, and by no retry", async () => {
  await genCluster(tcp, async ({ client }) => {
    // Rounds: the memory of one is used for the next.
    for (let round = 0; round < 3; round++) {
      const arrays = Array.from({ length: 6 }, (_, i) => {
        return new Float64Array(COUNT).fill(10 * round + i);
      });
      const futures = client.with({ retries: 2, pure: false }).map((array: Float64Array) => {
        const { length } = array;
        const found = [array[0], array[length >> 1], array[length - 1]];
        array.fill(-1);
        // Each thread fails once: there are two.
        const tries = (globalThis as { tries?: Set<number> }).tries ??= new Set();
        if (found[0] % 2 === 1 && !tries.has(found[0])) {
          tries.add(found[0]);
          throw new Error("the first try fails");
        }
        return found;
      }, arrays);
      // What was submitted is what the arrays were then.
      for (const array of arrays) array.fill(-2);
      const found = await client.gather(futures);
      assert.deepEqual(found, arrays.map((_, i) => new Array(3).fill(10 * round + i)));
      for (const future of futures) future.release();
    }
  });
});

Deno.test("what tasks do to a large array that functions close over is seen by no function sent later", async () => {
  await genCluster(tcp, async ({ client }) => {
    const array = new Float64Array(COUNT);
    const submit = () => client.submit(() => [array[0], array[COUNT - 1]]);
    const futures = [];
    for (let i = 0; i < 4; i++) {
      array.fill(i);
      futures.push(submit());
    }
    assert.deepEqual(await client.gather(futures), [0, 1, 2, 3].map((i) => [i, i]));
  });
});

Deno.test("the scheduler keeps large arguments while the task is known, and gives them up then", async () => {
  await genCluster(tcp, async ({ client, scheduler }) => {
    const future = client.submit((array: Float64Array) => array.length, new Float64Array(COUNT));
    assert.equal(await future.result(), COUNT);
    const bytes = argumentsOf(scheduler, future.key);
    assert.equal(bytes.byteLength, LARGE_MEMORY);
    future.release();
    await until("the memory is given up", () => bytes.byteLength === 0);
  });
});

Deno.test("a scheduler that others reach within the process leaves their memory alone", async () => {
  await genCluster({ nthreads: [1] }, async ({ client, scheduler }) => {
    const first = client.submit((array: Float64Array) => array.length, new Float64Array(COUNT));
    await first.result();
    const bytes = argumentsOf(scheduler, first.key);
    first.release();
    await until("the task is forgotten", () => !scheduler.core.tasks.has(first.key));
    // It looks for memory to give up after each of these.
    const { core } = scheduler;
    const balance = core.balance.bind(core);
    let turns = 0;
    core.balance = (now) => {
      turns++;
      balance(now);
    };
    await until("the scheduler's timer has gone off twice", () => turns >= 2);
    assert.equal(bytes.byteLength, LARGE_MEMORY);
  });
});

Deno.test("a scheduler keeps what a client in its process has sent, though the workers are elsewhere", async () => {
  await using scheduler = new Scheduler({ validate: true });
  await scheduler.start(["inproc://", "tcp://127.0.0.1:0"]);
  const [inproc, outside] = scheduler.addresses;
  await using first = new ClusterWorker({ schedulerAddress: outside, nthreads: 1 });
  await first.start();
  await using client = await Client.connect(inproc);
  const array = new Float64Array(COUNT).fill(7);
  const future = client.submit((array: Float64Array) => array[COUNT - 1], array);
  assert.equal(await future.result(), 7);
  assert.equal(argumentsOf(scheduler, future.key).byteLength, LARGE_MEMORY);
  // The result is lost, and computed again.
  await first.close();
  await using second = new ClusterWorker({ schedulerAddress: outside, nthreads: 1 });
  await second.start();
  assert.equal(await future.result(), 7);
  await client.close();
});

Deno.test("large arguments arrive whole through deaths, thefts, cancels and calls with the same key", async () => {
  const check = (array: Float64Array, seed: number) => {
    for (let i = 0; i < array.length; i++) {
      if (array[i] !== seed + i % 1009) return `${array[i]} at ${i} of ${seed}`;
    }
    array.fill(-1);
    return seed;
  };
  await genCluster({ ...tcp, nthreads: [1, 1, 1] }, async ({ client, workers }) => {
    const submit = (seed: number, key: string) => {
      const array = Float64Array.from({ length: COUNT }, (_, i) => seed + i % 1009);
      const future = client.with({ key, retries: 3 }).submit(check, array, seed);
      array.fill(-2);
      return future;
    };
    for (let round = 0; round < 4; round++) {
      const futures = Array.from(
        { length: 9 },
        (_, i) => submit(100 * round + i, `r${round}-${i}`),
      );
      const cancelled = submit(-1, `c${round}`);
      if (round % 2 === 1) await futures[0].result();
      await client.cancel([cancelled]);
      const again = submit(100 * round + 50, `c${round}`);
      if (round >= 2) {
        await futures[1].result();
        await workers[round - 2].close();
      }
      const found = await client.gather([...futures, again]);
      const seeds = futures.map((_, i) => 100 * round + i);
      assert.deepEqual(found, [...seeds, 100 * round + 50]);
      for (const future of [...futures, cancelled, again]) future.release();
    }
  });
});

Deno.test("code that is dropped is not kept by a worker on which a task goes on", async () => {
  const kept = { parts: 0, bytes: 0 };
  await genCluster({ ...tcp, nthreads: [2], scheduler: { unusedParts: kept } }, async (cluster) => {
    const { client, scheduler, workers: [{ core: { code } }] } = cluster;
    const endless = client.submit(async () => await new Promise(() => {}));
    const large = ({ code }: { code: Serialized }) => code.nbytes > LARGE_MEMORY;
    const isRunning = () => scheduler.core.tasks.get(endless.key)?.state === "processing";
    await until("the other task runs", isRunning);
    // Its client holds it as long as it is connected.
    const compute = async () => {
      await using other = await Client.connect(scheduler.address);
      const array = new Float64Array(COUNT);
      assert.equal(await other.submit(() => array.length).result(), COUNT);
      return new WeakRef(code.known.values().find(large)!.code);
    };
    const part = await compute();
    await until("the part is dropped", () => !code.known.values().some(large));
    await until("its memory is free", () => {
      collectGarbage();
      return part.deref() === undefined;
    });
    await client.cancel([endless]);
  });
});
