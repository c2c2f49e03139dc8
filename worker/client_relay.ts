/**
 * The worker's end of the line to the client of one of its tasks. Tasks may be strangers' code, and a
 * client of theirs must not become a way out of their sandbox: it reaches the scheduler and the workers of
 * this cluster, with the operations of clients, and so much at a time.
 *
 * @module
 */
import type { Comm } from "../comm/comm.ts";
import { RemoteError } from "../comm/remote.ts";
import type { CodePart } from "../protocol/messages.ts";
import { PartReference } from "../protocol/part_reference.ts";
import type { PartState } from "./code_parts.ts";
import {
  type FromClient,
  fromPort,
  type PortedError,
  type ToClient,
  toPort,
} from "./threads/client_messages.ts";

/** How many streams and calls a client may have under way. */
const MOST_AT_ONCE = 64;
/** The longest that a call may take, in seconds; what takes longer is asked for in another way. */
const LONGEST_CALL = 24 * 60 * 60;

/** What clients ask of a scheduler. They may not end it or restart the cluster, nor upload files. */
const SCHEDULER_OPS: ReadonlySet<unknown> = new Set([
  "gather",
  "scatter",
  "get-runspec",
  "identity",
  "has-what",
  "nbytes",
  "ncores",
  "processing",
  "transition-story",
  "who-has",
]);
/** What clients ask of a worker. */
const WORKER_OPS: ReadonlySet<unknown> = new Set(["get-data", "update-data"]);

/** How a relay reaches the cluster. */
export interface RelayHost {
  readonly schedulerAddress: string;
  connect(signal: AbortSignal): Promise<Comm>;
  call(
    address: string,
    op: string,
    args: Record<string, unknown>,
    options: { timeout?: number; signal: AbortSignal },
  ): Promise<unknown>;
  /** Whether a worker of this cluster is there. */
  isWorker(address: string): Promise<boolean>;
  /** A part that this worker has. */
  part(name: string): PartState | undefined;
}

/** A client asks for what it may not have, or breaks the rules of the line. */
export class RelayError extends Error {
  override readonly name = "RelayError";
}

interface Stream {
  readonly comm: Comm;
  isRegistered: boolean;
  isReading: boolean;
  isWriting: boolean;
}

/** Speaks for the client of one task. */
export class ClientRelay {
  readonly #port: MessagePort;
  readonly #host: RelayHost;
  readonly #onEnd: (relay: ClientRelay) => void;
  readonly #closing = new AbortController();
  readonly #streams = new Map<number, Stream>();
  /** Calls, and streams that are being opened. */
  readonly #calls = new Map<number, AbortController>();

  /**
   * @param port Leads to the client.
   * @param host Reaches the cluster.
   * @param onEnd Called once when the line has ended.
   */
  constructor(port: MessagePort, host: RelayHost, onEnd: (relay: ClientRelay) => void) {
    this.#port = port;
    this.#host = host;
    this.#onEnd = onEnd;
    port.onmessage = (event) => this.#receive(event.data as FromClient);
    port.onmessageerror = () => this.close();
    this.#post({ kind: "ready", schedulerAddress: host.schedulerAddress });
  }

  /** End the line: the scheduler sees the client go. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#port.close();
    for (const { comm } of this.#streams.values()) comm.abort();
    this.#streams.clear();
    for (const call of this.#calls.values()) call.abort();
    this.#calls.clear();
    this.#onEnd(this);
  }

  #receive(message: FromClient): void {
    if (this.#closing.signal.aborted) return;
    const id = message?.kind === "end" ? 0 : message?.id;
    if (typeof id !== "number") return this.close();
    switch (message.kind) {
      case "open":
        return void this.#attempt(id, (signal) => this.#open(id, signal));
      case "call":
        return void this.#attempt(id, (signal) => this.#call(message, signal));
      case "write":
        return void this.#onStream(id, (stream) => this.#write(id, stream, message.message));
      case "read":
        return void this.#onStream(id, (stream) => this.#read(id, stream));
      case "close":
        this.#closeStream(id);
        this.#calls.get(id)?.abort();
        return;
      default:
        return this.close();
    }
  }

  /** Does something that can be given up. */
  async #attempt(id: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const call = new AbortController();
    try {
      if (this.#calls.size + this.#streams.size >= MOST_AT_ONCE) {
        throw new RelayError(
          `a task's client may have ${MOST_AT_ONCE} calls under way, not more; await some first`,
        );
      }
      if (this.#calls.has(id) || this.#streams.has(id)) throw new RelayError(`${id} is in use`);
      this.#calls.set(id, call);
      await work(call.signal);
    } catch (error) {
      if (!call.signal.aborted) this.#fail(id, error);
    } finally {
      if (this.#calls.get(id) === call) this.#calls.delete(id);
    }
  }

  async #open(id: number, signal: AbortSignal): Promise<void> {
    const comm = await this.#host.connect(signal);
    if (signal.aborted) return comm.abort();
    this.#streams.set(id, { comm, isRegistered: false, isReading: false, isWriting: false });
    this.#post({ kind: "done", id });
  }

