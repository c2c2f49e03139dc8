/**
 * `dusk-scheduler`: runs the scheduler of a cluster until it is told to stop.
 *
 * @module
 */
import { removeSchedulerFile, writeSchedulerFile } from "../config/scheduler_file.ts";
import type { Settings } from "../config/settings.ts";
import { schedulerOptions } from "../config/options.ts";
import { getAddressHost } from "../comm/addresses.ts";
import { isLoopback, unparseHostPort } from "../comm/host_port.ts";
import type { Security } from "../comm/security.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import {
  addExamples,
  type Command,
  commandLine,
  type ExitCode,
  ProgramError,
  runProgram,
  stdinOption,
  stopSignal,
  UsageError,
} from "./command_line.ts";
import { defaultScheme, isPortTaken, namedHost, programSecurity } from "./endpoint.ts";
import { heedLifeline, lifelineOption } from "./lifeline.ts";
import { PidFile } from "./pid_file.ts";
import { Preloads } from "./preload.ts";
import {
  addConfigFlags,
  addSecurityFlags,
  listFlag,
  prepareProgram,
  programSettings,
  settingFlag,
} from "./setting_flags.ts";

/** Seconds that the program has to end when it is hung up on. */
const END_TIMEOUT = 10;

function describeCommandLine(): Command {
  const command = commandLine(
    "dusk-scheduler",
    "Run the scheduler of a Dusk cluster. Workers and clients connect to it; it tells workers what\n" +
      "to compute. SIGTERM or Ctrl-C ends it, and with it the workers.",
  );
  command.optionsGroup("Network:")
    .addOption(settingFlag(
      "--host <host>",
      "scheduler.host",
      "Host name or IP address to listen on. Default: all of this machine's.",
    ))
    .addOption(settingFlag(
      "--port <port>",
      "scheduler.port",
      "Port to listen on; 0 picks a free one. Default: 8786.",
    ))
    .addOption(settingFlag(
      "--interface <name>",
      "scheduler.interface",
      "Listen on the address of this network interface, such as eth0 or ib0.",
    ))
    .addOption(settingFlag(
      "--dashboard-address <address>",
      "scheduler.dashboard-address",
      "HOST:PORT or :PORT for web pages. Default: :8787. Checked, but nothing is served there yet.",
    ));
  command.optionsGroup("Cluster:")
    .addOption(settingFlag(
      "--scheduler-file <file>",
      "scheduler-file",
      "Write how to connect into this file, for those who share the file system.",
    ))
    .addOption(settingFlag(
      "--pid-file <file>",
      "scheduler.pid-file",
      "Write the process id into this file.",
    ))
    .addOption(listFlag(
      "--preload <module>",
      "scheduler.preload",
      "File or URL of a module with duskSetup(scheduler); can be repeated.",
    ))
    .addOption(settingFlag(
      "--validate",
      "scheduler.validate",
      "Check every invariant after each step. Slow; for debugging.",
    ))
    .addOption(stdinOption())
    .addOption(lifelineOption());
  addSecurityFlags(command, "scheduler");
  addConfigFlags(command);
  addExamples(command, [
    ["On one machine, for itself", "dusk-scheduler --host 127.0.0.1"],
    [
      "For other machines, with a secret that workers and clients have, too",
      "openssl rand -hex 32 > token && dusk-scheduler --token-file token",
    ],
    [
      "Under a job scheduler, where machines share a file system",
      "dusk-scheduler --interface ib0 --scheduler-file ~/cluster.json",
    ],
  ]);
  return command;
}

