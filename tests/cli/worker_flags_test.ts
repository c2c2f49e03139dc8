/** The flags of dusk-worker, each by what it does. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { rpc } from "../../comm/rpc.ts";
import { isRunning, popen, type Program } from "../support/popen.ts";
import { allGone, childrenOf, onlyChild } from "../support/process_tree.ts";
import { contents, outcome, startScheduler, withFolder } from "../support/programs.ts";
import { until } from "../support/until.ts";

const oneLine = /^[^\n]+\n$/;

/** What the scheduler knows of its workers. */
async function workersOf(address: string): Promise<Record<string, Record<string, unknown>>> {
  const { workers } = await rpc(address).identity() as {
    workers: Record<string, Record<string, unknown>>;
  };
  return workers;
}

/** Start a worker of one thread, and wait until it has joined. */
async function startWorker(address: string, ...flags: string[]): Promise<Program> {
  const worker = popen("worker", [address, "--nthreads", "1", ...flags]);
  await worker.printed(/Registered with/);
  return worker;
}

/** Start a worker of one thread by the flag `--WHAT`, where the environment has that setting off. */
async function startWith(what: "nanny" | "reconnect", ...args: string[]): Promise<Program> {
  const env = { [`DUSK__WORKER__${what.toUpperCase()}`]: "false" };
  const worker = popen("worker", ["--nthreads", "1", `--${what}`, ...args], { env });
  await worker.printed(/Registered with/);
  return worker;
}

async function stop(program: Program): Promise<void> {
  program.kill("SIGTERM");
  assert.equal((await program.status).code, 0, program.stderr);
}

Deno.test("--nprocs and what each of several workers gets: name, ports, threads, memory, resources", async () => {
  await using scheduler = await startScheduler();
  const { address } = scheduler;
  const first = freePorts(4);
  await using worker = await startWorker(address, ...[
    ...["--nprocs", "2", "--name", "bob", "--resources", "GPU=2,MEMORY=100e9"],
    ...["--worker-port", `${first}`, "--nanny-port", `${first + 2}`, "--memory-limit", "1GB"],
    ...["--nthreads", "3"],
  ]);
  const workers = await workersOf(address);
  for (const { nthreads, memoryLimit, resources } of Object.values(workers)) {
    assert.deepEqual({ nthreads, memoryLimit, resources }, {
      nthreads: 3,
      memoryLimit: 1e9,
      resources: { GPU: 2, MEMORY: 100e9 },
    });
  }
  assert.deepEqual(Object.values(workers).map(({ id, name }) => name ?? id).sort(), [
    "bob-0",
    "bob-1",
  ]);
  const addresses = [first, first + 1].map((port) => `tcp://127.0.0.1:${port}`);
  assert.deepEqual(Object.keys(workers).sort(), addresses);
  for (const port of [first + 2, first + 3]) {
    assert.equal(
      (await rpc(`tcp://127.0.0.1:${port}`).identity() as { type: string }).type,
      "Nanny",
    );
  }
  const children = childrenOf(worker.pid);
  assert.equal(children.length, 2);
  {
    await using client = await Client.connect(address);
    const one = client.with({ resources: { GPU: 2 } }).submit((x: number) => x + 1, 1);
    assert.equal(await one.result(), 2);
  }
  await stop(worker);
  await allGone(children);
});

Deno.test("where one of several workers cannot join, none stays", async () => {
  await using scheduler = await startScheduler();
  await using first = await startWorker(scheduler.address, "--no-nanny", "--name", "bob-1");
  const flags = ["--nprocs", "2", "--name", "bob", "--nthreads", "1"];
  const { code, stderr } = await outcome("worker", [scheduler.address, ...flags]);
  assert.equal(code, 1);
  assert.match(stderr, /^dusk-worker: cannot join tcp:\S+ .*bob-1.*$/m);
  const left = Object.values(await workersOf(scheduler.address)).map(({ id, name }) => name ?? id);
  assert.deepEqual(left, ["bob-1"]);
  await stop(first);
});

