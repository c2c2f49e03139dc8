/** The ways that people import Dusk: from a bare URL, in a folder that knows nothing of it. */
import assert from "node:assert/strict";
import { Program } from "../support/popen.ts";
import { freshCache, serveFiles } from "../support/served_checkout.ts";

for (
  const [what, flags, processes, packageJson] of [
    ["threads", ["--no-config"], false, false],
    ["worker processes", ["--no-config"], true, false],
    ["worker processes in a folder with a package.json", ["--node-modules-dir=none"], true, true],
  ] as [string, string[], boolean, boolean][]
) {
  Deno.test(`a script elsewhere imports mod.ts over HTTP and runs work: ${what}`, async () => {
    await using files = serveFiles();
    const folder = await Deno.makeTempDir({ prefix: "dusk-elsewhere-" });
    try {
      await Deno.mkdir(`${folder}/project`);
      await Deno.writeTextFile(
        `${folder}/project/script.ts`,
        `import { Client, getWorker, LocalCluster } from "${files.url}/mod.ts";
         import { double } from "./double.ts";
         await using cluster = await LocalCluster.create({ nWorkers: 2, processes: ${processes} });
         await using client = await Client.connect(cluster);
         const inc = (x: number): number => x + 1;
         const one = await client.submit(inc, 0).result();
         const list = await client.gather(client.map(inc, [1, 2, 3]));
         const limit = 5;
         const captured = await client.submit((x: number) => double(Math.min(x, limit)), 9).result();
         const address = await client.submit(() => getWorker().address).result();
         const isWorker = cluster.workers.some((worker) => worker.address === address);
         console.log(JSON.stringify({ one, list, captured, isWorker, workers: cluster.workers.length }));`,
      );
      await Deno.writeTextFile(
        `${folder}/project/double.ts`,
        "export const double = (x: number): number => 2 * x;",
      );
      if (packageJson) {
        await Deno.writeTextFile(`${folder}/project/package.json`, `{ "name": "x" }`);
      }
      await using program = new Program(Deno.execPath(), ["run", "-A", ...flags, "script.ts"], {
        cwd: `${folder}/project`,
        env: { DENO_DIR: await freshCache(folder) },
      });
      assert.equal((await program.status).code, 0, program.stderr);
      assert.deepEqual(JSON.parse(program.stdout), {
        one: 1,
        list: [2, 3, 4],
        captured: 10,
        isWorker: true,
        workers: 2,
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
