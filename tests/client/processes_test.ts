/**
 * A client of a cluster of real processes, which end and come back.
 */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { CancelledError } from "../../client/future_state.ts";
import { wait } from "../../client/wait.ts";
import { popen } from "../support/popen.ts";
import { until } from "../support/until.ts";
import { withCluster } from "../support/with_cluster.ts";

const inc = (x: number) => x + 1;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

Deno.test("two clients of a cluster of processes share results; what tasks write reaches whose they are", async () => {
  await withCluster({}, async ({ scheduler, workers }) => {
    const lines: string[] = [];
    await using one = await Client.connect(scheduler.address, {
      onConsole: ({ worker, text }) => lines.push(`${worker} ${text}`),
    });
    await using two = await Client.connect(scheduler.address, { console: false });
    const pid = () => Deno.pid;
    const talk = (pid: number) => {
      console.log("hello from", pid);
      return pid;
    };
    const bob = one.with({ workers: workers[1].name });
    const process = bob.submit(pid);
    assert.equal(await bob.submit(talk, process).result(), workers[1].program.pid);
    await until("the line", () => lines.length > 0);
    assert.deepEqual(lines, [`${workers[1].address} hello from ${workers[1].program.pid}`]);
    // The same call is the same task, whichever client makes it: it is not run again elsewhere.
    const same = two.with({ workers: workers[0].name }).submit(pid);
    assert.equal(same.key, process.key);
    assert.equal(await same.result(), workers[1].program.pid);
    const list = await two.scatter(Array.from({ length: 10 }, (_, i) => new Float64Array([i])));
    const totals = two.map((part: Float64Array) => part[0] + 1, list);
    assert.equal(await two.submit(sum, totals).result(), 55);
  });
});

Deno.test("shutdown ends the scheduler and all workers, for all clients", async () => {
  await withCluster({}, async ({ scheduler, workers }) => {
    await using other = await Client.connect(scheduler.address, { timeout: 0.1 });
    const client = await Client.connect(scheduler.address);
    assert.equal(await client.submit(inc, 1).result(), 2);
    const endless = other.submit(async () => await new Promise<void>(() => {}));
    await client.shutdown();
    assert.equal(client.status, "closed");
    for (const { program } of [scheduler, ...workers]) {
      assert.equal((await program.status).code, 0, program.stderr);
    }
    await assert.rejects(endless.result());
    await until("the end of the other client", () => other.status === "closed");
  });
});

Deno.test("a scheduler that is killed and started again is found again by workers and client", async () => {
  await withCluster({}, async ({ scheduler, workers }) => {
    await using client = await Client.connect(scheduler.address, { timeout: 60 });
    const done = client.map(inc, [1, 2, 3]);
    await wait(done);
    const endless = client.submit(async () => await new Promise<void>(() => {}));
    await until("the endless task", async () => {
      return Object.values(await client.processing()).flat().includes(endless.key);
    });
    scheduler.program.kill("SIGKILL");
    await assert.rejects(endless.result(), (error: Error) => {
      assert.ok(error instanceof CancelledError);
      assert.match(error.message, /connection to the scheduler at .* was lost.*submit it again/);
      return true;
    });
    const port = scheduler.address.split(":").at(-1)!;
    await using again = popen("scheduler", ["--host", "127.0.0.1", "--port", port]);
    await again.printed(/Scheduler started at/);
    await client.waitForWorkers(workers.length, { timeout: 60 });
    const futures = client.map(inc, Array.from({ length: 100 }, (_, i) => i));
    assert.equal(await client.submit(sum, futures).result(), 5050);
    assert.deepEqual(
      Object.keys(await client.ncores()).sort(),
      workers.map((w) => w.address).sort(),
    );
  });
});
