/**
 * Runs scripts at a cluster for those who submit them: the engine of `dusk-remote`.
 *
 * @module
 */
import type { Comm, ListenOptions } from "../../comm/comm.ts";
import { SecurityError } from "../../comm/security_error.ts";
import { Server } from "../../comm/server.ts";
import { getLogger } from "../../config/logging.ts";
import { checkOrder, MAX_SCRIPT_BYTES, RUN_SCRIPT, type RunScript } from "./messages.ts";
import type { ScriptSettings } from "./script_command.ts";
import { ScriptProcess } from "./script_process.ts";
import { ScriptRun } from "./script_run.ts";

/** Options of {@linkcode ScriptServer}. */
export interface ScriptServerOptions {
  /** Settings that scripts go by: with the scheduler's address, and what protects the cluster. */
  settings: Record<string, unknown>;
  /** What scripts may do. */
  permissions: ScriptSettings["permissions"];
  /** More environment variables of scripts. */
  env: Record<string, string>;
  /** How many scripts may run at once. */
  maxScripts: number;
  /** Seconds that a script may run, 24 days at most; undefined: as long as it takes. */
  timeLimit?: number;
}

/** Said where there is neither token nor TLS. */
export const UNPROTECTED =
  "dusk-remote runs what is sent to it, and so takes scripts only from those who have the cluster's " +
  "token (--token-file or DUSK_TOKEN) or a certificate (--tls-ca-file and --tls-cert): give it one of " +
  "them";

/** Bytes of an order beyond the script itself. */
const ORDER_BYTES = 2 ** 20;
/** Connections beyond those of scripts that run: of submitters who are told that it is full. */
const MORE_CONNECTIONS = 64;

const logger = getLogger("distributed.remote");

/** Takes scripts, and runs them. */
export class ScriptServer implements AsyncDisposable {
  readonly #options: ScriptServerOptions;
  readonly #server: Server;
  /** Places that are taken. */
  #count = 0;
  readonly #runs = new Set<ScriptRun>();
  readonly #finishing = new Set<Promise<unknown>>();
  #isClosing = false;

  /** @param options See {@linkcode ScriptServerOptions}. */
  constructor(options: ScriptServerOptions) {
    this.#options = options;
    this.#server = new Server({
      handlers: { [RUN_SCRIPT]: (comm, message) => this.#take(comm, message) },
      connectionLimit: MORE_CONNECTIONS,
    });
  }

  /**
   * Listen for scripts.
   *
   * @param address Such as `tcp://:8788`.
   * @param options With a token or certificates.
   * @throws {SecurityError} Without them: whoever reaches the port could run anything here.
   * @throws {AddressError} When the address is malformed.
   */
  async listen(address: string, options: ListenOptions): Promise<void> {
    const { security } = options;
    if (security?.token === undefined && !address.startsWith("tls://")) {
      throw new SecurityError(UNPROTECTED);
    }
    const messageBytes = MAX_SCRIPT_BYTES + ORDER_BYTES;
    await this.#server.listen(address, {
      ...options,
      limits: { messageBytes, frameBytes: messageBytes },
    });
  }

  /** Address for submitters. */
  get address(): string {
    return this.#server.address;
  }

  /** End all scripts, and take no more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const run of this.#runs) run.stop("dusk-remote was stopped");
    await Promise.all([...this.#runs].map(({ ended }) => ended));
    await this.#server.close();
    await Promise.all(this.#finishing);
  }

  /** See {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #take(comm: Comm, message: unknown): Promise<typeof Server.noReply> {
    this.#server.countAsStream(comm);
    const { maxScripts } = this.#options;
    let order: RunScript;
    try {
      order = checkOrder(message);
    } catch (error) {
      return await this.#refuse(comm, (error as Error).message);
    }
    if (this.#isClosing) return await this.#refuse(comm, "dusk-remote is about to stop");
    if (this.#count >= maxScripts) {
      return await this.#refuse(
        comm,
        `${maxScripts} scripts run at the cluster already, and that is the limit: try again later, ` +
          "or raise --max-scripts of dusk-remote",
      );
    }
    this.#count++;
    const finishing = this.#run(comm, order);
    this.#finishing.add(finishing);
    try {
      await finishing;
    } finally {
      this.#finishing.delete(finishing);
    }
    return Server.noReply;
  }

  async #run(comm: Comm, order: RunScript): Promise<void> {
    const started = performance.now();
    const { name, args, stdin } = order;
    const { settings, permissions, env, timeLimit } = this.#options;
    let run: ScriptRun;
    try {
      const options = { script: order, args, settings, permissions, env, stdin };
      const process = await ScriptProcess.start(options);
      run = new ScriptRun(comm, process, { stdin, timeLimit });
    } catch (error) {
      this.#count--;
      await this.#refuse(comm, (error as Error).message);
      return;
    }
    this.#runs.add(run);
    if (this.#isClosing) run.stop("dusk-remote was stopped");
    const freed = run.ended.then(({ code, reason }) => {
      this.#count--;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const why = reason === undefined ? "" : ` (${reason})`;
      logger.info(
        `${JSON.stringify(name)} of ${comm.peerAddress} ended with exit code ${code}${why} after ` +
          `${seconds} s`,
      );
    });
    await run.finish();
    await freed;
    this.#runs.delete(run);
  }

  async #refuse(comm: Comm, message: string): Promise<typeof Server.noReply> {
    logger.warn(`Refused a script of ${comm.peerAddress}: ${message}`);
    // Whoever has gone need not be told.
    await comm.write({ op: "refused", message }).catch(() => {});
    await comm.close();
    return Server.noReply;
  }
}