  async #call(call: FromClient & { kind: "call" }, signal: AbortSignal): Promise<void> {
    const { id, address, op, timeout = LONGEST_CALL } = call;
    const args = fromPort(call.args) as Record<string, unknown>;
    if (typeof args !== "object" || args === null || Array.isArray(args)) {
      throw new RelayError("the arguments of a call must be a map");
    }
    if (!(timeout > 0 && timeout <= LONGEST_CALL)) {
      throw new RelayError(`a call takes from 0 to ${LONGEST_CALL} seconds, not ${timeout}`);
    }
    const { schedulerAddress } = this.#host;
    const isScheduler = address === schedulerAddress;
    if (!(isScheduler ? SCHEDULER_OPS : WORKER_OPS).has(op)) {
      throw new RelayError(
        `the client of a task may not call "${op}" of a ${isScheduler ? "scheduler" : "worker"}; ` +
          `do it in the program that has submitted the task`,
      );
    }
    if (!isScheduler && !(typeof address === "string" && await this.#host.isWorker(address))) {
      throw new RelayError(
        `the client of a task reaches its scheduler and the workers of its cluster, and ` +
          `${JSON.stringify(address)} is none of them`,
      );
    }
    this.#complete(args);
    const reply = await this.#host.call(address, op, args, { timeout, signal });
    if (!signal.aborted) this.#post({ kind: "message", id, message: reply });
  }

  async #onStream(id: number, work: (stream: Stream) => Promise<void>): Promise<void> {
    const stream = this.#streams.get(id);
    // Closed meanwhile, by the other side: the client has been told.
    if (stream === undefined) return;
    try {
      await work(stream);
    } catch (error) {
      if (this.#streams.get(id) !== stream) return;
      this.#closeStream(id);
      this.#fail(id, error);
    }
  }

  async #write(id: number, stream: Stream, posted: unknown): Promise<void> {
    if (stream.isWriting) throw new RelayError("one message at a time goes to the scheduler");
    const message = fromPort(posted);
    if (!stream.isRegistered) {
      const op = (message as { op?: unknown } | null)?.op;
      if (op !== "register-client") throw new RelayError("a client registers first");
      stream.isRegistered = true;
    } else if (Array.isArray(message)) {
      for (const one of message) this.#complete(one);
    }
    stream.isWriting = true;
    await stream.comm.write(message);
    stream.isWriting = false;
    this.#post({ kind: "done", id });
  }

  async #read(id: number, stream: Stream): Promise<void> {
    if (stream.isReading) throw new RelayError("one read at a time");
    stream.isReading = true;
    const message = await stream.comm.read();
    stream.isReading = false;
    this.#post({ kind: "message", id, message });
  }

  /**
   * Put in the code that the client has only named, since it came by this worker: each part after those
   * that it needs.
   */
  #complete(message: unknown): void {
    const holder = message as { parts?: Record<string, CodePart> } | null;
    if (typeof holder?.parts !== "object" || holder.parts === null) return;
    const whole: [string, CodePart][] = [];
    const done = new Set<string>();
    const add = ({ name, code, origin, needs }: PartState) => {
      if (done.has(name)) return;
      done.add(name);
      for (const need of needs) add(need);
      const names = needs.map((need) => need.name);
      whole.push([name, {
        code,
        ...origin && { origin },
        ...names.length > 0 && { needs: names },
      }]);
    };
    for (const [name, part] of Object.entries(holder.parts)) {
      if (!(part?.code instanceof PartReference)) {
        whole.push([name, part]);
        continue;
      }
      const known = this.#host.part(name);
      if (known === undefined) throw new RelayError(`this worker has no code ${name} any more`);
      add(known);
    }
    holder.parts = Object.fromEntries(whole);
  }

  #closeStream(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    void stream.comm.close();
  }

  #fail(id: number, error: unknown): void {
    this.#post({ kind: "failed", id, error: ported(error) });
  }

  #post(message: ToClient): void {
    if (this.#closing.signal.aborted) return;
    const transfer: ArrayBuffer[] = [];
    this.#port.postMessage(toPort(message, transfer), transfer);
  }
}

function ported(error: unknown): PortedError {
  if (error instanceof RemoteError) {
    const { name, message, remoteName } = error;
    return { name, message, remoteName };
  }
  // What is refused is no matter of a broken line, which would be tried again.
  if (error instanceof RelayError) {
    return { name: error.name, message: error.message, remoteName: error.name };
  }
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: "Error", message: String(error) };
}
