/**
 * Finds out whether the classes and the function in one value share anything that is one object. Each
 * class travels as a part of its own elsewhere, and is the home of what it alone leads to.
 *
 * @module
 */

/** Follows a value while it is written, by the numbers of its objects. */
export class Homes {
  /** From which number on things are at which home: numbers are given in order. */
  readonly #moves: [from: number, home: number][] = [[0, 0]];
  /** The homes of what is being written, the innermost last. */
  readonly #stack = [0];
  /** Numbers that stand for definitions, imports and classes: these are what they are anywhere. */
  readonly #same = new Set<number>();
  readonly #memory = new Map<ArrayBuffer, number>();
  #isShared = false;

  /** Whether something is met from several homes. */
  get isShared(): boolean {
    return this.#isShared;
  }

  /** A class begins. @param number What it has. */
  enter(number: number): void {
    this.#same.add(number);
    this.#stack.push(number);
    this.#moves.push([number, number]);
  }

  /** It ends. @param next The number that the next object will have. */
  leave(next: number): void {
    this.#stack.pop();
    this.#moves.push([next, this.#home]);
  }

  /** These numbers were given to a definition, or to what stands for an import. */
  code(from: number, to: number): void {
    for (let number = from; number < to; number++) this.#same.add(number);
  }

  /** An object is met again. */
  back(number: number): void {
    if (!this.#same.has(number)) this.#isShared ||= this.#homeOf(number) !== this.#home;
  }

  /** A view, or a buffer itself, has this memory. */
  memory(buffer: ArrayBuffer): void {
    const home = this.#memory.get(buffer);
    if (home === undefined) this.#memory.set(buffer, this.#home);
    else this.#isShared ||= home !== this.#home;
  }

  /** What has numbers from this one on was not written after all. */
  rollback(size: number): void {
    while (this.#moves.length > 1 && this.#moves.at(-1)![0] >= size) this.#moves.pop();
    while (this.#stack.length > 1 && this.#stack.at(-1)! >= size) this.#stack.pop();
    // One that ended just before is popped as well: what comes next is not at its home.
    this.#moves.push([size, this.#home]);
    for (const number of this.#same) if (number >= size) this.#same.delete(number);
    // Sharing that was only found in there does no harm.
  }

  get #home(): number {
    return this.#stack[this.#stack.length - 1];
  }

  #homeOf(number: number): number {
    let low = 0;
    let high = this.#moves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#moves[middle][0] <= number) low = middle;
      else high = middle - 1;
    }
    return this.#moves[low][1];
  }
}
