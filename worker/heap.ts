/**
 * A binary heap of things with a priority, each of which knows its place in the heap: so that taking
 * one out of the middle (a stolen or cancelled task) is exact, and leaves nothing behind.
 *
 * @module
 */
import type { Priority } from "../protocol/messages.ts";

/** What a {@linkcode Heap} holds. An item is in one heap at a time. */
export interface HeapItem {
  /** Its rank; lower comes first. Changed only while the item is in no heap. */
  priority: Priority;
  /** Its place in the heap, -1 when it is in none. Kept by the heap. */
  heapIndex: number;
}

/**
 * Whether the first priority comes before the second.
 *
 * @param a A priority.
 * @param b Another.
 * @returns True when `a` is strictly first; equal priorities are neither before the other.
 */
export function comesBefore(a: Priority, b: Priority): boolean {
  if (a[0] !== b[0]) return a[0] < b[0];
  if (a[1] !== b[1]) return a[1] < b[1];
  return a[2] < b[2];
}

/** A binary heap, the item with the lowest priority on top. */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];

  /** How many items it holds. */
  get size(): number {
    return this.#items.length;
  }

  /** The first item, or undefined when the heap is empty. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /**
   * Add an item.
   *
   * @param item It must be in no heap.
   */
  push(item: T): void {
    this.#items.push(item);
    this.#up(item, this.#items.length - 1);
  }

  /** Take the first item out; undefined when the heap is empty. */
  pop(): T | undefined {
    const top = this.#items[0];
    if (top !== undefined) this.remove(top);
    return top;
  }

  /**
   * Take an item out, wherever it stands.
   *
   * @param item It must be in this heap.
   */
  remove(item: T): void {
    const items = this.#items;
    const at = item.heapIndex;
    const last = items.pop()!;
    item.heapIndex = -1;
    if (last === item) return;
    if (at > 0 && comesBefore(last.priority, items[(at - 1) >> 1].priority)) this.#up(last, at);
    else this.#down(last, at);
  }

  /** Take all items out. */
  clear(): void {
    for (const item of this.#items) item.heapIndex = -1;
    this.#items.length = 0;
  }

  /** Whether the item is in this heap. */
  has(item: T): boolean {
    return item.heapIndex >= 0 && this.#items[item.heapIndex] === item;
  }

  /** The items, in no particular order. For looking only. */
  items(): readonly T[] {
    return this.#items;
  }

  #up(item: T, at: number): void {
    const items = this.#items;
    const priority = item.priority;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (!comesBefore(priority, parent.priority)) break;
      items[at] = parent;
      parent.heapIndex = at;
      at = above;
    }
    items[at] = item;
    item.heapIndex = at;
  }

  #down(item: T, at: number): void {
    const items = this.#items;
    const size = items.length;
    const priority = item.priority;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= size) break;
      if (below + 1 < size && comesBefore(items[below + 1].priority, items[below].priority)) {
        below++;
      }
      const child = items[below];
      if (!comesBefore(child.priority, priority)) break;
      items[at] = child;
      child.heapIndex = at;
      at = below;
    }
    items[at] = item;
    item.heapIndex = at;
  }
}
