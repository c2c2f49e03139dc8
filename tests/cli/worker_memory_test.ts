import assert from "node:assert/strict";
import { memoryWarning } from "../../cli/worker_options.ts";
import { popen } from "../support/popen.ts";

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
