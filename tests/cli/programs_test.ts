/** The programs as a user meets them: what they print, and how they end. */
import assert from "node:assert/strict";
import { rpc } from "../../comm/rpc.ts";
import { version } from "../../config/version.ts";
import { isRunning, popen } from "../support/popen.ts";
import { outcome, startScheduler } from "../support/programs.ts";
import { until } from "../support/until.ts";

const oneLine = /^[^\n]+\n$/;

Deno.test("the version stands in one place", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.equal(version, config.version);
});

for (const program of ["scheduler", "worker"]) {
  Deno.test(`dusk-${program} refuses bad usage in one line, with exit code 2`, async () => {
    const address = program === "worker" ? ["tcp://127.0.0.1:8786"] : [];
    const port = program === "worker" ? "--worker-port" : "--port";
    for (
      const [args, words] of [
        [
          [port, "70000"],
          new RegExp(`${port} must be a whole number from 0 to 65535; got "70000"`),
        ],
        [[port], new RegExp(`${port}.*argument missing`)],
        [["--bogus"], /unknown option '--bogus'/],
        [["--log-levle", "info"], /unknown option '--log-levle' \(Did you mean --log-level\?\)/],
        [["--host", ""], /--host must be a text that is not empty/],
        [["one", "two"], /too many arguments/],
      ] as [string[], RegExp][]
    ) {
      await using bad = popen(program, [...address, ...args]);
      assert.equal((await bad.status).code, 2, `${args}`);
      assert.match(bad.stderr, oneLine);
      assert.match(bad.stderr, words);
      assert.equal(bad.stdout, "");
    }
  });
}

Deno.test("dusk-worker needs to know its scheduler", async () => {
  await using worker = popen("worker", []);
  assert.equal((await worker.status).code, 2);
  assert.match(worker.stderr, oneLine);
  assert.match(
    worker.stderr,
    /the scheduler is not named: give its address, .* or --scheduler-file/,
  );
});

Deno.test("a worker finds its scheduler, and both leave cleanly when told to", async () => {
  await using scheduler = popen("scheduler", ["--host", "127.0.0.1", "--port", "0"]);
  const [, address] = await scheduler.printed(/Scheduler started at (tcp:\/\/127\.0\.0\.1:\d+)\n/);
  assert.match(scheduler.stdout, new RegExp(`dusk-worker ${address}`));
  assert.match(scheduler.stdout, new RegExp(`Client.connect\\("${address}"\\)`));

  await using worker = popen("worker", [address, "--name", "alice", "--nthreads", "1"]);
  await worker.printed(/Start worker at: +tcp:\/\/127\.0\.0\.1:\d+\n/);
  await worker.printed(new RegExp(`Registered with: +${address}\n`));

  worker.kill("SIGTERM");
  assert.equal((await worker.status).code, 0);
  assert.match(worker.stdout, /Worker stopped/);
  await scheduler.printed(/Worker tcp:\S+ is gone/);
  scheduler.kill("SIGINT");
  assert.equal((await scheduler.status).code, 0);
  assert.match(scheduler.stdout, /Scheduler stopped/);
});

Deno.test("a worker that is still looking for its scheduler leaves when told to", async () => {
  await using worker = popen("worker", ["tcp://127.0.0.1:1", "--exit-with-stdin"]);
  await worker.printed(/Waiting to connect to: tcp:/);
  worker.kill("SIGTERM");
  assert.equal((await worker.status).code, 0, worker.stderr);
  assert.doesNotMatch(worker.stdout, /Registered/);
});

Deno.test("a port in use is one line and exit code 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String((taken.addr as Deno.NetAddr).port);
  for (const [flags, where] of [[["--host", "127.0.0.1"], "127.0.0.1"], [[], "any address"]]) {
    await using scheduler = popen("scheduler", [...flags, "--port", port]);
    assert.equal((await scheduler.status).code, 1);
    assert.match(scheduler.stderr, oneLine);
    assert.match(
      scheduler.stderr,
      new RegExp(`cannot listen on ${where}, port ${port}: Address already in use.*--port`, "i"),
    );
    assert.equal(scheduler.stderr.match(/cannot listen/g)!.length, 1);
    assert.equal(scheduler.stdout, "");
  }
});

