/** The flags of dusk-scheduler, each by what it does. */
import assert from "node:assert/strict";
import { isRunning, popen } from "../support/popen.ts";
import { contents, outcome, startScheduler, withFolder } from "../support/programs.ts";
import { until } from "../support/until.ts";

const oneLine = /^[^\n]+\n$/;

Deno.test("--scheduler-file is there as long as the scheduler, and its owner's only", () =>
  withFolder(async (folder) => {
    const file = `${folder}/scheduler.json`;
    await using scheduler = await startScheduler(["--scheduler-file", file]);
    const { program, address } = scheduler;
    const { type, address: written, token } = JSON.parse(await Deno.readTextFile(file));
    assert.deepEqual({ type, written, token }, {
      type: "Scheduler",
      written: address,
      token: undefined,
    });
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert.match(program.stdout, new RegExp(`dusk-worker --scheduler-file ${file}\n`));
    assert.match(program.stdout, new RegExp(`Client.connect\\({ schedulerFile: "${file}" }\\)`));
    program.kill("SIGTERM");
    assert.equal((await program.status).code, 0, program.stderr);
    assert.deepEqual(contents(folder), []);
  }));

Deno.test("--token-file is the secret of the cluster, which the scheduler file holds", () =>
  withFolder(async (folder) => {
    const token = "a secret of many characters";
    await Deno.writeTextFile(`${folder}/token`, `${token}\n`);
    const flags = ["--token-file", `${folder}/token`];
    await using scheduler = await startScheduler([
      ...flags,
      "--scheduler-file",
      `${folder}/s.json`,
    ]);
    assert.equal(JSON.parse(await Deno.readTextFile(`${folder}/s.json`)).token, token);
    await using plain = await startScheduler(flags);
    assert.match(
      plain.program.stdout,
      new RegExp(`dusk-worker ${plain.address} --token-file ${folder}/token\n`),
    );
    assert.doesNotMatch(plain.program.stdout + scheduler.program.stdout, /many characters/);

    const missing = await outcome("scheduler", ["--port", "0", "--token-file", `${folder}/none`]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, oneLine);
    assert.match(missing.stderr, /--token-file: .*none" cannot be used: .*openssl rand -hex 32/);
    await Deno.writeTextFile(`${folder}/short`, "abc");
    const short = await outcome("scheduler", ["--port", "0", "--token-file", `${folder}/short`]);
    assert.equal(short.code, 1);
    assert.match(
      short.stderr,
      /^dusk-scheduler: --token-file ".*short": the token has 3 characters .*openssl rand -hex 32`\n$/,
    );
  }));

Deno.test("--pid-file is there as long as the scheduler, and taken from no other", () =>
  withFolder(async (folder) => {
    const file = `${folder}/scheduler.pid`;
    await using scheduler = await startScheduler(["--pid-file", file]);
    const { program } = scheduler;
    assert.equal(await Deno.readTextFile(file), `${program.pid}\n`);
    const second = await outcome("scheduler", ["--port", "0", "--pid-file", file]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, oneLine);
    assert.match(second.stderr, new RegExp(`process ${program.pid} runs with .*${file}`));
    program.kill("SIGTERM");
    await program.status;
    assert.deepEqual(contents(folder), []);
  }));

Deno.test("--interface names the address to listen on", {
  ignore: !Deno.networkInterfaces().some(({ name }) => name === "lo"),
}, async () => {
  await using scheduler = popen("scheduler", ["--interface", "lo", "--port", "0"]);
  await scheduler.printed(/Scheduler started at tcp:\/\/127\.0\.0\.1:\d+\n/);
  const bogus = await outcome("scheduler", ["--interface", "bogus0"]);
  assert.equal(bogus.code, 1);
  assert.match(bogus.stderr, oneLine);
  assert.match(bogus.stderr, /--interface bogus0: .* it has .*lo/);
  const both = await outcome("scheduler", ["--interface", "lo", "--host", "127.0.0.1"]);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /give one of --host and --interface/);
});

Deno.test("a scheduler that others reach in vain says how to let them in", async () => {
  for (
    const [flags, env, isOpen] of [
      [["--host", "0.0.0.0"], {}, false],
      [["--host", "127.0.0.1"], {}, true],
      [["--host", "0.0.0.0", "--insecure"], {}, true],
      [["--host", "0.0.0.0"], { DUSK_TOKEN: "a secret of many characters" }, true],
    ] as [string[], Record<string, string>, boolean][]
  ) {
    await using scheduler = popen("scheduler", ["--port", "0", ...flags], { env });
    await scheduler.printed(/connect a client/);
    scheduler.kill("SIGTERM");
    await scheduler.status;
    assert.equal(/Only this machine can connect/.test(scheduler.stdout), !isOpen, `${flags}`);
  }
});

Deno.test("--validate checks every step", async () => {
  await using scheduler = await startScheduler(["--validate"]);
  assert.ok(isRunning(scheduler.program.pid));
  const printed = await outcome("scheduler", ["--validate", "--print-config"]);
  assert.match(printed.stdout, /^ {2}validate: true +# --validate$/m);
});

Deno.test("--config, --log-level and --log-format: files under flags", () =>
  withFolder(async (folder) => {
    const file = `${folder}/dusk.yaml`;
    await Deno.writeTextFile(file, "scheduler:\n  port: 18799\n  allowed-failures: 7\n");
    const printed = await outcome("scheduler", [
      ...["--config", file, "--port", "0", "--log-level", "warning", "--log-format", "json"],
      "--print-config",
    ]);
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(printed.stdout, /^ {2}port: 0 +# --port$/m);
    assert.match(printed.stdout, new RegExp(`^ {2}allowed-failures: 7 +# ${file}:3$`, "m"));
    assert.match(printed.stdout, /^ {2}distributed: warning +# --log-level$/m);
    assert.match(printed.stdout, /^log-format: json +# --log-format$/m);

    await Deno.writeTextFile(file, "scheduler:\n  prot: 1\n");
    const malformed = await outcome("scheduler", ["--config", file]);
    assert.equal(malformed.code, 1);
    assert.match(malformed.stderr, oneLine);
    assert.match(malformed.stderr, new RegExp(`${file}:2:.*prot.*scheduler\\.port`));

    for (const flags of [["--log-level", "loud"], ["--log-format", "xml"]]) {
      const wrong = await outcome("scheduler", flags);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, new RegExp(`^dusk-scheduler: ${flags[0]} must be .*${flags[1]}`));
      assert.match(wrong.stderr, oneLine);
    }
  }));

Deno.test("the log goes to standard error, at its level and in its form", async () => {
  await using scheduler = await startScheduler(["--log-format", "json"]);
  await using worker = popen("worker", [scheduler.address, "--no-nanny", "--nthreads", "1"]);
  const [line] = await scheduler.program.printed(/^{.*has joined.*}$/m);
  assert.equal(JSON.parse(line).logger, "distributed.scheduler");
  await using quiet = await startScheduler(["--log-level", "error"]);
  await using second = popen("worker", [quiet.address, "--no-nanny", "--nthreads", "1"]);
  await second.printed(/Registered with/);
  assert.equal(quiet.program.stderr, "");
  assert.equal(worker.stderr, "");
});

Deno.test("--dashboard-address is checked", async () => {
  for (const address of ["8787", ":8787", "127.0.0.1:0", "[::1]:8787", "localhost:80"]) {
    const fine = await outcome("scheduler", ["--dashboard-address", address, "--print-config"]);
    assert.equal(fine.code, 0, fine.stderr);
  }
  for (const address of [":70000", "http://localhost:8787", "localhost"]) {
    const wrong = await outcome("scheduler", ["--port", "0", "--dashboard-address", address]);
    assert.equal(wrong.code, 2, address);
    assert.match(wrong.stderr, /^dusk-scheduler: --dashboard-address: .* HOST:PORT or :PORT/);
    assert.match(wrong.stderr, oneLine);
  }
});

Deno.test("certificates that cannot be used are one line and exit code 1", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/ca.pem`, "no certificate");
    const ca = ["--tls-ca-file", `${folder}/ca.pem`];
    for (
      const [flags, words] of [
        [[...ca, "--tls-cert", `${folder}/none.pem`], /pem/],
        [[...ca, "--tls-cert", `${folder}/ca.pem`], /pem/],
      ] as [string[], RegExp][]
    ) {
      const refused = await outcome("scheduler", ["--port", "0", ...flags]);
      assert.equal(refused.code, 1, `${flags}`);
      assert.match(refused.stderr, oneLine);
      assert.match(refused.stderr, words);
    }
  }));

Deno.test("files that cannot be written are one line and exit code 1", async () => {
  for (const flag of ["--scheduler-file", "--pid-file"]) {
    const refused = await outcome("scheduler", ["--port", "0", flag, "/nonexistent/folder/file"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, oneLine);
    assert.match(refused.stderr, /\/nonexistent\/folder\/file/);
  }
});

Deno.test("a second signal ends a scheduler at once", () =>
  withFolder(async (folder) => {
    const file = `${folder}/scheduler.json`;
    const flags = ["--scheduler-file", file, "--pid-file", `${folder}/scheduler.pid`];
    await using scheduler = await startScheduler(flags);
    await using worker = popen("worker", [scheduler.address, "--no-nanny", "--nthreads", "1"]);
    await worker.printed(/Registered with/);
    // It would wait for this worker to leave.
    worker.kill("SIGSTOP");
    scheduler.program.kill("SIGINT");
    await until("it to begin to stop", () => !contents(folder).includes("scheduler.json"));
    scheduler.program.kill("SIGINT");
    assert.equal((await scheduler.program.status).code, 130);
    assert.deepEqual(contents(folder), []);
  }));
