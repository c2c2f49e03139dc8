/**
 * Hosts that are reached by ssh, as people write them: `node1`, `me@node1:2222`, `[fe80::1]:22`, and
 * lists of them in a hostfile.
 *
 * @module
 */
import { AddressError, isIPv6, parseHostPort } from "../../comm/host_port.ts";
import { FileContentError, readSmallFile } from "../../config/small_file.ts";

/** A host to log in to. */
export interface SSHHost {
  /** What it is called in messages and logs: as it was written, without the user. */
  readonly name: string;
  /** Host name, alias of the ssh configuration, or IP address (IPv6 without brackets). */
  readonly host: string;
  /** Who logs in there, where that was said. */
  readonly username?: string;
  /** Port of its sshd, where that was said. */
  readonly port?: number;
}

/** A host that makes no sense, a list with one twice, or a hostfile that cannot be used. */
export class SSHHostError extends Error {
  /** Name of the class. */
  override name = "SSHHostError";
}

/** Most bytes of a hostfile; 100,000 hosts have room in it. */
const LARGEST_HOSTFILE = 4_000_000;

/**
 * Reads one host.
 *
 * @param text `host`, `user@host`, `host:port` or `user@host:port`; an IPv6 address stands in brackets
 *   where a port follows.
 * @returns The host.
 * @throws {SSHHostError} When the text is no host.
 */
export function parseHost(text: string): SSHHost {
  const at = text.lastIndexOf("@");
  const username = at < 0 ? undefined : text.slice(0, at);
  const name = text.slice(at + 1);
  if (username !== undefined && !/^[^\s\p{Cc}:@/-][^\s\p{Cc}:@/]*$/u.test(username)) {
    throw new SSHHostError(`"${text}" is no host: "${username}" is no user name`);
  }
  let host = name;
  let port: number | undefined;
  if (!isIPv6(name)) {
    try {
      ({ host, port } = parseHostPort(name));
    } catch (error) {
      if (error instanceof AddressError) throw new SSHHostError(error.message);
      throw error;
    }
  }
  // What begins with a dash would be an option to ssh.
  if (host === "" || host.startsWith("-") || /["'`$\\<>|;&(){}]/.test(host)) {
    throw new SSHHostError(`"${text}" is no host: write it as node1, user@node1 or user@node1:22`);
  }
  if (port === 0) throw new SSHHostError(`"${text}" is no host: nothing listens on port 0`);
  return { name, host, username, port };
}

/**
 * Reads a list of hosts.
 *
 * @param texts One host each, see {@linkcode parseHost}.
 * @returns The hosts, in the same order.
 * @throws {SSHHostError} When one is no host, or stands there twice.
 */
export function parseHosts(texts: readonly string[]): SSHHost[] {
  const hosts = texts.map(parseHost);
  const names = new Set<string>();
  for (const { name } of hosts) {
    if (names.has(name)) {
      throw new SSHHostError(
        `the host "${name}" is there twice: give each once (--nprocs starts more workers on each)`,
      );
    }
    names.add(name);
  }
  return hosts;
}

/**
 * Reads a hostfile: one host a line; empty lines and what follows a `#` do not count.
 *
 * @param path Path of the file.
 * @returns Its hosts as they are written, at least one.
 * @throws {SSHHostError} When the file cannot be read or has no hosts, or, with the line, when there is
 *   something else than a host or one for the second time.
 */
export async function readHostfile(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readSmallFile(path, LARGEST_HOSTFILE);
  } catch (error) {
    if (error instanceof FileContentError) {
      throw new SSHHostError(`the hostfile ${path} ${error.message}: is it a list of hosts?`);
    }
    throw new SSHHostError(`cannot read the hostfile ${path}: ${(error as Error).message}`);
  }
  const lineOf = new Map<string, number>();
  const hosts: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const written = line.replace(/(^|\s)#.*$/, "").trim();
    if (written === "") continue;
    let name: string;
    try {
      ({ name } = parseHost(written));
    } catch (error) {
      throw new SSHHostError(`${path}:${index + 1}: ${(error as Error).message}`);
    }
    const before = lineOf.get(name);
    if (before !== undefined) {
      throw new SSHHostError(
        `${path}:${index + 1}: the host "${name}" stands in line ${before} too`,
      );
    }
    lineOf.set(name, index + 1);
    hosts.push(written);
  }
  if (hosts.length === 0) {
    throw new SSHHostError(`the hostfile ${path} has no hosts: write one on each line`);
  }
  return hosts;
}
