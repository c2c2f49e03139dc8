/**
 * Large buffers that their owners are done with, for the next ones of the same size. Fresh memory is
 * slow, see `large_memory.ts`; memory that was used a moment ago takes bytes several times faster.
 *
 * Who gives a buffer up must be the only one to have it. Should that be wrong, the others find their
 * views empty, not with bytes of something else in them.
 *
 * @module
 */

/** From where on it pays, in bytes: below, the allocator keeps memory by itself. */
export const LARGE_MEMORY: number = 8 * 1024 * 1024;
/** How much is kept, in bytes. */
const MOST_KEPT = 256 * 1024 * 1024;
/** For how long, in milliseconds. */
const KEPT_MS = 5000;

/** A buffer that can be used again. */
interface Spare {
  readonly buffer: ArrayBuffer;
  /** When it was given up, on the clock of `performance.now()`. */
  readonly since: number;
}

/** The one given up last comes last. */
let spares: Spare[] = [];
/** How many there are who take spares and drop them in time. */
let users = 0;
/** Buffers that are being sent, and how many times. */
const sending = new Map<ArrayBufferLike, number>();
/** Buffers that nobody needs once they are sent. */
const sentOnce = new WeakSet<ArrayBufferLike>();

/** There is one more who takes spares, and calls {@linkcode dropOldSpares} now and then. */
export function beginUse(): void {
  users++;
}

/** There is one fewer. After the last one nobody would free them. */
export function endUse(): void {
  if (--users === 0) spares = [];
}

/**
 * Give a buffer up; views on it are empty from now on. Small ones are left alone, those that are being
 * sent, and all while nobody uses spares.
 *
 * @param bytes All of the buffer.
 */
export function recycle(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (users === 0 || sending.has(buffer)) return;
  if (!(buffer instanceof ArrayBuffer) || buffer.resizable) return;
  const { byteLength } = bytes;
  if (byteLength < LARGE_MEMORY || byteLength > MOST_KEPT) return;
  if (byteLength !== buffer.byteLength) return;
  spares.push({ buffer: buffer.transfer(), since: performance.now() });
  let kept = 0;
  let first = spares.length;
  while (first > 0 && kept + spares[first - 1].buffer.byteLength <= MOST_KEPT) {
    kept += spares[--first].buffer.byteLength;
  }
  if (first > 0) spares = spares.slice(first);
}

/**
 * Give a buffer back to the system, at once rather than when the garbage collector comes to it; views on it are
 * empty from now on. Those that are being sent are left alone.
 *
 * @param bytes All of the buffer.
 */
export function discard(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (sending.has(buffer) || !(buffer instanceof ArrayBuffer) || buffer.resizable) return;
  if (bytes.byteLength === buffer.byteLength) buffer.transfer(0);
}

/** Give all spare buffers back to the system. */
export function discardSpares(): void {
  for (const { buffer } of spares) buffer.transfer(0);
  spares = [];
}

/**
 * A buffer that was given up.
 *
 * @param length Its size in bytes.
 * @returns The buffer with whatever is in it; undefined when there is none of that size.
 */
export function takeSpare(length: number): ArrayBuffer | undefined {
  for (let i = spares.length - 1; i >= 0; i--) {
    if (spares[i].buffer.byteLength === length) return spares.splice(i, 1)[0].buffer;
  }
  return undefined;
}

/** Frees what has been spare for a while. Called now and then by what goes on anyway. */
export function dropOldSpares(): void {
  if (spares.length === 0) return;
  const oldest = performance.now() - KEPT_MS;
  if (spares[0].since < oldest) spares = spares.filter(({ since }) => since >= oldest);
}

/**
 * Have a buffer given up as soon as it is sent, which happens once.
 *
 * @param bytes All of the buffer.
 */
export function recycleOnceSent(bytes: Uint8Array): void {
  if (bytes.byteLength >= LARGE_MEMORY) sentOnce.add(bytes.buffer);
}

/**
 * Buffers are about to be sent.
 *
 * @param buffers What is given to {@linkcode endSending} later.
 */
export function beginSending(buffers: readonly Uint8Array[]): void {
  for (let i = 0; i < buffers.length; i++) {
    // Of the buffer, not of the view: a frame that was cut may have a small last piece.
    const { buffer } = buffers[i];
    if (buffer.byteLength >= LARGE_MEMORY) sending.set(buffer, (sending.get(buffer) ?? 0) + 1);
  }
}

/**
 * Buffers are not being sent any more.
 *
 * @param buffers What was given to {@linkcode beginSending}.
 * @param isSent Whether they were sent, rather than given up.
 */
export function endSending(buffers: readonly Uint8Array[], isSent: boolean): void {
  for (let i = 0; i < buffers.length; i++) {
    const bytes = buffers[i];
    const { buffer } = bytes;
    if (buffer.byteLength < LARGE_MEMORY) continue;
    const times = sending.get(buffer) ?? 0;
    if (times > 1) sending.set(buffer, times - 1);
    else sending.delete(buffer);
    if (isSent && sentOnce.has(buffer)) recycle(bytes);
  }
}
