/** Nannies and their workers' processes: deaths, restarts, memory, orders, and what is left in the end. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { rpc } from "../../comm/rpc.ts";
import { configureLogging } from "../../config/logging.ts";
import { Scheduler, type SchedulerOptions } from "../../scheduler/scheduler.ts";
import { Nanny, type NannyOptions } from "../../worker/nanny.ts";
import { childSettings } from "../../worker/nanny_options.ts";
import { isRunning, Program } from "../support/popen.ts";
import { until } from "../support/until.ts";

/** Start a scheduler, see to its end. */
async function scheduled(
  body: (scheduler: Scheduler) => Promise<void>,
  options: SchedulerOptions = {},
): Promise<void> {
  await using scheduler = new Scheduler({ ...options, validate: true });
  await scheduler.start("tcp://127.0.0.1:0");
  await body(scheduler);
  assert.deepEqual(scheduler.faults, []);
}

/** A nanny that does not run yet. Nothing that its worker prints is shown. */
function nannyOf(scheduler: Scheduler, options: Partial<NannyOptions> = {}): Nanny {
  return new Nanny({
    schedulerAddress: scheduler.address,
    nthreads: 1,
    validate: true,
    showOutput: false,
    ...options,
  });
}

/** Addresses of the workers that the scheduler has. */
function workersOf(scheduler: Scheduler): string[] {
  return Object.keys(scheduler.core.ncores());
}

/** A program that ends at once is run in place of a worker. */
function program(code: string): string[] {
  return [Deno.execPath(), "eval", code];
}

Deno.test("a worker that is killed is replaced under its name, and its work done again", async () => {
  await scheduled(async (scheduler) => {
    await using nanny = nannyOf(scheduler, { name: "alice" });
    await nanny.start();
    await using client = await Client.connect(scheduler.address);
    const doubled = client.map((x: number) => 2 * x, [1, 2, 3]);
    assert.deepEqual(await client.gather(doubled), [2, 4, 6]);
    const { pid, workerAddress } = nanny;
    nanny.signal("SIGKILL");
    assert.deepEqual(await client.gather(doubled), [2, 4, 6]);
    await until("the nanny to know", () => nanny.workerAddress !== workerAddress);
    assert.notEqual(nanny.pid, pid);
    assert.equal(nanny.starts, 2);
    assert.deepEqual(workersOf(scheduler), [nanny.workerAddress]);
    assert.equal(scheduler.core.identity().workers[nanny.workerAddress].name, "alice");
    await nanny.close();
    assert.deepEqual(workersOf(scheduler), []);
    assert.ok(!isRunning(nanny.pid));
    assert.equal(nanny.failure, undefined);
  });
});

Deno.test("a restart by a client brings new processes, and returns when they are there", async () => {
  await scheduled(async (scheduler) => {
    await using alice = nannyOf(scheduler, { name: "alice" });
    await using bob = nannyOf(scheduler, { name: "bob" });
    await Promise.all([alice.start(), bob.start()]);
    await using client = await Client.connect(scheduler.address);
    const getPid = () => Deno.pid;
    const futures = [alice, bob].map(({ name }) =>
      client.with({ pure: false, workers: [name] }).submit(getPid)
    );
    const pids = await client.gather(futures);
    assert.deepEqual(pids, [alice.pid, bob.pid]);
    // A thread that cannot be stopped does not hold it up.
    const endless = client.with({ pure: false, workers: ["bob"] }).submit(() => {
      for (;;);
    });
    await until(
      "the loop to run",
      () => scheduler.core.identity().workers[bob.workerAddress].processing,
    );

    await client.restart();
    assert.ok(endless.cancelled());
    assert.equal(workersOf(scheduler).length, 2);
    assert.ok(futures.every((future) => future.cancelled()));
    assert.ok(pids.every((pid) => !isRunning(pid)));
    const again = await client.gather(
      ["alice", "bob"].map((name) => client.with({ pure: false, workers: [name] }).submit(getPid)),
    );
    assert.deepEqual(again, [alice.pid, bob.pid]);
    assert.ok(again.every((pid) => !pids.includes(pid)));
  });
});

