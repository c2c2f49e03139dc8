import assert from "node:assert/strict";
import type { RegisterWorker, WorkerToScheduler } from "../../protocol/messages.ts";
import { type LinkOptions, SchedulerLink } from "../../worker/scheduler_link.ts";
import { LogLines } from "../comm/pair.ts";
import { FakeScheduler } from "./fake_scheduler.ts";

const registration: RegisterWorker = {
  op: "register-worker",
  address: "tcp://127.0.0.1:1",
  name: "alice",
  nthreads: 1,
  resources: {},
  now: 0,
  pid: 1,
  versions: {},
  nbytes: {},
};

function linkTo(scheduler: FakeScheduler, options: Partial<LinkOptions> = {}): SchedulerLink {
  return new SchedulerLink({
    address: scheduler.address,
    connectTimeout: 10,
    reconnect: true,
    deathTimeout: undefined,
    registration: () => registration,
    heartbeat: () => ({ op: "restarted", id: 0 }),
    onBatch: () => {},
    onBroken: () => {},
    onLost: (error) => assert.fail(String(error)),
    ...options,
  });
}

Deno.test("a message that breaks the line is told in the log, and the line comes back", async () => {
  using log = new LogLines();
  await using scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  const link = linkTo(scheduler);
  await link.open();
  await scheduler.worker(0);
  link.send([{ op: "task-console", key: () => "no key" } as unknown as WorkerToScheduler]);
  const line = await log.waitFor("while sending to it");
  assert.match(line, /contains a function/);
  await scheduler.worker(1);
  await link.close(undefined);
});
