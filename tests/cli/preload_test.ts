/** Modules that customise how scheduler and workers start. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { compiledTest, startCompiled } from "../support/compiled.ts";
import { popen, type Program } from "../support/popen.ts";
import { outcome, startScheduler, withFolder } from "../support/programs.ts";

const fixtures = new URL("fixtures/", import.meta.url);
const oneLine = /^[^\n]+\n$/;

/** Has a worker join, and waits until the scheduler's plugin has told so. */
async function tellsOfWorkers(scheduler: Program, worker: Program): Promise<void> {
  await worker.printed(/Registered with/);
  const [, address] = await scheduler.printed(/Added a new worker at (tcp:\S+)/);
  assert.match(worker.stdout, new RegExp(`Start worker at: ${address}`));
}

Deno.test("a preloaded module adds a plugin to the scheduler", async () => {
  const preload = new URL("scheduler_setup.ts", fixtures).pathname;
  await using scheduler = await startScheduler(["--preload", preload]);
  await using worker = popen("worker", [scheduler.address, "--nthreads", "1", "--no-nanny"]);
  await tellsOfWorkers(scheduler.program, worker);
});

for (const mode of ["--nanny", "--no-nanny"]) {
  Deno.test(`preloaded modules set a worker up before it connects, and tear it down (${mode})`, async () => {
    await using scheduler = await startScheduler();
    await using worker = popen("worker", [
      ...[scheduler.address, "--nthreads", "1", "--name", "alice", mode],
      ...["--preload", new URL("worker_setup.ts", fixtures).pathname],
      ...["--preload", new URL("worker_setup_2.ts", fixtures).href],
    ]);
    await worker.printed(/Registered with/);
    const lines = () => worker.stdout.split("\n").filter((line) => /^(set|tear)/.test(line));
    assert.deepEqual(lines(), ["setup 1 of alice, not connected", "setup 2 of alice"]);
    worker.kill("SIGTERM");
    assert.equal((await worker.status).code, 0, worker.stderr);
    assert.deepEqual(lines().slice(2), ["teardown 2 of alice", "teardown 1 of alice"]);
  });
}

Deno.test("preloaded modules come from a URL as well", async () => {
  const source = 'export function duskSetup() { console.log("hello from afar"); }';
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(source, { headers: { "content-type": "text/javascript" } }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/setup.js`;
  await using scheduler = await startScheduler(["--preload", url]);
  await scheduler.program.printed(/hello from afar/);
});

Deno.test("modules that cannot be preloaded are one line and exit code 1", () =>
  withFolder(async (folder) => {
    const file = async (name: string, source: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, source);
      return `${folder}/${name}`;
    };
    for (
      const [path, words] of [
        [`${folder}/none.ts`, /cannot preload .*none\.ts: Module not found/],
        [await file("throws.ts", 'throw new Error("not today")'), /throws\.ts: not today/],
        [await file("value.ts", "export const duskSetup = 1;"), /its duskSetup must be a function/],
        [
          await file("fails.ts", 'export async function duskSetup() { throw new Error("no"); }'),
          /duskSetup of .*fails\.ts failed: no$/m,
        ],
      ] as [string, RegExp][]
    ) {
      const { code, stdout, stderr } = await outcome("scheduler", [
        "--port",
        "0",
        "--preload",
        path,
      ]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, oneLine);
      assert.match(stderr, words);
      assert.equal(stdout, "");
    }
  }));

compiledTest(
  "compiled programs preload JavaScript, and say how to make it of TypeScript",
  () =>
    withFolder(async (folder) => {
      const typescript = new URL("scheduler_setup.ts", fixtures).pathname;
      const flags = ["--host", "127.0.0.1", "--port", "0", "--preload"];
      await using refused = startCompiled("dusk-scheduler", [...flags, typescript]);
      assert.equal((await refused.status).code, 1);
      assert.match(refused.stderr, oneLine);
      assert.match(
        refused.stderr,
        /imports JavaScript only; make it with: deno bundle .* -o scheduler_setup\.js$/m,
      );

      const javascript = `${folder}/scheduler_setup.js`;
      const bundle = new Deno.Command(Deno.execPath(), {
        args: ["bundle", "-q", typescript, "-o", javascript],
      });
      const { success, stderr } = await bundle.output();
      assert.ok(success, new TextDecoder().decode(stderr));
      await using server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen: () => {} },
        async () => new Response(await Deno.readTextFile(javascript)),
      );
      for (const name of [javascript, `http://127.0.0.1:${server.addr.port}/setup.js`]) {
        await using scheduler = startCompiled("dusk-scheduler", [...flags, name]);
        const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
        await using worker = startCompiled("dusk-worker", [
          address,
          "--nthreads",
          "1",
          "--no-nanny",
        ]);
        await tellsOfWorkers(scheduler, worker);
      }
    }),
);

compiledTest(
  "a preloaded module sets a compiled worker up in its process",
  () =>
    withFolder(async (folder) => {
      const file = `${folder}/setup.js`;
      await Deno.writeTextFile(
        file,
        "export const duskSetup = (w) => console.log(`setup of ${w.name}`);",
      );
      await using scheduler = startCompiled("dusk-scheduler", [
        "--host",
        "127.0.0.1",
        "--port",
        "0",
      ]);
      const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
      const flags = ["--nthreads", "1", "--name", "alice", "--preload", file];
      await using worker = startCompiled("dusk-worker", [address, ...flags]);
      await worker.printed(/Registered with/);
      assert.match(worker.stdout, /^setup of alice$/m);
      await using client = await Client.connect(address);
      assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
    }),
);
