/**
 * `dusk-ssh`: runs a cluster on machines that are reached by ssh, until it is told to stop.
 *
 * @module
 */
import { SecurityError } from "../comm/security_error.ts";
import { checkToken } from "../comm/token.ts";
import { removeSchedulerFile, writeSchedulerFile } from "../config/scheduler_file.ts";
import { FileContentError, readSmallFile } from "../config/small_file.ts";
import { SSHCluster, type SSHClusterOptions } from "../deploy/ssh_cluster.ts";
import { parseHosts, readHostfile, SSHHostError } from "../deploy/ssh/hosts.ts";
import {
  addExamples,
  type Command,
  commandLine,
  type ExitCode,
  nonEmpty,
  ProgramError,
  repeated,
  runProgram,
  stopSignal,
  UsageError,
  wholeNumber,
} from "./command_line.ts";
import { HostOutput } from "./host_output.ts";

/** A file with more bytes is no token. */
const LARGEST_TOKEN_FILE = 8192;

interface Flags {
  hostfile?: string;
  scheduler?: string;
  schedulerPort?: number;
  schedulerFile?: string;
  tokenFile?: string;
  nohost?: boolean;
  nthreads?: number;
  nprocs?: number;
  memoryLimit?: string;
  localDirectory?: string;
  workerOption?: string[];
  schedulerOption?: string[];
  remoteDuskWorker?: string;
  remoteDuskScheduler?: string;
  copy?: boolean;
  binaries?: string;
  remoteDirectory?: string;
  sshUsername?: string;
  sshPort?: number;
  sshPrivateKey?: string;
  sshConfig?: string;
  connectTimeout?: number;
  lostAfter?: number;
  logDirectory?: string;
}

/** The command line of dusk-ssh. */
export function describeCommandLine(): Command {
  const command = commandLine(
    "dusk-ssh",
    "Run a Dusk cluster on machines that are reached by ssh: a scheduler on the first of them and a " +
      "worker on each. Stops all of it when it ends itself. Give hosts as node1, me@node1 or node1:2222.",
  ).usage("[options] HOST...").argument("[hosts...]");

  command.optionsGroup("Hosts:")
    .option("--hostfile <file>", "More hosts, one a line; # begins a comment.", nonEmpty)
    .option("--scheduler <host>", "Host of the scheduler. Default: the first host.", nonEmpty)
    .option(
      "--scheduler-port <port>",
      "Port of the scheduler, 0 for any that is free. Default: 8786.",
      wholeNumber(0, 65535),
    )
    .option(
      "--nohost",
      "Let workers find out which address to listen on, instead of the name of their host.",
    );
  command.optionsGroup("Workers:")
    .option(
      "--nthreads <count>",
      "Threads of each worker. Default: the cores, divided among the workers of a host.",
      wholeNumber(1, 4096),
    )
    .option("--nprocs <count>", "Workers on each host. Default: 1.", wholeNumber(1, 4096))
    .option(
      "--memory-limit <bytes>",
      "Memory of each worker: 2e9, 4GB, 0 for no limit. Default: auto, which is 75 % of its host's, " +
        "divided among workers.",
      nonEmpty,
    )
    .option(
      "--local-directory <folder>",
      "Folder on the hosts for results that do not fit into memory. Default: the system's for " +
        "temporary files.",
      nonEmpty,
    )
    .option(
      "--worker-option <flag>",
      "One more flag of dusk-worker, such as --worker-option=--resources=GPU=2; can be repeated.",
      repeated,
    )
    .option("--scheduler-option <flag>", "The same for dusk-scheduler; can be repeated.", repeated);
  command.optionsGroup("Programs on the hosts:")
    .option("--remote-dusk-worker <path>", "Where dusk-worker is. Default: in PATH.", nonEmpty)
    .option(
      "--remote-dusk-scheduler <path>",
      "Where dusk-scheduler is. Default: beside dusk-worker.",
      nonEmpty,
    )
    .option("--copy", "Copy the programs onto hosts that do not have the same ones already.")
    .option(
      "--binaries <folder>",
      "Where the programs to copy are, as dusk-worker-TARGET or dusk-worker. Default: beside dusk-ssh.",
      nonEmpty,
    )
    .option(
      "--remote-directory <folder>",
      "Where to copy them to. Default: ~/.cache/dusk/VERSION.",
      nonEmpty,
    );
  command.optionsGroup("Logging in (where nothing is said, your ssh configuration decides):")
    .option("--ssh-username <name>", "Who logs in.", nonEmpty)
    .option("--ssh-port <port>", "Port of sshd.", wholeNumber(1, 65535))
    .option("--ssh-private-key <file>", "Private key to log in with.", nonEmpty)
    .option("--ssh-config <file>", "Another ssh configuration than ~/.ssh/config.", nonEmpty);
  command.optionsGroup("Clients:")
    .option(
      "--scheduler-file <file>",
      "Where to write how clients connect. Default: a temporary file.",
      nonEmpty,
    )
    .option(
      "--token-file <file>",
      "File with the secret that all of the cluster share (or DUSK_TOKEN). Default: a new one.",
      nonEmpty,
    );
  command.optionsGroup("Watching:")
    .option("--log-directory <folder>", "Write the output of each host into a file here.", nonEmpty)
    .option(
      "--connect-timeout <seconds>",
      "How long the scheduler, and then the workers, may take to come up. Default: 60.",
      wholeNumber(1, 86_400),
    )
    .option(
      "--lost-after <seconds>",
      "Silence after which either side takes a connection for lost. Default: 60.",
      wholeNumber(1, 86_400),
    );
  addExamples(command, [
    ["Four machines that have the programs in their PATH", "dusk-ssh 192.168.0.{1,2,3,4}"],
    [
      "Bare machines, and a scheduler on one of its own",
      "dusk-ssh --copy --scheduler head --hostfile hosts.txt",
    ],
    [
      "Two workers on each host, whose tasks may read /data",
      "dusk-ssh --nprocs 2 --worker-option=--allow-read=/data node1 node2",
    ],
  ]);
  return command;
}

