/** `--memory-limit`: what is too little for a worker, and that a compiled one keeps to it. */
import assert from "node:assert/strict";
import { memoryWarning } from "../../cli/worker_options.ts";
import { Client } from "../../client/client.ts";
import { wait } from "../../client/wait.ts";
import { compiledTest, startCompiled } from "../support/compiled.ts";
import { popen } from "../support/popen.ts";
import { childrenOf, onlyChild } from "../support/process_tree.ts";
import { withFolder } from "../support/programs.ts";

Deno.test("less memory than a worker takes by itself is warned of, by flag and amount", () => {
  assert.match(
    memoryWarning({ memoryLimit: 60e6, nthreads: 2 })!,
    /^The memory limit of 60 MB .*about 140 MB .* 2 threads .*--memory-limit/,
  );
  assert.equal(memoryWarning({ memoryLimit: 140e6, nthreads: 2 }), undefined);
  assert.equal(memoryWarning({ memoryLimit: 0, nthreads: 64 }), undefined);
});

Deno.test("dusk-worker warns of it before it connects", async () => {
  const flags = ["--memory-limit", "60MB", "--nthreads", "1", "--exit-with-stdin"];
  await using worker = popen("worker", ["tcp://127.0.0.1:1", ...flags]);
  await worker.printed(/Waiting to connect to: tcp:/);
  worker.kill("SIGTERM");
  assert.equal((await worker.status).code, 0, worker.stderr);
  assert.match(worker.stderr, /memory limit of 60 MB .*about 120 MB/);
});

/** 10 MB of random numbers from 0 to 1; those of 26 bits compress, those of 52 do not. */
const randomNumbers = (seed: number, bits: 26 | 52): Float64Array => {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 6) / 2 ** 26;
  };
  return new Float64Array(1_250_000).map(() => bits === 26 ? next() : next() + next() / 2 ** 26);
};
const sumOf = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] + b[i];
  return sum;
};

for (const bits of [26, 52] as const) {
  compiledTest(
    `a compiled worker keeps within its memory limit, with results of ${bits} random bits`,
    () =>
      withFolder(async (folder) => {
        const local = ["--host", "127.0.0.1", "--port", "0"];
        await using scheduler = startCompiled("dusk-scheduler", local);
        const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
        await using worker = startCompiled("dusk-worker", [
          ...[address, "--memory-limit", "200MB", "--nthreads", "1", "--local-directory", folder],
        ]);
        await worker.printed(/Registered with/);
        const pid = await onlyChild(worker.pid);

        await using client = await Client.connect(address);
        const seeds = Array.from({ length: 30 }, (_, i) => i);
        const made = client.map(randomNumbers, seeds, seeds.map(() => bits));
        await wait(made);
        const sums = await client.gather(client.map(sumOf, made.slice(0, -1), made.slice(1)));
        for (let i = 0, a = randomNumbers(0, bits); i < sums.length; i++) {
          const b = randomNumbers(i + 1, bits);
          assert.equal(sums[i], sumOf(a, b));
          a = b;
        }

        assert.deepEqual(childrenOf(worker.pid), [pid], worker.stderr);
        assert.doesNotMatch(worker.stderr, /nanny/);
        if (Deno.build.os !== "linux") return;
        const status = await Deno.readTextFile(`/proc/${pid}/status`);
        const peak = 1024 * Number(status.match(/VmHWM:\s+(\d+)/)![1]);
        assert.ok(peak < 0.95 * 200e6, `${peak} bytes at the peak`);
      }),
  );
}
