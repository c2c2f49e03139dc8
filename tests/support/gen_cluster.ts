/**
 * A cluster within one event loop: scheduler, workers and client, mostly over `inproc`, with every invariant
 * checked after each step, and all their state open to the test.
 */
import { Client } from "../../client/client.ts";
import type { Security } from "../../comm/security.ts";
import "../../deploy/use_thread.ts";
import { Scheduler, type SchedulerOptions } from "../../scheduler/scheduler.ts";
import { ClusterWorker, type ClusterWorkerOptions } from "../../worker/cluster_worker.ts";
import { printStories } from "./stories.ts";

/** What a test gets to work with. */
export interface GenCluster {
  client: Client;
  scheduler: Scheduler;
  workers: ClusterWorker[];
}

/** What cluster to make. */
export interface GenClusterOptions {
  /** What the scheduler listens on, and the workers in the same way. Default: "inproc://". */
  address?: string;
  /** Threads of each worker. Default: `[1, 2]`, two workers. */
  nthreads?: number[];
  /** Names of the workers. Default: "alice", "bob", … */
  names?: string[];
  /** Resources of each worker. */
  resources?: Record<string, number>[];
  /** Certificates and token of all of them. */
  security?: Security;
  /** More options of the scheduler. */
  scheduler?: SchedulerOptions;
  /** More options of all workers. */
  worker?: Partial<ClusterWorkerOptions>;
}

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/** Run `body` with a fresh cluster, and take it down after. On failure, tell what its tasks did. */
export async function genCluster(
  options: GenClusterOptions,
  body: (cluster: GenCluster) => Promise<void>,
): Promise<void> {
  await using started = new AsyncDisposableStack();
  const { security } = options;
  const scheduler = started.use(new Scheduler({ security, ...options.scheduler, validate: true }));
  await scheduler.start(options.address ?? "inproc://");
  const workers = (options.nthreads ?? [1, 2]).map((nthreads, i) => {
    const worker = new ClusterWorker({
      security,
      ...options.worker,
      schedulerAddress: scheduler.address,
      name: options.names?.[i] ?? NAMES[i] ?? `worker-${i}`,
      nthreads,
      resources: options.resources?.[i] ?? options.worker?.resources,
      validate: true,
    });
    started.defer(() => worker.close());
    return worker;
  });
  await Promise.all(workers.map((worker) => worker.start()));
  const client = started.use(await Client.connect(scheduler.address, { security }));
  try {
    await body({ client, scheduler, workers });
    for (const { faults } of [scheduler, ...workers]) if (faults.length > 0) throw faults[0];
  } catch (error) {
    printStories(scheduler.core);
    throw error;
  }
}
