/**
 * How the pool hears its threads: one word that all of them ring, awaited by `Atomics.waitAsync`, or
 * messages where that does not hear other threads (Deno 2.6 and 2.7).
 *
 * @module
 */
import { POOL_WORDS, PoolWord, Sleep } from "./thread_memory.ts";

/** How long a ring may take to be heard in the probe, in milliseconds. Only where it is never heard is it waited out. */
const PROBE_MS = 250;
/**
 * How often to look without having been rung, where threads ring by message, in milliseconds: a thread
 * that is ended the moment it rings takes its message along, and the others believe the pool awake.
 */
const LOOK_MS = 250;

/** Whether `Atomics.waitAsync` hears other threads in this process; undefined: not known yet. */
let sharedMemoryWorks: boolean | undefined;

/**
 * Whether this version of Deno may hear at all. Where the event loop is not woken by another thread's
 * ring it still hears of it when something else wakes it, so that the probe alone can be wrong.
 */
function mayHear(): boolean {
  const [major, minor] = Deno.version.deno.split(".").map(Number);
  return major > 2 || major === 2 && minor >= 9;
}

/** The pool's ear. */
export class PoolBell {
  /** The memory that the threads ring in. */
  readonly memory = new SharedArrayBuffer(4 * POOL_WORDS);
  /** Whether threads wake the pool, and are woken, through shared memory. */
  shared = false;
  readonly #words = new Int32Array(this.memory);
  #open = true;
  #wake: (() => void) | undefined;
  #probe: Promise<unknown> | undefined;

  /** @param waking How to wake; undefined: find out with the first thread. */
  constructor(waking: "shared-memory" | "messages" | undefined) {
    if (waking !== undefined) this.shared = waking === "shared-memory";
    else if (!mayHear()) this.shared = sharedMemoryWorks = false;
    else if (sharedMemoryWorks !== undefined) this.shared = sharedMemoryWorks;
    else this.#probe = Promise.resolve(Atomics.waitAsync(this.#words, PoolWord.PROBE, 0).value);
  }

  /** Finds out how to wake. To be called when a thread is ready: it has rung by then. */
  async settle(): Promise<void> {
    if (this.#probe === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.shared = sharedMemoryWorks = await Promise.race([
      this.#probe.then(() => true),
      new Promise<boolean>((heard) => timer = setTimeout(() => heard(false), PROBE_MS)),
    ]);
    clearTimeout(timer);
    this.#probe = undefined;
  }

  /**
   * Listens until {@linkcode close}.
   *
   * @param pending Whether there is something to collect.
   * @param collect Collects it; called once for however many rings.
   */
  async listen(pending: () => boolean, collect: () => void): Promise<void> {
    const words = this.#words;
    while (this.#open) {
      const bell = Atomics.load(words, PoolWord.BELL);
      Atomics.store(words, PoolWord.SLEEP, this.shared ? Sleep.WAIT_ASYNC : Sleep.WAIT_MESSAGE);
      if (pending()) {
        // Written before its thread could see that the pool sleeps. It waits for the next turn of the
        // event loop: threads that are quicker than the pool must not keep it from all else.
        await new Promise<void>((turned) => setImmediate(turned));
      } else if (this.shared) {
        const rung = Atomics.waitAsync(words, PoolWord.BELL, bell);
        if (rung.async) await rung.value;
        else await new Promise<void>((turned) => setImmediate(turned));
      } else {
        let timer: ReturnType<typeof setTimeout> | undefined;
        await new Promise<void>((wake) => {
          this.#wake = wake;
          timer = setTimeout(wake, LOOK_MS);
          Deno.unrefTimer(timer as unknown as number);
        });
        clearTimeout(timer);
        this.#wake = undefined;
      }
      Atomics.store(words, PoolWord.SLEEP, Sleep.AWAKE);
      if (this.#open) collect();
    }
  }

  /** A thread has rung by message. */
  heard(): void {
    this.#wake?.();
  }

  /**
   * Ends {@linkcode listen}, soon: not to be waited for, since waiting on shared memory alone does not
   * keep the event loop, and so the waiting, alive.
   */
  close(): void {
    this.#open = false;
    this.#wake?.();
    Atomics.add(this.#words, PoolWord.BELL, 1);
    Atomics.notify(this.#words, PoolWord.BELL);
  }
}
