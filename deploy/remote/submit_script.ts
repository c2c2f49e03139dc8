/**
 * Has a script run at a cluster: the engine of `dusk-submit`.
 *
 * @module
 */
import { normalizeAddress } from "../../comm/addresses.ts";
import { type Comm, CommClosedError, connect } from "../../comm/comm.ts";
import { defaultSecurity } from "../../comm/default_security.ts";
import type { Security } from "../../comm/security.ts";
import {
  ALIVE_INTERVAL,
  checkFromRemote,
  type FromRemote,
  type FromSubmitter,
  MAX_CHUNK_BYTES,
  REMOTE_PORT,
  RUN_SCRIPT,
  type RunScript,
} from "./messages.ts";

/** Output of a script. */
export interface ScriptOutput {
  /** Where the script has written it. */
  to: "stdout" | "stderr";
  /** What it has written. */
  data: Uint8Array;
}

/** Options of {@linkcode submitScript}. */
export interface SubmitScriptOptions {
  /** Arguments of the script. */
  args?: readonly string[];
  /** Certificates and token. Default: those of the program's settings. */
  security?: Security;
  /** Seconds to try to connect. Default: 10. */
  timeout?: number;
  /**
   * Takes what the script writes, in order; when it returns a promise, the next is given once that is
   * settled, and a script that writes faster waits. Default: it goes to this program's own output.
   */
  onOutput?: (output: ScriptOutput) => unknown;
  /** Standard input of the script. Default: empty. */
  stdin?: ReadableStream<Uint8Array>;
  /** Interrupts the script, as Ctrl-C does; it has ended when {@linkcode submitScript} returns. */
  signal?: AbortSignal;
}

/** How a script has ended. */
export interface ScriptResult {
  /** Its exit code. */
  code: number;
  /** Why the remote has ended it; undefined: it ended by itself. */
  reason?: string;
}

/** The script could not be run, or nothing is known of its end. */
export class SubmitError extends Error {
  /** Name of the class. */
  override readonly name = "SubmitError";
}

const DEFAULT_TIMEOUT = 10;

/**
 * Have a script run at a cluster, with the local modules and packages that it imports.
 *
 * @param remote Address of a `dusk-remote`, such as "192.168.0.1:8788".
 * @param path The script, TypeScript or JavaScript: a path or `file:` URL.
 * @param options See {@linkcode SubmitScriptOptions}.
 * @returns How it ended.
 * @throws {TypeError} When an argument is no text.
 * @throws {ScriptError} When the script cannot be sent.
 * @throws {SubmitError} When the remote refuses it, or the connection is lost.
 * @throws {ConnectTimeoutError} When there is no remote at the address.
 * @throws {AuthenticationError} When token or certificate are not those of the cluster.
 *
 * @example
 * ```ts ignore
 * const security = new Security({ token: await Deno.readTextFile("token") });
 * const { code } = await submitScript("192.168.0.1:8788", "script.ts", { args: ["a"], security });
 * ```
 */
export async function submitScript(
  remote: string,
  path: string | URL,
  options: SubmitScriptOptions = {},
): Promise<ScriptResult> {
  const { signal, args = [], stdin } = options;
  if (!args.every((argument) => typeof argument === "string")) {
    throw new TypeError(`submitScript(): args must be texts, got ${Deno.inspect(args)}`);
  }
  const address = addressOf(remote);
  signal?.throwIfAborted();
  // Bundling takes what only those need who submit scripts.
  const { portableScript } = await import("./portable_script.ts");
  const script = await portableScript(path, signal);
  const security = (options.security ?? defaultSecurity())?.connection("client");
  const { timeout = DEFAULT_TIMEOUT } = options;
  const comm = await connect(address, { timeout, security, signal });
  const order: RunScript = {
    op: RUN_SCRIPT,
    ...script,
    args: [...args],
    stdin: stdin !== undefined,
  };
  return await new Submission(comm, address, options).run(order);
}

/** With the usual port where there is none. */
function addressOf(remote: string): string {
  const address = normalizeAddress(remote);
  return /:\d+$/.test(address) ? address : `${address}:${REMOTE_PORT}`;
}

/** One script that runs elsewhere. */
class Submission {
  readonly #comm: Comm;
  readonly #address: string;
  readonly #options: SubmitScriptOptions;
  #inputTaken = Promise.withResolvers<void>();
  #input: Promise<void> | undefined;
  #inputFailure: Error | undefined;
  #isOver = false;

  constructor(comm: Comm, address: string, options: SubmitScriptOptions) {
    this.#comm = comm;
    this.#address = address;
    this.#options = options;
  }

  async run(order: RunScript): Promise<ScriptResult> {
    const { signal, stdin } = this.#options;
    const interrupt = () => this.#tell({ op: "interrupt" });
    const alive = setInterval(() => this.#tell({ op: "alive" }), ALIVE_INTERVAL * 1000);
    const input = stdin?.getReader();
    try {
      await this.#comm.write(order);
      signal?.addEventListener("abort", interrupt);
      if (signal?.aborted) interrupt();
      while (true) {
        const message = checkFromRemote(await this.#comm.read());
        if (message.op === "ended") {
          if (this.#inputFailure !== undefined) throw this.#inputFailure;
          return { code: message.code, reason: message.reason };
        }
        await this.#take(message, input);
      }
    } catch (error) {
      if (!(error instanceof CommClosedError)) throw error;
      throw new SubmitError(
        `the connection to ${this.#address} was lost, and with it the script: ${error.message}`,
        { cause: error },
      );
    } finally {
      clearInterval(alive);
      signal?.removeEventListener("abort", interrupt);
      this.#isOver = true;
      this.#inputTaken.resolve();
      await this.#comm.close();
      await input?.cancel();
      await this.#input;
    }
  }

  async #take(
    message: Exclude<FromRemote, { op: "ended" }>,
    input: ReadableStreamDefaultReader<Uint8Array> | undefined,
  ): Promise<void> {
    switch (message.op) {
      case "refused":
        throw new SubmitError(`${this.#address} does not run the script: ${message.message}`);
      case "started":
        if (input !== undefined) this.#input = this.#sendInput(input);
        return;
      case "stdin-taken":
        return this.#inputTaken.resolve();
      case "output": {
        const { to, data } = message;
        return void await (this.#options.onOutput ?? printOutput)({ to, data });
      }
    }
  }

  /** Send the input, each piece when the last has been taken. Never throws. */
  async #sendInput(input: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    try {
      for (let next = await input.read(); !next.done; next = await input.read()) {
        for (let at = 0; at < next.value.length; at += MAX_CHUNK_BYTES) {
          if (this.#isOver) return;
          this.#inputTaken = Promise.withResolvers();
          await this.#comm.write({
            op: "stdin",
            data: next.value.subarray(at, at + MAX_CHUNK_BYTES),
          });
          await this.#inputTaken.promise;
        }
      }
      this.#tell({ op: "stdin", data: new Uint8Array(0) });
    } catch (error) {
      if (error instanceof CommClosedError) return;
      this.#inputFailure = error as Error;
      this.#tell({ op: "interrupt" });
    }
  }

  /** Tell the remote; where it is gone, reading from it says so. */
  #tell(message: FromSubmitter): void {
    this.#comm.write(message).catch(() => {});
  }
}

async function printOutput({ to, data }: ScriptOutput): Promise<void> {
  for (let rest = data; rest.length > 0;) rest = rest.subarray(await Deno[to].write(rest));
}
