/**
 * The flags of dusk-ssh, each by what it does. In place of the programs on the hosts there are shell scripts
 * that print what the programs print, and their flags; `ssh_compiled_test.ts` has the programs themselves.
 */
import assert from "node:assert/strict";
import { popen, type Program } from "../support/popen.ts";
import { contents, outcome, withFolder } from "../support/programs.ts";
import { sshdPath, type SshLab, sshLab } from "../support/sshd.ts";

const script = (text: string) => `#!/bin/sh\n${text}\n`;
const scheduler = (name: string) =>
  script(
    `echo "${name} $*"\necho Scheduler started at tcp://127.0.0.1:4711\nexec cat >/dev/null`,
  );
const worker = script('echo "flags $*"\necho Registered with: tcp\nexec cat >/dev/null');

async function program(path: string, text: string): Promise<string> {
  await Deno.writeTextFile(path, text, { mode: 0o755 });
  return path;
}

/** A test with hosts alpha and beta, which have such programs. */
function testOnHosts(name: string, body: (lab: SshLab) => Promise<void>): void {
  Deno.test({
    name,
    ignore: sshdPath === undefined,
    async fn() {
      await using lab = await sshLab("alpha", "beta");
      await program(`${lab.folder}/dusk-scheduler`, scheduler("flags"));
      await program(`${lab.folder}/dusk-worker`, worker);
      await body(lab);
    },
  });
}

/** Ends the program as Ctrl-C does. */
async function stop(ssh: Program): Promise<void> {
  ssh.kill("SIGINT");
  assert.equal((await ssh.status).code, 0, ssh.stderr);
}

testOnHosts(
  "flags for hosts, workers, programs, clients and output",
  async ({ folder, config }) => {
    const token = "a secret of the test's own";
    await Deno.writeTextFile(`${folder}/token`, `${token}\n`);
    await Deno.writeTextFile(`${folder}/hosts`, "# the first\nalpha\n");
    const other = await program(`${folder}/other-scheduler`, scheduler("other"));
    await using ssh = popen("ssh", [
      ...["beta", "--hostfile", `${folder}/hosts`, "--scheduler", "alpha"],
      ...["--scheduler-port", "1234", "--nthreads", "3", "--nprocs", "2"],
      ...["--memory-limit", "1 GB", "--local-directory", "/a b"],
      ...["--worker-option=--allow-read=/x y", "--worker-option", "--validate"],
      ...["--scheduler-option=--validate", "--scheduler-option", "--insecure"],
      ...["--remote-dusk-worker", `${folder}/dusk-worker`, "--remote-dusk-scheduler", other],
      ...["--ssh-config", config, "--lost-after", "7", "--log-directory", `${folder}/log`],
      ...["--scheduler-file", `${folder}/cluster.json`, "--token-file", `${folder}/token`],
    ]);
    await ssh.printed(/Cluster started at \S+: 2 of 2 hosts are up\n/);
    assert.match(
      ssh.stdout,
      /^\[alpha scheduler\] other --host 127\.0\.0\.1 --port 1234 --validate --insecure --lifeline 7 /m,
    );
    const flags = "--nthreads 3 --nprocs 2 --memory-limit 1 GB --local-directory /a b " +
      "--allow-read=/x y --validate --lifeline 7 ";
    for (const [name, host] of [["alpha", "127.0.0.1"], ["beta", "127.0.0.2"]]) {
      const line = `[${name}] flags tcp://127.0.0.1:4711 --name ${name} --host ${host} ${flags}`;
      assert.ok(ssh.stdout.includes(`\n${line}`), `${line}\n${ssh.stdout}`);
    }
    assert.equal(JSON.parse(await Deno.readTextFile(`${folder}/cluster.json`)).token, token);
    await stop(ssh);
    assert.deepEqual(contents(`${folder}/log`), [
      "scheduler-alpha.log",
      "worker-alpha.log",
      "worker-beta.log",
    ]);
  },
);

testOnHosts("--nohost, and what is the default of the other flags", async ({ folder, config }) => {
  const flags = ["--ssh-config", config, "--remote-dusk-worker", `${folder}/dusk-worker`];
  await using ssh = popen("ssh", ["beta", "alpha", "--nohost", ...flags]);
  await ssh.printed(/Cluster started/);
  assert.match(
    ssh.stdout,
    /^\[beta scheduler\] flags --host 127\.0\.0\.2 --port 8786 --lifeline 60 /m,
  );
  assert.match(ssh.stdout, /^\[alpha\] flags tcp:\S+ --name alpha --lifeline 60 /m);
  const [, file] = ssh.stdout.match(/schedulerFile: "(\S+)"/)!;
  assert.ok(JSON.parse(await Deno.readTextFile(file)).token.length >= 32);
  await stop(ssh);
  await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
});

testOnHosts("--copy, --binaries and --remote-directory", async ({ folder, config }) => {
  // What begins like a program of this machine is copied, and cannot be run.
  const binary = new Uint8Array(100_000);
  binary.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  binary[18] = Deno.build.arch === "x86_64" ? 0x3e : 0xb7;
  await Deno.mkdir(`${folder}/bin`);
  for (const name of ["dusk-scheduler", "dusk-worker"]) {
    await Deno.writeFile(`${folder}/bin/${name}`, binary);
  }
  const { code, stdout } = await outcome("ssh", [
    ...["alpha", "--ssh-config", config, "--copy", "--binaries", `${folder}/bin`],
    ...["--remote-directory", `${folder}/copies`],
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /^dusk-ssh: alpha copying \S+\/bin\/dusk-worker$/m);
  assert.deepEqual(contents(`${folder}/copies`), ["dusk-scheduler", "dusk-worker"]);
});

Deno.test("flags for logging in go to ssh, and --connect-timeout ends the wait", {
  ignore: Deno.build.os === "windows",
}, () =>
  withFolder(async (folder) => {
    await program(
      `${folder}/ssh`,
      script(
        `echo "$*" | head -n 1 >>${folder}/calls\ncase "$*" in *" -G "*|"-G "*) echo hostname 127.0.0.1;;\n` +
          "*) exec cat >/dev/null;; esac",
      ),
    );
    const { code, stderr } = await outcome("ssh", [
      ...["alpha", "--ssh-username", "me", "--ssh-port", "2222", "--ssh-private-key", "/my key"],
      ...["--ssh-config", "/my config", "--connect-timeout", "1"],
    ], { env: { PATH: `${folder}:${Deno.env.get("PATH")}` } });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^dusk-ssh: no scheduler: alpha: its dusk-scheduler did not come up within 1 s[^\n]*\n$/,
    );
    const calls = (await Deno.readTextFile(`${folder}/calls`)).trim().split("\n");
    assert.ok(calls.length >= 2);
    for (const call of calls) {
      assert.match(
        call,
        /-F \/my config -p 2222 -l me -i \/my key -o IdentitiesOnly=yes -- alpha( |$)/,
      );
    }
  }));
