/** Programs whose starter is far away stop when they no longer hear from it. */
import assert from "node:assert/strict";
import { popen } from "../support/popen.ts";

const flags = ["--host", "127.0.0.1", "--port", "0", "--lifeline"];

Deno.test("a program stops in good order when its lifeline ends", async () => {
  await using scheduler = popen("scheduler", [...flags, "600"]);
  await scheduler.printed(/^Scheduler started at \S+\n$/);
  await scheduler.closeStdin();
  assert.equal((await scheduler.status).code, 0, scheduler.stderr);
  assert.match(scheduler.stdout, /Scheduler stopped/);
});

Deno.test("a program stops in good order when its lifeline falls silent", async () => {
  await using scheduler = popen("scheduler", [...flags, "1"]);
  assert.equal((await scheduler.status).code, 0, scheduler.stderr);
  assert.match(scheduler.stdout, /Scheduler stopped/);
});

Deno.test("a worker with its nanny stops when its lifeline ends", async () => {
  await using scheduler = popen("scheduler", [...flags, "600"]);
  const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
  await using worker = popen("worker", [address, "--nthreads", "1", "--lifeline", "600"]);
  await worker.printed(/Registered with/);
  await worker.closeStdin();
  assert.equal((await worker.status).code, 0, worker.stderr);
  assert.match(worker.stdout, /Worker stopped/);
});
