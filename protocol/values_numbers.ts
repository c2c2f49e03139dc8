/**
 * Numbers for what appears in a value, in the order of appearance: a second appearance is then just a number.
 *
 * @module
 */

import { DeserializationError } from "./values_format.ts";

/** Up to this many things are looked up by walking a list, which beats hashing them. */
const LIST_MAX = 8;

/** Gives things numbers from 0; made for few, good for many. */
export class Numbers<T> {
  private readonly list: T[] = [];
  /** Empty until the list is too long to walk. */
  private readonly numbers = new Map<T, number>();

  /** How many things have a number. */
  get size(): number {
    return this.list.length;
  }

  /** The number of a thing; -1 if it has none. */
  find(thing: T): number {
    const { list, numbers } = this;
    const n = list.length;
    if (n <= LIST_MAX) {
      for (let i = 0; i < n; i++) {
        if (list[i] === thing) return i;
      }
      return -1;
    }
    if (numbers.size === 0) {
      for (let i = 0; i < n; i++) numbers.set(list[i], i);
    }
    return numbers.get(thing) ?? -1;
  }

  /** Give a thing that has none the next number. */
  add(thing: T): void {
    // Once things are hashed, all of them are.
    if (this.numbers.size > 0) this.numbers.set(thing, this.list.length);
    this.list.push(thing);
  }

  /** Take back all numbers from `size` on. */
  truncate(size: number): void {
    if (this.list.length === size) return;
    this.list.length = size;
    this.numbers.clear();
  }
}

/**
 * What a number stands for.
 *
 * @param things What has numbers.
 * @param number Any number from 0.
 * @param what What one of them is called.
 * @throws {DeserializationError} If nothing has that number.
 */
export function numbered<T>(things: readonly T[], number: number, what: string): T {
  if (number >= things.length) throw new DeserializationError(`there is no ${what} ${number}`);
  return things[number];
}