Deno.test("a worker says which port is in use, and which module cannot be preloaded", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String((taken.addr as Deno.NetAddr).port);
  await using scheduler = await startScheduler();
  const args = [scheduler.address, "--host", "127.0.0.1"];
  const inUse = new RegExp(
    `^dusk-worker: cannot listen on tcp://127\\.0\\.0\\.1:${port}: Address already in use.*; name ` +
      "another with --worker-port or --nanny-port, or none for any that is free\\n$",
    "i",
  );
  const missing =
    /^dusk-worker: cannot preload \/none\.ts: Module not found "file:\/\/\/none\.ts"\.\n$/;
  for (
    const [flags, words] of [
      [["--worker-port", port, "--nanny"], inUse],
      [["--worker-port", port, "--no-nanny"], inUse],
      [["--nanny-port", port, "--nanny"], inUse],
      [["--preload", "/none.ts", "--nanny"], missing],
      [["--preload", "/none.ts", "--no-nanny"], missing],
    ] as [string[], RegExp][]
  ) {
    const { code, stderr } = await outcome("worker", [...args, ...flags]);
    assert.equal(code, 1);
    assert.match(stderr, words);
  }
});

Deno.test("the stack of a failure is for those who ask for it", async () => {
  const flags = ["--interface", "bogus0"];
  await using debugging = popen("scheduler", [...flags, "--log-level", "debug"]);
  await using asking = popen("scheduler", flags, { env: { DUSK_DEBUG: "1" } });
  await using plain = popen("scheduler", flags);
  for (const program of [debugging, asking, plain]) assert.equal((await program.status).code, 1);
  assert.match(debugging.stderr, /^ +at .*network_interface\.ts/m);
  assert.match(asking.stderr, /^ +at .*network_interface\.ts/m);
  assert.match(plain.stderr, oneLine);
});

Deno.test("a scheduler that is not there is one line and exit code 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using worker = popen("worker", [`tcp://127.0.0.1:${port}`, "--death-timeout", "0.5"]);
  assert.equal((await worker.status).code, 1);
  assert.match(worker.stderr, oneLine);
  assert.match(
    worker.stderr,
    new RegExp(
      `cannot join tcp://127.0.0.1:${port}: .* within 0.5 s: .*; start the scheduler .*--death-timeout\n$`,
    ),
  );
});

Deno.test("an address that makes no sense is one line and exit code 1", async () => {
  await using worker = popen("worker", ["nonsense://here"]);
  assert.equal((await worker.status).code, 1);
  assert.match(worker.stderr, oneLine);
  assert.match(worker.stderr, /nonsense/);
});

Deno.test("a name that is taken is one line and exit code 1", async () => {
  await using scheduler = popen("scheduler", ["--host", "127.0.0.1", "--port", "0"]);
  const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
  await using first = popen("worker", [address, "--name", "alice", "--nthreads", "1"]);
  await first.printed(/Registered with/);
  await using second = popen("worker", [address, "--name", "alice", "--nthreads", "1"]);
  assert.equal((await second.status).code, 1);
  assert.match(second.stderr, /alice/);
  assert.ok(isRunning(first.pid));
});

Deno.test("a worker that has lost its scheduler for good ends with exit code 1", async () => {
  await using scheduler = popen("scheduler", ["--host", "127.0.0.1", "--port", "0"]);
  const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
  await using worker = popen("worker", [address, "--nthreads", "1", "--death-timeout", "2"]);
  await worker.printed(/Registered with/);
  scheduler.kill();
  assert.equal((await worker.status).code, 1);
  const last = worker.stderr.trimEnd().split("\n").at(-1)!;
  assert.match(last, /^dusk-worker: The scheduler at tcp:\S+ has been out of reach for 2 s$/);
  assert.doesNotMatch(worker.stdout, /Worker stopped/);
});

Deno.test("a worker that the scheduler tells to leave ends with exit code 0", async () => {
  await using scheduler = popen("scheduler", ["--host", "127.0.0.1", "--port", "0"]);
  const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
  await using worker = popen("worker", [address, "--nthreads", "1"]);
  await worker.printed(/Registered with/);
  await rpc(address).terminate();
  assert.equal((await worker.status).code, 0, worker.stderr);
  assert.equal((await scheduler.status).code, 0, scheduler.stderr);
});

Deno.test("with --exit-with-stdin a program ends with its standard input", async () => {
  await using scheduler = popen("scheduler", ["--port", "0", "--exit-with-stdin"]);
  await scheduler.printed(/Scheduler started/);
  await scheduler.closeStdin();
  assert.equal((await scheduler.status).code, 0);
  await until("the process to be gone", () => !isRunning(scheduler.pid));
});
