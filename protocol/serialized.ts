/**
 * A user's value, function or error as opaque bytes. Only clients and threads look inside; the
 * scheduler and the worker's main thread pass it on as it is.
 *
 * @module
 */

/** Opaque bytes: frame 0 is the encoded value, the others are the large buffers it refers to. */
export class Serialized {
  /**
   * The bytes; never changed once they are here. Small frames share memory with others, and large ones may be
   * the memory of a user's array: transfer to a thread only what is yours, and only where
   * `frame.byteLength === frame.buffer.byteLength`.
   */
  readonly frames: readonly Uint8Array[];

  /**
   * Wrap frames.
   *
   * @param frames Frame 0 the encoded value, further frames its large buffers.
   */
  constructor(frames: readonly Uint8Array[]) {
    this.frames = frames;
  }

  /** Size of all frames together, in bytes. */
  get nbytes(): number {
    let total = 0;
    for (let i = 0; i < this.frames.length; i++) total += this.frames[i].byteLength;
    return total;
  }
}
