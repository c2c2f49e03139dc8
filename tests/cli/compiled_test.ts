/** The compiled programs: on a job, under signals, and what they refuse. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { workerClient } from "../../mod.ts";
import { version } from "../../config/version.ts";
import { programs } from "../../tools/compile.ts";
import { compiledTest, startCompiled as start } from "../support/compiled.ts";
import { isRunning } from "../support/popen.ts";
import { allGone, onlyChild } from "../support/process_tree.ts";
import { until } from "../support/until.ts";

compiledTest("compiled programs show their version and help", async () => {
  for (const { name } of programs) {
    await using versionOf = start(name, ["--version"]);
    await using help = start(name, ["--help"]);
    await using bad = start(name, ["--bogus"]);
    assert.equal((await versionOf.status).code, 0, versionOf.stderr);
    assert.equal(versionOf.stdout, `${version}\n`);
    assert.equal((await help.status).code, 0);
    const reviewed = new URL(`fixtures/${name}.txt`, import.meta.url);
    assert.equal(help.stdout, await Deno.readTextFile(reviewed));
    assert.equal((await bad.status).code, 2);
    assert.match(bad.stderr, /^dusk-[a-z]+: unknown option '--bogus'[^\n]*\n$/);
  }
});

/** Numbers of Fibonacci, by tasks that launch tasks. */
async function fib(n: number): Promise<number> {
  if (n < 2) return n;
  await using own = await workerClient();
  const [a, b] = await own.gather(own.map((n: number) => fib(n), [n - 1, n - 2]));
  return a + b;
}

compiledTest("compiled programs run a job", async () => {
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

    // One that takes too long is stopped.
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
});

compiledTest(
  "a cluster of compiled programs survives its workers, and ends as a whole",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "dusk-cluster-" });
    try {
      const file = `${folder}/scheduler.json`;
      const flags = (
        name: string,
      ) => ["--pid-file", `${folder}/${name}.pid`, "--scheduler-file", file];
      const spill = ["--local-directory", `${folder}/spill`];
      await using scheduler = start("dusk-scheduler", [
        ...["--host", "127.0.0.1", "--port", "0"],
        ...flags("scheduler"),
      ]);
      const workers = ["alice", "bob"].map((name) =>
        start("dusk-worker", [...flags(name), ...spill, "--name", name, "--nthreads", "1"])
      );
      const [alice, bob] = workers;
      await using _ = {
        [Symbol.asyncDispose]: () => Promise.all(workers.map(disposed)).then(() => {}),
      };
      await alice.printed(/Registered with/);
      await bob.printed(/Registered with/);
      const processes = [...await Promise.all([alice, bob].map(({ pid }) => onlyChild(pid)))];

      {
        await using client = await Client.connect({ schedulerFile: file });
        const slow = (x: number) =>
          new Promise<number>((resolve) => setTimeout(() => resolve(x * x), 100));
        const numbers = Array.from({ length: 60 }, (_, i) => i);

        // A worker dies in the midst of a job: its nanny brings another, and the job comes out right.
        const squares = client.with({ pure: false }).map(slow, numbers);
        await squares[0].result();
        Deno.kill(processes[0], "SIGKILL");
        assert.deepEqual(await client.gather(squares), numbers.map((x) => x * x));
        const successor = await until("the nanny to start another worker", async () => {
          const pid = await onlyChild(alice.pid);
          return pid === processes[0] ? undefined : pid;
        });
        processes.push(successor);
        await until("it to join", async () => Object.keys(await client.ncores()).length === 2);

        // A nanny dies: its worker goes, too, and the other does the work.
        bob.kill("SIGKILL");
        await allGone([bob.pid, processes[1]]);
        await until("it to leave", async () => Object.keys(await client.ncores()).length === 1);
        const cubes = client.with({ pure: false }).map((x: number) => x ** 3, numbers);
        assert.deepEqual(await client.gather(cubes), numbers.map((x) => x ** 3));

        // The scheduler is told to stop: all leave.
        scheduler.kill("SIGTERM");
        assert.equal((await scheduler.status).code, 0, scheduler.stderr);
        assert.equal((await alice.status).code, 0, alice.stderr);
      }
      await allGone([scheduler.pid, alice.pid, ...processes]);
      // Whoever is killed cannot clean up; a worker that follows does, and the file is replaced.
      const left = Array.from(Deno.readDirSync(folder), ({ name }) => name);
      assert.deepEqual(left.filter((name) => name !== "spill").sort(), ["bob.pid"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

async function disposed(program: AsyncDisposable & { pid: number }): Promise<void> {
  await program[Symbol.asyncDispose]();
  assert.ok(!isRunning(program.pid));
}

compiledTest("tasks of a compiled worker may do what its flags say", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dusk-permissions-" });
  try {
    Deno.writeTextFileSync(`${folder}/text`, "precious");
    await using scheduler = start("dusk-scheduler", ["--host", "127.0.0.1", "--port", "0"]);
    const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
    const { runForbidden } = await import("../support/forbidden_tasks.ts");
    await runForbidden(address, folder, (flags) => start("dusk-worker", [address, ...flags]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
