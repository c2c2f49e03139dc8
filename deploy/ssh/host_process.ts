/**
 * A scheduler or worker program on a host, over ssh: when it is up, and when and why it has ended.
 *
 * @module
 */
import { explainEnd } from "./failures.ts";
import type { SSHHost } from "./hosts.ts";
import { programScript, type RemoteProgram } from "./remote_shell.ts";
import { type SSHEnd, SSHSession } from "./session.ts";
import type { SSHLogin } from "./ssh_command.ts";

/** What to start where. */
export interface HostProcessOptions {
  /** The host. */
  host: SSHHost;
  /** How to log in. */
  login: SSHLogin;
  /** The program. */
  program: RemoteProgram;
  /** The cluster's secret. */
  token: string;
  /** Matches the line that the program prints when it is up, and in it what to remember. */
  upLine: RegExp;
  /** Takes each line that it prints. */
  onLine: (line: string, isError: boolean) => void;
}

/** A program that runs on a host. */
export class HostProcess {
  /** Its host. */
  readonly host: SSHHost;
  /** Resolves when it is up, with what its line told; undefined when it ends before. */
  readonly up: Promise<string | undefined>;
  /** Resolves when it has ended, with the failure in one sentence, or undefined when there was none. */
  readonly ended: Promise<string | undefined>;
  readonly #session: SSHSession;

  /**
   * Start the program.
   *
   * @param options Which and where.
   * @throws {NoSSHError} When this machine has no ssh.
   */
  constructor(options: HostProcessOptions) {
    const { host, login, program, token, upLine, onLine } = options;
    const up = Promise.withResolvers<string | undefined>();
    this.host = host;
    this.up = up.promise;
    this.#session = SSHSession.start({
      host,
      login,
      script: programScript(program),
      onLine: (line, isError) => {
        onLine(line, isError);
        const match = line.match(upLine);
        if (match !== null) up.resolve(match[1]);
      },
    });
    this.#session.write(new TextEncoder().encode(`${token}\n`));
    this.#session.keepAlive(login.lostAfter);
    this.ended = this.#session.ended.then((end: SSHEnd) => {
      up.resolve(undefined);
      return end.code === 0 ? undefined : explainEnd(host, end, program.name, program.path);
    });
  }

  /** Tell the program to end, as by SIGTERM; it does so even when it has to do without. */
  hangUp(): Promise<void> {
    return this.#session.hangUp();
  }

  /** End the connection by force; the program ends when it notices. */
  kill(): void {
    this.#session.kill();
  }
}