async function main(command: Command): Promise<ExitCode> {
  const flags = command.opts<Flags>();
  const stopped = stopSignal();
  const hosts = await allHosts(command.args, flags);
  if (flags.copy && (flags.remoteDuskWorker ?? flags.remoteDuskScheduler) !== undefined) {
    throw new UsageError(
      "--copy does not go with --remote-dusk-worker and --remote-dusk-scheduler: " +
        "--remote-directory says where the copies go",
    );
  }
  const token = await givenToken(flags.tokenFile);
  await using output = new HostOutput({
    stdout: Deno.stdout,
    stderr: Deno.stderr,
    colours: Deno.stdout.isTerminal() && !Deno.noColor,
    logDirectory: flags.logDirectory,
  });
  await using cleanup = new AsyncDisposableStack();
  const file = flags.schedulerFile ?? await temporaryFile(cleanup);

  const abort = new AbortController();
  stopped.then(() => abort.abort(new Stopped()));
  let cluster: SSHCluster;
  try {
    cluster = await SSHCluster.create(
      { ...clusterOptions(hosts, flags), token, onReport: (report) => output.report(report) },
      abort.signal,
    );
  } catch (error) {
    if (error instanceof Stopped) return 0;
    throw new ProgramError((error as Error).message, { cause: error });
  }
  cleanup.use(cluster);

  const id = crypto.randomUUID();
  const { schedulerAddress: address } = cluster;
  await writeSchedulerFile(file, {
    address,
    addresses: [address],
    id,
    token: cluster.security.options.token,
    started: Date.now() / 1000,
  });
  cleanup.defer(() => removeSchedulerFile(file, id));
  const running = cluster.hosts.filter(({ status }) => status === "running").length;
  output.say(
    `Cluster started at ${address}: ${running} of ${hosts.length} hosts are up\n` +
      `  connect a client:  await Client.connect({ schedulerFile: ${JSON.stringify(file)} })\n` +
      `  stop all of it:    Ctrl-C`,
  );

  await Promise.race([stopped, cluster.finished]);
  const { failure } = cluster;
  await cluster.close();
  if (failure !== undefined) throw new ProgramError(failure.message);
  output.say("Cluster stopped");
  return 0;
}

/** Thrown to end a start that a signal has interrupted. */
class Stopped extends Error {}

/** The hosts of the command line and of the hostfile, as they are written. */
async function allHosts(args: readonly string[], flags: Flags): Promise<string[]> {
  const { hostfile, scheduler } = flags;
  try {
    parseHosts(args);
    if (scheduler !== undefined) parseHosts([scheduler]);
  } catch (error) {
    if (error instanceof SSHHostError) throw new UsageError(error.message);
    throw error;
  }
  const listed = hostfile === undefined ? [] : await readHostfile(hostfile);
  const hosts = [...args, ...listed];
  if (hosts.length === 0) {
    throw new UsageError("no hosts: name them, such as dusk-ssh node1 node2, or give a --hostfile");
  }
  parseHosts(hosts);
  return hosts;
}

function clusterOptions(hosts: string[], flags: Flags): SSHClusterOptions {
  return {
    hosts,
    scheduler: flags.scheduler,
    schedulerPort: flags.schedulerPort,
    nthreads: flags.nthreads,
    nprocs: flags.nprocs,
    memoryLimit: flags.memoryLimit,
    localDirectory: flags.localDirectory,
    workerFlags: flags.workerOption,
    schedulerFlags: flags.schedulerOption,
    bindHosts: !flags.nohost,
    username: flags.sshUsername,
    sshPort: flags.sshPort,
    privateKey: flags.sshPrivateKey,
    sshConfig: flags.sshConfig,
    remoteWorker: flags.remoteDuskWorker,
    remoteScheduler: flags.remoteDuskScheduler,
    copy: flags.copy,
    binaries: flags.binaries,
    remoteDirectory: flags.remoteDirectory,
    startTimeout: flags.connectTimeout,
    lostAfter: flags.lostAfter,
  };
}

/** The secret that the operator wants; undefined: one is to be made. */
async function givenToken(path: string | undefined): Promise<string | undefined> {
  const given = Deno.env.get("DUSK_TOKEN");
  // The calls of ssh get this environment, and it may be set to pass it on.
  Deno.env.delete("DUSK_TOKEN");
  if (path === undefined && given === undefined) return undefined;
  try {
    return checkToken(path === undefined ? given! : await readSmallFile(path, LARGEST_TOKEN_FILE));
  } catch (error) {
    if (error instanceof SecurityError) {
      const source = path === undefined ? "DUSK_TOKEN" : `--token-file ${JSON.stringify(path)}`;
      throw new ProgramError(`${source}: ${error.message}`);
    }
    const it = error instanceof FileContentError ? "it " : "";
    throw new ProgramError(`cannot read the token file ${path}: ${it}${(error as Error).message}`);
  }
}

/** A scheduler file in a folder that is this user's only, removed at the end. */
async function temporaryFile(cleanup: AsyncDisposableStack): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-ssh-" });
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  return `${folder}/scheduler.json`;
}

if (import.meta.main) await runProgram(describeCommandLine(), main);
