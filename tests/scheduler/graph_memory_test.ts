/** The memory of what graphs have brought, in a cluster whose processes meet over sockets. */
import assert from "node:assert/strict";
import type { Scheduler } from "../../scheduler/scheduler.ts";
import { dropSpares, LARGE_MEMORY } from "../../protocol/spare_memory.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

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
  dropSpares();
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
  dropSpares();
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
  dropSpares();
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
