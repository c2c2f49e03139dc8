/**
 * What a thread sends to its pool: outcomes and console output, through the ring or, when too large
 * for it, by message. Wakes the pool if it sleeps.
 *
 * @module
 */
import { hasLargeFrame, RecordWriter } from "./record_codec.ts";
import {
  CONSOLE_LEVELS,
  consoleRoom,
  type OutcomeRecord,
  outcomeRoom,
  type PostedRecord,
  writeConsole,
  writeOutcome,
} from "./records.ts";
import { RingWriter } from "./ring.ts";
import type { ConsoleLevel } from "./task_console.ts";
import {
  MAX_INLINE_BYTES,
  PoolWord,
  RING_BYTES,
  Sleep,
  type ThreadMemory,
  Word,
} from "./thread_memory.ts";

/** Longest text of one console call that travels, in characters; with three bytes each it still fits a record. */
const MAX_TEXT = 20_000;
/** Room in the ring that console output leaves to outcomes. */
const KEPT_FREE = RING_BYTES / 2;
/** How long to wait at a time for the pool to empty a full ring, in milliseconds. */
const FULL_WAIT_MS = 1;

// Kept from tasks that replace globals.
const { load, exchange, add, notify, wait } = Atomics;

/** Sends to the pool. */
export class ThreadOutbox {
  readonly #words: Int32Array;
  readonly #poolWords: Int32Array;
  readonly #post: (message: unknown, transfer: Transferable[]) => void;
  readonly #ring: RingWriter;
  readonly #writer: RecordWriter;
  #dropped = 0;
  /** An outcome that is to be sent later. */
  #held: PostedRecord | undefined;

  /** @param post Posts a message to the pool. */
  constructor(
    memory: ThreadMemory,
    poolWords: Int32Array,
    post: (message: unknown, transfer: Transferable[]) => void,
  ) {
    this.#words = memory.words;
    this.#poolWords = poolWords;
    this.#post = post;
    this.#ring = new RingWriter(memory.outRing);
    this.#writer = new RecordWriter(this.#ring.bytes, this.#ring.view);
  }

  /** Wakes the pool, if it sleeps. */
  wakePool(): void {
    const words = this.#poolWords;
    if (load(words, PoolWord.SLEEP) === Sleep.AWAKE) return;
    const sleep = exchange(words, PoolWord.SLEEP, Sleep.AWAKE);
    if (sleep === Sleep.WAIT_ASYNC) {
      add(words, PoolWord.BELL, 1);
      notify(words, PoolWord.BELL);
    } else if (sleep === Sleep.WAIT_MESSAGE) {
      this.#post(null, []);
    }
  }

  /**
   * Tells the pool that this thread is gone. Unlike {@linkcode wakePool} it leaves the word by which the
   * pool says that it sleeps as it is: the pool may have seen already, and closed the port. Then the
   * message is lost, and who rings next must not believe that the pool was woken.
   */
  farewell(): void {
    if (load(this.#poolWords, PoolWord.SLEEP) === Sleep.WAIT_MESSAGE) this.#post(null, []);
    else this.wakePool();
  }

  /** Sends a task's outcome. Large frames are copied: the task may keep, and use, what it returned. */
  outcome(outcome: OutcomeRecord): void {
    if (this.#dropped > 0) this.#sayDropped();
    const room = outcomeRoom(outcome);
    if (room > MAX_INLINE_BYTES || hasLargeFrame(outcome.value)) {
      this.#postRecord(recordOf(outcome));
      return;
    }
    let at = this.#ring.reserve(room);
    while (at < 0) {
      // The pool never waits for a thread, so it empties the ring as soon as it comes to it.
      this.wakePool();
      wait(this.#words, Word.NEVER, 0, FULL_WAIT_MS);
      if (load(this.#words, Word.RETIRE) === 1) return;
      at = this.#ring.reserve(room);
    }
    this.#writer.position = at;
    writeOutcome(this.#writer, outcome);
    this.#ring.commit(this.#writer.position - at);
    this.wakePool();
  }

  /** Takes a task's outcome, to be sent by {@linkcode release}. Nothing of it is kept but bytes. */
  hold(outcome: OutcomeRecord): void {
    this.#held = recordOf(outcome);
  }

  /** Size of the outcome that is held back, in bytes; 0: there is none. */
  get heldBytes(): number {
    if (this.#held === undefined) return 0;
    let bytes = this.#held.record.byteLength;
    for (const { byteLength } of this.#held.beside) bytes += byteLength;
    return bytes;
  }

  /** Sends the outcome that was held back. */
  release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    if (this.#dropped > 0) this.#sayDropped();
    this.#postRecord(held);
  }

  /** Sends console output; drops it, and later says so, when the pool does not keep up. */
  console(level: ConsoleLevel, key: string | null, text: string): void {
    if (this.#dropped > 0) this.#sayDropped();
    if (this.#dropped > 0 || !this.#sendConsole(level, key, text)) this.#dropped++;
  }

  /** Says that the thread can run no more tasks. */
  broken(message: string): void {
    this.#post({ kind: "broken", message }, []);
  }

  #postRecord({ record, beside }: PostedRecord): void {
    this.#post({ kind: "record", record, beside }, [record.buffer, ...beside]);
  }

  #sayDropped(): void {
    const text =
      `(${this.#dropped} pieces of console output were dropped: they came faster than they could be sent)`;
    if (this.#sendConsole("warn", null, text)) this.#dropped = 0;
  }

  #sendConsole(level: ConsoleLevel, key: string | null, text: string): boolean {
    const sent = text.length <= MAX_TEXT
      ? text
      : `${text.slice(0, MAX_TEXT)}… (${text.length - MAX_TEXT} more characters)`;
    const room = consoleRoom(key, sent);
    if (room > MAX_INLINE_BYTES || this.#ring.free < room + KEPT_FREE) {
      this.wakePool();
      return false;
    }
    const at = this.#ring.reserve(room);
    if (at < 0) return false;
    this.#writer.position = at;
    writeConsole(this.#writer, CONSOLE_LEVELS.indexOf(level), key, sent);
    this.#ring.commit(this.#writer.position - at);
    this.wakePool();
    return true;
  }
}

/** An outcome as it is posted, with copies of its large frames. */
function recordOf(outcome: OutcomeRecord): PostedRecord {
  const writer = new RecordWriter(new Uint8Array(outcomeRoom(outcome)));
  writeOutcome(writer, outcome);
  return writer.posted();
}
