/**
 * Watches how much memory a worker's process holds, so that it is ended before the system has to end
 * processes of its own choice.
 *
 * @module
 */
import type { MemoryReader } from "./process_memory.ts";

/** How often to look, in milliseconds. */
const INTERVAL = 100;

/** Looks at one process until it is stopped. */
export class MemoryGuard {
  readonly #limit: number;
  readonly #onOver: (rss: number) => void;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param limit How much is too much, in bytes.
   * @param onOver Called once, with how much there is.
   */
  constructor(limit: number, onOver: (rss: number) => void) {
    this.#limit = limit;
    this.#onOver = onOver;
  }

  /** Look at this process again and again. */
  watch(pid: number, read: MemoryReader): void {
    this.#timer = setTimeout(async () => {
      const rss = await read(pid);
      if (rss !== undefined) this.report(rss);
      if (!this.#stopped) this.watch(pid, read);
    }, INTERVAL);
  }

  /** The process is known to hold so much, in bytes. */
  report(rss: number): void {
    if (this.#stopped || !(rss > this.#limit)) return;
    this.stop();
    this.#onOver(rss);
  }

  /** Look no more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