async function main(command: Command): Promise<ExitCode> {
  const settings = await programSettings(command);
  if (await prepareProgram(command, settings)) return 0;

  const stopped = stopSignal(command);
  const { lifeline } = command.opts();
  if (lifeline !== undefined) void heedLifeline(lifeline, END_TIMEOUT);
  checkDashboardAddress(settings);
  const pidFile = settings["scheduler.pid-file"];
  using _pidFile = pidFile === undefined ? undefined : PidFile.claim(pidFile);
  const security = programSecurity(settings, "scheduler");
  const preloads = await Preloads.load(settings["scheduler.preload"]);
  await using scheduler = new Scheduler({ ...schedulerOptions(settings), security });
  await preloads.setup(scheduler);
  await listen(scheduler, settings);

  const file = settings["scheduler-file"];
  await using cleanup = new AsyncDisposableStack();
  if (file !== undefined) {
    const { address, addresses } = scheduler;
    const id = crypto.randomUUID();
    const { token } = security.options;
    const started = Date.now() / 1000;
    await writeSchedulerFile(file, { address, addresses: [...addresses], id, token, started });
    cleanup.defer(() => removeSchedulerFile(file, id));
  }
  // Whoever is at the other end of a lifeline knows how to connect.
  console.log(
    lifeline === undefined ? greeting(scheduler, settings, security) : startLine(scheduler),
  );

  await Promise.race([stopped, scheduler.finished]);
  await cleanup.disposeAsync();
  await preloads.teardown(scheduler);
  await scheduler.shutdown();
  console.log("Scheduler stopped");
  return 0;
}

async function listen(scheduler: Scheduler, settings: Settings): Promise<void> {
  const host = unparseHostPort(namedHost(settings, "scheduler") ?? "");
  const port = settings["scheduler.port"];
  const address = `${defaultScheme(settings, "scheduler")}://${host}:${port}`;
  try {
    await scheduler.start(address);
  } catch (error) {
    // The address is said here.
    const why = (error as Error).message.replace(/^cannot listen on \S+: /, "");
    throw new ProgramError(
      `cannot listen on ${host || "any address"}, port ${port}: ${why}` +
        (isPortTaken(error) ? "; name another with --port, or 0 for any that is free" : ""),
      { cause: error },
    );
  }
}

function startLine({ addresses }: Scheduler): string {
  return `Scheduler started at ${addresses.join(", ")}`;
}

/** What an operator needs to know next. */
function greeting(scheduler: Scheduler, settings: Settings, security: Security): string {
  const { address } = scheduler;
  const file = settings["scheduler-file"];
  const flags: string[] = [];
  const options: string[] = [];
  if (file !== undefined) {
    flags.push(`--scheduler-file ${file}`);
    options.push(`schedulerFile: ${JSON.stringify(file)}`);
  } else if (security.options.token !== undefined) {
    flags.push(`--token-file ${settings["security.token-file"] ?? "FILE"}`);
    options.push("security: new Security({ token })");
  }
  if (address.startsWith("tls:")) {
    flags.push("--tls-ca-file CA.pem --tls-cert WORKER.pem");
    options.push('security: new Security({ tlsCaFile: "CA.pem", tlsClientCert: "CLIENT.pem" })');
  }
  const where = file === undefined ? [address] : [];
  const connect = file === undefined ? [JSON.stringify(address)] : [];
  if (options.length > 0) connect.push(`{ ${options.join(", ")} }`);
  const lines = [
    startLine(scheduler),
    `  connect a worker:  ${["dusk-worker", ...where, ...flags].join(" ")}`,
    `  connect a client:  await Client.connect(${connect.join(", ")})`,
  ];
  if (isOpenInVain(scheduler, security)) {
    lines.push(
      "  Only this machine can connect: for others give all of the cluster a token (--token-file or",
      "  DUSK_TOKEN), use TLS, or let anybody in with --insecure",
    );
  }
  return lines.join("\n");
}

/** Whether others reach its port, and are refused. */
function isOpenInVain(scheduler: Scheduler, security: Security): boolean {
  const { token, insecure } = security.options;
  return token === undefined && insecure !== true &&
    scheduler.addresses.some((address) =>
      address.startsWith("tcp://") && !isLoopback(getAddressHost(address))
    );
}

function checkDashboardAddress(settings: Settings): void {
  const name = "scheduler.dashboard-address";
  const address = settings[name];
  const port = address.match(/^(?:\[[\da-f:.]+\]|[^\s:/]*):(\d{1,5})$/i)?.[1] ??
    address.match(/^\d{1,5}$/)?.[0];
  if (port !== undefined && Number(port) <= 65535) return;
  throw new UsageError(
    `${
      settings.origin(name)
    }: the address of web pages must be HOST:PORT or :PORT, such as :8787; ` +
      `got ${JSON.stringify(address)}`,
  );
}

if (import.meta.main) await runProgram(describeCommandLine(), main);
