/**
 * Why a session on a host ended, in one sentence with the remedy.
 *
 * @module
 */
import type { SSHHost } from "./hosts.ts";
import { NO_PROGRAM } from "./remote_shell.ts";
import { SSH_FAILED, type SSHEnd } from "./session.ts";

/** What ssh says, and what that means. */
const SAYINGS: readonly [saying: RegExp, meaning: (host: SSHHost) => string][] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed/i,
    ({ host }) =>
      `its host key is not the one that this machine knows: if the host was set up anew, remove the ` +
      `old key with ssh-keygen -R ${host}, else somebody may be in between`,
  ],
  [
    /Host key verification failed|No .* host key is known/i,
    ({ host }) =>
      `its host key is not known here: log in once with "ssh ${host}" and accept it, or say in ` +
      `~/.ssh/config how it is checked (StrictHostKeyChecking accept-new)`,
  ],
  [
    /Permission denied/i,
    () =>
      "it lets nobody in by the keys that ssh has: give one with --ssh-private-key or ssh-add, and put " +
      "its public part into ~/.ssh/authorized_keys there (passwords are not asked for)",
  ],
  [/Could not resolve hostname/i, () => "there is no host of this name"],
  [
    /Connection refused/i,
    () => "nothing listens there for ssh: start its sshd, or give --ssh-port",
  ],
  [
    /^ssh was ended by \w+$/m,
    () => "the connection to it is lost: its ssh was ended on this machine",
  ],
  [
    /closed by remote host|Connection reset|Broken pipe|not responding/i,
    () => "the connection to it is lost",
  ],
  [/timed out|No route to host|Network is unreachable/i, () => "it cannot be reached"],
];

/**
 * Why a session ended.
 *
 * @param host The host.
 * @param end How it ended.
 * @param program What was to run there.
 * @param path Where it was looked for, when that was said.
 * @returns The rest of a sentence that begins with the host and a colon.
 */
export function explainEnd(
  host: SSHHost,
  end: SSHEnd,
  program: string,
  path: string | undefined,
): string {
  const words = end.lastWords.findLast((line) => line.trim() !== "")?.trim() ?? "";
  if (end.code === SSH_FAILED) {
    const all = end.lastWords.join("\n");
    const found = SAYINGS.find(([saying]) => saying.test(all));
    if (found !== undefined) return found[1](host);
    const why = words === "" ? "" : ` (it said last: ${words})`;
    return `the connection to it is lost, or its ${program} was killed${why}`;
  }
  if (end.code === NO_PROGRAM) {
    const where = path ?? `${program} in its PATH`;
    return `it has no ${where}: put it there, give --remote-${program} PATH, or --copy`;
  }
  if (end.code === NO_PROGRAM - 1) {
    return `it cannot run ${path ?? program}${
      colon(words)
    }; --copy brings the right one for its system`;
  }
  const hint = /cannot listen|not available|cannot assign/i.test(words) && program === "dusk-worker"
    ? "; --nohost has it listen on an address of its own choice"
    : "";
  return `its ${program} ended with code ${end.code}${colon(words)}${hint}`;
}

function colon(words: string): string {
  return words === "" ? "" : `: ${words}`;
}
