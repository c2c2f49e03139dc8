/**
 * `dusk-remote`: runs scripts at a cluster for those who submit them, until it is told to stop.
 *
 * @module
 */
import { resolve } from "node:path";
import { getAddressHostPort, normalizeAddress } from "../comm/addresses.ts";
import { isLoopback, unparseHostPort } from "../comm/host_port.ts";
import type { Security } from "../comm/security.ts";
import { seconds } from "../config/kinds.ts";
import type { Settings } from "../config/settings.ts";
import { REMOTE_PORT } from "../deploy/remote/messages.ts";
import { SCRIPT_ARGUMENT, withNeeded } from "../deploy/remote/script_command.ts";
import { ScriptServer, UNPROTECTED } from "../deploy/remote/script_server.ts";
import { awaitSchedulerFile } from "./awaited_file.ts";
import {
  addExamples,
  type Command,
  commandLine,
  type ExitCode,
  FlagValueError,
  nonEmpty,
  ProgramError,
  runProgram,
  stdinOption,
  stopSignal,
  UsageError,
  wholeNumber,
} from "./command_line.ts";
import { defaultScheme, isPortTaken, programSecurity, withScheme } from "./endpoint.ts";
import { addressOfInterface } from "./network_interface.ts";
import { PidFile } from "./pid_file.ts";
import {
  addConfigFlags,
  addSecurityFlags,
  prepareProgram,
  programSettings,
  settingFlag,
} from "./setting_flags.ts";
import { addPermissionFlags, taskPermissions } from "./task_permissions.ts";

const DEFAULT_MAX_SCRIPTS = 16;
/** Seconds for which the scheduler file is waited for. */
const FILE_TIMEOUT = 30;
/** Most seconds of a time limit: what a timer takes. */
const LONGEST_LIMIT = 24 * 86_400;
/** The port of a scheduler, where its address has none. */
const SCHEDULER_PORT = 8786;

interface Flags {
  host?: string;
  interface?: string;
  port?: number;
  pidFile?: string;
  maxScripts?: number;
  timeLimit?: number;
}

function describeCommandLine(): Command {
  const command = commandLine(
    "dusk-remote",
    "Run scripts at a Dusk cluster for those who submit them with dusk-submit. Runs beside the\n" +
      "scheduler, and takes scripts only from those who have the cluster's token or a certificate.",
  );
  command.optionsGroup("Network:")
    .option(
      "--host <host>",
      "Host name or IP address to listen on. Default: all of this machine's.",
      nonEmpty,
    )
    .option(
      "--port <port>",
      "Port to listen on; 0 picks a free one. Default: 8788.",
      wholeNumber(0, 65535),
    )
    .option(
      "--interface <name>",
      "Listen on the address of this network interface, such as eth0 or ib0.",
      nonEmpty,
    );
  command.optionsGroup("Cluster:")
    .addOption(settingFlag(
      "--scheduler <address>",
      "client.scheduler",
      "Address of the scheduler. Default: 127.0.0.1:8786.",
    ))
    .addOption(settingFlag(
      "--scheduler-file <file>",
      "scheduler-file",
      "File that says where the scheduler is, in the place of an address.",
    ))
    .option("--pid-file <file>", "Write the process id into this file.", nonEmpty);
  command.optionsGroup("Scripts:")
    .option(
      "--max-scripts <count>",
      "How many may run at once; more are refused. Default: 16.",
      wholeNumber(1, 10_000),
    )
    .option(
      "--time-limit <time>",
      "How long one may run, such as 90s or 2h. Default: as long as it takes.",
      timeLimit,
    )
    .addOption(stdinOption());
  addPermissionFlags(
    command,
    "Permissions of scripts (default: to reach the cluster; as with Deno's own flags):",
  );
  addSecurityFlags(command, "client");
  addConfigFlags(command);
  addExamples(command, [
    ["Beside the scheduler, with the token of its cluster", "dusk-remote --token-file token"],
    [
      "Scripts may read /data and reach any host, for an hour",
      "dusk-remote --scheduler-file cluster.json --allow-read=/data --allow-net --time-limit 1h",
    ],
  ]);
  return command;
}

async function main(command: Command): Promise<ExitCode> {
  const settings = await programSettings(command);
  if (await prepareProgram(command, settings)) return 0;

  const stopped = stopSignal(command);
  const flags = command.opts<Flags>();
  const permissions = taskPermissions(command.opts());
  using _pidFile = flags.pidFile === undefined ? undefined : PidFile.claim(flags.pidFile);
  const scheduler = await findScheduler(settings, stopped);
  if (scheduler === undefined) return 0;
  const security = programSecurity(settings, "client", scheduler.token);
  const address = normalizeAddress(
    withScheme(scheduler.address, defaultScheme(settings, "client")),
  );
  const net = hostsOf(address);
  const read = filesOf(security);
  await using server = new ScriptServer({
    settings: scriptSettings(settings, security, address, permissions),
    permissions: withNeeded(permissions, { net, read }),
    env: { DUSK_SCHEDULER_ADDRESS: address },
    maxScripts: flags.maxScripts ?? DEFAULT_MAX_SCRIPTS,
    timeLimit: flags.timeLimit,
  });
  await listen(server, settings, flags, security);
  console.log(greeting(server.address, address, settings));

  await stopped;
  await server.close();
  console.log("Remote stopped");
  return 0;
}

