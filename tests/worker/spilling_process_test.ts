/**
 * Worker processes with a memory limit: what they leave on disk, and how much memory they take.
 */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { wait } from "../../client/wait.ts";
import { until } from "../support/until.ts";
import { withCluster } from "../support/with_cluster.ts";

const LIMIT = 200e6;

/** 5 MB that do not compress. */
const make = (seed: number): Float64Array => {
  const array = new Float64Array(625_000);
  let state = 12345;
  for (let i = 0; i < array.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    array[i] = Math.abs(state) * 65536 + (Math.imul(state, state ^ i) & 0xffff) + seed;
  }
  return array;
};
const difference = (a: Float64Array, b: Float64Array): number => b[1] - a[1];

const folders = (parent: string) => Array.from(Deno.readDirSync(parent), ({ name }) => name);
const fileCount = (parent: string) =>
  folders(parent).reduce((n, name) => n + folders(`${parent}/${name}`).length, 0);

Deno.test("a worker process works beyond its memory, and leaves nothing on disk, even if killed", async () => {
  const parent = await Deno.makeTempDir({ prefix: "dusk-process-test-" });
  const flags = ["--no-nanny", "--memory-limit", `${LIMIT}`, "--local-directory", parent];
  await withCluster({ nworkers: 1, flags }, async ({ scheduler, workers, startWorker }) => {
    await using client = await Client.connect(scheduler.address);
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    const made = client.map(make, numbers);
    await wait(made);
    assert(fileCount(parent) > 0, "there are more results than memory");
    const pairs = client.map(difference, made.slice(0, -1), made.slice(1));
    assert.deepEqual(await client.gather(pairs), new Array(59).fill(1));
    if (Deno.build.os === "linux") {
      const status = Deno.readTextFileSync(`/proc/${workers[0].program.pid}/status`);
      const peak = 1024 * Number(status.match(/VmHWM:\s+(\d+)/)![1]);
      assert(peak < 0.95 * LIMIT, `${peak} bytes at the peak`);
    }

    const [left] = folders(parent);
    workers[0].program.kill("SIGKILL");
    await workers[0].program.status;
    assert.deepEqual(folders(parent), [left]);
    const next = await startWorker("next");
    await until("its folder instead", () => !folders(parent).includes(left));
    // What was lost with the other is computed again.
    assert.equal(await client.submit(difference, made[3], made[5]).result(), 2);

    next.program.kill("SIGTERM");
    await next.program.status;
    assert.deepEqual(folders(parent), []);
  });
  await Deno.remove(parent);
});

Deno.test("a worker that cannot write where its results are to go says so in one line", async () => {
  const file = await Deno.makeTempFile();
  await withCluster({ nworkers: 0 }, async ({ startWorker }) => {
    const flags = ["--no-nanny", "--memory-limit", "1GB", "--local-directory", file];
    await assert.rejects(startWorker("worker", flags), (error: Error) => {
      assert.match(
        error.message,
        /Cannot make a folder for results on disk in .*--local-directory/,
      );
      assert.doesNotMatch(error.message, /^ +at /m);
      return true;
    });
  });
  await Deno.remove(file);
});
