/** What holds of submitted scripts however `dusk-remote` runs them: from source, and compiled. */
import assert from "node:assert/strict";
import { isRunning, popen } from "./popen.ts";
import { allGone } from "./process_tree.ts";
import { type RemoteCluster, scripts, submit } from "./remote.ts";

/** Scripts run with what they import and with their arguments. */
export async function checkRuns(cluster: RemoteCluster): Promise<void> {
  const { code, stdout, stderr } = await submit(cluster, "script.ts", ["--a", "b c"]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "11 --a b c\n", stderr: "" });

  const location = cluster.schedulerAddress.replace("tcp://", "");
  const named = await submit(cluster, "named.ts", [location]);
  assert.equal(named.stdout, "11\n", named.stderr);

  const packages = await submit(cluster, "packages.ts");
  assert.equal(packages.stdout, "aaa aaaa\n", packages.stderr);

  const tasks = await submit(cluster, "tasks.ts");
  assert.equal(tasks.stdout, "true 12\n102\n5\n", tasks.stderr);

  await cluster.remote.printed(
    /INFO "script\.ts" of tcp:\/\/127\.0\.0\.1:\d+ ended with exit code 0 after/,
  );
}

/** Errors show the author's files and lines, in the script and in its tasks. */
export async function checkStacks(cluster: RemoteCluster): Promise<void> {
  const { code, stdout, stderr } = await submit(cluster, "failing.ts");
  assert.equal(code, 1);
  const file = `file://${scripts}`;
  assert.match(stderr, /^error: Uncaught \(in promise\) TypeError: in the script\n/);
  assert.ok(stderr.includes(`${file}inc.ts:10:9`), stderr);
  assert.ok(stderr.includes(`${file}failing.ts:11:1`), stderr);
  assert.match(stdout, /^TypeError: in a task\n/);
  assert.ok(stdout.includes(`${file}inc.ts:10:9`), stdout);
}

/** The exit code is the script's, and a script ends when nothing is left to do. */
export async function checkExitCodes(cluster: RemoteCluster): Promise<void> {
  assert.equal((await submit(cluster, "ways.ts", ["exit", "7"])).code, 7);
  assert.equal((await submit(cluster, "ways.ts", ["exitCode", "9"])).code, 9);
  const later = await submit(cluster, "ways.ts", ["later"]);
  assert.deepEqual(later, { code: 0, stdout: "later\n", stderr: "" });
  for (const [way, text] of [["late-failure", "too late"], ["rejection", "not handled"]]) {
    const { code, stderr } = await submit(cluster, "ways.ts", [way]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`RangeError: ${text}`));
    assert.match(stderr, /ways\.ts:\d+:\d+/);
  }
}

/** Much output and input passes through. */
export async function checkStreams(cluster: RemoteCluster): Promise<void> {
  const large = await submit(cluster, "ways.ts", ["large", "200"]);
  assert.equal(large.stdout.length, 20_000_000);
  assert.equal(large.stderr, "written\n");

  const { token, address } = cluster;
  const args = ["--token-file", token, "--stdin", address, `${scripts}ways.ts`, "cat"];
  const program = new URL("../../cli/submit.ts", import.meta.url).href;
  const cat = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", program, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const bytes = new Uint8Array(3_000_000).fill(65);
  const sent = new Blob([bytes]).stream().pipeTo(cat.stdin);
  const { success, stdout } = await cat.output();
  await sent;
  assert.ok(success);
  assert.equal(stdout.length, bytes.length);
}

/** A script and all that it has started ends with its submitter. The remote must allow it to run programs. */
export async function checkEnds({ token, address }: RemoteCluster): Promise<void> {
  const args = ["--token-file", token, address, `${scripts}ways.ts`];
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    await using started = popen("submit", [...args, "child"]);
    const [, pid, child] = await started.printed(/pid (\d+) child (\d+)\n/);
    assert.ok(isRunning(Number(child)));
    started.kill(signal);
    const { code } = await started.status;
    if (signal === "SIGINT") assert.equal(code, 130);
    await allGone([Number(pid), Number(child)]);
  }
  await using busy = popen("submit", [...args, "busy"]);
  const [, pid] = await busy.printed(/pid (\d+)\n/);
  busy.kill("SIGTERM");
  await busy.status;
  await allGone([Number(pid)]);
}

/** What a script may do. */
export async function permissionsOf(cluster: RemoteCluster): Promise<string[]> {
  const { stdout } = await submit(cluster, "ways.ts", ["may"]);
  return stdout.split("\n").filter((line) => line !== "").map((line) => line.replace("may ", ""));
}
