/**
 * `dusk-worker`: runs one or several workers of a cluster, each in a process under a nanny, until they,
 * or the cluster, are told to stop.
 *
 * @module
 */
import { getLogger } from "../config/logger.ts";
import type { Settings } from "../config/settings.ts";
import { CHILD_ARGUMENT } from "../worker/worker_program.ts";
import { awaitSchedulerFile } from "./awaited_file.ts";
import {
  addExamples,
  type Command,
  commandLine,
  type ExitCode,
  runProgram,
  stdinOption,
  stopSignal,
  UsageError,
} from "./command_line.ts";
import { defaultScheme, programSecurity, withScheme } from "./endpoint.ts";
import { heedLifeline, lifelineOption } from "./lifeline.ts";
import { PidFile } from "./pid_file.ts";
import {
  addConfigFlags,
  addSecurityFlags,
  listFlag,
  prepareProgram,
  programSettings,
  settingFlag,
} from "./setting_flags.ts";
import { addPermissionFlags, taskPermissions } from "./task_permissions.ts";
import { memoryWarning, planWorkers, type WorkerPlace } from "./worker_options.ts";

/** How often it is said that the scheduler is still not there, in seconds. */
const NOTICE_INTERVAL = 10;
/** Seconds that the program has to end when it is hung up on, beyond those that workers have to leave. */
const END_TIMEOUT = 10;
/** Longest wait that timers can do, in seconds; longer ones are for ever. */
const FOR_EVER = 1e6;

function describeCommandLine(): Command {
  const command = commandLine(
    "dusk-worker",
    "Run a worker of a Dusk cluster, or several. Each runs in a process of its own under a nanny, which\n" +
      "starts it again when it dies. SIGTERM or Ctrl-C has it hand its results to others and leave; a\n" +
      "second Ctrl-C ends it at once.",
  )
    .usage("[options] ADDRESS | --scheduler-file <file>")
    .argument("[address]", "Address of the scheduler, such as tcp://192.168.0.1:8786.");
  command.optionsGroup("Network:")
    .addOption(settingFlag(
      "--host <host>",
      "worker.host",
      "Host name or IP address to listen on. Default: the one towards the scheduler.",
    ))
    .addOption(settingFlag(
      "--interface <name>",
      "worker.interface",
      "Listen on the address of this network interface, such as eth0 or ib0.",
    ))
    .addOption(settingFlag(
      "--worker-port <port>",
      "worker.port",
      "Port to listen on; with --nprocs the first of so many. Default: any that is free.",
    ))
    .addOption(settingFlag(
      "--nanny-port <port>",
      "worker.nanny-port",
      "Port where the nanny can be asked, 0 for any; with --nprocs the first. Default: none.",
    ));
  command.optionsGroup("Cluster:")
    .addOption(settingFlag(
      "--scheduler-file <file>",
      "scheduler-file",
      "Wait for this file, which the scheduler writes, and connect as it says.",
    ))
    .addOption(settingFlag(
      "--name <name>",
      "worker.name",
      "Name of the worker, unique in the cluster; with --nprocs NAME-0, NAME-1, …",
    ))
    .addOption(settingFlag(
      "--death-timeout <time>",
      "worker.death-timeout",
      "How long to look for the scheduler before giving up, such as 60 or 5min. " +
        "Default: 30s for an address at first; no end for a file, or when the scheduler is lost.",
    ))
    .addOption(settingFlag("--reconnect", "worker.reconnect", "").hideHelp())
    .addOption(settingFlag(
      "--no-reconnect",
      "worker.reconnect",
      "End when the connection to the scheduler is lost (--reconnect is the default).",
    ))
    .addOption(settingFlag("--nanny", "worker.nanny", "").hideHelp())
    .addOption(settingFlag(
      "--no-nanny",
      "worker.nanny",
      "Run the worker in this process, which nobody restarts (--nanny is the default).",
    ))
    .addOption(listFlag(
      "--preload <module>",
      "worker.preload",
      "File or URL of a module with duskSetup(worker); can be repeated.",
    ))
    .addOption(settingFlag(
      "--pid-file <file>",
      "worker.pid-file",
      "Write the process id into this file.",
    ))
    .addOption(settingFlag(
      "--validate",
      "worker.validate",
      "Check every invariant after each step. Slow; for debugging.",
    ))
    .addOption(stdinOption())
    .addOption(lifelineOption());
  command.optionsGroup("Resources:")
    .addOption(settingFlag(
      "--nthreads <count>",
      "worker.nthreads",
      "Threads of each worker that run tasks. Default: the cores, divided among workers.",
    ))
    .addOption(settingFlag("--nprocs <count>", "worker.nprocs", "Number of workers. Default: 1."))
    .addOption(settingFlag(
      "--memory-limit <bytes>",
      "worker.memory.limit",
      "Memory of each worker: 2e9, 4GB, 0 for no limit. Default: auto, which " +
        "is 75 % of the machine's, divided among workers.",
    ))
    .addOption(settingFlag(
      "--local-directory <folder>",
      "worker.local-directory",
      "Folder for results that do not fit into memory. Default: the system's for temporary files.",
    ))
    .addOption(settingFlag(
      "--resources <list>",
      "worker.resources",
      "What each worker has of what tasks can ask for, such as GPU=2,MEMORY=100e9.",
    ));
  addPermissionFlags(command, "Permissions of tasks (default: none; as with Deno's own flags):");
  addSecurityFlags(command, "worker");
  addConfigFlags(command);
  addExamples(command, [
    [
      "One worker, with a thread for each core",
      "dusk-worker tcp://192.168.0.1:8786 --token-file token",
    ],
    [
      "Four workers of two threads, whose tasks read /data and ask one server",
      "dusk-worker 192.168.0.1:8786 --nprocs 4 --nthreads 2 --allow-read=/data --allow-net=10.0.0.7",
    ],
    [
      "Under a job scheduler, where machines share a file system",
      "dusk-worker --scheduler-file ~/cluster.json --interface ib0 --death-timeout 5min",
    ],
  ]);
  return command;
}

