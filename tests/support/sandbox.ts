/** A cluster of worker processes whose tasks have no permission: what they need has to travel to them. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { LocalCluster } from "../../deploy/local_cluster.ts";

/**
 * Run `body` with a client of such a cluster.
 *
 * @param body What to do.
 * @param nWorkers How many processes, each with one thread. Default: 2.
 */
export async function withSandbox(
  body: (client: Client, cluster: LocalCluster) => Promise<void>,
  nWorkers = 2,
): Promise<void> {
  await using cluster = await LocalCluster.create({
    processes: true,
    nWorkers,
    threadsPerWorker: 1,
    permissions: "none",
    validate: true,
  });
  await using client = await Client.connect(cluster);
  await body(client, cluster);
  assert.deepEqual(cluster.scheduler.faults, []);
}
