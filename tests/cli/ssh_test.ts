/** dusk-ssh as its user meets it, before it logs in anywhere: what it refuses, and how. */
import assert from "node:assert/strict";
import { popen } from "../support/popen.ts";

const oneLine = /^[^\n]+\n$/;

/** Run dusk-ssh, with no ssh in reach, and see it end in one line. */
async function refused(
  args: string[],
  code: number,
  words: RegExp,
  env?: Record<string, string>,
): Promise<void> {
  await using program = popen("ssh", args, { env: { PATH: "/nonexistent", ...env } });
  assert.equal((await program.status).code, code, `${args}: ${program.stderr}`);
  assert.match(program.stderr, oneLine);
  assert.match(program.stderr, words);
  assert.equal(program.stdout, "");
}

Deno.test("dusk-ssh refuses bad usage in one line, with exit code 2", async () => {
  await refused([], 2, /^dusk-ssh: no hosts: name them, .*--hostfile/);
  await refused(["--bogus", "a"], 2, /unknown option '--bogus'/);
  await refused(["-l", "a"], 2, /unknown option '-l'/);
  await refused(["--", "-oProxyCommand=x"], 2, /"-oProxyCommand=x" is no host/);
  await refused(["a", "b", "me@a"], 2, /the host "a" is there twice/);
  await refused(["a", "--scheduler", "a b"], 2, /"a b" is no host/);
  await refused(["a", "--nprocs", "0"], 2, /--nprocs.*whole number from 1/);
  await refused(
    ["a", "--scheduler-port", "x"],
    2,
    /--scheduler-port.*whole number from 0 to 65535/,
  );
  await refused(["a", "--ssh-port", "0"], 2, /--ssh-port.*whole number from 1/);
  await refused(["a", "--ssh-username", ""], 2, /--ssh-username.*empty/);
  await refused(["a", "--copy", "--remote-dusk-worker", "/x"], 2, /--copy does not go with/);
});

Deno.test("dusk-ssh tells what it cannot use in one line, with exit code 1", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = (name: string) => `${folder}/${name}`;
    await Deno.writeTextFile(path("hosts"), "node1\nnode 2\n");
    await Deno.writeTextFile(path("short"), "secret\n");
    await refused(["--hostfile", path("hosts")], 1, /^dusk-ssh: \S+hosts:2: .*"node 2"/);
    await refused(["--hostfile", path("none")], 1, /cannot read the hostfile \S+none/);
    await refused(["a", "--token-file", path("none")], 1, /cannot read the token file \S+none/);
    await refused(
      ["a", "--token-file", path("short")],
      1,
      /--token-file "\S+short": the token has 6 characters/,
    );
    await refused(["a"], 1, /DUSK_TOKEN: the token has 6 characters/, { DUSK_TOKEN: "secret" });
    await refused(
      ["a", "--log-directory", path("short/x")],
      1,
      /cannot write to the log directory/,
    );
    await refused(["a"], 1, /there is no ssh on this machine: install OpenSSH's client/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
