/**
 * A short script on a host: runs it to its end and gives what it printed.
 *
 * @module
 */
import type { SSHHost } from "./hosts.ts";
import { type SSHEnd, SSHSession } from "./session.ts";
import type { SSHLogin } from "./ssh_command.ts";

/** How a script ended, and what it printed. */
export interface HostCommandResult extends SSHEnd {
  /** The lines on standard output. */
  readonly lines: readonly string[];
}

/** Most lines that are kept of what a script prints. */
const MOST_LINES = 1_000;

/** Options of {@linkcode runOnHost}. */
export interface HostCommandOptions {
  /** The host. */
  host: SSHHost;
  /** How to log in. */
  login: SSHLogin;
  /** Lines for POSIX sh. */
  script: string;
  /** What the script reads from standard input. */
  input?: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Ends it. */
  signal: AbortSignal;
}

/**
 * Run a script on a host to its end.
 *
 * @param options Which and where.
 * @returns How it ended; a failure of ssh is an end, too.
 * @throws {NoSSHError} When this machine has no ssh.
 * @throws What the signal was aborted with, or reading the input threw.
 */
export async function runOnHost(options: HostCommandOptions): Promise<HostCommandResult> {
  const { host, login, script, input, signal } = options;
  signal.throwIfAborted();
  const lines: string[] = [];
  const session = SSHSession.start({
    host,
    login,
    script,
    onLine: (line, isError) => {
      if (!isError && lines.length < MOST_LINES) lines.push(line);
    },
  });
  const onAbort = () => session.kill();
  signal.addEventListener("abort", onAbort);
  let over = false;
  const ended = session.ended.finally(() => over = true);
  try {
    for await (const bytes of input ?? []) {
      if (over) break;
      await session.write(bytes);
    }
    await session.hangUp();
    const end = await ended;
    signal.throwIfAborted();
    return { ...end, lines };
  } catch (error) {
    session.kill();
    await ended;
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
