/**
 * `dusk-worker`: runs one worker of a cluster until it, or the cluster, is told to stop.
 *
 * @module
 */
import { configureLogging } from "../config/logging.ts";
import "../deploy/use_thread.ts";
import { ClusterWorker, type ClusterWorkerOptions } from "../worker/cluster_worker.ts";
import { CHILD_ARGUMENT } from "../worker/worker_program.ts";
import {
  type Command,
  commandLine,
  type ExitCode,
  exitWithStdin,
  nonEmpty,
  Option,
  ProgramError,
  runProgram,
  stopSignal,
  wholeNumber,
} from "./command_line.ts";

interface Flags {
  nthreads?: number;
  name?: string;
  host?: string;
  port: number;
  connectTimeout: number;
  allowAll: boolean;
  validate: boolean;
  quiet: boolean;
  settings?: string;
  exitWithStdin: boolean;
}

function describeCommandLine(): Command {
  return commandLine("dusk-worker", "Run a worker of a Dusk cluster.")
    .argument("<scheduler>", "Address of the scheduler, such as tcp://192.168.0.1:8786.", nonEmpty)
    .option(
      "--nthreads <count>",
      "Number of threads that run tasks. Defaults to the number of cores.",
      wholeNumber(1, 4096),
    )
    .option("--name <name>", "Name of the worker, unique in the cluster.", nonEmpty)
    .option(
      "--host <host>",
      "Address to listen on. Defaults to the one that the scheduler sees.",
      nonEmpty,
    )
    .option("--port <port>", "Port to listen on; 0 picks a free one.", wholeNumber(0, 65535), 0)
    .option(
      "--connect-timeout <seconds>",
      "How long to try to reach the scheduler.",
      wholeNumber(1, 1_000_000),
      30,
    )
    .option("-A, --allow-all", "Give tasks all permissions. By default they have none.", false)
    .option("--validate", "Check every invariant after each step. Slow; for debugging.", false)
    .option("--quiet", "Print nothing but errors.", false)
    .addOption(new Option("--settings <json>", "More options of the worker.").hideHelp())
    .addOption(
      new Option("--exit-with-stdin", "End when standard input ends.").default(false).hideHelp(),
    );
}

async function main(command: Command): Promise<ExitCode> {
  const flags = command.opts<Flags>();
  if (flags.exitWithStdin) exitWithStdin();
  await configureLogging({ level: flags.quiet ? "error" : "info", format: "text" });

  const stopped = stopSignal();
  const settings = readSettings(flags.settings);
  let worker: ClusterWorker;
  try {
    worker = new ClusterWorker({
      permissions: flags.allowAll ? "inherit" : "none",
      ...settings,
      schedulerAddress: command.args[0],
      name: flags.name,
      nthreads: flags.nthreads,
      host: flags.host,
      port: flags.port,
      connectTimeout: flags.connectTimeout,
      validate: flags.validate || settings.validate,
    });
    if (!flags.quiet) console.log(`Waiting to connect to: ${worker.schedulerAddress}`);
    // A signal ends the start as well: once the worker is closed, below, its start fails.
    const joined = await Promise.race([worker.start().then(() => true), stopped.then(() => false)]);
    if (joined && !flags.quiet) {
      const { address, schedulerAddress } = worker;
      console.log(`Start worker at: ${address}\nRegistered with: ${schedulerAddress}`);
    }
  } catch (error) {
    throw new ProgramError(`cannot join ${command.args[0]}: ${(error as Error).message}`);
  }
  await Promise.race([stopped, worker.finished]);
  await worker.close({ reason: "stopped by a signal" });
  if (worker.failure !== undefined) throw new ProgramError(worker.failure.message);
  if (!flags.quiet) console.log("Worker stopped");
  return 0;
}

/** Options of `ClusterWorker` for which there is no flag, from a parent that is a Dusk program too. */
function readSettings(text: string | undefined): Partial<ClusterWorkerOptions> {
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ProgramError(`--settings must be JSON: ${(error as Error).message}`);
  }
}

/** A worker that a nanny runs: all that it has to know comes on standard input. */
async function runChild(): Promise<never> {
  const { runWorkerChild } = await import("../worker/nanny_child.ts");
  return await runWorkerChild({
    prepare: () => configureLogging({ level: "info", format: "text" }),
  });
}

if (import.meta.main) {
  if (Deno.args[0] === CHILD_ARGUMENT) await runChild();
  await runProgram(describeCommandLine(), main);
}
