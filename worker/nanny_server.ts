/**
 * What a nanny answers to operators of the cluster, where it listens.
 *
 * @module
 */
import { Server } from "../comm/server.ts";
import type { Message } from "../protocol/messages.ts";
import type { Nanny, NannyOptions } from "./nanny.ts";
import { checkWorkerOptions, listenAddressFor } from "./worker_options.ts";

/** The server of a nanny. */
export class NannyServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Listen on the worker's host and the nanny's port.
   *
   * @param nanny Whom it serves.
   * @param options Its options.
   * @throws {Error} When it cannot listen there.
   */
  static async listen(nanny: Nanny, options: NannyOptions): Promise<NannyServer> {
    const { security, host, schedulerAddress, nannyPort } = options;
    const server = new Server({
      handlers: {
        "identity": () => nanny.identity(),
        "restart": async (_comm, message) => {
          await nanny.restart({ reason: reasonOf(message, "told to restart") });
          return { status: "OK", worker: nanny.workerAddress, pid: nanny.pid };
        },
        "terminate": (_comm, message) => {
          // After the reply has been written: closing closes the comm that it goes out on.
          setTimeout(() => void nanny.close({ reason: reasonOf(message, "told to end") }), 0);
          return { status: "OK" };
        },
      },
    });
    const settings = checkWorkerOptions({ schedulerAddress, host, port: nannyPort });
    await server.listen(listenAddressFor(settings), { security: security?.connection("worker") });
    return new NannyServer(server);
  }

  /** Where it listens. */
  get address(): string {
    return this.#server.address;
  }

  /** Listen no more, and close all connections. */
  async close(): Promise<void> {
    await this.#server.close();
  }
}

function reasonOf(message: Message, otherwise: string): string {
  return typeof message.reason === "string" ? message.reason : otherwise;
}
