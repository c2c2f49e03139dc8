/**
 * The memory that the pool shares with each thread: words that both sides watch, a claim word for
 * each task handed over, and a ring for each direction. And the one bell of the pool, rung by all
 * its threads.
 *
 * @module
 */
import type { RingMemory } from "./ring.ts";

/** Tasks that can be handed to a thread before it has answered the first. */
export const SLOTS = 64;
/** Bytes of each ring. */
export const RING_BYTES = 256 * 1024;
/** Records above this, and frames above it, go by message instead of the ring. */
export const MAX_INLINE_BYTES = 64 * 1024;

/** Words of a thread's memory. */
export const Word = {
  /** Changes whenever the pool wants the thread's attention. */
  BELL: 0,
  /** How the thread sleeps: one of {@linkcode Sleep}. */
  SLEEP: 1,
  /** What the thread does: one of {@linkcode Activity}. */
  ACTIVITY: 2,
  /** Serial number of the task that has to stop; 0: none. */
  ABORT: 3,
  /** 1: the thread must take no more tasks, and end. */
  RETIRE: 4,
  /** 1: `Atomics.waitAsync` hears other threads; 0: it does not, or that is not known yet. */
  WAKING: 5,
  /** Never changes: to wait for a time. */
  NEVER: 6,
  IN_HEAD: 8,
  IN_TAIL: 9,
  OUT_HEAD: 10,
  OUT_TAIL: 11,
} as const;

/** How one side sleeps, that is, how the other must wake it. */
export const Sleep = {
  AWAKE: 0,
  /** In `Atomics.wait`. */
  BLOCKED: 1,
  /** In its event loop, with an `Atomics.waitAsync`. */
  WAIT_ASYNC: 2,
  /** In its event loop; only a message wakes it. */
  WAIT_MESSAGE: 3,
} as const;

/** What a thread does. */
export const Activity = {
  STARTING: 0,
  /** Between two tasks. */
  IDLE: 1,
  /** In a task's code, called and not returned yet. */
  RUNNING: 2,
  /** In a task whose promise is not settled yet. */
  AWAITING: 3,
  /** Never takes a task again. */
  GONE: 4,
} as const;

/** State of a task handed to a thread: who has it is settled by compare and exchange of this word. */
export const Claim = {
  /** No task uses the slot. */
  FREE: 0,
  /** In the ring: the thread may take it, the pool may recall it. */
  QUEUED: 1,
  /** The thread has it. */
  TAKEN: 2,
  /** The pool has it back: the thread passes over its record, and frees the slot. */
  RECALLED: 3,
} as const;

/** Words of the pool's own memory, one for all threads. */
export const PoolWord = {
  /** Changes whenever a thread wants the pool's attention. */
  BELL: 0,
  /** How the pool sleeps: one of {@linkcode Sleep}. */
  SLEEP: 1,
  /** Rung once by each thread that starts, to see whether `Atomics.waitAsync` hears it. */
  PROBE: 2,
  /** 1: threads are to free what tasks leave behind, see `thread_garbage.ts`. */
  MEMORY_IS_SHORT: 3,
} as const;
/** How many words that are. */
export const POOL_WORDS = 4;

const WORDS = 16;
const CLAIMS_OFFSET = WORDS * 4;
const STARTS_OFFSET = CLAIMS_OFFSET + SLOTS * 4;
const IN_OFFSET = STARTS_OFFSET + SLOTS * 8;
const OUT_OFFSET = IN_OFFSET + RING_BYTES;

/** Views on the memory shared with one thread. */
export interface ThreadMemory {
  readonly buffer: SharedArrayBuffer;
  /** See {@linkcode Word}. */
  readonly words: Int32Array;
  /** See {@linkcode Claim}; by slot. */
  readonly claims: Int32Array;
  /** When tasks with a time limit began, by slot; in seconds since the epoch, 0: not yet. */
  readonly starts: Float64Array;
  /** Records from the pool to the thread. */
  readonly inRing: RingMemory;
  /** Records from the thread to the pool. */
  readonly outRing: RingMemory;
}

/** Views on a thread's memory; with no buffer given, on a new one. */
export function threadMemory(
  buffer: SharedArrayBuffer = new SharedArrayBuffer(OUT_OFFSET + RING_BYTES),
): ThreadMemory {
  const words = new Int32Array(buffer, 0, WORDS);
  return {
    buffer,
    words,
    claims: new Int32Array(buffer, CLAIMS_OFFSET, SLOTS),
    starts: new Float64Array(buffer, STARTS_OFFSET, SLOTS),
    inRing: {
      bytes: new Uint8Array(buffer, IN_OFFSET, RING_BYTES),
      words,
      head: Word.IN_HEAD,
      tail: Word.IN_TAIL,
    },
    outRing: {
      bytes: new Uint8Array(buffer, OUT_OFFSET, RING_BYTES),
      words,
      head: Word.OUT_HEAD,
      tail: Word.OUT_TAIL,
    },
  };
}
