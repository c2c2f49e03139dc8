/** Clusters whose tasks have permissions of their own, which takes a feature that Deno must be told of. */
import assert from "node:assert/strict";
import { Program } from "../support/popen.ts";

const mod = new URL("../../mod.ts", import.meta.url).href;

/** What a program without a config file prints when it asks for a cluster of tasks without permissions. */
async function outcome(processes: boolean, flags: string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-permissions-" });
  try {
    const source = `
      import { Client, LocalCluster } from ${JSON.stringify(mod)};
      try {
        const options = { nWorkers: 1, permissions: "none", processes: ${processes} };
        await using cluster = await LocalCluster.create(options);
        await using client = await Client.connect(cluster);
        console.log(await client.submit((x) => x + 1, 1).result());
      } catch (error) {
        console.log(String(error));
      }`;
    await Deno.writeTextFile(`${folder}/main.js`, source);
    const args = ["run", "--quiet", "--no-check", "--no-lock", "--no-config", ...flags];
    await using program = new Program(Deno.execPath(), [...args, `${folder}/main.js`]);
    assert.equal((await program.status).code, 0, program.stderr);
    return program.stdout.trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("permissions without the feature for them are an error that names it", async () => {
  assert.match(
    await outcome(false, ["--allow-all"]),
    /^ThreadStartError: .*"none".*--unstable-worker-options.*processes: true/,
  );
});

Deno.test("permissions work with the feature, and in processes without it", async () => {
  assert.equal(await outcome(false, ["--allow-all", "--unstable-worker-options"]), "2");
  assert.equal(await outcome(true, ["--allow-all"]), "2");
});
