/** Hosts as people write them, on the command line and in hostfiles. */
import assert from "node:assert/strict";
import { parseHost, parseHosts, readHostfile, SSHHostError } from "../../../deploy/ssh/hosts.ts";

Deno.test("hosts are read with their users and ports", () => {
  for (
    const [text, name, host, username, port] of [
      ["node1", "node1", "node1", undefined, undefined],
      ["me@node1", "node1", "node1", "me", undefined],
      ["node1:2222", "node1:2222", "node1", undefined, 2222],
      ["me@10.0.0.1:22", "10.0.0.1:22", "10.0.0.1", "me", 22],
      ["fe80::1", "fe80::1", "fe80::1", undefined, undefined],
      ["[::1]", "[::1]", "::1", undefined, undefined],
      ["me@[fe80::1%eth0]:22", "[fe80::1%eth0]:22", "fe80::1%eth0", "me", 22],
    ] as const
  ) {
    assert.deepEqual(parseHost(text), { name, host, username, port }, text);
  }
});

Deno.test("what is no host is refused", () => {
  for (
    const text of [
      "",
      "me@",
      "@node1",
      "-oProxyCommand=date",
      "me@-oProxyCommand=date",
      "-l@node1",
      "node 1",
      "node1:",
      "node1:0",
      "node1:ssh",
      "node1:70000",
      "[::1",
      "[node1]",
      "node1/x",
      "$(date)",
      "a;b",
      "node1\n",
    ]
  ) {
    assert.throws(() => parseHost(text), SSHHostError, JSON.stringify(text));
  }
});

Deno.test("a host that is there twice is refused, by its name", () => {
  assert.throws(
    () => parseHosts(["a", "b", "me@a"]),
    /the host "a" is there twice.*--nprocs/,
  );
  assert.equal(parseHosts(["a", "a:2222"]).length, 2);
});

async function withHostfile(text: string, body: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, text);
    await body(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a hostfile has one host a line, with comments and empty lines", async () => {
  const text = "# the rack\n\nnode1\r\n  me@node2:2222  # the big one\n[::1]\n";
  await withHostfile(text, async (path) => {
    assert.deepEqual(await readHostfile(path), ["node1", "me@node2:2222", "[::1]"]);
  });
});

Deno.test("a bad hostfile is told by file and line", async () => {
  for (
    const [text, words] of [
      ["node1\nnode 2\n", /^\S+:2: .*node 2/],
      ["node1\n\nnode1\n", /^\S+:3: the host "node1" stands in line 1 too$/],
      ["# nothing\n", /has no hosts: write one on each line/],
    ] as const
  ) {
    await withHostfile(text, async (path) => {
      await assert.rejects(readHostfile(path), (error: Error) => {
        assert.ok(error instanceof SSHHostError);
        assert.ok(error.message.includes(path));
        assert.match(error.message, words);
        return true;
      });
    });
  }
  await assert.rejects(
    readHostfile("/nonexistent/hosts"),
    /cannot read the hostfile \/nonexistent/,
  );
});

Deno.test("no more is read of a hostfile than one may have", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await assert.rejects(readHostfile("/dev/zero"), {
    name: "SSHHostError",
    message: "the hostfile /dev/zero has more than 4000000 bytes: is it a list of hosts?",
  });
  await withHostfile("#".repeat(4_000_001), async (path) => {
    await assert.rejects(readHostfile(path), /has more than 4000000 bytes/);
  });
});
