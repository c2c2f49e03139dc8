/**
 * One run of a script for one submitter: its output to him as fast as he takes it, his input to it, and
 * its end when he goes.
 *
 * @module
 */
import { type Comm, CommClosedError } from "../../comm/comm.ts";
import { ALIVE_TIMEOUT, checkFromSubmitter, type FromRemote, MAX_CHUNK_BYTES } from "./messages.ts";
import type { ScriptProcess } from "./script_process.ts";

/** Exit code of a script that ran longer than it may: as of `timeout`. */
const TOO_LONG = 124;

/** How a run ended. */
export interface RunEnd {
  /** Exit code of the script. */
  code: number;
  /** Why it was ended; undefined: it ended by itself. */
  reason?: string;
}

/** A script that runs for a submitter. */
export class ScriptRun {
  /** Resolves when the script has ended: its output may still be on the way. */
  readonly ended: Promise<RunEnd>;
  readonly #comm: Comm;
  readonly #process: ScriptProcess;
  readonly #takesInput: boolean;
  #reason: string | undefined;
  #code: number | undefined;
  #isWriting = false;

  /**
   * Serves the submitter from now on; see {@linkcode finish}.
   *
   * @param comm The comm, all of which is the run's.
   * @param process The script.
   * @param options `stdin`: whether the submitter sends any; `timeLimit`: seconds.
   */
  constructor(
    comm: Comm,
    process: ScriptProcess,
    options: { stdin: boolean; timeLimit: number | undefined },
  ) {
    this.#comm = comm;
    this.#process = process;
    this.#takesInput = options.stdin;
    this.ended = this.#untilEnd(options.timeLimit);
  }

  /**
   * End the script: it is interrupted, and killed when it takes no notice.
   *
   * @param reason Told to the submitter.
   * @param code Its exit code then. Default: its own, or 1 where that is 0.
   */
  stop(reason: string, code?: number): void {
    this.#reason ??= reason;
    this.#code ??= code;
    this.#process.interrupt();
  }

  /** Resolves when the script has ended and the submitter has all of it, or is gone. Never throws. */
  async finish(): Promise<RunEnd> {
    void this.#listen();
    const { stdout, stderr } = this.#process;
    try {
      await this.#send({ op: "started" });
      await Promise.all([this.#pump(stdout, "stdout"), this.#pump(stderr, "stderr")]);
      const end = await this.ended;
      await this.#send({ op: "ended", ...end });
    } catch (error) {
      this.#leave(error as Error);
      await Promise.allSettled([stdout.cancel(), stderr.cancel()]);
    }
    const end = await this.ended;
    await this.#comm.close();
    return end;
  }

  async #untilEnd(timeLimit: number | undefined): Promise<RunEnd> {
    const timer = timeLimit === undefined ? undefined : setTimeout(
      () => this.stop(`it ran longer than its time limit of ${timeLimit} s`, TOO_LONG),
      timeLimit * 1000,
    );
    const { code } = await this.#process.exited;
    clearTimeout(timer);
    if (this.#reason === undefined) return { code };
    return { code: this.#code ?? (code || 1), reason: this.#reason };
  }

  async #pump(stream: ReadableStream<Uint8Array>, to: "stdout" | "stderr"): Promise<void> {
    for await (const data of stream) {
      // The script waits with its next output until the submitter has taken this.
      for (let at = 0; at < data.length; at += MAX_CHUNK_BYTES) {
        await this.#send({ op: "output", to, data: data.subarray(at, at + MAX_CHUNK_BYTES) });
      }
    }
  }

  async #send(message: FromRemote): Promise<void> {
    await this.#comm.write(message);
  }

  /** Take what the submitter says, until he goes. Never throws. */
  async #listen(): Promise<void> {
    let silence: ReturnType<typeof setTimeout> | undefined;
    try {
      while (true) {
        silence = setTimeout(() => {
          this.#reason ??= "its submitter has been silent for too long";
          this.#comm.abort();
        }, ALIVE_TIMEOUT * 1000);
        this.#take(await this.#comm.read());
        clearTimeout(silence);
      }
    } catch (error) {
      clearTimeout(silence);
      this.#leave(error as Error);
    }
  }

  #take(received: unknown): void {
    const message = checkFromSubmitter(received);
    switch (message.op) {
      case "stdin":
        if (!this.#takesInput || this.#isWriting) throw new TypeError("input that is not wanted");
        return void this.#write(message.data);
      case "interrupt":
        return this.stop("its submitter has interrupted it");
    }
  }

  async #write(data: Uint8Array): Promise<void> {
    if (data.length === 0) return await this.#process.endInput();
    this.#isWriting = true;
    await this.#process.write(data);
    this.#isWriting = false;
    // A comm that closes meanwhile is noticed by whoever reads it.
    await this.#send({ op: "stdin-taken" }).catch(() => {});
  }

  /** There is nobody to run it for. */
  #leave(error: Error): void {
    if (!(error instanceof CommClosedError)) this.#reason ??= error.message;
    this.#reason ??= "its submitter has gone";
    this.#process.kill();
    this.#comm.abort();
  }
}
