/** A cluster over TLS, by the flags of its programs. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { Security } from "../../comm/security.ts";
import { authority } from "../support/certificates.ts";
import { compiledTest, startCompiled } from "../support/compiled.ts";
import { popen } from "../support/popen.ts";
import { outcome } from "../support/programs.ts";

/** Flags for an endpoint with a certificate of its own. */
async function tlsFlags(endpoint: string): Promise<string[]> {
  const ca = await authority();
  const { cert, key } = await ca.sign(endpoint);
  return ["--tls-ca-file", ca.cert, "--tls-cert", cert, "--tls-key", key];
}

Deno.test("--tls-ca-file, --tls-cert and --tls-key: programs use tls://, workers in children too", async () => {
  const [forScheduler, forWorker, ca] = await Promise.all([
    tlsFlags("scheduler"),
    tlsFlags("worker"),
    authority(),
  ]);
  await using scheduler = popen("scheduler", [
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    ...forScheduler,
  ]);
  const [, address] = await scheduler.printed(/Scheduler started at (tls:\/\/\S+)/);
  await scheduler.printed(/dusk-worker tls:\S+ --tls-ca-file CA.pem --tls-cert WORKER.pem/);
  // The scheme follows from the certificate.
  const location = address.replace("tls://", "");
  await using worker = popen("worker", [location, "--nthreads", "1", ...forWorker]);
  await worker.printed(/Start worker at: tls:\/\//);
  {
    const { cert, key } = await ca.sign("client");
    const security = new Security({ tlsCaFile: ca.cert, tlsClientCert: cert, tlsClientKey: key });
    await using client = await Client.connect(address, { security });
    assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
  }
  const plain = await outcome("worker", [`tcp://${location}`, "--death-timeout", "1"]);
  assert.equal(plain.code, 1);
  for (const program of [worker, scheduler]) {
    program.kill("SIGTERM");
    assert.equal((await program.status).code, 0, program.stderr);
  }
});

Deno.test("--tls-ca-file without a certificate to show is bad usage, and not plain TCP", async () => {
  const { cert } = await authority();
  for (const [program, ...args] of [["scheduler", "--port", "0"], ["worker", "127.0.0.1:1"]]) {
    const { code, stderr } = await outcome(program, [...args, "--tls-ca-file", cert]);
    assert.equal(code, 2);
    assert.match(stderr, /^dusk-\w+: --tls-ca-file is given without --tls-cert: [^\n]+\n$/);
  }
});

Deno.test("a certificate or key alone is told by the names of flags and settings", async () => {
  const alone = [
    [
      ["--tls-cert", "no.pem"],
      2,
      /: --tls-cert is given without --tls-ca-file \(setting tls.ca-file\)/,
    ],
    [
      ["--tls-key", "no.pem"],
      2,
      /: --tls-key is given without --tls-cert \(setting tls.scheduler.cert\)/,
    ],
  ] as const;
  for (const [flags, exitCode, message] of alone) {
    const { code, stderr } = await outcome("scheduler", ["--port", "0", ...flags]);
    assert.equal(code, exitCode);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /tls[A-Z]/);
  }
});

compiledTest(
  "a compiled program whose Deno has no mutual TLS refuses certificates in one line",
  async () => {
    const flags = await tlsFlags("scheduler");
    await using scheduler = startCompiled("dusk-scheduler", [
      "--host",
      "127.0.0.1",
      "--port",
      "0",
      ...flags,
    ]);
    // Compiled with a newer Deno, it works.
    const refusal = /^dusk-scheduler: .*tls.*Deno.*\n$/;
    const [words] = await scheduler.printed(/Scheduler started at tls:|dusk-scheduler: .*\n/);
    if (words.startsWith("dusk-scheduler")) {
      assert.equal((await scheduler.status).code, 1);
      assert.match(scheduler.stderr, refusal);
    }
  },
);
