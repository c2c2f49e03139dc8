/** How a client without an address finds its scheduler: by a file, or by settings. */
import assert from "node:assert/strict";
import { Security } from "../../comm/security.ts";
import { Client } from "../../client/client.ts";
import { OptionError } from "../../client/task_options.ts";
import { useSettings } from "../../config/configure.ts";
import { SchedulerFileError, writeSchedulerFile } from "../../config/scheduler_file.ts";
import { loadSettings } from "../../config/settings.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";

const token = "correct horse battery staple";

/** A scheduler that asks for a token, and the path of a file that tells of it. */
async function withScheduler(
  work: (file: string, tell: (token?: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-client-" });
  await using scheduler = new Scheduler({ security: new Security({ token }) });
  await scheduler.start("tcp://127.0.0.1:0");
  const file = `${folder}/scheduler.json`;
  const { address } = scheduler;
  try {
    await work(file, (token) =>
      writeSchedulerFile(file, {
        address,
        addresses: [address],
        id: "S",
        started: 0,
        ...(token === undefined ? {} : { token }),
      }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a client waits for the scheduler's file, and has address and token from it", () =>
  withScheduler(async (schedulerFile, tell) => {
    const connecting = Client.connect({ schedulerFile, timeout: 30 });
    await tell(token);
    await using client = await connecting;
    assert.deepEqual(await client.ncores(), {});
  }));

Deno.test("a token of the client's own stands over that in the file", () =>
  withScheduler(async (schedulerFile, tell) => {
    await tell("some other, wrong token");
    const security = new Security({ token });
    await using client = await Client.connect(undefined, { schedulerFile, security });
    assert.deepEqual(await client.ncores(), {});
  }));

Deno.test("settings tell a client without an address where its scheduler is", () =>
  withScheduler(async (schedulerFile, tell) => {
    await tell();
    const flags = [
      { name: "scheduler-file", flag: "-", value: schedulerFile },
      { name: "security.token", flag: "-", value: token },
    ] as const;
    await useSettings(await loadSettings({ env: {}, folders: [], flags }));
    try {
      await using client = await Client.connect();
      assert.deepEqual(await client.ncores(), {});
    } finally {
      await useSettings(undefined);
    }
  }));

Deno.test("without a file in time, the error names it", async () => {
  await assert.rejects(
    Client.connect({ schedulerFile: "/nowhere/scheduler.json", timeout: 0.05 }),
    (error: unknown) => {
      assert(error instanceof SchedulerFileError);
      assert.match(error.message, /no scheduler file "\/nowhere\/scheduler\.json" for 0\.05 s/);
      return true;
    },
  );
});

Deno.test("an address and a file, or a file that is no path, are refused", async () => {
  const refuses = (work: Promise<unknown>, words: RegExp) =>
    assert.rejects(work, (error: unknown) => {
      assert(error instanceof OptionError, String(error));
      assert.match(error.message, words);
      return true;
    });
  const schedulerFile = "/nowhere/s.json";
  await refuses(
    Client.connect("127.0.0.1:1", { schedulerFile }),
    /both a cluster and the schedulerFile "\/nowhere\/s\.json" are given/,
  );
  await refuses(Client.connect({ schedulerFile: "" }), /schedulerFile/);
  await refuses(Client.connect({ schedulerFiel: "x" } as object), /has no option "schedulerFiel"/);
});

Deno.test("a setting gives a client without an address the scheduler's, which stands over a file", async () => {
  await using scheduler = new Scheduler({ security: new Security({ token }) });
  await scheduler.start("tcp://127.0.0.1:0");
  const env = {
    DUSK_SCHEDULER_ADDRESS: scheduler.address.replace("tcp://", ""),
    DUSK_TOKEN: token,
    DUSK__SCHEDULER_FILE: "/nonexistent/scheduler.json",
  };
  await useSettings(await loadSettings({ env, folders: [] }));
  try {
    await using client = await Client.connect();
    assert.equal(client.schedulerAddress, scheduler.address);
  } finally {
    await useSettings(undefined);
  }
});
