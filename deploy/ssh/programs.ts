/**
 * What an SSHCluster starts on its hosts: the programs, their paths and their flags.
 *
 * @module
 */
import { version } from "../../config/version.ts";
import { isLoopback, unparseHostPort } from "../../comm/host_port.ts";
import type { SSHClusterOptions } from "./cluster_options.ts";
import { type RemoteProgram, shellPath } from "./remote_shell.ts";

/** Port of the scheduler when none is given. */
const DEFAULT_PORT = 8786;

/** A host, and the name by which the others reach it. */
interface Place {
  hostname: string;
}

/** Where copied programs are on a host, as a word of a shell script. */
export function remoteFolder(options: SSHClusterOptions): string {
  const { remoteDirectory } = options;
  if (remoteDirectory !== undefined) return shellPath(remoteDirectory);
  return '"${XDG_CACHE_HOME:-$HOME/.cache}"' + `/dusk/${version}`;
}

/**
 * The path of a program on the hosts, when it is not to be looked for.
 *
 * @param options Of the cluster.
 * @param name Which.
 */
export function remotePath(
  options: SSHClusterOptions,
  name: "dusk-scheduler" | "dusk-worker",
): string | undefined {
  const { remoteWorker, remoteScheduler } = options;
  if (name === "dusk-worker") return remoteWorker;
  return remoteScheduler ?? remoteWorker?.replace(/[^/]*$/, name);
}

/**
 * How the scheduler is started.
 *
 * @param options Of the cluster.
 * @param local Whether all hosts are this machine, under its loopback addresses.
 */
export function schedulerProgram(
  options: SSHClusterOptions,
  place: Place,
  local: boolean,
): RemoteProgram {
  return program(options, "dusk-scheduler", [
    ...local ? ["--host", place.hostname] : [],
    "--port",
    String(options.schedulerPort ?? DEFAULT_PORT),
    ...options.schedulerFlags ?? [],
  ]);
}

/**
 * How the worker of a host is started.
 *
 * @param options Of the cluster.
 * @param name What it is called.
 * @param schedulerAddress Address of the scheduler.
 */
export function workerProgram(
  options: SSHClusterOptions,
  place: Place,
  name: string,
  schedulerAddress: string,
): RemoteProgram {
  const { nthreads, nprocs, memoryLimit, localDirectory, bindHosts = true } = options;
  const flags: [string, string | number | undefined][] = [
    ["--name", name],
    ["--host", bindHosts ? place.hostname : undefined],
    ["--nthreads", nthreads],
    ["--nprocs", nprocs],
    ["--memory-limit", memoryLimit],
    ["--local-directory", localDirectory],
  ];
  return program(options, "dusk-worker", [
    schedulerAddress,
    ...flags.flatMap(([flag, value]) => value === undefined ? [] : [flag, String(value)]),
    ...options.workerFlags ?? [],
  ]);
}

/**
 * The address by which workers and clients reach the scheduler.
 *
 * @param announced What the scheduler prints that it listens on.
 * @param local Whether all hosts are this machine, under its loopback addresses.
 */
export function reachableAddress(announced: string, place: Place, local: boolean): string {
  const [, scheme, port] = announced.match(/^([a-z]+:\/\/).*?:(\d+)$/) ?? [];
  // Others do not reach it by a loopback address: the scheduler knows a better one.
  if (port === undefined || (isLoopback(place.hostname) && !local)) return announced;
  return `${scheme}${unparseHostPort(place.hostname, Number(port))}`;
}

function program(
  options: SSHClusterOptions,
  name: "dusk-scheduler" | "dusk-worker",
  args: string[],
): RemoteProgram {
  const folder = remoteFolder(options);
  const lifeline = ["--lifeline", String(Math.ceil(options.lostAfter ?? DEFAULT_LOST_AFTER))];
  // What was copied is what is meant, whatever else is in PATH there.
  const path = options.copy ? undefined : remotePath(options, name);
  return { name, path, copied: options.copy ?? false, folder, args: [...args, ...lifeline] };
}

/** Seconds without contact after which a connection counts as lost, when nothing else was said. */
export const DEFAULT_LOST_AFTER = 60;
