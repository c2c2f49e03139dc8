/**
 * The lines of a worker to the clients of its tasks: opened when a task asks for one, ended with the task.
 *
 * @module
 */
import { connect } from "../comm/comm.ts";
import { ConnectionPool } from "../comm/connection_pool.ts";
import type { ConnectionSecurity } from "../comm/security.ts";
import { ClientRelay, RelayError, type RelayHost } from "./client_relay.ts";
import type { PartState } from "./code_parts.ts";
import type { ToClient } from "./threads/client_messages.ts";

/** How many clients a task may have open. */
const MOST_CLIENTS = 32;
/** Connections that are kept open at most, for all tasks together. */
const MOST_CONNECTIONS = 256;

/** Options of {@linkcode ClientRelays}. */
export interface RelayOptions {
  schedulerAddress: string;
  /** Seconds in which the scheduler must take a connection. */
  connectTimeout: number;
  /** Certificates and token of the worker: the cluster knows its clients of tasks by these. */
  security?: ConnectionSecurity;
  /** A part that this worker has. */
  part(name: string): PartState | undefined;
}

/** All lines to clients of tasks. */
export class ClientRelays {
  readonly #host: RelayHost;
  readonly #byTask = new Map<string, Set<ClientRelay>>();
  /** Made when the first task needs it. */
  #pool: ConnectionPool | undefined;
  #workers: ReadonlySet<string> = new Set();
  #asking: Promise<void> | undefined;
  #closed = false;

  /** @param options See {@linkcode RelayOptions}. */
  constructor({ schedulerAddress, connectTimeout, security, part }: RelayOptions) {
    const pool = () =>
      this.#pool ??= new ConnectionPool({ limit: MOST_CONNECTIONS, connect: { security } });
    const ask = async () => {
      const ncores = await pool().call<Record<string, number>>(schedulerAddress, "ncores", {});
      this.#workers = new Set(Object.keys(ncores));
    };
    this.#host = {
      schedulerAddress,
      part,
      connect: (signal) => connect(schedulerAddress, { timeout: connectTimeout, signal, security }),
      call: (address, op, args, options) => pool().call(address, op, args, options),
      isWorker: async (address) => {
        if (this.#workers.has(address)) return true;
        // Those that ask at a time share the answer.
        await (this.#asking ??= ask().finally(() => this.#asking = undefined));
        return this.#workers.has(address);
      },
    };
  }

  /** A task wants a client. @param key The task. @param port Leads to the client. */
  open(key: string, port: MessagePort): void {
    let relays = this.#byTask.get(key);
    if (this.#closed || relays !== undefined && relays.size >= MOST_CLIENTS) {
      const error = new RelayError(
        `task '${key}' has ${MOST_CLIENTS} clients open; close those that it does not need`,
      );
      const { name, message } = error;
      const refusal: ToClient = {
        kind: "failed",
        id: 0,
        error: { name, message, remoteName: name },
      };
      port.postMessage(refusal);
      // Closed at once, it would lose the message.
      port.onmessage = () => port.close();
      return;
    }
    if (relays === undefined) this.#byTask.set(key, relays = new Set());
    const own = relays;
    own.add(
      new ClientRelay(port, this.#host, (relay) => {
        own.delete(relay);
        if (own.size === 0 && this.#byTask.get(key) === own) this.#byTask.delete(key);
      }),
    );
  }

  /** A task is over, however: its clients are no more. */
  end(key: string): void {
    const relays = this.#byTask.get(key);
    if (relays === undefined) return;
    this.#byTask.delete(key);
    for (const relay of [...relays]) relay.close();
  }

  /** All tasks are over. */
  endAll(): void {
    for (const key of [...this.#byTask.keys()]) this.end(key);
  }

  /** End all lines, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    this.endAll();
    await this.#pool?.close();
  }
}
