/**
 * Sets for the many small relations between tasks, workers and clients. Most hold one or two
 * members and a million tasks hold several such sets each, so a set is a plain array until it has
 * outgrown a short search; from then on an index beside it keeps every operation constant-time.
 *
 * @module
 */

/** Up to this many members, searching the array is quicker than an index would be. */
const SEARCHED = 8;

/**
 * A set that belongs to one field. `add` and `delete` return the set to keep in that field, because
 * the empty set and some sets of one are shared by many fields: `ts.whoHas = ts.whoHas.add(ws)`.
 * Deleting moves the last member into the gap, so the order of members means nothing (but is the
 * same in every run).
 */
export class SmallSet<T> {
  /** The members; read it by index where speed matters, never change it. */
  items: T[];
  private positions: Map<T, number> | null = null;
  private readonly isShared: boolean;

  /**
   * @param items The members, each once; the set keeps this array.
   * @param isShared Whether several fields hold this set, so that it must not be changed.
   */
  constructor(items: T[], isShared = false) {
    this.items = items;
    this.isShared = isShared;
  }

  /** How many members there are. */
  get size(): number {
    return this.items.length;
  }

  /** Whether `item` is a member. */
  has(item: T): boolean {
    return this.indexOf(item) >= 0;
  }

  /**
   * Adds a member.
   * @returns The set to keep: this one, or a new one when this one is shared.
   */
  add(item: T): SmallSet<T> {
    const items = this.items;
    // Written as literals because a push would make room for sixteen more at once.
    switch (items.length) {
      case 0:
        return new SmallSet([item]);
      case 1:
        if (items[0] === item) return this;
        if (this.isShared) return new SmallSet([items[0], item]);
        this.items = [items[0], item];
        return this;
      case 2:
        if (items[0] !== item && items[1] !== item) this.items = [items[0], items[1], item];
        return this;
    }
    if (this.indexOf(item) >= 0) return this;
    items.push(item);
    if (this.positions !== null) this.positions.set(item, items.length - 1);
    else if (items.length > SEARCHED) this.buildIndex();
    return this;
  }

  /**
   * Removes a member, if it is one.
   * @returns The set to keep: this one, or the shared empty set when no member is left.
   */
  delete(item: T): SmallSet<T> {
    const index = this.indexOf(item);
    if (index < 0) return this;
    const items = this.items;
    if (items.length === 1) return EMPTY as SmallSet<T>;
    const last = items.pop() as T;
    if (index < items.length) items[index] = last;
    if (this.positions !== null) {
      this.positions.delete(item);
      if (index < items.length) this.positions.set(last, index);
      if (items.length <= SEARCHED / 2) this.positions = null;
    }
    return this;
  }

  /** The members, in no order that means anything. The set must not change meanwhile. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.items[Symbol.iterator]();
  }

  private indexOf(item: T): number {
    if (this.positions !== null) return this.positions.get(item) ?? -1;
    const items = this.items;
    for (let i = 0; i < items.length; i++) if (items[i] === item) return i;
    return -1;
  }

  private buildIndex(): void {
    const positions = new Map<T, number>();
    for (let i = 0; i < this.items.length; i++) positions.set(this.items[i], i);
    this.positions = positions;
  }
}

const EMPTY = new SmallSet<unknown>([], true);

/** The set without members that all empty fields share. */
export function emptySet<T>(): SmallSet<T> {
  return EMPTY as SmallSet<T>;
}

/** A set of one that may be in many fields. */
export function sharedSetOf<T>(item: T): SmallSet<T> {
  return new SmallSet([item], true);
}
