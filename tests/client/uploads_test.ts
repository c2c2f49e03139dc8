/** Modules that tasks import by name: `uploadFile`. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { UploadError } from "../../client/uploads.ts";
import { configureLogging, resetLogging } from "../../config/logging.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { ClusterWorker } from "../../worker/cluster_worker.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { withSandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";
import { FakeScheduler } from "./fake_scheduler.ts";
import { withFolder } from "./modules/folder.ts";

const lookUp = async (name: string) => {
  const { prices } = await import("prices" as string);
  return prices[name];
};

Deno.test("an uploaded file is imported by name on workers that are there and that come", async () => {
  const files = { "prices.ts": "export const prices: Record<string, number> = { tea: 2 };" };
  await withFolder(files, async (folder) => {
    await withSandbox(async (client, cluster) => {
      await client.uploadFile(`${folder}/prices.ts`);
      assert.equal(await client.submit(lookUp, "tea").result(), 2);
      const late = await cluster.startWorker({ name: "late" });
      assert.equal(
        await client.with({ workers: late.name, pure: false }).submit(lookUp, "tea").result(),
        2,
      );
    }, 1);
  });
});

Deno.test("a new version of a file takes the place of the old one, for tasks that come after", async () => {
  await withFolder({ "prices.ts": "export const prices = { tea: 2 };" }, async (folder) => {
    await genCluster({}, async ({ client, workers }) => {
      const impure = client.with({ pure: false });
      const onEach = () =>
        client.gather(
          workers.map(({ name }) => impure.with({ workers: name }).submit(lookUp, "tea")),
        );
      await client.uploadFile(new URL(`file://${folder}/prices.ts`));
      assert.deepEqual(await onEach(), [2, 2]);
      await Deno.writeTextFile(`${folder}/prices.ts`, "export const prices = { tea: 3 };");
      await client.uploadFile(`${folder}/prices.ts`);
      assert.deepEqual(await onEach(), [3, 3]);
    });
  });
});

Deno.test("the files of a folder are imported by their names in it", async () => {
  const files = {
    "shop/mod.ts": `export { prices } from "./prices.ts";`,
    "shop/prices.ts": "export const prices = { tea: 2 };",
  };
  await withFolder(files, async (folder) => {
    await genCluster({}, async ({ client }) => {
      await client.uploadFile(`${folder}/shop`);
      const both = client.submit(
        async (folder: string, file: string) => {
          return [(await import(folder)).prices.tea, (await import(file)).prices.tea];
        },
        "shop",
        "shop/prices.ts",
      );
      assert.deepEqual(await both.result(), [2, 2]);
    });
  });
});

Deno.test("a file that cannot be uploaded is an error that names it, and uploads nothing", async () => {
  await withFolder({ "wrong.ts": "export const = 5;" }, async (folder) => {
    await using scheduler = await FakeScheduler.start({
      "upload-file": () => ({ status: "error", message: "there are too many modules" }),
    });
    await using client = await Client.connect(scheduler.address);
    await assert.rejects(client.uploadFile(`${folder}/absent.ts`), /absent\.ts/);
    await assert.rejects(client.uploadFile(`${folder}/wrong.ts`), /wrong\.ts/);
    await Deno.writeTextFile(`${folder}/right.ts`, "export const right = 5;");
    await assert.rejects(client.uploadFile(`${folder}/right.ts`), (error: Error) => {
      assert.ok(error instanceof UploadError);
      assert.match(error.message, /too many modules/);
      return true;
    });
  });
});

Deno.test("a scheduler that begins anew is given the files before the tasks", async () => {
  await withFolder({ "prices.ts": "export const prices = { tea: 2 };" }, async (folder) => {
    await using stack = new AsyncDisposableStack();
    const first = new Scheduler({ validate: true });
    await first.start("tcp://127.0.0.1:0");
    const { address } = first;
    await using client = await Client.connect(address, { timeout: 60 });
    await client.uploadFile(`${folder}/prices.ts`);
    await first.close();
    await until("the loss", () => client.status === "connecting");
    const future = client.submit(lookUp, "tea");
    const second = stack.use(new Scheduler({ validate: true }));
    await second.start(address);
    const worker = new ClusterWorker({ schedulerAddress: address, nthreads: 1, validate: true });
    stack.defer(() => worker.close());
    await worker.start();
    assert.equal(await future.result(), 2);
    assert.deepEqual([...second.faults, ...worker.faults], []);
  });
});

Deno.test("a scheduler that begins anew and refuses the files is given the tasks all the same", async () => {
  await withFolder({ "prices.ts": "export const prices = { tea: 2 };" }, async (folder) => {
    const answers = [{ status: "OK" }, { status: "error", message: "there are too many modules" }];
    let asked = 0;
    await using scheduler = await FakeScheduler.start({ "upload-file": () => answers[asked++] });
    await using client = await Client.connect(scheduler.address);
    await client.uploadFile(`${folder}/prices.ts`);
    const lines: string[] = [];
    configureLogging({ level: "error", sink: (line) => lines.push(line) });
    try {
      const { promise, resolve } = Promise.withResolvers<void>();
      scheduler.beforeRegistration = promise;
      scheduler.breakStream();
      await until("the loss", () => client.status === "connecting");
      client.submit(lookUp, "tea");
      resolve();
      await scheduler.heard("update-graph");
      assert.equal(asked, 2);
      assert.match(lines.join(), /upload files .* again.*too many modules/);
    } finally {
      resetLogging();
    }
  });
});
