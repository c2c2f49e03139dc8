/** Output of many hosts: under their names, in colour, in files, and never waiting for a slow terminal. */
import assert from "node:assert/strict";
import { BoundedWriter, type ByteSink } from "../../cli/bounded_writer.ts";
import { HostOutput } from "../../cli/host_output.ts";

/** A sink that keeps what it gets. */
class Kept implements ByteSink {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    // Less than was offered, as a pipe may do.
    const part = bytes.subarray(0, Math.max(1, bytes.length >> 1));
    this.text += new TextDecoder().decode(part);
    return Promise.resolve(part.length);
  }
}

Deno.test("each line stands under the name of its host", async () => {
  const [stdout, stderr] = [new Kept(), new Kept()];
  const output = new HostOutput({ stdout, stderr, colours: false });
  output.report({ kind: "output", host: "node1", program: "scheduler", line: "up" });
  output.report({ kind: "error", host: "node2", program: "worker", line: "hm" });
  output.report({ kind: "status", host: "node2", program: "worker", line: "is up" });
  output.report({ kind: "failure", host: "node1", program: "worker", line: "is lost: why" });
  output.say("all well");
  await output.close();
  assert.equal(stdout.text, "[node1 scheduler] up\n[node2] hm\ndusk-ssh: node2 is up\nall well\n");
  assert.equal(stderr.text, "dusk-ssh: node1 is lost: why\n");
});

Deno.test("on a terminal each host has a colour of its own", async () => {
  const stdout = new Kept();
  const output = new HostOutput({ stdout, stderr: new Kept(), colours: true });
  for (const host of ["a", "b", "a"]) {
    output.report({ kind: "output", host, program: "worker", line: "x" });
  }
  await output.close();
  // deno-lint-ignore no-control-regex
  const colours = [...stdout.text.matchAll(/\x1b\[(\d+)m\[\w\]\x1b\[0m x/g)].map(([, n]) => n);
  assert.equal(colours.length, 3);
  assert.equal(colours[0], colours[2]);
  assert.notEqual(colours[0], colours[1]);
});

Deno.test("each program has a file in the log directory, without names and colours", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const logDirectory = `${folder}/logs/of/today`;
    const output = new HostOutput({
      stdout: new Kept(),
      stderr: new Kept(),
      colours: true,
      logDirectory,
    });
    output.report({ kind: "output", host: "node1", program: "scheduler", line: "up" });
    output.report({ kind: "output", host: "[::1]:22", program: "worker", line: "one" });
    output.report({ kind: "failure", host: "[::1]:22", program: "worker", line: "is lost: why" });
    await output.close();
    const names = [...Deno.readDirSync(logDirectory)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["scheduler-node1.log", "worker-___1__22.log"]);
    const text = await Deno.readTextFile(`${logDirectory}/worker-___1__22.log`);
    assert.equal(text, "one\nis lost: why\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a log directory that cannot be written to is one sentence", () => {
  assert.throws(
    () =>
      new HostOutput({
        stdout: new Kept(),
        stderr: new Kept(),
        colours: false,
        logDirectory: "/dev/null/logs",
      }),
    /cannot write to the log directory \/dev\/null\/logs: .*--log-directory/,
  );
});

Deno.test("lines that come too fast are left out and counted", async () => {
  const kept = new Kept();
  const gate = Promise.withResolvers<void>();
  const writer = new BoundedWriter({
    write: async (bytes) => {
      await gate.promise;
      return await kept.write(bytes);
    },
  }, 20);
  for (let i = 0; i < 100; i++) writer.write(`line ${i}`);
  gate.resolve();
  await writer.flush();
  const lines = kept.text.trimEnd().split("\n");
  assert.equal(lines[0], "line 0");
  assert.equal(lines.at(-1), `(${100 - (lines.length - 1)} lines left out: they came too fast)`);
});

Deno.test("a sink that fails takes nothing more, and says why", async () => {
  let calls = 0;
  const writer = new BoundedWriter({
    write: () => {
      calls++;
      return Promise.reject(new Deno.errors.BrokenPipe("gone"));
    },
  });
  writer.write("one");
  await writer.flush();
  writer.write("two");
  await writer.flush();
  assert.equal(calls, 1);
  assert.ok(writer.failure instanceof Deno.errors.BrokenPipe);
});