async function main(command: Command): Promise<ExitCode> {
  const settings = await programSettings(command);
  if (await prepareProgram(command, settings)) return 0;

  const stopped = stopSignal(command);
  const { lifeline } = command.opts();
  const grace = settings["worker.leave-timeout"] + END_TIMEOUT;
  if (lifeline !== undefined) void heedLifeline(lifeline, grace);
  const permissions = taskPermissions(command.opts());
  const source = schedulerSource(command, settings);
  const pidFile = settings["worker.pid-file"];
  using _pidFile = pidFile === undefined ? undefined : PidFile.claim(pidFile);
  const found = await findScheduler(source, settings, stopped);
  if (found === undefined) return 0;
  const security = programSecurity(settings, "worker", found.token);
  const schedulerAddress = withScheme(found.address, defaultScheme(settings, "worker"));
  const place: WorkerPlace = { schedulerAddress, security, permissions };
  const plans = planWorkers(settings, place);
  const warning = memoryWarning(plans[0].worker);
  if (warning !== undefined) getLogger("distributed.worker").warn(warning);
  console.log(`Waiting to connect to: ${schedulerAddress}`);
  const stopNotices = notices(`connect to: ${schedulerAddress}`);
  const run = { settings, place, plans, stopped, onJoined: stopNotices };
  try {
    if (settings["worker.nanny"]) {
      const { runNannies } = await import("./nannied_workers.ts");
      await runNannies(run);
    } else {
      const { runWorker } = await import("./lone_worker.ts");
      await runWorker(run);
    }
  } finally {
    stopNotices();
  }
  console.log("Worker stopped");
  return 0;
}

/** Where to look for the scheduler. */
type SchedulerSource = { address: string } | { file: string };

function schedulerSource(command: Command, settings: Settings): SchedulerSource {
  const address: string | undefined = command.args[0];
  const file = settings["scheduler-file"];
  if (address !== undefined) {
    if (file !== undefined && settings.origin("scheduler-file") === "--scheduler-file") {
      throw new UsageError("an address and --scheduler-file are given: give one of them");
    }
    if (address.trim() === "") throw new UsageError("the scheduler's address is empty");
    return { address };
  }
  if (file === undefined) {
    throw new UsageError(
      "the scheduler is not named: give its address, such as tcp://192.168.0.1:8786, or " +
        "--scheduler-file",
    );
  }
  return { file };
}

/** @returns The scheduler; undefined: told to stop while waiting for its file. */
async function findScheduler(
  source: SchedulerSource,
  settings: Settings,
  stopped: Promise<unknown>,
): Promise<{ address: string; token?: string } | undefined> {
  if ("address" in source) return source;
  const timeout = Math.min(settings["worker.death-timeout"] ?? FOR_EVER, FOR_EVER);
  const timer = setTimeout(() => console.log(`Waiting for the file ${source.file}`), 1000);
  const stopNotices = notices(`see the file ${source.file}`);
  try {
    return await awaitSchedulerFile(source.file, timeout, stopped);
  } finally {
    clearTimeout(timer);
    stopNotices();
  }
}

/** Say now and then that something is still waited for, until the returned function is called. */
function notices(what: string): () => void {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += NOTICE_INTERVAL;
    console.log(`Still waiting to ${what} (${seconds} s)`);
  }, NOTICE_INTERVAL * 1000);
  return () => clearInterval(timer);
}

if (import.meta.main) {
  if (Deno.args[0] === CHILD_ARGUMENT) {
    const { runChild } = await import("./worker_child.ts");
    await runChild();
  }
  await runProgram(describeCommandLine(), main);
}
