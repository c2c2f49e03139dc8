/**
 * `dusk-scheduler`: runs the scheduler of a cluster until it is told to stop.
 *
 * @module
 */
import { Scheduler } from "../scheduler/scheduler.ts";
import { configureLogging } from "../config/logging.ts";
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

/** Port of the scheduler when none is given. */
const DEFAULT_PORT = 8786;

interface Flags {
  host?: string;
  port: number;
  validate: boolean;
  exitWithStdin: boolean;
}

function describeCommandLine(): Command {
  return commandLine("dusk-scheduler", "Run the scheduler of a Dusk cluster.")
    .option("--host <host>", "Address to listen on. Defaults to all of this machine's.", nonEmpty)
    .option(
      "--port <port>",
      "Port to listen on; 0 picks a free one.",
      wholeNumber(0, 65535),
      DEFAULT_PORT,
    )
    .option("--validate", "Check every invariant after each step. Slow; for debugging.", false)
    .addOption(
      new Option("--exit-with-stdin", "End when standard input ends.").default(false).hideHelp(),
    );
}

async function main(command: Command): Promise<ExitCode> {
  const flags = command.opts<Flags>();
  await configureLogging({ level: "info", format: "text" });
  if (flags.exitWithStdin) exitWithStdin();

  const stopped = stopSignal();
  const scheduler = new Scheduler({ validate: flags.validate });
  const host = flags.host === undefined || !flags.host.includes(":")
    ? flags.host ?? ""
    : `[${flags.host.replace(/^\[|\]$/g, "")}]`;
  try {
    await scheduler.start(`tcp://${host}:${flags.port}`);
  } catch (error) {
    throw new ProgramError(
      `cannot listen on ${host || "any address"}, port ${flags.port}: ${(error as Error).message}`,
    );
  }
  const address = scheduler.address;
  console.log(
    `Scheduler started at ${address}\n` +
      `  connect a worker:  dusk-worker ${address}\n` +
      `  connect a client:  await Client.connect("${address}")`,
  );

  await Promise.race([stopped, scheduler.finished]);
  await scheduler.close();
  console.log("Scheduler stopped");
  return 0;
}

if (import.meta.main) await runProgram(describeCommandLine(), main);
