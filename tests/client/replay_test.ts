/** Failed tasks that are asked for, and run once more in the program of the client. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { ReplayError } from "../../client/replay.ts";
import { wait } from "../../client/wait.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

const inc = (x: number) => x + 1;
const zero = 0;

class DivisionError extends RangeError {
  constructor(readonly dividend: number) {
    super(`${dividend} cannot be divided by ${zero}`);
  }
}

/** How often it ran in this process. */
let runs = 0;
const div = (a: number, b: number) => {
  runs++;
  if (b === zero) throw new DivisionError(a);
  return a / b;
};

Deno.test("the function, arguments and keys of the task that failed can be asked for", async () => {
  await genCluster({}, async ({ client }) => {
    const a = client.submit(inc, 0);
    const failed = client.submit(div, a, 0);
    const dependent = client.submit(inc, failed);
    const { key, function: fn, args, keys } = await client.getFuturesError(dependent);
    assert.equal(key, failed.key);
    assert.equal(fn, div);
    assert.deepEqual(args, [a.key, 0]);
    assert.deepEqual(keys, [a.key]);
  });
});

Deno.test("the task that failed runs here with its real inputs, computed again where they were dropped", async () => {
  await genCluster({}, async ({ client, scheduler }) => {
    const inputs = client.map(inc, [4, -1]);
    const [a, b] = inputs.map(({ key }) => key);
    const failed = client.submit(div, ...inputs as [typeof inputs[0], typeof inputs[1]]);
    await wait(failed);
    for (const future of inputs) future.release();
    await until("the inputs to be dropped", () => {
      return [a, b].every((key) => scheduler.core.tasks.get(key)?.state !== "memory");
    });
    const before = runs;
    await assert.rejects(client.recreateErrorLocally([failed]), (error: Error) => {
      assert.ok(error instanceof DivisionError);
      assert.equal(error.dividend, 5);
      assert.match(error.stack!, /replay_test\.ts:\d+/);
      assert.doesNotMatch(error.stack!, /in task/);
      return true;
    });
    assert.equal(runs, before + 1);
    await until("the inputs to be dropped again", () => {
      return [a, b].every((key) => scheduler.core.tasks.get(key)?.state !== "memory");
    });
  });
});

Deno.test("another client runs the failed task from the code that the cluster has", async () => {
  await genCluster({}, async ({ client, scheduler }) => {
    const key = "the-failed-task";
    const failed = client.with({ key }).submit(div, 5, 0);
    await wait(failed);
    await using other = await Client.connect(scheduler.address);
    const same = other.with({ key }).submit((x: number) => x, 0);
    await wait(same);
    assert.equal(same.status, "error");
    const before = runs;
    const { function: fn, args } = await other.getFuturesError(same);
    assert.notEqual(fn, div);
    assert.deepEqual(args, [5, 0]);
    await assert.rejects(other.recreateErrorLocally(same), /5 cannot be divided by 0/);
    assert.equal(runs, before);
  });
});

Deno.test("what has not failed cannot be replayed", async () => {
  await genCluster({}, async ({ client }) => {
    const fine = client.submit(inc, 1);
    const refused = (error: Error) => error instanceof ReplayError;
    await assert.rejects(client.recreateErrorLocally(fine), (error: Error) => {
      assert.ok(refused(error));
      assert.ok(error.message.includes(fine.key), error.message);
      return true;
    });
    await assert.rejects(client.getFuturesError([]), refused);
    const endless = client.submit(async () => await new Promise(() => {}));
    endless.cancel();
    await assert.rejects(client.getFuturesError(endless), /cancelled/);
    await assert.rejects(client.getFuturesError(5 as never), TypeError);
  });
});
