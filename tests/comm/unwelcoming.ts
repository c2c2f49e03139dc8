/**
 * An address like that of a machine that is switched off: connections are neither taken nor refused.
 *
 * @module
 */

export class Unwelcoming implements AsyncDisposable {
  readonly address: string;
  readonly #socket: Deno.TcpListener;
  readonly #conns: Deno.TcpConn[] = [];

  private constructor() {
    this.#socket = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    this.address = `tcp://127.0.0.1:${this.#socket.addr.port}`;
  }

  static async listen(): Promise<Unwelcoming> {
    const unwelcoming = new Unwelcoming();
    await unwelcoming.#fill();
    return unwelcoming;
  }

  /** Nobody accepts: once the system's queue is full, it leaves further connections unanswered. */
  async #fill(): Promise<void> {
    const { hostname, port } = this.#socket.addr;
    for (;;) {
      try {
        const signal = AbortSignal.timeout(50);
        this.#conns.push(await Deno.connect({ hostname, port, signal }));
      } catch {
        return;
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#conns) conn.close();
    this.#socket.close();
    return Promise.resolve();
  }
}
