/**
 * A scheduler that does what the test says: takes registrations, notes what workers say, and sends
 * them what it is told to.
 *
 * @module
 */
import { BatchedSend } from "../../comm/batched_send.ts";
import { type Comm, CommClosedError } from "../../comm/comm.ts";
import { Server } from "../../comm/server.ts";
import type {
  ComputeTask,
  RegisterWorker,
  RegisterWorkerReply,
  SchedulerToWorker,
  WorkerToScheduler,
} from "../../protocol/messages.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import { serialize } from "../../protocol/values.ts";
import { functionPart } from "../support/function_part.ts";

type Of<Op extends WorkerToScheduler["op"]> = Extract<WorkerToScheduler, { op: Op }>;

/** A future: stands for a key among the arguments. */
export class Ref {
  constructor(readonly key: string) {}
}

/** A worker, as the fake scheduler sees it. */
export class Registered {
  readonly messages: WorkerToScheduler[] = [];
  readonly sender = new BatchedSend();
  readonly #waiting = new Set<() => void>();
  isOpen = true;
  #order = 0;
  readonly #sent = new Set<string>();

  constructor(readonly info: RegisterWorker, readonly comm: Comm) {}

  send(...messages: SchedulerToWorker[]): void {
    this.sender.send(...messages);
  }

  /** Have the worker compute `fn(...args)`. */
  compute(
    key: string,
    // deno-lint-ignore no-explicit-any -- any function
    fn: (...args: any[]) => unknown,
    args: unknown[] = [],
    more: Partial<ComputeTask> = {},
  ): void {
    const source = String(fn);
    const { name, part } = functionPart(source);
    const parts = this.#sent.has(name) ? undefined : { [name]: part };
    this.#sent.add(name);
    this.send({
      op: "compute-task",
      key,
      function: name,
      parts,
      args: serialize(args, { reference: (o) => o instanceof Ref ? o.key : undefined }),
      priority: [0, 0, this.#order++],
      ...more,
    });
  }

  /** The next message of this operation, taken out; of this key, if one is given. */
  async next<Op extends WorkerToScheduler["op"]>(op: Op, key?: string): Promise<Of<Op>> {
    for (;;) {
      const at = this.messages.findIndex((message) =>
        message.op === op && (key === undefined || (message as { key?: string }).key === key)
      );
      if (at >= 0) return this.messages.splice(at, 1)[0] as Of<Op>;
      if (!this.isOpen) throw new Error(`the worker left before it sent ${op}`);
      await this.change();
    }
  }

  /** Resolves when something has come, or the worker has left. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Resolves when the worker has left. */
  async left(): Promise<void> {
    while (this.isOpen) await this.change();
  }

  changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export class FakeScheduler implements AsyncDisposable {
  readonly server: Server;
  readonly workers: Registered[] = [];
  /** Answers registrations. */
  reply: RegisterWorkerReply = { status: "OK", time: 0, heartbeatInterval: 60, scheduler: "s1" };
  #waiting: (() => void)[] = [];

  private constructor() {
    this.server = new Server({
      handlers: {
        "register-worker": (comm, message) => this.#register(comm, message),
        "identity": () => ({ type: "Scheduler" }),
      },
    });
  }

  static async start(address = "inproc://"): Promise<FakeScheduler> {
    const scheduler = new FakeScheduler();
    await scheduler.server.listen(address);
    return scheduler;
  }

  get address(): string {
    return this.server.address;
  }

  /** The worker that registered as number `at`, counted from 0. */
  async worker(at = 0): Promise<Registered> {
    while (this.workers.length <= at) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.workers[at];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }

  async #register(comm: Comm, info: RegisterWorker): Promise<unknown> {
    if (this.reply.status !== "OK") return this.reply;
    this.server.countAsStream(comm);
    await comm.write(this.reply);
    const worker = new Registered(info, comm);
    worker.sender.start(comm);
    this.workers.push(worker);
    for (const resolve of this.#waiting.splice(0)) resolve();
    try {
      for (;;) {
        worker.messages.push(...await comm.read() as WorkerToScheduler[]);
        worker.changed();
      }
    } catch (error) {
      if (!(error instanceof CommClosedError)) throw error;
    } finally {
      worker.isOpen = false;
      worker.sender.abort();
      worker.changed();
    }
    return Server.noReply;
  }
}

/** What `get-data` answers. */
export interface DataReply {
  status: string;
  data?: Record<string, Serialized>;
}
