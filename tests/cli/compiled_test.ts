/**
 * The compiled programs, on a job. They are compiled here, unless DUSK_BIN_DIR says where they are, or
 * taken from dist/ where Deno's runtime stub cannot be had. If they are not there either the tests
 * are left out, but never in CI.
 */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { workerClient } from "../../mod.ts";
import { version } from "../../config/version.ts";
import { compile, NoRuntimeStubError } from "../../tools/compile.ts";
import { Program } from "../support/popen.ts";

const folder = Deno.env.get("DUSK_BIN_DIR") ?? await compileHere();

/** Compile into a temporary folder; undefined where that cannot be done. */
async function compileHere(): Promise<string | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-bin-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  try {
    await compile(folder, Deno.env.get("COMPILE_DENO") ?? Deno.execPath());
    return folder;
  } catch (error) {
    if (!(error instanceof NoRuntimeStubError)) throw error;
    const dist = new URL("../../dist/", import.meta.url).pathname;
    if (await exists(`${dist}dusk-worker`)) return dist;
    if (Deno.env.has("CI")) throw error;
    console.warn(`The compiled programs are not tested. ${error.message}`);
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Start a compiled program, with nothing of Deno's in reach. */
function start(name: string, args: string[]): Program {
  return new Program(`${folder}/${name}`, args, {
    cwd: "/",
    clearEnv: true,
    env: { HOME: "/nonexistent", PATH: "" },
  });
}

Deno.test({
  name: "compiled programs show their version and help",
  ignore: folder === undefined,
  async fn() {
    for (const name of ["dusk-scheduler", "dusk-worker"]) {
      await using versionOf = start(name, ["--version"]);
      await using help = start(name, ["--help"]);
      await using bad = start(name, ["--bogus"]);
      assert.equal((await versionOf.status).code, 0, versionOf.stderr);
      assert.equal(versionOf.stdout, `${version}\n`);
      assert.equal((await help.status).code, 0);
      assert.match(help.stdout, new RegExp(`^Usage: ${name} `));
      assert.equal((await bad.status).code, 2);
      assert.match(bad.stderr, /^dusk-[a-z]+: unknown option '--bogus'[^\n]*\n$/);
    }
  },
});

/** Numbers of Fibonacci, by tasks that launch tasks. */
async function fib(n: number): Promise<number> {
  if (n < 2) return n;
  await using own = await workerClient();
  const [a, b] = await own.gather(own.map((n: number) => fib(n), [n - 1, n - 2]));
  return a + b;
}

Deno.test({
  name: "compiled programs run a job",
  ignore: folder === undefined,
  async fn() {
    await using scheduler = start("dusk-scheduler", ["--host", "127.0.0.1", "--port", "0"]);
    const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
    await using alice = start("dusk-worker", [address, "--name", "alice", "--nthreads", "2"]);
    await using bob = start("dusk-worker", [address, "--name", "bob", "--nthreads", "1"]);
    await alice.printed(/Registered with/);
    await bob.printed(/Registered with/);

    {
      await using client = await Client.connect(address);
      const squares = client.map((x: number) => x ** 2, Array.from({ length: 1000 }, (_, i) => i));
      const total = client.submit((xs: number[]) => xs.reduce((a, b) => a + b, 0), squares);
      assert.equal(await total.result(), 332_833_500);

      assert.equal(await client.submit(fib, 8).result({ timeout: 60 }), 21);

      // Large values go from worker to worker as frames of their own.
      const [left, right] = ["alice", "bob"].map((name) =>
        client.with({ workers: [name], pure: false }).submit(() => new Float64Array(1e6).fill(2))
      );
      const both = client.with({ workers: ["bob"] })
        .submit((a: Float64Array, b: Float64Array) => a.length + b[b.length - 1], left, right);
      assert.equal(await both.result(), 1_000_002);

      // A task has no permissions; one that takes too long is stopped.
      const read = client.submit(() => Deno.readTextFileSync("/etc/hostname"));
      await assert.rejects(read.result(), /read access/);
      const endless = client.with({ timeout: 0.1 }).submit(() => {
        for (;;);
      });
      await assert.rejects(endless.result(), /0\.1 s/);
      assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
    }
    for (const program of [alice, bob, scheduler]) {
      program.kill("SIGTERM");
      assert.equal((await program.status).code, 0, program.stderr);
    }
  },
});