Deno.test("a worker whose process does not come up is given up, with its last words", async () => {
  await scheduled(async (scheduler) => {
    const command = program("console.error('out of order'); Deno.exit(3);");
    const nanny = nannyOf(scheduler, { command });
    await assert.rejects(nanny.start(), {
      name: "WorkerProcessError",
      message:
        /^The worker process died 3 times in a row before it had joined the cluster, last because it ended with code 3; it printed last:\nout of order$/,
    });
    await nanny.finished;
    assert.equal(nanny.starts, 3);
    assert.match(nanny.failure!.message, /3 times in a row/);

    const missing = nannyOf(scheduler, { command: ["/nonexistent/dusk-worker"] });
    await assert.rejects(missing.start(), /cannot start a worker process: .*nonexistent/);
    assert.equal(missing.starts, 0);
  });
});

Deno.test("a worker that is refused, or that nobody can reach, is not tried again", async () => {
  await scheduled(async (scheduler) => {
    await using first = nannyOf(scheduler, { name: "alice" });
    await first.start();
    const second = nannyOf(scheduler, { name: "alice" });
    await assert.rejects(second.start(), /refuses this worker: worker name 'alice' is taken/);
    assert.equal(second.starts, 1);

    const lost = nannyOf(scheduler, {
      schedulerAddress: "tcp://127.0.0.1:1",
      connectTimeout: 0.2,
    });
    await assert.rejects(lost.start(), /127\.0\.0\.1:1/);
    assert.equal(lost.starts, 1);
  });
});

Deno.test("a worker that has lost its scheduler for good ends, and its nanny says the same", async () => {
  await scheduled(async (scheduler) => {
    const nanny = nannyOf(scheduler, { deathTimeout: 0.1 });
    await nanny.start();
    await scheduler.close();
    await nanny.finished;
    assert.match(nanny.failure!.message, /^The scheduler at \S+ has been out of reach for 0\.1 s$/);
    assert.equal(nanny.starts, 1);
    await assert.rejects(nanny.restart(), /has ended/);
  });
});

Deno.test("a worker that dies while the scheduler is away finds it when it is back", async () => {
  await scheduled(async (scheduler) => {
    const { address } = scheduler;
    await using nanny = nannyOf(scheduler, { name: "alice" });
    await nanny.start();
    await scheduler.close();
    nanny.signal("SIGKILL");
    await until("another process", () => nanny.starts === 2);
    await using back = new Scheduler({ validate: true });
    await back.start(address);
    await until("the worker to join", () => workersOf(back).length === 1);
    await nanny.close();
  });
});

Deno.test("a nanny whose scheduler is gone while it restarts its worker tries one process, and ends", async () => {
  await scheduled(async (scheduler) => {
    const nanny = nannyOf(scheduler, { name: "alice", deathTimeout: 0.2 });
    await nanny.start();
    // The worker notices nothing any more, whatever the scheduler tells it as it leaves.
    nanny.signal("SIGSTOP");
    await scheduler.close();
    nanny.signal("SIGKILL");
    await nanny.finished;
    assert.match(nanny.failure!.message, /^could not connect to tcp:\S+ within 0\.2 s: /);
    assert.equal(nanny.starts, 2);
  });
});

Deno.test("it is told in one line that a worker is back", async () => {
  const lines: string[] = [];
  configureLogging({
    level: { distributed: "critical", "distributed.nanny": "info" },
    sink: (line) => lines.push(line),
  });
  try {
    await scheduled(async (scheduler) => {
      await using nanny = nannyOf(scheduler, { name: "alice" });
      await nanny.start();
      assert.equal(lines.length, 0);
      nanny.signal("SIGKILL");
      await until("the worker to be back", () => lines.length === 2);
      assert.match(lines[0], /Restarts worker alice \(process \d+\), which has died/);
      assert.ok(lines[1].endsWith(`Worker alice is back at ${nanny.workerAddress}`), lines[1]);
    });
  } finally {
    configureLogging({ level: "critical" });
  }
});

Deno.test("a worker that was in the cluster has as long to come back as if it had not died", () => {
  const readMemory = () => undefined;
  const timeoutOf = (wasThere: boolean, more: Partial<NannyOptions> = {}) => {
    const options = { schedulerAddress: "tcp://127.0.0.1:1", connectTimeout: 5, ...more };
    return childSettings(options, { nanny: "n", wasThere, readMemory }).worker.connectTimeout;
  };
  assert.equal(timeoutOf(false), 5);
  assert.ok(timeoutOf(true)! > 1e6);
  assert.equal(timeoutOf(true, { deathTimeout: 60 }), 60);
  assert.equal(timeoutOf(true, { reconnect: false }), 5);
});

