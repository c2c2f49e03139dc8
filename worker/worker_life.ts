/**
 * One life of a worker that has a nanny: its process, what it says of itself, and how it ended.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";
import { type ChildOptions, ChildProcess } from "./child_process.ts";
import { MemoryGuard } from "./memory_guard.ts";
import type { FromChild } from "./nanny_messages.ts";
import type { MemoryReader } from "./process_memory.ts";

/** How a life ended. */
export type End =
  /** The worker has left the cluster for good, in good order. */
  | { how: "left"; reason: string }
  /** It was ended to begin anew. */
  | { how: "restart"; reason: string }
  /** It says itself why it could not start, or not go on. */
  | { how: "failed"; name: string; message: string; life: number | undefined }
  /** It died; `life`: for how many seconds it was in the cluster; undefined: it had not joined. */
  | { how: "died"; cause: string; life: number | undefined };

/** How to begin a life. */
export interface LifeOptions extends Omit<ChildOptions, "onMessage"> {
  /** How much memory the process may hold, in bytes; 0: any amount. */
  memoryLimit: number;
  /** How to see how much it holds; undefined: it has to tell. */
  readMemory: MemoryReader | undefined;
  /** The worker has joined the cluster. */
  onJoined(address: string): void;
  /** Its process is ended by force, or will be, for this reason. */
  onKill(reason: string): void;
}

/** Seconds that a process has to end after it has said that its worker leaves by itself. */
const END_TIMEOUT = 60;

/** A worker's process, and what is to become of it. */
export class WorkerLife {
  readonly child: ChildProcess;
  /** Resolves when the process has ended, and all that its tasks have started. */
  readonly ended: Promise<End>;
  readonly #options: LifeOptions;
  readonly #guard: MemoryGuard | undefined;
  /** When it joined the cluster, by `performance.now()`. */
  #joined: number | undefined;
  #failure: Extract<FromChild, { op: "failed" }> | undefined;
  #leaving: string | undefined;
  #restart: string | undefined;
  /** Why it was ended by force, if it was. */
  #killed: string | undefined;
  #hasEnded = false;
  #stopTimer: () => void = () => {};

  /**
   * Start the process.
   *
   * @param options See {@linkcode LifeOptions}.
   * @throws {WorkerProcessError} When the program cannot be run, or may not.
   */
  constructor(options: LifeOptions) {
    this.#options = options;
    const { memoryLimit, readMemory } = options;
    if (memoryLimit > 0) {
      this.#guard = new MemoryGuard(memoryLimit, (rss) => {
        this.#kill(
          `its process holds ${megabytes(rss)} of memory, more than the ` +
            `${megabytes(memoryLimit)} at which it is ended`,
        );
      });
    }
    this.child = ChildProcess.start({ ...options, onMessage: (message) => this.#take(message) });
    if (readMemory !== undefined) this.#guard?.watch(this.child.pid, readMemory);
    this.ended = this.#untilEnd();
  }

  /** Have the worker leave in good order; end it by force when that takes too long. */
  leave(options: { reason: string; timeout: number; handOver: boolean }): void {
    if (this.#hasEnded) return;
    this.#leaving ??= options.reason;
    this.child.leave(options.reason, options.handOver);
    this.#killAfter(options.timeout);
  }

  /** End it at once, so that another begins. */
  restart(reason: string): void {
    if (this.#restart !== undefined || this.#leaving !== undefined) return;
    this.#restart = reason;
    this.child.kill();
  }

  #take(message: FromChild): void {
    switch (message.op) {
      case "joined":
        this.#joined ??= performance.now();
        return this.#options.onJoined(message.address);
      case "memory":
        return this.#guard?.report(message.rss);
      case "restart":
        return this.restart(message.reason);
      case "leaving":
        if (this.#restart !== undefined || this.#leaving !== undefined) return;
        this.#leaving = message.reason;
        return this.#killAfter(END_TIMEOUT);
      case "failed":
        this.#failure = message;
    }
  }

  #killAfter(seconds: number): void {
    this.#stopTimer();
    this.#stopTimer = awakeTimer(seconds, () => this.#kill(`it has not left within ${seconds} s`));
  }

  #kill(reason: string): void {
    this.#killed = reason;
    this.#options.onKill(reason);
    this.child.kill();
  }

  async #untilEnd(): Promise<End> {
    const { code, signal } = await this.child.exited;
    this.#hasEnded = true;
    this.#stopTimer();
    this.#guard?.stop();
    const life = this.#joined === undefined ? undefined : (performance.now() - this.#joined) / 1000;
    if (this.#failure !== undefined) {
      const { name, message } = this.#failure;
      return { how: "failed", name, message, life };
    }
    if (this.#restart !== undefined) return { how: "restart", reason: this.#restart };
    if (this.#leaving !== undefined) return { how: "left", reason: this.#leaving };
    const cause = this.#killed ??
      (signal === null ? `it ended with code ${code}` : `it got ${signal}`);
    return { how: "died", cause, life };
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
