/**
 * Workers and clients made by hand, to see what the scheduler's server does with what they say.
 */
import assert from "node:assert/strict";
import { BatchedSend } from "../../comm/batched_send.ts";
import { type Comm, CommClosedError, connect } from "../../comm/comm.ts";
import { Server } from "../../comm/server.ts";
import type { Message } from "../../protocol/messages.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { Scheduler, type SchedulerOptions } from "../../scheduler/scheduler.ts";

/** One end of a stream to the scheduler. */
export class Stream implements AsyncDisposable {
  readonly comm: Comm;
  readonly reply: Message;
  /** All that the scheduler has said. */
  readonly received: Message[] = [];
  /** Resolves when the scheduler has closed the stream. */
  readonly closed: Promise<void>;
  readonly #sender = new BatchedSend();
  readonly #waiting = new Set<() => void>();

  private constructor(comm: Comm, reply: Message) {
    this.comm = comm;
    this.reply = reply;
    this.#sender.start(comm);
    this.closed = this.#read();
  }

  /** Connect and register. */
  static async open(address: string, registration: Message): Promise<Stream> {
    const comm = await connect(address);
    await comm.write(registration);
    return new Stream(comm, await comm.read() as Message);
  }

  send(...messages: unknown[]): void {
    this.#sender.send(...messages);
  }

  /** The first message of this `op` that the scheduler says, or has said. */
  async got(op: string): Promise<Message> {
    while (true) {
      const found = this.received.find((message) => message.op === op);
      if (found !== undefined) return found;
      assert.ok(!this.comm.closed, `closed without ${op}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender.abort();
    this.comm.abort();
    await this.closed;
  }

  async #read(): Promise<void> {
    try {
      while (true) {
        this.received.push(...await this.comm.read() as Message[]);
        this.#wake();
      }
    } catch (error) {
      if (!(error instanceof CommClosedError)) throw error;
    }
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** A worker that stores what it is given, and computes nothing. */
export class FakeWorker implements AsyncDisposable {
  readonly data: Record<string, Serialized> = {};
  /** Operations that it was asked for, but `update-data`. */
  readonly asked: Message[] = [];
  /** While it is frozen, `get-data` is answered when this resolves. */
  frozen: Promise<void> | undefined;
  #server!: Server;
  stream!: Stream;

  static async start(
    scheduler: Scheduler,
    fields: Partial<Record<"name" | "nthreads" | "address" | "nanny" | "pid", unknown>> = {},
  ): Promise<FakeWorker> {
    const worker = new FakeWorker();
    worker.#server = new Server({
      handlers: {
        "get-data": async (_comm, { keys }: { keys: string[] }) => {
          worker.asked.push({ op: "get-data", keys });
          await worker.frozen;
          return {
            status: "OK",
            data: Object.fromEntries(
              keys.filter((key) => key in worker.data).map((key) => [key, worker.data[key]]),
            ),
          };
        },
        "update-data": (_comm, { data }: { data: Record<string, Serialized> }) => {
          Object.assign(worker.data, data);
          return { status: "OK", nbytes: {} };
        },
        "ping": (_comm, message: Message) => {
          worker.asked.push(message);
          return { pong: message.text };
        },
      },
    });
    await worker.#server.listen("inproc://");
    worker.stream = await Stream.open(
      scheduler.address,
      registration({ address: worker.address, name: worker.address, ...fields }),
    );
    return worker;
  }

  get address(): string {
    return this.#server.address;
  }

  /** Become unreachable for calls, while the stream stays. */
  async closeServer(): Promise<void> {
    await this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stream[Symbol.asyncDispose]();
    await this.#server.close();
  }
}

/** What a worker says first. */
export function registration(fields: Record<string, unknown>): Message {
  return {
    op: "register-worker",
    nthreads: 1,
    resources: {},
    now: Date.now() / 1000,
    pid: 1,
    versions: {},
    nbytes: {},
    ...fields,
  };
}

/** Connect a client. */
export function fakeClient(scheduler: Scheduler, client = "client-1"): Promise<Stream> {
  return Stream.open(scheduler.address, { op: "register-client", client, versions: {} });
}

/** A scheduler over `inproc` that checks itself. */
export async function startScheduler(options: SchedulerOptions = {}): Promise<Scheduler> {
  const scheduler = new Scheduler({ ...options, validate: true });
  await scheduler.start("inproc://");
  return scheduler;
}
