/**
 * How much may wait to be sent. A peer that does not read must not cost this process its memory; one
 * that reads slowly, or has much to read, must not be cut off for it.
 *
 * @module
 */
import { Serialized } from "../protocol/serialized.ts";
import { checkAboveZero } from "./option_checks.ts";

/** What may wait for a peer. */
export interface BacklogLimits {
  /** Messages that may wait. Default 10 million. */
  maxPending?: number;
  /** Bytes that may wait while the peer takes nothing for the `patience`. Default 1 GiB. */
  maxPendingBytes?: number;
  /** Seconds without any progress after which the bytes that wait count. Default 30. */
  patience?: number;
}

/** More waits to be sent than may, to a peer that does not read. */
export class BacklogError extends Error {
  /** Name of the class. */
  override readonly name = "BacklogError";
}

const DEFAULT_MAX_PENDING = 10_000_000;
const DEFAULT_MAX_PENDING_BYTES = 1024 ** 3;
const DEFAULT_PATIENCE = 30;

/** What a field costs beside its content, about, and how deep contents are looked for. */
const FIELD_BYTES = 8;
const MAX_DEPTH = 5;

/** Watches what waits behind the batch that is being written. */
export class Backlog {
  readonly #maxPending: number;
  readonly #maxPendingBytes: number;
  readonly #patience: number;
  /** Bytes of the batch under way that were still to be taken at the last look, and when they became so. */
  #left = -1;
  #since = 0;
  /** How many of the waiting messages have been weighed since then, and their bytes. */
  #weighed = 0;
  #bytes = 0;

  /**
   * @param limits What may wait.
   * @throws {RangeError} When a limit is no number above 0.
   */
  constructor(limits: BacklogLimits) {
    const { maxPending, maxPendingBytes, patience } = limits;
    checkAboveZero("maxPending", maxPending);
    checkAboveZero("maxPendingBytes", maxPendingBytes);
    checkAboveZero("patience", patience);
    this.#maxPending = maxPending ?? DEFAULT_MAX_PENDING;
    this.#maxPendingBytes = maxPendingBytes ?? DEFAULT_MAX_PENDING_BYTES;
    this.#patience = patience ?? DEFAULT_PATIENCE;
  }

  /** A batch has been taken from those that wait, and is being written. */
  begin(): void {
    this.#left = -1;
  }

  /**
   * Looks at what waits; called when it has become more.
   *
   * @param pending Number of messages, those under way too.
   * @param left Bytes of the batch under way that are still to be taken.
   * @param full The batches that wait.
   * @param last The batch behind them.
   * @returns An error when it is too much.
   */
  check(
    pending: number,
    left: number,
    full: readonly unknown[][],
    last: readonly unknown[],
  ): BacklogError | undefined {
    if (pending > this.#maxPending) {
      return new BacklogError(
        `${pending} messages wait for a peer that does not read them, ` +
          `at most ${this.#maxPending} may (maxPending)`,
      );
    }
    const now = performance.now();
    if (left !== this.#left) {
      this.#left = left;
      this.#since = now;
      this.#weighed = 0;
      this.#bytes = 0;
      return undefined;
    }
    // Weighing takes time, and what goes on is in order however much it is.
    if (now - this.#since < this.#patience * 1000) return undefined;
    this.#weigh(full, last);
    const bytes = left + this.#bytes;
    if (bytes <= this.#maxPendingBytes) return undefined;
    return new BacklogError(
      `about ${bytes} bytes wait for a peer that has read nothing for ${this.#patience} s, ` +
        `at most ${this.#maxPendingBytes} may (maxPendingBytes)`,
    );
  }

  /** Adds those messages that have not been weighed. */
  #weigh(full: readonly unknown[][], last: readonly unknown[]): void {
    let before = 0;
    for (let i = 0; i <= full.length; i++) {
      const batch = i < full.length ? full[i] : last;
      for (let j = Math.max(0, this.#weighed - before); j < batch.length; j++) {
        this.#bytes += weight(batch[j], 0);
      }
      before += batch.length;
    }
    this.#weighed = before;
  }
}

/** About how many bytes a message is. */
function weight(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length + FIELD_BYTES;
  if (typeof value !== "object" || value === null) return FIELD_BYTES;
  if (value instanceof Serialized) return value.nbytes;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = FIELD_BYTES;
  if (depth === MAX_DEPTH) return bytes;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) bytes += weight(value[i], depth + 1);
  } else {
    const fields = value as Record<string, unknown>;
    for (const name in fields) bytes += name.length + weight(fields[name], depth + 1);
  }
  return bytes;
}
