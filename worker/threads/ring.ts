/**
 * A queue of byte records in shared memory, with one writer and one reader in different threads.
 * Neither side ever waits for the other here: a full ring refuses, an empty one has nothing to read.
 *
 * A record lies in one piece: a u32 length, the bytes, padding to eight bytes. Where the end of the
 * memory is too near, a marker sends the reader to its beginning. Head and tail count bytes without
 * ever going back (modulo 2^32), so that full and empty cannot be mistaken for each other.
 *
 * @module
 */

// Kept from tasks that replace globals.
const { load, store } = Atomics;

const LENGTH_BYTES = 4;
const ALIGNMENT = 8;
const WRAP = 0xffff_ffff;

/** The other side has written what it never should: the memory can't be trusted any more. */
export class RingCorruptError extends Error {
  override readonly name = "RingCorruptError";
}

/** The memory of one ring: where the bytes are, and where its two counters. */
export interface RingMemory {
  /** The records. Its length is a power of two, at most 2^30. */
  readonly bytes: Uint8Array;
  /** Words shared by the two sides. */
  readonly words: Int32Array;
  /** Index in `words` of the count of bytes written. */
  readonly head: number;
  /** Index in `words` of the count of bytes read. */
  readonly tail: number;
}

function checkCapacity(capacity: number): void {
  if (capacity < 64 || capacity > 2 ** 30 || (capacity & (capacity - 1)) !== 0) {
    throw new RangeError(
      `A ring's memory must be a power of two between 64 and 2^30 bytes, not ${capacity}`,
    );
  }
}

/** Bytes that a record takes in the ring. */
function footprint(length: number): number {
  return (LENGTH_BYTES + length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/** The writing side of a ring. */
export class RingWriter {
  /** The ring's memory; a record is written here, from {@linkcode reserve}'s offset on. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  readonly #words: Int32Array;
  readonly #headIndex: number;
  readonly #tailIndex: number;
  readonly #mask: number;
  /** Bytes written so far; only this side changes it. */
  #head: number;

  constructor(memory: RingMemory) {
    checkCapacity(memory.bytes.byteLength);
    this.bytes = memory.bytes;
    this.view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.byteLength);
    this.#words = memory.words;
    this.#headIndex = memory.head;
    this.#tailIndex = memory.tail;
    this.#mask = memory.bytes.byteLength - 1;
    this.#head = load(memory.words, memory.head);
  }

  /** Bytes that are free now. */
  get free(): number {
    return this.bytes.byteLength - ((this.#head - load(this.#words, this.#tailIndex)) | 0);
  }

  /**
   * Finds room for a record.
   *
   * @param length Size of the record, or a bound for it, in bytes.
   * @returns Where to write it in `bytes`; -1 when the ring is too full now.
   */
  reserve(length: number): number {
    const need = footprint(length);
    const free = this.free;
    if (need > free) return -1;
    const position = this.#head & this.#mask;
    const toEnd = this.bytes.byteLength - position;
    if (need <= toEnd) return position + LENGTH_BYTES;
    if (toEnd + need > free) return -1;
    this.view.setUint32(position, WRAP, true);
    this.#head = (this.#head + toEnd) | 0;
    return LENGTH_BYTES;
  }

  /**
   * Hands the record written at the last {@linkcode reserve}'s offset to the reader.
   *
   * @param length Size of the record in bytes; not more than was reserved.
   */
  commit(length: number): void {
    this.view.setUint32(this.#head & this.#mask, length, true);
    this.#head = (this.#head + footprint(length)) | 0;
    store(this.#words, this.#headIndex, this.#head);
  }
}

/** The reading side of a ring. */
export class RingReader {
  /** The ring's memory. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  /** Where the record found by {@linkcode next} begins and ends in `bytes`. */
  offset = 0;
  end = 0;
  readonly #words: Int32Array;
  readonly #headIndex: number;
  readonly #tailIndex: number;
  readonly #mask: number;
  /** Bytes read so far; only this side changes it. */
  #tail: number;

  constructor(memory: RingMemory) {
    checkCapacity(memory.bytes.byteLength);
    this.bytes = memory.bytes;
    this.view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.byteLength);
    this.#words = memory.words;
    this.#headIndex = memory.head;
    this.#tailIndex = memory.tail;
    this.#mask = memory.bytes.byteLength - 1;
    this.#tail = load(memory.words, memory.tail);
  }

  /** Whether there is nothing to read. */
  get empty(): boolean {
    return load(this.#words, this.#headIndex) === this.#tail;
  }

  /**
   * Finds the next record: it lies in `bytes` from `offset` to `end`, until {@linkcode release}.
   *
   * @returns Whether there is one.
   * @throws {RingCorruptError} When the counters or a length make no sense.
   */
  next(): boolean {
    const filled = (load(this.#words, this.#headIndex) - this.#tail) | 0;
    if (filled === 0) return false;
    let position = this.#tail & this.#mask;
    let left = filled;
    let length = this.view.getUint32(position, true);
    if (length === WRAP) {
      const toEnd = this.bytes.byteLength - position;
      this.#tail = (this.#tail + toEnd) | 0;
      left -= toEnd;
      position = 0;
      length = this.view.getUint32(0, true);
    }
    if (filled < 0 || filled > this.bytes.byteLength || length > left - LENGTH_BYTES) {
      throw new RingCorruptError(`A record of ${length} bytes where ${left} were written`);
    }
    this.offset = position + LENGTH_BYTES;
    this.end = this.offset + length;
    return true;
  }

  /** Gives the memory of the record found by {@linkcode next} back to the writer. */
  release(): void {
    this.#tail = (this.#tail + footprint(this.end - this.offset)) | 0;
    store(this.#words, this.#tailIndex, this.#tail);
  }
}
