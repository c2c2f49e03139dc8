/** The programs without a checkout: run from a URL, and installed. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { Program } from "../support/popen.ts";
import { freshCache, serveFiles } from "../support/served_checkout.ts";
import { withFolder } from "../support/programs.ts";

const DENO_FLAGS = ["-A", "--no-config"];

/** A scheduler and a worker run a task, and end well. */
async function runTask(start: (program: string, args: string[]) => Program): Promise<void> {
  await using scheduler = start("scheduler", ["--host", "127.0.0.1", "--port", "0"]);
  const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
  await using worker = start("worker", [address, "--nthreads", "1", "--allow-env=HOME"]);
  await worker.printed(/Registered with/);
  {
    await using client = await Client.connect(address);
    assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
    // Its threads are in a sandbox.
    await assert.rejects(client.submit(() => Deno.readTextFileSync("/")).result(), /read access/);
    assert.equal(typeof await client.submit(() => typeof Deno.env.get("HOME")).result(), "string");
  }
  for (const program of [worker, scheduler]) {
    program.kill("SIGTERM");
    assert.equal((await program.status).code, 0, program.stderr);
  }
}

Deno.test("the programs run from a URL, in a folder that knows nothing of them", () =>
  withFolder(async (folder) => {
    await using files = serveFiles();
    const env = { DENO_DIR: await freshCache(folder) };
    await runTask((program, args) =>
      new Program(Deno.execPath(), [
        ...["run", ...DENO_FLAGS, "--quiet"],
        ...[`${files.url}/cli/${program}.ts`, ...args],
      ], { cwd: folder, env })
    );
  }));

Deno.test(
  "the programs can be installed",
  { ignore: Deno.build.os === "windows" },
  () =>
    withFolder(async (folder) => {
      await using files = serveFiles();
      const env = {
        DENO_DIR: await freshCache(folder),
        DENO_INSTALL_ROOT: folder,
        PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}`,
      };
      for (const program of ["scheduler", "worker"]) {
        const install = new Deno.Command(Deno.execPath(), {
          args: [
            ...["install", "--global", ...DENO_FLAGS, "--quiet", "--name", `dusk-${program}`],
            `${files.url}/cli/${program}.ts`,
          ],
          cwd: folder,
          env,
        });
        const { success, stderr } = await install.output();
        assert.ok(success, new TextDecoder().decode(stderr));
      }
      await runTask((program, args) =>
        new Program(`${folder}/bin/dusk-${program}`, args, { cwd: folder, env })
      );
    }),
);
