/** `dusk-remote` and `dusk-submit` from source: what becomes of scripts. */
import assert from "node:assert/strict";
import { authority } from "../support/certificates.ts";
import { popen } from "../support/popen.ts";
import { allGone } from "../support/process_tree.ts";
import { outcome, withFolder } from "../support/programs.ts";
import { scripts, submit, withRemote } from "../support/remote.ts";
import {
  checkEnds,
  checkExitCodes,
  checkRuns,
  checkStacks,
  checkStreams,
  permissionsOf,
} from "../support/script_checks.ts";
import { until } from "../support/until.ts";

Deno.test("a script runs at the cluster with what it imports, and its arguments", async () => {
  await withRemote([], checkRuns);
});

Deno.test("over TLS everybody shows a certificate, and scripts reach a cluster that wants one", async () => {
  const ca = await authority();
  const flagsFor = async (name: string) => {
    const { cert, key } = await ca.sign(name);
    return ["--tls-ca-file", ca.cert, "--tls-cert", cert, "--tls-key", key];
  };
  const local = ["--host", "127.0.0.1", "--port", "0"];
  await using scheduler = popen("scheduler", [...local, ...await flagsFor("scheduler")]);
  const [, schedulerAddress] = await scheduler.printed(/Scheduler started at (tls:\S+)/);
  const flags = [schedulerAddress, "--nthreads", "1", "--no-nanny", ...await flagsFor("worker")];
  await using worker = popen("worker", flags);
  await worker.printed(/Registered with/);
  const remoteFlags = ["--scheduler", schedulerAddress, ...await flagsFor("remote")];
  await using remote = popen("remote", [...local, ...remoteFlags]);
  const [, address] = await remote.printed(/Remote started at (tls:\S+)/);
  const script = [address.replace("tls://", ""), `${scripts}script.ts`];
  const { code, stdout, stderr } = await outcome("submit", [...await flagsFor("me"), ...script]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "11\n", stderr: "" });
  const { cert, key } = await (await authority("other")).sign("stranger");
  const stranger = ["--tls-ca-file", ca.cert, "--tls-cert", cert, "--tls-key", key];
  assert.equal((await outcome("submit", [...stranger, ...script])).code, 1);
});

Deno.test("errors of a script show its author's files and lines", async () => {
  await withRemote([], checkStacks);
});

Deno.test("a script's exit code is that of dusk-submit", async () => {
  await withRemote([], checkExitCodes);
});

Deno.test("large output and input pass through", async () => {
  await withRemote([], checkStreams);
});

Deno.test("a script ends with its submitter, and all that it has started", async () => {
  await withRemote(["--allow-run"], checkEnds);
});

Deno.test("a remote that is told to stop ends its scripts", async () => {
  await withRemote([], async ({ token, address, remote }) => {
    const args = ["--token-file", token, address, `${scripts}ways.ts`];
    await using waiting = popen("submit", [...args, "wait"]);
    const [, pid] = await waiting.printed(/pid (\d+)\n/);
    remote.kill("SIGTERM");
    assert.equal((await remote.status).code, 0, remote.stderr);
    assert.match(remote.stdout, /Remote stopped\n$/);
    assert.notEqual((await waiting.status).code, 0);
    assert.match(waiting.stderr, /the script was ended: dusk-remote was stopped/);
    await allGone([Number(pid)]);
  });
});

Deno.test("a script ends when the remote is killed", async () => {
  await withRemote([], async ({ token, address, remote }) => {
    const args = ["--token-file", token, address, `${scripts}ways.ts`];
    await using waiting = popen("submit", [...args, "wait"]);
    const [, pid] = await waiting.printed(/pid (\d+)\n/);
    remote.kill("SIGKILL");
    assert.equal((await waiting.status).code, 1);
    assert.match(waiting.stderr, /the connection to \S+ was lost, and with it the script/);
    await allGone([Number(pid)]);
  });
});