/**
 * Where the scheduler is: as a flag says, or its file, or on this machine.
 *
 * @returns The scheduler; undefined: told to stop while waiting for its file.
 */
async function findScheduler(
  settings: Settings,
  stopped: Promise<unknown>,
): Promise<{ address: string; token?: string } | undefined> {
  const { "client.scheduler": address, "scheduler-file": file } = settings;
  const isFileNearer = file !== undefined &&
    settings.rank("scheduler-file") > settings.rank("client.scheduler");
  if (address !== undefined && !isFileNearer) return { address: withPort(address) };
  if (file === undefined) return { address: `127.0.0.1:${SCHEDULER_PORT}` };
  return await awaitSchedulerFile(file, FILE_TIMEOUT, stopped);
}

function withPort(address: string): string {
  return /:\d+$/.test(address) ? address : `${address}:${SCHEDULER_PORT}`;
}

/** What scripts go by. They have no files to read, unless they are let: so the token itself is among it. */
function scriptSettings(
  settings: Settings,
  security: Security,
  address: string,
  permissions: ReturnType<typeof taskPermissions>,
): Record<string, unknown> {
  const { token } = security.options;
  const [cert, key] = certificateOf(security);
  const values: Record<string, unknown> = {
    ...settings.values(),
    "client.scheduler": address,
    "security.token": token,
    "tls.client.cert": cert,
    "tls.client.key": key,
  };
  for (const name of ["security.token-file", "scheduler-file", "log-file"]) delete values[name];
  if (permissions === "inherit") return values;
  const given = permissions === "none" ? {} : permissions;
  // They reach the scheduler; and workers only where they may open any connection.
  if (given.net !== true) values["client.direct"] = false;
  // The compressor is read from its file.
  if (given.read !== true) values["comm.compression"] = "none";
  return values;
}

/** Where scripts must connect to: also where their own text may say that the scheduler is. */
function hostsOf(address: string): string[] {
  const [host, port] = getAddressHostPort(address);
  const hosts = new Set([host]);
  if (isLoopback(host) || host === "localhost") {
    for (const name of ["127.0.0.1", "localhost", "::1"]) hosts.add(name);
  }
  return [...hosts, "127.0.0.1"].map((name) => unparseHostPort(name, port));
}

/** Certificate and key that scripts present: the scheduler's, where this machine has no other. */
function certificateOf({ options }: Security): [cert: string | undefined, key: string | undefined] {
  const { tlsClientCert, tlsClientKey, tlsSchedulerCert, tlsSchedulerKey } = options;
  if (tlsClientCert !== undefined) return [tlsClientCert, tlsClientKey];
  return [tlsSchedulerCert, tlsSchedulerKey];
}

/** Certificates that scripts must read. */
function filesOf(security: Security): string[] {
  const files = [security.options.tlsCaFile, ...certificateOf(security)];
  return files.filter((file) => file !== undefined).map((file) => resolve(file));
}

async function listen(
  server: ScriptServer,
  settings: Settings,
  flags: Flags,
  security: Security,
): Promise<void> {
  const { port = REMOTE_PORT } = flags;
  if (flags.host !== undefined && flags.interface !== undefined) {
    throw new UsageError("a host and an interface are given: give one of --host and --interface");
  }
  const host = unparseHostPort(
    flags.host ?? (flags.interface === undefined ? "" : addressOfInterface(flags.interface)),
  );
  const hasOwn = security.options.tlsSchedulerCert !== undefined;
  const role = hasOwn ? "scheduler" : "client";
  const address = `${defaultScheme(settings, role)}://${host}:${port}`;
  if (security.options.token === undefined && !address.startsWith("tls://")) {
    throw new UsageError(UNPROTECTED);
  }
  try {
    await server.listen(address, { security: security.connection(role) });
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    throw new ProgramError(
      `${(error as Error).message}; name another port with --port, or 0 for any that is free`,
      { cause: error },
    );
  }
}

function greeting(address: string, scheduler: string, settings: Settings): string {
  const flags = address.startsWith("tls:")
    ? "--tls-ca-file CA.pem --tls-cert CLIENT.pem"
    : `--token-file ${settings["security.token-file"] ?? "FILE"}`;
  const remote = address.replace(/^tcp:\/\//, "");
  return [
    `Remote started at ${address}`,
    `Scripts connect to ${scheduler}`,
    `  submit a script:  dusk-submit ${flags} ${remote} script.ts`,
  ].join("\n");
}

function timeLimit(text: string): number {
  const kind = seconds();
  const value = kind.read(text);
  if (value === undefined || value > LONGEST_LIMIT) {
    throw new FlagValueError(`It must be ${kind.expected}, of 24 days at most.`);
  }
  return value;
}

if (import.meta.main) {
  if (Deno.build.standalone && Deno.args[0] === SCRIPT_ARGUMENT) {
    const { runScriptChild } = await import("../deploy/remote/script_child.ts");
    await runScriptChild();
  }
  await runProgram(describeCommandLine(), main);
}
