/**
 * A stream of given bytes, for readers of frames.
 *
 * @module
 */
import type { ByteSource } from "../../protocol/frames.ts";

/** Joins pieces of bytes. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    all.set(piece, position);
    position += piece.length;
  }
  return all;
}

/** Gives bytes in pieces that end where told, and notes what it was asked for. */
export class PiecewiseSource implements ByteSource {
  /** Number of reads. */
  reads = 0;
  private position = 0;

  /**
   * @param bytes All bytes.
   * @param ends Where pieces end, in order; a number: the size of all pieces.
   */
  constructor(private readonly bytes: Uint8Array, private readonly ends: number | number[]) {}

  read(into: Uint8Array): Promise<number | null> {
    this.reads++;
    if (into.length === 0) throw new Error("a read of nothing");
    const { position } = this;
    if (position === this.bytes.length) return Promise.resolve(null);
    const end = typeof this.ends === "number"
      ? position + this.ends
      : this.ends.find((end) => end > position) ?? this.bytes.length;
    const size = Math.min(end - position, into.length, this.bytes.length - position);
    into.set(this.bytes.subarray(position, position + size));
    this.position += size;
    return Promise.resolve(size);
  }
}
