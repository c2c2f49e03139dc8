/**
 * How this machine's `ssh` is called: which options each call has, and what the user's own
 * configuration says about a host.
 *
 * @module
 */
import type { SSHHost } from "./hosts.ts";
import { RUN_SCRIPT } from "./remote_shell.ts";

/** How to log in, for all hosts. What is not said here is up to the user's ssh configuration. */
export interface SSHLogin {
  /** Who logs in, on hosts that do not say it themselves. */
  username?: string;
  /** Port of sshd, on hosts that do not say it themselves. */
  port?: number;
  /** File with the private key. */
  privateKey?: string;
  /** File with the ssh configuration, instead of the user's and the machine's. */
  config?: string;
  /** The program. Default: "ssh". */
  program?: string;
  /** Seconds without a word from the host until the connection counts as lost. */
  lostAfter: number;
}

/** The machine has no ssh, or it cannot be called. */
export class NoSSHError extends Error {
  /** Name of the class. */
  override name = "NoSSHError";
}

/** Longest time that the connection to a host may take to come up, in seconds. */
const LONGEST_CONNECT = 15;
/** How often ssh asks a silent host for a sign of life before it gives up. */
const ASKED = 3;

/** The program that is called. */
export function sshProgram(login: SSHLogin): string {
  return login.program ?? "ssh";
}

/**
 * Arguments of ssh for a script on a host, see {@linkcode RUN_SCRIPT}. It asks no questions, forwards
 * nothing, and notices a dead connection. Whether a host's key is good is up to the user's configuration.
 *
 * @param host The host.
 * @param login How to log in.
 */
export function sshArguments(host: SSHHost, login: SSHLogin): string[] {
  const options = {
    BatchMode: "yes",
    ConnectTimeout: Math.min(LONGEST_CONNECT, Math.ceil(login.lostAfter)),
    ServerAliveInterval: Math.max(1, Math.round(login.lostAfter / (ASKED + 1))),
    ServerAliveCountMax: ASKED,
    ClearAllForwardings: "yes",
    PermitLocalCommand: "no",
    RemoteCommand: "none",
    LogLevel: "ERROR",
  };
  return [
    "-T",
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...destination(host, login),
    RUN_SCRIPT,
  ];
}

/**
 * The name under which the user's ssh configuration has a host reached, which is the one by which the
 * hosts reach each other.
 *
 * @param host The host.
 * @param login How to log in.
 * @returns Host name or IP address.
 * @throws {NoSSHError} When ssh cannot be called, or does not like its configuration.
 */
export async function hostnameOf(host: SSHHost, login: SSHLogin): Promise<string> {
  const args = ["-G", ...destination(host, login)];
  try {
    const { success, stdout, stderr } = await new Deno.Command(sshProgram(login), {
      args,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new NoSSHError(`ssh: ${decoder.decode(stderr).trim()}`);
    return decoder.decode(stdout).match(/^hostname (\S+)$/m)?.[1] ?? host.host;
  } catch (error) {
    throw sshFailure(error, login);
  }
}

/** In the words of this program: why ssh could not be called. */
export function sshFailure(error: unknown, login: SSHLogin): Error {
  if (error instanceof NoSSHError) return error;
  const program = sshProgram(login);
  if (error instanceof Deno.errors.NotFound) {
    return new NoSSHError(`there is no ${program} on this machine: install OpenSSH's client`);
  }
  return new NoSSHError(`cannot call ${program}: ${(error as Error).message}`, { cause: error });
}

function destination(host: SSHHost, login: SSHLogin): string[] {
  const args: string[] = [];
  const port = host.port ?? login.port;
  const username = host.username ?? login.username;
  if (login.config !== undefined) args.push("-F", login.config);
  if (port !== undefined) args.push("-p", String(port));
  if (username !== undefined) args.push("-l", username);
  if (login.privateKey !== undefined) {
    args.push("-i", login.privateKey, "-o", "IdentitiesOnly=yes");
  }
  return [...args, "--", host.host];
}