/** The first of some consecutive ports that nobody listens on. */
function freePorts(count: number): number {
  for (let first = 20_000 + Deno.pid % 20_000; first < 60_000; first += count) {
    try {
      for (let i = 0; i < count; i++) {
        Deno.listen({ hostname: "127.0.0.1", port: first + i }).close();
      }
      return first;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("no ports are free");
}

Deno.test("a worker that is killed is started again by its nanny, and not without one", async () => {
  await using scheduler = await startScheduler();
  await using nannied = await startWith("nanny", scheduler.address, "--name", "alice");
  await using alone = await startWorker(scheduler.address, "--name", "bob", "--no-nanny");
  assert.deepEqual(childrenOf(alone.pid), []);
  const child = await onlyChild(nannied.pid);
  Deno.kill(child, "SIGKILL");
  await until("another", () => childrenOf(nannied.pid).some((pid) => pid !== child));
  alone.kill("SIGKILL");
  await alone.status;
  await until("the two to be one", async () => {
    const names = Object.values(await workersOf(scheduler.address)).map(({ id, name }) =>
      name ?? id
    );
    return names.length === 1 && names[0] === "alice";
  });
  await stop(nannied);
});

Deno.test("--scheduler-file: workers wait for it, with the token in it", () =>
  withFolder(async (folder) => {
    const file = `${folder}/scheduler.json`;
    await Deno.writeTextFile(`${folder}/token`, "a secret of many characters");
    await using worker = popen("worker", ["--scheduler-file", file, "--nthreads", "1"]);
    await worker.printed(/Waiting for the file/);
    await using scheduler = await startScheduler([
      ...["--scheduler-file", file, "--token-file", `${folder}/token`],
    ]);
    await worker.printed(new RegExp(`Registered with: ${scheduler.address}`));
    await stop(worker);

    const late = await outcome("worker", [
      "--scheduler-file",
      `${folder}/none`,
      "--death-timeout",
      "0.2",
    ]);
    assert.equal(late.code, 1);
    assert.match(late.stderr, oneLine);
    assert.match(late.stderr, /no scheduler file ".*none" for 0.2 s/);
    const both = await outcome("worker", ["127.0.0.1:1", "--scheduler-file", file]);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /an address and --scheduler-file are given/);
  }));

Deno.test("a worker that waits for the scheduler file leaves when told to", () =>
  withFolder(async (folder) => {
    await using worker = popen("worker", ["--scheduler-file", `${folder}/none`]);
    await worker.printed(/Waiting for the file/);
    await stop(worker);
  }));

Deno.test("--token-file lets a worker in that knows the secret, and no other", () =>
  withFolder(async (folder) => {
    const token = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return ["--token-file", `${folder}/${name}`];
    };
    const right = token("right", "a secret of many characters");
    await using scheduler = await startScheduler(right);
    await using worker = await startWorker(scheduler.address, ...right);
    const wrong = token("wrong", "another of many characters");
    for (const [flags, words] of [[wrong, /token/], [[], /--token-file/]] as [string[], RegExp][]) {
      const { code, stderr } = await outcome("worker", [scheduler.address, ...flags]);
      assert.equal(code, 1);
      assert.match(stderr, oneLine);
      assert.match(stderr, words);
    }
    await stop(worker);
  }));

Deno.test("--log-level and --log-format reach the worker's process", async () => {
  await using scheduler = await startScheduler();
  const flags = ["--log-format", "json", "--log-level", "debug"];
  await using worker = await startWorker(scheduler.address, ...flags);
  await stop(worker);
  const lines = worker.stderr.trim().split("\n").map((line) => JSON.parse(line));
  const levels = new Set(
    lines.filter(({ logger }) => logger.startsWith("distributed.worker")).map(({ level }) => level),
  );
  assert.ok(levels.has("debug") && levels.has("info"), worker.stderr);
});

Deno.test("--pid-file is there as long as the worker's program", () =>
  withFolder(async (folder) => {
    await using scheduler = await startScheduler();
    const file = `${folder}/worker.pid`;
    await using worker = await startWorker(scheduler.address, "--pid-file", file);
    assert.equal(await Deno.readTextFile(file), `${worker.pid}\n`);
    await stop(worker);
    assert.deepEqual(contents(folder), []);
  }));

Deno.test("--host and --interface name the address to listen on", async () => {
  await using scheduler = await startScheduler();
  await using byHost = await startWorker(scheduler.address, "--host", "127.0.0.2", "--no-nanny");
  assert.match(byHost.stdout, /Start worker at: tcp:\/\/127\.0\.0\.2:/);
  // The flag stands over the environment.
  await using byInterface = popen("worker", [scheduler.address, "--interface", "lo"], {
    env: { DUSK__WORKER__HOST: "127.0.0.2" },
  });
  await byInterface.printed(/Registered with/);
  assert.match(byInterface.stdout, /Start worker at: tcp:\/\/127\.0\.0\.1:/);
  await stop(byHost);
  await stop(byInterface);
});

