/**
 * Memory for large buffers. Fresh memory is slow: the system hands it out page by page at the first
 * touch, which takes longer than filling it. Where this program may call native code (`--allow-ffi`,
 * on Linux) it asks the system for huge pages instead, 2 MB in the place of 4 kB.
 *
 * @module
 */

/** From where on it pays, in bytes: below, memory that was used before is handed out again. */
const LARGE = 8 * 1024 * 1024;
/** Alignment that `madvise` wants. */
const PAGE = 4096n;
/** `MADV_HUGEPAGE` of Linux. */
const HUGE_PAGES = 14;

/** Whether to try; false once it did not work. */
let worthTrying = Deno.build.os === "linux";

/**
 * A new buffer, zeroed.
 *
 * @param length Its size in bytes.
 * @throws {RangeError} When there is not that much memory.
 */
export function newBuffer(length: number): ArrayBuffer {
  const buffer = new ArrayBuffer(length);
  if (length >= LARGE && worthTrying) askForHugePages(buffer);
  return buffer;
}

/**
 * A copy with a buffer of its own.
 *
 * @param bytes What to copy.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.length < LARGE) return bytes.slice() as Uint8Array<ArrayBuffer>;
  const copy = new Uint8Array(newBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** Nothing depends on the answer: without huge pages it only takes longer. */
function askForHugePages(buffer: ArrayBuffer): void {
  // Asked for each time, because a program can give up the permission; never with a prompt.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  try {
    // Opened for one call, which takes 0.1 ms, so that no open library is left behind.
    const library = Deno.dlopen("libc.so.6", {
      madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
    });
    try {
      const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
      const start = (BigInt(address) + PAGE - 1n) / PAGE * PAGE;
      const size = BigInt(buffer.byteLength) - (start - BigInt(address));
      library.symbols.madvise(Deno.UnsafePointer.create(start), size, HUGE_PAGES);
    } finally {
      library.close();
    }
  } catch {
    // Another C library, or none that can be reached: the memory is as good, only slower.
    worthTrying = false;
  }
}
