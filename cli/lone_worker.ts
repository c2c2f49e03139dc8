/**
 * `dusk-worker --no-nanny`: the worker in this process.
 *
 * @module
 */
import "../deploy/use_thread.ts";
import { ClusterWorker } from "../worker/cluster_worker.ts";
import { ProgramError } from "./command_line.ts";
import { Preloads } from "./preload.ts";
import { announce, cannotJoin, type WorkerRun } from "./worker_options.ts";

/**
 * Run the worker until it has left, or is told to.
 *
 * @param run What to run; it has one plan.
 * @throws {ProgramError} When it cannot join the cluster, or fails later.
 */
export async function runWorker(run: WorkerRun): Promise<void> {
  const { settings, plans, stopped } = run;
  const { schedulerAddress } = run.place;
  const preloads = await Preloads.load(settings["worker.preload"]);
  let worker: ClusterWorker;
  try {
    worker = new ClusterWorker(plans[0].worker);
  } catch (error) {
    throw cannotJoin(schedulerAddress, error as Error);
  }
  await preloads.setup(worker);
  let hasJoined: boolean;
  try {
    // A signal ends the start as well: once the worker is closed, below, its start fails.
    const joined = worker.start().then(() => true);
    joined.catch(() => {});
    hasJoined = await Promise.race([joined, stopped.then(() => false)]);
  } catch (error) {
    await preloads.teardown(worker);
    throw cannotJoin(schedulerAddress, error as Error);
  }
  const reason = "stopped by a signal";
  if (hasJoined) {
    run.onJoined();
    announce(worker.address, schedulerAddress);
    await Promise.race([stopped, worker.finished]);
    await worker.closeGracefully({ reason, timeout: settings["worker.leave-timeout"] });
  }
  await preloads.teardown(worker);
  await worker.close({ reason });
  if (worker.failure !== undefined) throw new ProgramError(worker.failure.message);
}
