/**
 * The large buffers of values that came in messages, until nothing here needs the values any more: then
 * the next ones that come are read into the same memory.
 *
 * @module
 */
import type { Serialized } from "./serialized.ts";
import { LARGE_MEMORY, recycle } from "./spare_memory.ts";

/**
 * A value with large buffers. Watching it keeps it from nobody: where the moment to give it up does not
 * come, because there is always something to do or to send, the garbage collector takes it.
 */
interface Received {
  readonly value: WeakRef<Serialized>;
  readonly isNeeded: (value: Serialized) => boolean;
}

/** Values that are watched. */
export class ReceivedMemory {
  #received: Received[] = [];

  /**
   * Watch a value, if it has large buffers.
   *
   * @param value It came in a message, and nobody else in this process got that.
   * @param isNeeded Whether anything that may look at the value still has it. Must not keep the value.
   */
  watch(value: Serialized, isNeeded: (value: Serialized) => boolean): void {
    const { frames } = value;
    // Large buffers are frames of their own, after the first.
    for (let i = 1; i < frames.length; i++) {
      if (frames[i].byteLength < LARGE_MEMORY) continue;
      this.#received.push({ value: new WeakRef(value), isNeeded });
      return;
    }
  }

  /** Whether nothing is watched. */
  get isEmpty(): boolean {
    return this.#received.length === 0;
  }

  /** Give up the buffers of what is not needed any more. */
  sweep(): void {
    this.#received = this.#received.filter(({ value: reference, isNeeded }) => {
      const value = reference.deref();
      if (value === undefined) return false;
      if (isNeeded(value)) return true;
      for (let i = 1; i < value.frames.length; i++) recycle(value.frames[i]);
      return false;
    });
  }
}