Deno.test("scripts have limits of time and number", async () => {
  await withRemote(["--time-limit", "3s", "--max-scripts", "1"], async (cluster) => {
    const { token, address } = cluster;
    const args = ["--token-file", token, address, `${scripts}ways.ts`];
    await using waiting = popen("submit", [...args, "wait"]);
    await waiting.printed(/pid (\d+)\n/);
    const refused = await submit(cluster, "ways.ts", ["later"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /1 scripts run at the cluster already, and that is the limit/);
    assert.equal((await waiting.status).code, 124);
    assert.match(waiting.stderr, /it ran longer than its time limit of 3 s/);
    await until("the place to be free", async () => {
      return (await submit(cluster, "ways.ts", ["later"])).code === 0;
    });
  });
});

Deno.test("a remote finds cluster and token in the scheduler's file, and says its process id", async () => {
  await withFolder(async (folder) => {
    const [token, file, pidFile] = ["token", "cluster.json", "pid"].map((name) =>
      `${folder}/${name}`
    );
    Deno.writeTextFileSync(token, crypto.randomUUID());
    const flags = ["--port", "0", "--scheduler-file", file];
    await using remote = popen("remote", [...flags, "--interface", "lo", "--pid-file", pidFile]);
    await using scheduler = popen("scheduler", [
      ...[...flags, "--host", "127.0.0.1", "--token-file", token],
    ]);
    const [, address] = await remote.printed(/Remote started at (tcp:\/\/127\.0\.0\.1:\d+)\n/);
    await scheduler.printed(/Scheduler started/);
    assert.equal(Deno.readTextFileSync(pidFile).trim(), String(remote.pid));
    assert.equal((await submit({ token, address }, "ways.ts", ["exit", "3"])).code, 3);

    const port = new URL(address.replace("tcp:", "http:")).port;
    assert.notEqual(port, "8788", "it is any that is free");
    const both = ["--host", "127.0.0.1", "--interface", "lo", "--token-file", token];
    const refused = await outcome("remote", both);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^dusk-remote: [^\n]*give one of --host and --interface\. [^\n]*\n$/,
    );

    const taken = await outcome("remote", ["--port", port, "--token-file", token]);
    assert.equal(taken.code, 1);
    assert.match(
      taken.stderr,
      /^dusk-remote: cannot listen on tcp:[^\n]*in use[^\n]*--port[^\n]*\n$/,
    );
  });
});

Deno.test("a remote that still waits for the scheduler's file ends when told to", async () => {
  await withFolder(async (folder) => {
    const pidFile = `${folder}/pid`;
    const flags = ["--scheduler-file", `${folder}/none.json`, "--pid-file", pidFile];
    await using remote = popen("remote", flags);
    await until("it to wait", () => [...Deno.readDirSync(folder)].length > 0);
    remote.kill("SIGTERM");
    assert.equal((await remote.status).code, 0, remote.stderr);
    assert.equal(remote.stderr, "");
  });
});

Deno.test("scripts may do what the remote's flags say", async () => {
  await withRemote(["--allow-read", "--allow-net"], async (cluster) => {
    assert.deepEqual(await permissionsOf(cluster), ["read", "net"]);
    assert.equal((await submit(cluster, "script.ts")).stdout, "11\n");
  });
  await withRemote(["-A"], async (cluster) => {
    const all = ["read", "write", "env", "sys", "run", "ffi", "net", "import"];
    assert.deepEqual(await permissionsOf(cluster), all);
  });
});

Deno.test("scripts are run only for those who have the token", async () => {
  const { code, stderr } = await outcome("remote", ["--port", "0"]);
  assert.equal(code, 2);
  assert.match(stderr, /takes scripts only from those who have the cluster's token \(--token-file/);

  await withRemote([], async ({ address, folder }) => {
    const without = await outcome("submit", [address, `${scripts}script.ts`]);
    assert.equal(without.code, 1);
    assert.match(without.stderr, /^dusk-submit: [^\n]*token[^\n]*\n$/);
    const wrong = `${folder}/wrong`;
    Deno.writeTextFileSync(wrong, "another secret of good length");
    const other = await submit({ token: wrong, address }, "script.ts");
    assert.equal(other.code, 1);
    assert.match(other.stderr, /^dusk-submit: [^\n]*token[^\n]*\n$/);
  });
});

Deno.test("what cannot be submitted is told in one line", async () => {
  await withFolder(async (folder) => {
    const token = `${folder}/token`;
    Deno.writeTextFileSync(token, "a secret of good length");
    Deno.writeTextFileSync(`${folder}/broken.ts`, "const = 1;\n");
    Deno.writeTextFileSync(`${folder}/alone.ts`, 'import "./nobody.ts";\n');
    const address = "127.0.0.1:1";
    const cases: [string[], number, RegExp][] = [
      [[], 2, /the remote or the script is not named/],
      [[address], 2, /the remote or the script is not named/],
      [[address, `${folder}/none.ts`], 1, /cannot read the script \S+none\.ts/],
      [[address, `${folder}/broken.ts`], 1, /broken\.ts cannot be bundled: /],
      [[address, `${folder}/alone.ts`], 1, /alone\.ts cannot be bundled: .*nobody\.ts/],
      [["127.0.0.1:none", `${scripts}ways.ts`], 1, /127\.0\.0\.1:none/],
      [
        ["--connect-timeout", "1", address, `${scripts}ways.ts`],
        1,
        /could not connect to \S+:1 within 1 s: .*; start dusk-remote .*--connect-timeout/,
      ],
    ];
    for (const [args, exitCode, text] of cases) {
      const { code, stderr } = await outcome("submit", ["--token-file", token, ...args]);
      assert.equal(code, exitCode, stderr);
      assert.match(stderr, /^dusk-submit: [^\n]+\n$/);
      assert.match(stderr, text);
    }
  });
});
