/**
 * Finds out whether the classes and the function in one value share objects. Each of them travels as a
 * part of its own elsewhere, and is the home of the objects that it alone leads to.
 *
 * @module
 */

/** A function that is being written, or has been. */
interface Writing {
  readonly start: number;
  readonly home: number;
  /** How many numbers stood for code when it began. */
  readonly code: number;
  /** It leads to objects, by itself or by functions that stand in it. */
  holds: boolean;
  /** The functions that it leads to. */
  readonly uses: Set<number>;
}

/** Follows a value while it is written, by the numbers of its objects. */
export class Homes {
  /** From which number on things are at which home: numbers are given in order. */
  readonly #moves: [from: number, home: number][] = [[0, 0]];
  readonly #functions = new Map<number, Writing>();
  readonly #stack: Writing[] = [];
  /** Numbers that stand for definitions, imports and classes: these are what they are anywhere. */
  readonly #same = new Set<number>();
  /** The functions that were met away from home. */
  readonly #met = new Set<number>();
  /** How many numbers stand for code. */
  #code = 0;
  #isShared = false;
  #isLost = false;

  /** A function or class begins. @param isHome It is a class with a name of its own. */
  enter(number: number, isHome: boolean): void {
    const outer = this.#stack.at(-1);
    const home = isHome ? number : outer?.home ?? number;
    const writing = {
      start: number,
      home,
      code: this.#code,
      holds: false,
      uses: new Set<number>(),
    };
    if (isHome) {
      this.#moves.push([number, home]);
      this.#same.add(number);
    } else {
      outer?.uses.add(number);
      this.#functions.set(number, writing);
    }
    this.#code++;
    this.#stack.push(writing);
  }

  /** It ends. @param next The number that the next object will have. */
  leave(next: number): void {
    const writing = this.#stack.pop()!;
    const { start, home, code } = writing;
    if (next - start > this.#code - code) writing.holds = true;
    const outer = this.#stack.at(-1);
    if (outer === undefined || home === outer.home) return;
    this.#moves.push([next, outer.home]);
    // What is in the class is not what the function around it holds.
    this.#code = code + next - start;
  }

  /** These numbers were given to a definition, or to what stands for an import or a class. */
  code(from: number, to: number): void {
    for (let number = from; number < to; number++) this.#same.add(number);
    this.#code += to - from;
  }

  /** An object is met again. */
  back(number: number): void {
    const writing = this.#stack.at(-1);
    if (writing === undefined || this.#same.has(number)) return;
    const isAway = this.#homeOf(number) !== writing.home;
    if (this.#functions.has(number)) {
      writing.uses.add(number);
      if (isAway) this.#met.add(number);
      return;
    }
    writing.holds = true;
    if (isAway) this.#isShared = true;
  }

  /** Something was taken back: from now on, nothing is certain. */
  lose(): void {
    this.#isLost = true;
  }

  /** Whether an object, or a function that leads to one, is met from several homes. */
  get isShared(): boolean {
    if (this.#isLost) return false;
    if (this.#isShared) return true;
    // A set goes on with what is added to it meanwhile.
    const seen = new Set(this.#met);
    for (const number of seen) {
      const { holds, uses } = this.#functions.get(number)!;
      if (holds) return true;
      for (const used of uses) seen.add(used);
    }
    return false;
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
