/**
 * A scheduler that does what the test says, and workers that only hold data: to see what a client
 * sends, and what it makes of the answers.
 */
import { BatchedSend } from "../../comm/batched_send.ts";
import type { Comm } from "../../comm/comm.ts";
import { type Handler, Server } from "../../comm/server.ts";
import type {
  ClientMessage,
  CodePart,
  SchedulerToClient,
  TaskGroup,
  UpdateGraph,
} from "../../protocol/messages.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { deserialize, serialize } from "../../protocol/values.ts";
import { until } from "../support/until.ts";

export class FakeScheduler implements AsyncDisposable {
  readonly server: Server;
  /** All that clients have said, a batch each. */
  readonly batches: ClientMessage[][] = [];
  /** Calls that are answered besides registration. */
  readonly handlers: Record<string, Handler> = {};
  #sender: BatchedSend | undefined;
  #comm: Comm | undefined;
  registrations = 0;
  /** What the answer to a registration waits for. */
  beforeRegistration: Promise<void> | undefined;
  /** Called with keys that the client asks about. */
  onDesires: ((keys: string[]) => void) | undefined;

  constructor(handlers: Record<string, Handler> = {}) {
    this.server = new Server({
      handlers: { "register-client": (comm) => this.#register(comm), ...handlers },
    });
  }

  static async start(
    handlers: Record<string, Handler> = {},
    address = "inproc://",
  ): Promise<FakeScheduler> {
    const scheduler = new FakeScheduler(handlers);
    await scheduler.server.listen(address);
    return scheduler;
  }

  get address(): string {
    return this.server.address;
  }

  /** All messages of clients, in order. */
  get messages(): ClientMessage[] {
    return this.batches.flat();
  }

  /** All groups of tasks, in order. */
  get groups(): TaskGroup[] {
    return this.messages.filter((message) => message.op === "update-graph")
      .flatMap((message) => (message as UpdateGraph).groups);
  }

  /** Each part that came with a graph or with data, as often as it came. */
  get parts(): [name: string, part: CodePart][] {
    return this.messages.flatMap((message) => {
      return "parts" in message && !Array.isArray(message.parts)
        ? Object.entries(message.parts ?? {})
        : [];
    });
  }

  /** Say something to the client. */
  send(...messages: SchedulerToClient[]): void {
    this.#sender!.send(...messages);
  }

  /** Break the client's stream. */
  breakStream(): void {
    this.#comm!.abort();
  }

  /** Wait until a client has said something with this `op`, `count` times. */
  async heard<Op extends ClientMessage["op"]>(
    op: Op,
    count = 1,
  ): Promise<Extract<ClientMessage, { op: Op }>[]> {
    const matching = () => this.messages.filter((message) => message.op === op);
    await until(`${count} messages ${op}`, () => matching().length >= count);
    return matching() as Extract<ClientMessage, { op: Op }>[];
  }

  async #register(comm: Comm): Promise<unknown> {
    this.registrations++;
    await this.beforeRegistration;
    if (comm.closed) return Server.noReply;
    await comm.write({ status: "OK", id: "fake", time: 0 });
    this.#comm = comm;
    this.#sender = new BatchedSend();
    this.#sender.start(comm);
    // It may speak of tasks at once, until it is told to say otherwise.
    this.send({ op: "heard", updates: 1e9 });
    const batch: ClientMessage[] = [];
    await this.server.handleStream(comm, undefined, {
      handlers: Object.fromEntries(
        [
          "update-graph",
          "client-desires-keys",
          "client-releases-keys",
          "cancel-keys",
          "update-data",
          "report-missing",
          "release-parts",
          "heartbeat-client",
          "close-client",
        ].map((op) => [op, (message) => {
          batch.push(message);
          if (op === "client-desires-keys") this.onDesires?.(message.keys);
        }]),
      ),
      afterBatch: () => this.batches.push(batch.splice(0)),
    });
    return Server.noReply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

/** A worker that holds data and runs nothing. */
export class FakeWorker implements AsyncDisposable {
  readonly data = new Map<string, Serialized>();
  /** The keys of each `get-data`. */
  readonly requests: string[][] = [];
  readonly server = new Server({
    handlers: {
      "get-data": (_comm, { keys }) => {
        this.requests.push(keys);
        const data: Record<string, Serialized> = {};
        for (const key of keys) if (this.data.has(key)) data[key] = this.data.get(key)!;
        return { status: "OK", data };
      },
      "update-data": (_comm, { data }) => {
        for (const key in data) this.data.set(key, data[key]);
        return { status: "OK", nbytes: {} };
      },
    },
  });

  static async start(address = "inproc://"): Promise<FakeWorker> {
    const worker = new FakeWorker();
    await worker.server.listen(address);
    return worker;
  }

  get address(): string {
    return this.server.address;
  }

  put(key: string, value: unknown): void {
    this.data.set(key, serialize(value));
  }

  get(key: string): unknown {
    const value = this.data.get(key);
    return value === undefined ? undefined : deserialize(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}
