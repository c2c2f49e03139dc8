/** The line to the scheduler, and its new beginnings. */
import assert from "node:assert/strict";
import { Server } from "../../comm/server.ts";
import type { RegisterWorker, WorkerToScheduler } from "../../protocol/messages.ts";
import { type LinkOptions, SchedulerLink } from "../../worker/scheduler_link.ts";
import { LogLines } from "../comm/pair.ts";
import { until } from "../support/until.ts";
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

function linkTo(scheduler: { address: string }, options: Partial<LinkOptions> = {}): SchedulerLink {
  return new SchedulerLink({
    address: scheduler.address,
    connectTimeout: 10,
    reconnect: true,
    deathTimeout: undefined,
    registration: () => registration,
    heartbeat: () => ({ op: "restarted", id: 0 }),
    onBatch: () => {},
    onBroken: () => {},
    onRestored: () => {},
    onLost: (error) => assert.fail(String(error)),
    ...options,
  });
}

Deno.test("what is said while the scheduler answers a registration follows that", async () => {
  const received = Promise.withResolvers<unknown>();
  let registrations = 0;
  const scheduler: Server = new Server({
    handlers: {
      "register-worker": async (comm): Promise<unknown> => {
        registrations++;
        link.send([{ op: "release-keys", keys: [`x${registrations}`] }]);
        if (registrations === 1) return { status: "error", message: "come back later" };
        await comm.write({ status: "OK", time: 0, heartbeatInterval: 60, scheduler: "s1" });
        received.resolve(await comm.read());
        return Server.noReply;
      },
    },
  });
  await scheduler.listen("inproc://");
  const link = linkTo(scheduler);
  link.send([{ op: "release-keys", keys: ["before there was a line"] }]);
  await assert.rejects(link.open(), /come back later/);
  await link.open();
  assert.deepEqual(await received.promise, [{ op: "release-keys", keys: ["x2"] }]);
  await Promise.all([link.close(undefined), scheduler.close()]);
});

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

Deno.test("a link says which scheduler it was connected to, and whether that is back", async () => {
  await using scheduler = await FakeScheduler.start("tcp://127.0.0.1:0");
  const restored: boolean[] = [];
  const link = linkTo(scheduler, { onRestored: (isSame) => void restored.push(isSame) });
  await link.open();
  const first = await scheduler.worker(0);
  assert.equal(first.info.scheduler, undefined);
  first.comm.abort();
  const second = await scheduler.worker(1);
  assert.equal(second.info.scheduler, "s1");
  scheduler.reply = { status: "OK", time: 0, heartbeatInterval: 60, scheduler: "s2" };
  second.comm.abort();
  await scheduler.worker(2);
  await until("the second return", () => restored.length === 2);
  assert.deepEqual(restored, [true, false]);
  await link.close(undefined);
});
