/** Clusters with certificates and tokens, and who is kept out of them. */
import assert from "node:assert/strict";
import { AuthenticationError } from "../../comm/comm.ts";
import { Security, SecurityError } from "../../comm/security.ts";
import { Client } from "../../client/client.ts";
import { workerClient } from "../../mod.ts";
import { LocalCluster } from "../../deploy/local_cluster.ts";
import { ClusterWorker } from "../../worker/cluster_worker.ts";
import { LogLines } from "../comm/pair.ts";
import { tlsOptions, tlsSecurity } from "../support/certificates.ts";
import { genCluster } from "../support/gen_cluster.ts";

const TOKEN = "a secret of sixteen characters or more";

for (
  const [what, address, make] of [
    ["TLS", "tls://127.0.0.1:0", () => tlsSecurity({ requireEncryption: true })],
    ["a token", "tcp://127.0.0.1:0", () => Promise.resolve(new Security({ token: TOKEN }))],
    ["TLS and a token", "tls://127.0.0.1:0", () => tlsSecurity({ token: TOKEN })],
  ] as const
) {
  Deno.test(`a cluster with ${what} computes, moves data and launches tasks from tasks`, async () => {
    const security = await make();
    await genCluster(
      { address, security, names: ["alice", "bob"] },
      async ({ client, workers }) => {
        const scheme = address.slice(0, 3);
        for (const worker of workers) assert.equal(worker.address.slice(0, 3), scheme);
        const make = (n: number) => new Float64Array(n).fill(1);
        const sum = (all: Float64Array[]) => all.reduce((total, one) => total + one.length, 0);
        const parts = workers.map(({ address }) =>
          client.with({ workers: [address], pure: false }).submit(make, 100_000)
        );
        assert.equal(await client.submit(sum, parts).result(), 200_000);
        const [data] = await client.scatter([new Uint8Array(1_000_000)]);
        assert.equal(await client.submit((bytes: Uint8Array) => bytes.length, data).result(), 1e6);
        const nested = client.submit(async () => {
          await using own = await workerClient();
          return await own.submit((x: number) => x + 1, 41).result();
        });
        assert.equal(await nested.result(), 42);
        assert.equal((await client.gather(parts)).length, 2);
      },
    );
  });
}

Deno.test("who does not know the token joins no cluster, as worker or as client", async () => {
  using _log = new LogLines();
  const security = new Security({ token: TOKEN });
  await genCluster({ address: "tcp://127.0.0.1:0", security }, async ({ scheduler, client }) => {
    const wrong = new Security({ token: "another secret of many characters" });
    for (const stranger of [undefined, wrong]) {
      const options = { security: stranger };
      await assert.rejects(Client.connect(scheduler.address, options), AuthenticationError);
      const worker = new ClusterWorker({
        schedulerAddress: scheduler.address,
        nthreads: 1,
        ...options,
      });
      await assert.rejects(worker.start(), AuthenticationError);
    }
    assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
  });
});

Deno.test("a local cluster with certificates listens on tls://, and its client needs no more", async () => {
  const security = await tlsSecurity();
  await using cluster = await LocalCluster.create({ nWorkers: 1, schedulerPort: 0, security });
  const [inproc, tls] = cluster.scheduler.addresses;
  assert.match(inproc, /^inproc:/);
  assert.match(tls, /^tls:\/\/127\.0\.0\.1:/);
  await using client = await Client.connect({ schedulerAddress: tls, security });
  assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
  await using near = await Client.connect(cluster);
  assert.equal(await near.submit((x: number) => x + 1, 2).result(), 3);
});

Deno.test("a tls:// address without a certificate is refused before anything listens", async () => {
  const schedulerAddress = "tls://127.0.0.1:1";
  await assert.rejects(Client.connect(schedulerAddress), SecurityError);
  const { tlsCaFile, tlsSchedulerCert, tlsSchedulerKey } = await tlsOptions();
  const onlyScheduler = new Security({ tlsCaFile, tlsSchedulerCert, tlsSchedulerKey });
  const worker = new ClusterWorker({ schedulerAddress, nthreads: 1, security: onlyScheduler });
  await assert.rejects(worker.start(), /tlsCaFile, tlsWorkerCert/);
});
