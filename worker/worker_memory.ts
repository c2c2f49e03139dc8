/**
 * The memory of one worker: what follows from its limit for results, tasks and transfers.
 *
 * @module
 */
import { garbageCollector, giveLargeMemoryBack } from "./garbage.ts";
import { MemoryMonitor } from "./memory_monitor.ts";
import type { ResultStore } from "./store.ts";
import type { WorkerEngine } from "./worker_engine.ts";
import type { WorkerSettings } from "./worker_options.ts";

/** Parts of the limit: the data of the tasks in the threads, what comes from peers, what goes to them. */
const IN_THREADS = 0.25;
const INCOMING = 0.1;
const SERVED = 0.1;

/** What may be under way at once, in bytes; a single larger piece may, alone. */
export interface MemoryShares {
  /** Data of the tasks in the threads. */
  inThreads: number;
  /** Results on their way here. */
  incoming: number;
  /** Results that are read from disk for others. */
  served: number;
}

/**
 * What may be under way at once.
 *
 * @param limit Bytes that the worker may have; 0: no limit.
 */
export function memoryShares(limit: number): MemoryShares {
  if (limit === 0) return { inThreads: Infinity, incoming: Infinity, served: Infinity };
  return { inThreads: IN_THREADS * limit, incoming: INCOMING * limit, served: SERVED * limit };
}

/** The memory of one worker that has a limit. */
export class WorkerMemory {
  readonly #settings: WorkerSettings;
  readonly #store: ResultStore;
  readonly #collectGarbage: () => void;
  #monitor: MemoryMonitor | undefined;

  private constructor(
    settings: WorkerSettings,
    store: ResultStore,
    collectGarbage: () => void,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#collectGarbage = collectGarbage;
  }

  /**
   * Make room on disk.
   *
   * @param settings Of the worker.
   * @param store Its results: they go to disk from now on where that is needed.
   * @returns Undefined when there is no limit.
   * @throws {SpillFolderError} When there is no folder to be had on disk.
   */
  static async open(
    settings: WorkerSettings,
    store: ResultStore,
  ): Promise<WorkerMemory | undefined> {
    const { memoryLimit, memoryTarget, localDirectory } = settings;
    if (memoryLimit === 0) return undefined;
    if (memoryTarget > 0) {
      // Few programs need it.
      const { SpillDisk } = await import("./spill/spill_disk.ts");
      store.spillTo(await SpillDisk.open(localDirectory));
    }
    return new WorkerMemory(settings, store, await garbageCollector());
  }

  /** Begin to watch, and have the engine do what is needed. */
  watch(engine: WorkerEngine): void {
    const { memoryLimit, memoryTarget, memoryPause } = this.#settings;
    this.#monitor = new MemoryMonitor({
      limit: memoryLimit,
      target: memoryTarget,
      pause: memoryPause,
      store: this.#store,
      resident: () => Deno.memoryUsage().rss,
      bytesInThreads: () => engine.bytesInThreads,
      mostInThreads: memoryShares(memoryLimit).inThreads,
      limitThreads: (bytes) => engine.mostBytesInThreads = bytes,
      isBusy: () => {
        const { counts } = engine.core.machine;
        return counts.executing + counts["long-running"] > 0;
      },
      saveMemory: (isShort) => {
        if (isShort) giveLargeMemoryBack();
        engine.saveMemory(isShort);
      },
      collectGarbage: this.#collectGarbage,
      onHold: (isHeld) => engine.hold(isHeld),
      onPause: (isPaused) => engine.pause(isPaused),
    });
    this.#monitor.start();
  }

  /** So many bytes have come into memory. */
  added(bytes: number): void {
    this.#monitor?.added(bytes);
  }

  /** Stop watching. */
  close(): void {
    this.#monitor?.close();
  }
}
