/**
 * Memory for large buffers. Fresh memory is slow: the system hands it out page by page at the first
 * touch, which takes longer than filling it. Where this program may call native code (`--allow-ffi`,
 * on Linux) it asks the system for huge pages instead, 2 MB in the place of 4 kB.
 *
 * Mostly they are many times quicker. On a virtual machine whose host has yet to find the memory they
 * can be many times slower, from one moment to the next. So each is timed as it is touched first, and
 * where they are slow, small pages take their place for a while.
 *
 * @module
 */
import { isGranted } from "../config/permission.ts";
import { LARGE_MEMORY, takeSpare } from "./spare_memory.ts";

/** Size of the usual pages, in bytes. */
const SMALL_PAGE = 4096;
/** Size of a huge page, in bytes. */
const HUGE_PAGE = 2 * 1024 * 1024;
/** So much is made ready at a time: memory is not taken long before there is something to put there. */
const WINDOW = 2 * HUGE_PAGE;
/** `MADV_HUGEPAGE` and `MADV_NOHUGEPAGE` of Linux. */
const HUGE_PAGES = 14;
const SMALL_PAGES = 15;

/** A huge page that takes longer may be slower than small pages, in milliseconds. Most take 0.2 to 0.5. */
const SUSPECT_MS = 1;
/** So many of them in a row are compared with small pages: a single one may be the scheduler's doing. */
const SUSPECTS = 2;
/** For how long small pages are used after huge ones were slower; doubled each time, in milliseconds. */
const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/** Whether to try; false once it did not work. */
let worthTrying = Deno.build.os === "linux";
/** Until when huge pages are not asked for, on the clock of `performance.now()`. */
let pausedUntil = -Infinity;
let nextPauseMs = SHORTEST_PAUSE_MS;

/**
 * A new buffer that is filled from its beginning to its end.
 *
 * @example
 * ```ts
 * const memory = new LargeBuffer(source.length);
 * for (let start = 0, end; start < source.length; start = end) {
 *   end = memory.readyFrom(start);
 *   memory.bytes.set(source.subarray(start, end), start);
 * }
 * ```
 */
export class LargeBuffer {
  /** All of the buffer. What is in it before it is filled means nothing. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of the first byte. */
  #address = 0n;
  /** Up to where the memory is there; from the buffer's end on nothing is left to do. */
  #ready: number;
  /** Huge pages in a row that took long. */
  #suspects = 0;

  /**
   * @param length Its size in bytes.
   * @throws {RangeError} When there is not that much memory.
   */
  constructor(length: number) {
    const spare = takeSpare(length);
    this.bytes = spare === undefined ? new Uint8Array(length) : new Uint8Array(spare);
    this.#ready = length;
    if (
      spare !== undefined || length < LARGE_MEMORY || !worthTrying ||
      performance.now() < pausedUntil
    ) return;
    // Asked for each time, because a program can give up the permission; never with a prompt.
    if (!isGranted({ name: "ffi" })) return;
    const { buffer } = this.bytes;
    this.#address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
    if (advise(this.#address, length, HUGE_PAGES)) this.#ready = 0;
  }

  /**
   * Make the next piece ready to be filled.
   *
   * @param start Where it begins: what is before has been filled.
   * @returns Where it ends, beyond `start` unless that is the buffer's end.
   */
  readyFrom(start: number): number {
    const end = Math.min(start + WINDOW, this.bytes.length);
    while (this.#ready < end) this.#touch();
    return this.#ready;
  }

  /** Has the system hand out the next huge page. */
  #touch(): void {
    const from = this.#ready;
    this.#ready = this.#pageAfter(from);
    const time = this.#timeOf(from, HUGE_PAGE);
    if (time < SUSPECT_MS) this.#suspects = 0;
    else if (++this.#suspects === SUSPECTS) this.#compare(time);
    if (this.#ready >= this.bytes.length && this.#suspects === 0) nextPauseMs = SHORTEST_PAUSE_MS;
  }

  /** Goes on with small pages, if they take less than that for the same memory. */
  #compare(hugeTime: number): void {
    const from = this.#ready;
    const { length } = this.bytes;
    if (from >= length) return;
    const address = this.#address + BigInt(from);
    if (!advise(address, length - from, SMALL_PAGES)) return;
    this.#ready = this.#pageAfter(from);
    if (this.#timeOf(from, SMALL_PAGE) < hugeTime) {
      this.#ready = length;
      pausedUntil = performance.now() + nextPauseMs;
      nextPauseMs = Math.min(2 * nextPauseMs, LONGEST_PAUSE_MS);
    } else {
      advise(address, length - from, HUGE_PAGES);
    }
  }

  /** Where the huge page ends that has this byte; the first and the last one are cut. */
  #pageAfter(position: number): number {
    const into = Number((this.#address + BigInt(position)) % BigInt(HUGE_PAGE));
    return Math.min(position + HUGE_PAGE - into, this.bytes.length);
  }

  /** Milliseconds that the first touch takes, from there to where memory is ready. */
  #timeOf(from: number, pageSize: number): number {
    const { bytes } = this;
    const begin = performance.now();
    for (let at = from; at < this.#ready; at += pageSize) bytes[at] = 0;
    return performance.now() - begin;
  }
}

/**
 * A copy with a buffer of its own.
 *
 * @param bytes What to copy.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length < LARGE_MEMORY) return bytes.slice() as Uint8Array<ArrayBuffer>;
  const copy = new LargeBuffer(bytes.length);
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    end = copy.readyFrom(start);
    copy.bytes.set(bytes.subarray(start, end), start);
  }
  return copy.bytes;
}

/**
 * Says which pages some memory should have. Nothing depends on the answer: without huge pages it only
 * takes longer.
 *
 * @returns Whether the system could be told.
 */
function advise(address: bigint, length: number, advice: number): boolean {
  try {
    // Opened for one call, which takes 0.1 ms, so that no open library is left behind.
    const library = Deno.dlopen("libc.so.6", {
      madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
    });
    try {
      const page = BigInt(SMALL_PAGE);
      const start = (address + page - 1n) / page * page;
      const size = BigInt(length) - (start - address);
      return library.symbols.madvise(Deno.UnsafePointer.create(start), size, advice) === 0;
    } finally {
      library.close();
    }
  } catch {
    // Another C library, or none that can be reached: the memory is as good, only slower.
    worthTrying = false;
    return false;
  }
}
