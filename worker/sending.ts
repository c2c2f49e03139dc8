/**
 * Results that are being sent to someone: they stay in memory until that is over. Those on disk are read
 * for it, so many at a time as memory allows.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import type { ByteBudget } from "./byte_budget.ts";
import { discardFrames } from "./garbage.ts";
import type { ResultStore } from "./store.ts";

/** What `get-data` answers. */
export interface GetDataReply {
  status: "OK";
  data: Record<string, Serialized>;
  /** Keys to be asked for once more; absent: none. */
  later?: string[];
}

/** The results of one answer. */
export class Sending {
  readonly #store: ResultStore;
  readonly #budget: ByteBudget;
  readonly #isShared: boolean;
  #bytes = 0;
  readonly #used: [key: string, value: Serialized][] = [];
  readonly #own: Serialized[] = [];

  /**
   * @param store Where the results are.
   * @param budget How many bytes may be read from disk at once.
   * @param isShared Whether who gets them is in this process, and keeps the very memory.
   */
  constructor(store: ResultStore, budget: ByteBudget, isShared: boolean) {
    this.#store = store;
    this.#budget = budget;
    this.#isShared = isShared;
  }

  /**
   * Bring results together.
   *
   * @param keys Which.
   * @returns Those that are here; some of them perhaps later.
   */
  async prepare(keys: readonly string[]): Promise<GetDataReply> {
    const store = this.#store;
    const data: Record<string, Serialized> = {};
    const onDisk: string[] = [];
    const later: string[] = [];
    let bytes = 0;
    for (const key of keys) {
      if (Object.hasOwn(data, key) || !store.has(key)) continue;
      const value = store.pin(key, this.#isShared);
      if (value !== undefined) {
        this.#used.push([key, value]);
        data[key] = value;
        continue;
      }
      const size = store.sizeOf(key);
      if (onDisk.length > 0 && bytes + size > this.#budget.limit) {
        later.push(key);
      } else {
        onDisk.push(key);
        bytes += size;
      }
    }
    if (onDisk.length > 0) {
      await this.#budget.acquire(bytes);
      this.#bytes = bytes;
      for (const key of onDisk) {
        const loaded = await store.load(key, this.#isShared);
        if (loaded === undefined) continue;
        data[key] = loaded.value;
        if (loaded.isOwn) this.#own.push(loaded.value);
        else this.#used.push([key, loaded.value]);
      }
    }
    return later.length > 0 ? { status: "OK", data, later } : { status: "OK", data };
  }

  /** It is over, whether they were sent or not. */
  end(): void {
    for (const [key, value] of this.#used) this.#store.unpin(key, value);
    if (!this.#isShared) this.#own.forEach(discardFrames);
    if (this.#bytes > 0) this.#budget.release(this.#bytes);
    this.#bytes = 0;
  }
}
