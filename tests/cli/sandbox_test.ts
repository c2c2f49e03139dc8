/** What tasks may do on a worker that was started from its source. */
import { popen } from "../support/popen.ts";
import { startScheduler, withFolder } from "../support/programs.ts";
import { runForbidden } from "../support/forbidden_tasks.ts";

for (const mode of ["--nanny", "--no-nanny"]) {
  Deno.test(`tasks may do what the flags of their worker say (${mode})`, () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/text`, "precious");
      await using scheduler = await startScheduler();
      const { address } = scheduler;
      await runForbidden(address, folder, (flags) => popen("worker", [address, mode, ...flags]));
    }));
}
