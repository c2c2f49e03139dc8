/**
 * A cluster of real processes that can be killed: a scheduler and workers, started from the command
 * line.
 */
import { popen, type Program } from "./popen.ts";

/** A process of the cluster. */
export interface ClusterProcess {
  address: string;
  program: Program;
}

/** A worker's process. */
export interface WorkerHandle extends ClusterProcess {
  name: string;
}

/** What {@linkcode withCluster} starts. */
export interface ProcessCluster {
  scheduler: ClusterProcess;
  workers: WorkerHandle[];
  /** Start one more worker. */
  startWorker(name: string, flags?: string[]): Promise<WorkerHandle>;
}

/** Which processes to start. */
export interface WithClusterOptions {
  /** Number of workers. Default: 2. */
  nworkers?: number;
  /** Threads of each. Default: 1. */
  nthreads?: number;
  /** More flags for each worker, such as "--allow-all". */
  flags?: string[];
}

/** Run `body` with a cluster of processes, and kill them all when it is over. */
export async function withCluster(
  options: WithClusterOptions,
  body: (cluster: ProcessCluster) => Promise<void>,
): Promise<void> {
  await using started = new AsyncDisposableStack();
  const program = started.use(popen("scheduler", ["--host", "127.0.0.1", "--port", "0"]));
  const address = (await program.printed(/Scheduler started at (\S+)/))[1];

  const startWorker = async (name: string, flags: string[] = options.flags ?? []) => {
    const nthreads = String(options.nthreads ?? 1);
    const program = started.use(
      // Without a nanny the program is the worker, and stays dead when it is killed.
      popen("worker", [address, "--no-nanny", "--name", name, "--nthreads", nthreads, ...flags]),
    );
    await program.printed(/Registered with/);
    const worker = { name, program, address: program.stdout.match(/Start worker at: +(\S+)/)![1] };
    cluster.workers.push(worker);
    return worker;
  };
  const cluster: ProcessCluster = {
    scheduler: { address, program },
    workers: [],
    startWorker,
  };
  const names = Array.from({ length: options.nworkers ?? 2 }, (_, i) => `worker-${i}`);
  await Promise.all(names.map((name) => startWorker(name)));
  cluster.workers.sort((a, b) => a.name < b.name ? -1 : 1);
  try {
    await body(cluster);
  } catch (error) {
    for (const { program } of [cluster.scheduler, ...cluster.workers]) {
      const words = (program.stdout + program.stderr).trim();
      if (words !== "") console.error(`--- process ${program.pid} printed:\n${words}`);
    }
    throw error;
  }
}
