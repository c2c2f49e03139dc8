/**
 * Programs that were started with few permissions, or compiled: functions that use nothing of the code
 * around them need none, capturing needs --allow-sys.
 */
import assert from "node:assert/strict";
import { genCluster } from "../support/gen_cluster.ts";
import { Program } from "../support/popen.ts";

const entry = new URL("fixtures/limited_program.ts", import.meta.url).pathname;

/** What the program prints, started with these flags. */
async function outcomes(address: string, flags: string[]): Promise<Record<string, unknown>> {
  const args = [
    "run",
    "--quiet",
    "--no-check",
    "--no-prompt",
    "--allow-net",
    ...flags,
    entry,
    address,
  ];
  await using program = new Program(Deno.execPath(), args);
  assert.equal((await program.status).code, 0, program.stderr);
  assert.equal(program.stderr, "");
  return JSON.parse(program.stdout);
}

Deno.test("without --allow-sys, functions that are self-contained run, and others are refused", async () => {
  await genCluster({ address: "tcp://127.0.0.1:0" }, async ({ scheduler }) => {
    const { selfContained, capturing, later } = await outcomes(scheduler.address, []);
    assert.equal(selfContained, 2);
    assert.match(String(capturing), /^FunctionError: .*--allow-sys/);
    assert.equal(later, 3);
  });
});

Deno.test("with --allow-sys and no other permission, variables are captured", async () => {
  await genCluster({ address: "tcp://127.0.0.1:0" }, async ({ scheduler }) => {
    const { selfContained, capturing } = await outcomes(scheduler.address, ["--allow-sys"]);
    assert.deepEqual([selfContained, capturing], [2, 10]);
  });
});

Deno.test({
  name: "a compiled program captures what its functions use",
  // Where Deno's own download host is not reached, DENORT_BIN names the stub to compile with.
  ignore: Deno.env.get("DENORT_BIN") === undefined && !Deno.env.has("CI"),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "dusk-program-" });
    try {
      const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
      const output = `${folder}/program`;
      const thread = new URL("../../deploy/thread.ts", import.meta.url).pathname;
      const flags = [
        "--quiet",
        "--no-check",
        "--no-lock",
        "--allow-all",
        "--unstable-worker-options",
      ];
      const args = ["compile", ...flags, "--include", thread, "--output", output, entry];
      await using compiler = new Program(deno, args);
      assert.equal((await compiler.status).code, 0, compiler.stderr);
      await genCluster({ address: "tcp://127.0.0.1:0" }, async ({ scheduler }) => {
        // With the cluster of this test, and with one that it starts itself.
        for (const args of [[scheduler.address], []]) {
          await using program = new Program(output, args, { cwd: "/" });
          assert.equal((await program.status).code, 0, program.stderr);
          const { selfContained, capturing } = JSON.parse(program.stdout);
          assert.deepEqual([selfContained, capturing], [2, 10]);
        }
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
