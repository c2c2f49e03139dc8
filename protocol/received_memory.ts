/**
 * The large buffers of values that came in messages, until nothing here needs the values any more: then
 * the next ones that come are read into the same memory.
 *
 * @module
 */
import type { Serialized } from "./serialized.ts";
import { LARGE_MEMORY, recycle } from "./spare_memory.ts";

/** A value with large buffers. */
interface Received {
  readonly value: Serialized;
  readonly isNeeded: () => boolean;
}

/** Values that are watched. */
export class ReceivedMemory {
  #received: Received[] = [];

  /**
   * Watch a value, if it has large buffers.
   *
   * @param value It came in a message, and nobody else in this process got that.
   * @param isNeeded Whether anything that may look at the value still has it.
   */
  watch(value: Serialized, isNeeded: () => boolean): void {
    const { frames } = value;
    // Large buffers are frames of their own, after the first.
    for (let i = 1; i < frames.length; i++) {
      if (frames[i].byteLength < LARGE_MEMORY) continue;
      this.#received.push({ value, isNeeded });
      return;
    }
  }

  /** Whether nothing is watched. */
  get isEmpty(): boolean {
    return this.#received.length === 0;
  }

  /** Give up the buffers of what is not needed any more. */
  sweep(): void {
    this.#received = this.#received.filter(({ value, isNeeded }) => {
      if (isNeeded()) return true;
      for (let i = 1; i < value.frames.length; i++) recycle(value.frames[i]);
      return false;
    });
  }

  /** Watch nothing any more. What was watched is left to the garbage collector. */
  clear(): void {
    this.#received = [];
  }
}