Deno.test("--no-reconnect ends with the connection, --reconnect does not", async () => {
  await using scheduler = await startScheduler();
  const { address } = scheduler;
  await using strict = await startWorker(address, "--no-reconnect");
  await using patient = await startWith("reconnect", address);
  scheduler.program.kill();
  assert.equal((await strict.status).code, 1);
  assert.match(strict.stderr, /^dusk-worker: Lost the scheduler at tcp:\S+$/m);
  assert.ok(isRunning(patient.pid));
  await patient.printed(/trying to reach it again/);
});

Deno.test("--local-directory is where a worker puts what it writes, and cannot be just anything", () =>
  withFolder(async (folder) => {
    await using scheduler = await startScheduler();
    const spill = `${folder}/spill`;
    await Deno.mkdir(spill);
    await using worker = await startWorker(scheduler.address, "--local-directory", spill);
    await stop(worker);
    assert.deepEqual(contents(spill), []);
    await Deno.writeTextFile(`${folder}/file`, "");
    const refused = await outcome("worker", [
      scheduler.address,
      ...["--local-directory", `${folder}/file`],
    ]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, oneLine);
    assert.match(refused.stderr, new RegExp(`${folder}/file`));
  }));

Deno.test("--print-config shows the flags of a worker, --config what stands below them", () =>
  withFolder(async (folder) => {
    const file = `${folder}/dusk.yaml`;
    await Deno.writeTextFile(file, "worker:\n  nthreads: 3\n  name: carol\n");
    const { code, stdout, stderr } = await outcome("worker", [
      ...["--config", file, "--nthreads", "2", "--memory-limit", "4GB", "--no-nanny", "--validate"],
      ...["--worker-port", "9000", "--nanny-port", "9100", "--death-timeout", "5min"],
      ...["--local-directory", "/scratch", "--resources", "GPU=2", "--preload", "a.ts"],
      ...["--preload", "b.ts", "--no-reconnect", "--insecure", "--print-config"],
    ]);
    assert.equal(code, 0, stderr);
    for (
      const line of [
        /nthreads: 2 +# --nthreads/,
        new RegExp(`name: carol +# ${file}:3`),
        /limit: 4GB +# --memory-limit/,
        /nanny: false +# --no-nanny/,
        /validate: true +# --validate/,
        / port: 9000 +# --worker-port/,
        /nanny-port: 9100 +# --nanny-port/,
        /death-timeout: 300s +# --death-timeout/,
        /local-directory: \/scratch +# --local-directory/,
        /GPU: 2 +# --resources/,
        /preload: \["\/.*\/a.ts", "\/.*\/b.ts"\] +# --preload/,
        /reconnect: false +# --no-reconnect/,
        /insecure: true +# --insecure/,
      ]
    ) assert.match(stdout, line);
  }));

Deno.test("flags of dusk-worker that make no sense are one line and exit code 2", async () => {
  for (
    const [flags, words] of [
      [["--resources", "GPU=two"], /--resources must be .*GPU=2,MEMORY=100e9/],
      [["--memory-limit", "lots"], /--memory-limit must be .*4GB/],
      [["--nthreads", "0"], /--nthreads must be a whole number from 1 to 4096/],
      [["--nprocs", "2", "--no-nanny"], /2 workers need a process each/],
      [["--nprocs", "2", "--worker-port", "65535"], /--worker-port: 2 ports from 65535 on/],
      [["--death-timeout", "soon"], /--death-timeout must be a time such as 30/],
      [["--allow-net="], /--allow-net has an empty entry/],
      [
        ["-A", "--deny-read=/etc"],
        /--deny-read=\/etc cannot be taken off all that --allow-read gives/,
      ],
    ] as [string[], RegExp][]
  ) {
    const { code, stderr } = await outcome("worker", ["127.0.0.1:1", ...flags]);
    assert.equal(code, 2, `${flags}: ${stderr}`);
    assert.match(stderr, oneLine);
    assert.match(stderr, words);
  }
});
