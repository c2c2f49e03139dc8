/**
 * `dusk-worker` with nannies: one for each worker, all in this process, the workers in theirs.
 *
 * @module
 */
import type { Security } from "../comm/security.ts";
import type { SettingName, Settings } from "../config/settings.ts";
import { Nanny } from "../worker/nanny.ts";
import { CHILD_ARGUMENT } from "../worker/worker_program.ts";
import { ProgramError } from "./command_line.ts";
import { announce, cannotJoin, type WorkerRun } from "./worker_options.ts";

/** Seconds that a worker's process has to end beyond those that the worker has to leave. */
const END_TIMEOUT = 5;

/**
 * Run the workers until they have left, or are told to.
 *
 * @param run What to run.
 * @throws {ProgramError} When one cannot join the cluster: none stays then. And when all have ended, one
 *   of them by a failure.
 */
export async function runNannies(run: WorkerRun): Promise<void> {
  const { settings, place, plans, stopped } = run;
  const { schedulerAddress } = place;
  const timeout = settings["worker.leave-timeout"] + END_TIMEOUT;
  const nannies = plans.map(({ worker, nannyPort }) =>
    new Nanny({
      ...worker,
      nannyPort,
      memoryTerminate: settings["worker.memory.terminate"],
      command: Deno.build.standalone ? [Deno.execPath(), CHILD_ARGUMENT] : undefined,
      preload: settings["worker.preload"],
      program: { settings: childValues(settings, place.security) },
    })
  );
  const closeAll = (reason: string) =>
    Promise.all(nannies.map((nanny) => nanny.close({ reason, timeout })));

  try {
    const joined = Promise.all(nannies.map((nanny) => nanny.start())).then(() => true);
    // A signal ends the start as well: once the nannies are closed, below, it fails.
    joined.catch(() => {});
    if (await Promise.race([joined, stopped.then(() => false)])) {
      run.onJoined();
      for (const { workerAddress } of nannies) announce(workerAddress, schedulerAddress);
    }
  } catch (error) {
    await closeAll("another worker of the same program could not start");
    throw cannotJoin(schedulerAddress, error as Error);
  }
  const finished = Promise.all(nannies.map((nanny) => nanny.finished));
  await Promise.race([stopped, finished]);
  await closeAll("stopped by a signal");
  const failed = nannies.find((nanny) => nanny.failure !== undefined);
  if (failed !== undefined) throw new ProgramError(failed.failure!.message);
}

/** What was said of settings, for the process of a worker. A token's file may be a pipe, read by now. */
function childValues(settings: Settings, security: Security): Record<string, unknown> {
  const said = Object.entries(settings.values()).filter(([name]) =>
    settings.rank(name as SettingName) > 0 && name !== "security.token-file"
  );
  return { ...Object.fromEntries(said), "security.token": security.options.token };
}
