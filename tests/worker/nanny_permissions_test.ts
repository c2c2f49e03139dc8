/** Nannies in programs that may not do everything: Deno hides other processes from them. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { isRunning, Program } from "../support/popen.ts";
import { until } from "../support/until.ts";

const nanny = new URL("../../worker/nanny.ts", import.meta.url).href;
const script = `
  import { Nanny } from ${JSON.stringify(nanny)};
  const nanny = new Nanny({ schedulerAddress: Deno.args[0], nthreads: 1, memoryLimit: 500e6 });
  await nanny.start();
  console.log("joined");
  await nanny.finished;
  console.log("finished", nanny.failure?.message);`;

for (const run of ["--allow-run", `--allow-run=${Deno.execPath()}`]) {
  const kind = run.split("=").length === 1 ? "programs" : "one program";
  Deno.test(`with permission to run ${kind} only, memory is watched and the tree ended`, async () => {
    await using scheduler = new Scheduler({ validate: true, allowedFailures: 1 });
    await scheduler.start("tcp://127.0.0.1:0");
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, script);
    try {
      const flags = ["--no-prompt", "--allow-net", "--allow-sys", "--allow-env", run];
      const options = [...flags, "--no-config", "--no-lock", file, scheduler.address];
      await using program = new Program(Deno.execPath(), ["run", ...options]);
      await program.printed(/joined/);
      await using client = await Client.connect(scheduler.address);
      const start = () =>
        client.with({ pure: false }).submit(() =>
          [false, true].map((detached) =>
            new Deno.Command("sleep", { args: ["1000"], detached, stdin: "null" }).spawn().pid
          )
        );
      const first = start();
      const started = await first.result();
      first.release();
      assert.ok(started.every(isRunning));
      const [{ pid }] = Object.values(scheduler.core.identity().workers);

      const greedy = client.submit(() => {
        const held: Uint8Array[] = [];
        for (;;) if (held.length < 1000) held.push(new Uint8Array(1e6).fill(1));
      });
      await assert.rejects(greedy.result(), /was marked bad/);
      await until("all to be gone", () => ![pid, ...started].some(isRunning));
      await until("another worker", () => Object.keys(scheduler.core.ncores()).length === 1);
      // Nor does anything stay of one that leaves in good order.
      const more = await start().result();
      await scheduler.shutdown();
      await program.printed(/finished undefined/);
      assert.equal((await program.status).code, 0, program.stderr);
      await until("the rest to be gone", () => !more.some(isRunning));
    } finally {
      await Deno.remove(file);
    }
  });
}