Deno.test("a worker that the scheduler tells to leave takes its nanny along", async () => {
  await scheduled(async (scheduler) => {
    const nanny = nannyOf(scheduler);
    await nanny.start();
    const { pid } = nanny;
    await scheduler.shutdown();
    await nanny.finished;
    assert.equal(nanny.failure, undefined);
    assert.equal(nanny.starts, 1);
    assert.ok(!isRunning(pid));
  });
});

Deno.test("a worker process that gets SIGTERM leaves in good order, for good", async () => {
  await scheduled(async (scheduler) => {
    const nanny = nannyOf(scheduler);
    await nanny.start();
    nanny.signal("SIGTERM");
    await nanny.finished;
    assert.equal(nanny.failure, undefined);
    assert.equal(nanny.starts, 1);
    assert.match(JSON.stringify(scheduler.core.events("worker")), /"stopped by a signal"/);
  });
});

Deno.test("a nanny can be closed before, during and after everything", async () => {
  await scheduled(async (scheduler) => {
    const idle = nannyOf(scheduler);
    await Promise.all([idle.close(), idle.close()]);
    await assert.rejects(idle.start(), /has been started already|has left/);
    assert.equal(idle.starts, 0);

    const starting = nannyOf(scheduler);
    const started = assert.rejects(starting.start(), /has left the cluster/);
    await until("its process", () => starting.pid !== 0);
    await Promise.all([starting.close(), started]);
    assert.ok(!isRunning(starting.pid));

    const pausing = nannyOf(scheduler, { command: program("Deno.exit(3);") });
    const paused = assert.rejects(pausing.start());
    await until(
      "the pause after the second death",
      () => pausing.starts === 2 && !isRunning(pausing.pid),
    );
    await Promise.all([pausing.close(), paused]);
    assert.equal(pausing.failure, undefined);
    await assert.rejects(pausing.restart(), /has ended/);
  });
});

Deno.test("a worker that does not leave in time is ended by force", async () => {
  await scheduled(async (scheduler) => {
    // It reads nothing, so that it does not hear of anything.
    const nanny = nannyOf(scheduler, { command: program("setInterval(() => {}, 1000);") });
    const started = assert.rejects(nanny.start());
    await until("its process", () => nanny.pid !== 0);
    await nanny.close({ timeout: 0.1 });
    await started;
    assert.ok(!isRunning(nanny.pid));
  });
});

Deno.test("a process that holds too much memory is ended and replaced, which is told in one line", async () => {
  const lines: string[] = [];
  configureLogging({
    level: { distributed: "critical", "distributed.nanny": "warning" },
    sink: (line) => lines.push(line),
  });
  try {
    await scheduled(async (scheduler) => {
      await using nanny = nannyOf(scheduler, { name: "alice", memoryLimit: 400e6 });
      await nanny.start();
      await using client = await Client.connect(scheduler.address);
      assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
      const { pid } = nanny;
      // It never lets go of its thread, so that only the system can say how much memory there is.
      const greedy = client.submit(() => {
        const held: Uint8Array[] = [];
        for (;;) if (held.length < 1000) held.push(new Uint8Array(1e6).fill(1));
      });
      await assert.rejects(greedy.result(), /was marked bad/);
      await until("another process", () => nanny.pid !== pid && workersOf(scheduler).length === 1);
      assert.equal(await client.submit((x: number) => x + 1, 2).result(), 3);
      assert.ok(!isRunning(pid));
      await nanny.close();
    }, { allowedFailures: 1 });
  } finally {
    configureLogging({ level: "critical" });
  }
  const [line] = lines.filter((line) => line.includes("holds"));
  assert.match(
    line,
    /Ends worker alice \(process \d+\): its process holds \d+\.\d MB of memory, more than the 380\.0 MB/,
  );
  assert.equal(lines.length, 2, lines.join("\n")); // The other one: that it is started again.
});

Deno.test("what tasks have started ends with the worker's process", async () => {
  await scheduled(async (scheduler) => {
    await using nanny = nannyOf(scheduler);
    await nanny.start();
    await using client = await Client.connect(scheduler.address);
    const started = await client.with({ pure: false }).submit(startPrograms).result();
    assert.equal(started.length, 3);
    assert.ok(started.every(isRunning));
    nanny.signal("SIGKILL");
    await until("the programs to be gone", () => !started.some(isRunning));
    await until("another process", () => nanny.starts === 2 && workersOf(scheduler).length === 1);

    const more = await client.with({ pure: false }).submit(startPrograms).result();
    await nanny.close();
    await until("those to be gone, too", () => !more.some(isRunning));
  });
});

