/** `dusk-remote` and `dusk-submit` as compiled programs. */
import assert from "node:assert/strict";
import { compiledTest, startCompiled } from "../support/compiled.ts";
import { allGone } from "../support/process_tree.ts";
import { withFolder } from "../support/programs.ts";
import { popen } from "../support/popen.ts";
import { scripts, type Start, submit, withRemote } from "../support/remote.ts";
import {
  checkEnds,
  checkExitCodes,
  checkRuns,
  checkStacks,
  checkStreams,
  permissionsOf,
} from "../support/script_checks.ts";

const start: Start = (program, args) => startCompiled(`dusk-${program}`, args);

compiledTest("a compiled dusk-remote runs scripts as one from source does", async () => {
  await withRemote([], async (cluster) => {
    await checkRuns(cluster);
    await checkStacks(cluster);
    await checkExitCodes(cluster);
    await checkStreams(cluster);
  }, start);
});

compiledTest(
  "scripts of a compiled dusk-remote end with their submitters, and with it",
  async () => {
    await withRemote(["--allow-run"], async (cluster) => {
      await checkEnds(cluster);
      const { token, address, remote } = cluster;
      const flags = ["--token-file", token, address, `${scripts}ways.ts`];
      await using waiting = popen("submit", [...flags, "wait"]);
      const [, pid] = await waiting.printed(/pid (\d+)\n/);
      remote.kill("SIGKILL");
      assert.equal((await waiting.status).code, 1);
      await allGone([Number(pid)]);
    }, start);
  },
);

compiledTest("scripts of a compiled dusk-remote may do what its flags say", async () => {
  await withRemote([], async (cluster) => {
    assert.deepEqual(await permissionsOf(cluster), []);
  }, start);
  await withRemote(["--allow-read", "--allow-net"], async (cluster) => {
    assert.deepEqual(await permissionsOf(cluster), ["read", "net"]);
    assert.equal((await submit(cluster, "script.ts")).stdout, "11\n");
  }, start);
  await withRemote(["-A"], async (cluster) => {
    const all = ["read", "write", "env", "sys", "run", "ffi", "net", "import"];
    assert.deepEqual(await permissionsOf(cluster), all);
  }, start);
});

compiledTest("a compiled dusk-submit without deno sends plain JavaScript", async () => {
  await withFolder(async (folder) => {
    Deno.writeTextFileSync(
      `${folder}/plain.js`,
      `#!/usr/bin/env dusk
import { Client } from "jsr:@dusk/dusk";
const double = (x) => 2 * x;
if (import.meta.main) {
  const client = await Client.connect();
  console.log(await client.submit(double, Number(Deno.args[0])).result());
  await client.close();
}
`,
    );
    Deno.writeTextFileSync(`${folder}/other.js`, 'import "./more.js";\n');
    await withRemote([], async ({ token, address }) => {
      const flags = ["--token-file", token, address];
      await using plain = startCompiled("dusk-submit", [...flags, `${folder}/plain.js`, "21"]);
      assert.equal((await plain.status).code, 0, plain.stderr);
      assert.equal(plain.stdout, "42\n");
      for (const script of [`${folder}/other.js`, `${scripts}script.ts`]) {
        await using refused = startCompiled("dusk-submit", [...flags, script]);
        assert.equal((await refused.status).code, 1);
        assert.match(
          refused.stderr,
          /^dusk-submit: [^\n]*deno, which is not on the PATH: install Deno[^\n]*\n$/,
        );
      }
    }, start);
  });
});
