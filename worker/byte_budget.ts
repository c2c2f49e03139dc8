/**
 * How many bytes may be under way at once, whatever way that is. Who asks first gets first.
 *
 * @module
 */

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

/** Bytes to be had, and given back. */
export class ByteBudget {
  #limit: number;
  #inUse = 0;
  #waiting: Waiting[] = [];

  /** @param limit How many bytes may be under way; a single larger piece may, alone. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many bytes there are. */
  get limit(): number {
    return this.#limit;
  }

  set limit(bytes: number) {
    this.#limit = bytes;
    this.#admit();
  }

  /** How many bytes are under way. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Take bytes if they are to be had now. */
  take(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes)) return false;
    this.#inUse += bytes;
    return true;
  }

  /** Take bytes, when they are to be had. */
  async acquire(bytes: number): Promise<void> {
    if (this.take(bytes)) return;
    await new Promise<void>((admit) => this.#waiting.push({ bytes, admit }));
  }

  /** Give bytes back that were taken. */
  release(bytes: number): void {
    this.#inUse -= bytes;
    this.#admit();
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#hasRoom(this.#waiting[0].bytes)) {
      const { bytes, admit } = this.#waiting.shift()!;
      this.#inUse += bytes;
      admit();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#inUse === 0 || this.#inUse + bytes <= this.#limit;
  }
}