Deno.test("a killed nanny takes its worker along, with its busy threads and what they have started", async () => {
  await scheduled(async (scheduler) => {
    const module = new URL("../../worker/nanny.ts", import.meta.url).href;
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(
      script,
      `import { Nanny } from ${JSON.stringify(module)};
       const nanny = new Nanny({ schedulerAddress: Deno.args[0], name: "alice", nthreads: 2 });
       await nanny.start();
       console.log("worker process", nanny.pid, "end");
       await nanny.finished;`,
    );
    try {
      await using parent = new Program(Deno.execPath(), [
        "run",
        "-A",
        "--no-config",
        "--no-lock",
        script,
        scheduler.address,
      ]);
      const pid = Number((await parent.printed(/worker process (\d+) end/))[1]);
      await using client = await Client.connect(scheduler.address);
      const started = await client.submit(startPrograms).result();
      using _endless = client.submit(() => {
        for (;;);
      });
      await until("the loop to run", () => {
        const [worker] = Object.values(scheduler.core.identity().workers);
        return worker.processing === 1;
      });
      const all = [pid, ...started];
      assert.ok(all.every(isRunning));
      parent.kill("SIGKILL");
      await until("all of it to be gone", () => !all.some(isRunning));
      await until("the scheduler to notice", () => workersOf(scheduler).length === 0);
    } finally {
      await Deno.remove(script);
    }
  });
});

Deno.test("a nanny that listens tells who it is, and takes orders", async () => {
  await scheduled(async (scheduler) => {
    const nanny = nannyOf(scheduler, { name: "alice", nannyPort: 0 });
    await nanny.start();
    assert.match(nanny.address, /^tcp:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(scheduler.core.workers.get(nanny.workerAddress)!.nanny, nanny.address);
    await using remote = rpc(nanny.address);
    const { pid } = nanny;
    const identity = await remote.identity();
    assert.deepEqual(
      { type: identity.type, name: identity.name, worker: identity.worker, pid: identity.pid },
      { type: "Nanny", name: "alice", worker: nanny.workerAddress, pid },
    );
    const restarted = await remote.restart({ reason: "for a test" });
    assert.deepEqual(restarted, { status: "OK", worker: nanny.workerAddress, pid: nanny.pid });
    assert.notEqual(nanny.pid, pid);
    assert.ok(!isRunning(pid));
    await remote.terminate();
    await nanny.finished;
    assert.equal(nanny.failure, undefined);
    assert.deepEqual(workersOf(scheduler), []);
  });
});

Deno.test("options that make no sense are refused by name, before anything starts", () => {
  const schedulerAddress = "tcp://127.0.0.1:1";
  const make = (options: Partial<NannyOptions>) => new Nanny({ schedulerAddress, ...options });
  assert.throws(() => make({ nthreads: 0 }), { name: "RangeError", message: /nthreads.*got 0/ });
  assert.throws(() => make({ memoryTerminate: 95 }), {
    name: "RangeError",
    message: /memoryTerminate must be a number from 0 to 1; got 95/,
  });
  assert.throws(() => make({ nannyPort: 70_000 }), {
    name: "RangeError",
    message: /nannyPort must be a whole number from 0 to 65535; got 70000/,
  });
  assert.throws(() => make({ command: [] }), { name: "TypeError", message: /command/ });
  assert.throws(() => make({ schedulerAddress: "nonsense://" }), /nonsense/);
});

/**
 * A task: three programs that run for long. One of them has left the process group, another the
 * environment; either is enough to be known by.
 */
async function startPrograms(): Promise<number[]> {
  const start = (script: string, options: Deno.CommandOptions = {}) => {
    const args = ["-c", script];
    return new Deno.Command("/bin/sh", { ...options, args, stdout: "piped", stdin: "null" })
      .spawn();
  };
  const direct = start("exec /bin/sleep 1000", { clearEnv: true });
  const apart = start("exec sleep 1000", { detached: true });
  const parent = start("sleep 1000 & echo $!; wait");
  const { value } = await parent.stdout.getReader().read();
  return [direct.pid, apart.pid, Number(new TextDecoder().decode(value))];
}
