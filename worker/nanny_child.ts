/**
 * The process that a nanny runs a worker in: takes its settings from standard input, runs the worker,
 * tells the nanny how it fares, and ends at once, with all that its tasks have started, when the nanny
 * is gone.
 *
 * @module
 */
import { Security } from "../comm/security.ts";
import { ClusterWorker } from "./cluster_worker.ts";
import {
  type ChildSettings,
  encodeLine,
  type FromChild,
  LONGEST_LINE,
  shortened,
  type ToChild,
} from "./nanny_messages.ts";
import type { NannyHandle } from "./nanny_handle.ts";
import { killOthers, killTree } from "./process_tree.ts";
import { removeSpillFolders } from "./spill/spill_folder.ts";

export type { ChildSettings } from "./nanny_messages.ts";

/** What the program around the worker does at its times. */
export interface WorkerChildHooks {
  /** Before the worker is made: such as to set up logging from `settings.program`. */
  prepare?(settings: ChildSettings): void | Promise<void>;
  /** Before the worker connects anywhere: such as to call what `settings.preload` names. */
  setUp?(worker: ClusterWorker, settings: ChildSettings): void | Promise<void>;
  /** When the worker has left in good order, or failed. Not when its process is killed. */
  tearDown?(worker: ClusterWorker): void | Promise<void>;
  /**
   * How the worker hands its results to others before it is closed, told to leave by the nanny or by a
   * signal. Default: `closeGracefully`, with the time that has by default.
   *
   * @param reason Why, for the scheduler's log.
   */
  leave?(worker: ClusterWorker, reason: string): Promise<void>;
}

/**
 * Run a worker as its nanny says, and end this process with it.
 *
 * @param hooks See {@linkcode WorkerChildHooks}.
 */
export async function runWorkerChild(hooks: WorkerChildHooks = {}): Promise<never> {
  const lines = stdinLines();
  const first = await lines.next();
  if (first.done) return Deno.exit(1); // The nanny was gone before it had said anything.
  const settings = JSON.parse(first.value) as ChildSettings;
  const child = new WorkerChild(settings, hooks);
  child.stayWith(lines);
  const code = await child.run();
  // The nanny does the same, if its permissions let it see them.
  killOthers(settings.cookie);
  Deno.exit(code);
}

class WorkerChild {
  readonly #settings: ChildSettings;
  readonly #hooks: WorkerChildHooks;
  /** Resolves when the worker is told to leave. */
  readonly #leave = Promise.withResolvers<ToChild>();
  /** Resolves when it is to hand over nothing any more. */
  readonly #hurry = Promise.withResolvers<void>();

  constructor(settings: ChildSettings, hooks: WorkerChildHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    let handOver = true;
    const onSignal = () => {
      this.#take({ op: "leave", reason: "stopped by a signal", handOver });
      handOver = false; // Who sends a second signal does not want to wait.
    };
    // Ctrl-C in a terminal does not come here: the process has a group of its own. The nanny gets it.
    Deno.addSignalListener("SIGINT", onSignal);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
  }

  /** Follow the nanny's orders, and end when there come none any more. */
  stayWith(lines: AsyncGenerator<string, void>): void {
    const follow = async () => {
      for await (const line of lines) {
        this.#take(JSON.parse(line));
      }
    };
    // Standard input that cannot be read is as good as one that has ended.
    follow().catch(() => {}).then(() => this.#endAll());
  }

  #take(order: ToChild): void {
    if (order.op !== "leave") return;
    this.#leave.resolve(order);
    if (!order.handOver) this.#hurry.resolve();
  }

  /** @returns The exit code. */
  async run(): Promise<number> {
    try {
      await this.#hooks.prepare?.(this.#settings);
      const worker = this.#makeWorker();
      await this.#hooks.setUp?.(worker, this.#settings);
      const stopReports = this.#reportMemory();
      await this.#untilEnd(worker);
      stopReports();
      await this.#hooks.tearDown?.(worker);
      if (worker.failure !== undefined) throw worker.failure;
      return 0;
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      this.#say({ op: "failed", name, message: shortened(message) });
      return 1;
    }
  }

  #makeWorker(): ClusterWorker {
    const { worker, security, nanny } = this.#settings;
    return new ClusterWorker({
      ...worker,
      security: security === undefined ? undefined : new Security(security),
      nanny: nanny === undefined ? undefined : this.#handle(nanny),
    });
  }

  /** Start the worker, and see it to its end. */
  async #untilEnd(worker: ClusterWorker): Promise<void> {
    const leave = this.#leave.promise;
    const joined = worker.start().then(() => true);
    const hasJoined = await Promise.race([joined, leave.then(() => false)]);
    if (hasJoined) {
      this.#say({ op: "joined", address: worker.address });
      const order = await Promise.race([leave, worker.finished]);
      if (order !== undefined) await this.#depart(worker, order);
    } else {
      // Its start fails once it is closed.
      await Promise.all([worker.close(await leave), joined.catch(() => {})]);
    }
    await worker.finished;
  }

  async #depart(worker: ClusterWorker, { reason, handOver }: ToChild): Promise<void> {
    const { leave = () => worker.closeGracefully({ reason }) } = this.#hooks;
    if (handOver) await Promise.race([leave(worker, reason), this.#hurry.promise]);
    await worker.close({ reason });
  }

  #handle(address: string): NannyHandle {
    return {
      address,
      restart: (reason) => this.#say({ op: "restart", reason: shortened(reason) }),
      leaving: (reason) => this.#say({ op: "leaving", reason: shortened(reason) }),
    };
  }

  /** @returns Ends it. */
  #reportMemory(): () => void {
    const { reportInterval } = this.#settings;
    if (reportInterval === 0) return () => {};
    const report = () => this.#say({ op: "memory", rss: Deno.memoryUsage().rss });
    const timer = setInterval(report, reportInterval * 1000);
    return () => clearInterval(timer);
  }

  #say(message: FromChild): void {
    let bytes: Uint8Array = new TextEncoder().encode(encodeLine(message, this.#settings.mark));
    try {
      while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
    } catch {
      // The nanny is gone: standard input has ended as well, and this process is about to.
    }
  }

  /** End this process at once, with all that its tasks have started. */
  #endAll(): never {
    const { leadsGroup, cookie } = this.#settings;
    killOthers(cookie);
    removeSpillFolders();
    if (leadsGroup || Deno.build.os === "windows") killTree(Deno.pid, cookie);
    Deno.exit(1);
  }
}

/** The lines of standard input; the rest of it is no line, and is dropped. */
async function* stdinLines(): AsyncGenerator<string, void> {
  const chunk = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const end = text.indexOf("\n");
    if (end >= 0) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
      continue;
    }
    const length = text.length > LONGEST_LINE ? null : await Deno.stdin.read(chunk);
    if (length === null) return;
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
}
