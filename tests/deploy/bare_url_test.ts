/** The ways that people import Dusk: from a bare URL, in a folder that knows nothing of it. */
import assert from "node:assert/strict";
import { Program } from "../support/popen.ts";

const root = new URL("../../", import.meta.url);

/** A plain file server that serves this checkout on loopback. */
function serveFiles(): { url: string; [Symbol.asyncDispose](): Promise<void> } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      try {
        const body = await Deno.readFile(new URL(`.${pathname}`, root));
        return new Response(body, { headers: { "content-type": "application/typescript" } });
      } catch {
        return new Response("not found", { status: 404 });
      }
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (const processes of [false, true]) {
  for (const packageJson of [false, true]) {
    const what = `${processes ? "worker processes" : "threads"}${
      packageJson ? ", in a folder with a package.json" : ""
    }`;
    Deno.test(`a script with no config imports mod.ts over HTTP and runs work: ${what}`, async () => {
      await using files = serveFiles();
      const folder = await Deno.makeTempDir({ prefix: "dusk-elsewhere-" });
      try {
        await Deno.writeTextFile(
          `${folder}/script.ts`,
          `import { Client, LocalCluster } from "${files.url}/mod.ts";
           await using cluster = await LocalCluster.create({ nWorkers: 2, processes: ${processes} });
           await using client = await Client.connect(cluster);
           const inc = (x: number): number => x + 1;
           const one = await client.submit(inc, 0).result();
           const list = await client.gather(client.map(inc, [1, 2, 3]));
           console.log(JSON.stringify({ one, list, workers: cluster.workers.length }));`,
        );
        if (packageJson) await Deno.writeTextFile(`${folder}/package.json`, `{ "name": "mine" }`);
        const flags = packageJson ? [] : ["--no-config"];
        await using program = new Program(Deno.execPath(), ["run", "-A", ...flags, "script.ts"], {
          cwd: folder,
        });
        assert.equal((await program.status).code, 0, program.stderr);
        assert.deepEqual(JSON.parse(program.stdout), { one: 1, list: [2, 3, 4], workers: 2 });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
