/** `--validate`: a state that does not hold together is told of, in the scheduler and in a worker. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { popen } from "../support/popen.ts";
import { startScheduler, withFolder } from "../support/programs.ts";
import { until } from "../support/until.ts";

/** Flags that have a program break its own state, by a module with this `duskSetup`. */
async function breaking(folder: string, setup: string): Promise<string[]> {
  const module = `${folder}/breaks.js`;
  await Deno.writeTextFile(module, `export function duskSetup(service) { ${setup} }\n`);
  return ["--preload", module];
}

Deno.test("dusk-scheduler --validate finds what is wrong in the scheduler's state", () =>
  withFolder(async (folder) => {
    const flags = await breaking(
      folder,
      "service.addPlugin({ addWorker: (core, worker) => { core.workers.get(worker).nbytes += 7; } });",
    );
    await using careless = await startScheduler(flags);
    await using careful = await startScheduler([...flags, "--validate"]);
    for (const { address, program } of [careless, careful]) {
      await using worker = popen("worker", [address, "--no-nanny", "--nthreads", "1"]);
      const finds = () => /does not hold that it holds 0 bytes, not 7/.test(program.stderr);
      if (program === careful.program) await until("it to be found", finds);
      else await worker.printed(/Registered with/);
      assert.equal(finds(), program === careful.program);
    }
  }));

for (const mode of ["--nanny", "--no-nanny"]) {
  Deno.test(`dusk-worker --validate finds what is wrong in the worker's state (${mode})`, () =>
    withFolder(async (folder) => {
      // Its state machine is there as soon as it has started.
      const flags = await breaking(
        folder,
        `const timer = setInterval(() => {
          try { service.core.machine.counts.erred = 7; clearInterval(timer); } catch {}
        }, 1);`,
      );
      await using scheduler = await startScheduler();
      const common = [scheduler.address, "--nthreads", "1", mode, ...flags];
      await using worker = popen("worker", [...common, "--validate"]);
      await worker.printed(/Registered with/);
      await using client = await Client.connect(scheduler.address);
      const task = client.submit(() => 1);
      task.result().catch(() => {});
      await until("it to be found", () => /counts 7 erred tasks where 0 are/.test(worker.stderr));
      task.release();
    }));
}
