/** The heap that tasks wait in. */
import assert from "node:assert/strict";
import type { Priority } from "../../protocol/messages.ts";
import { comesBefore, Heap, type HeapItem } from "../../worker/heap.ts";
import { randomFrom } from "./core_harness.ts";

class Item implements HeapItem {
  heapIndex = -1;
  constructor(public priority: Priority) {}
}

Deno.test("comesBefore compares user's priority, then generation, then order", () => {
  assert(comesBefore([-1, 9, 9], [0, 0, 0]));
  assert(comesBefore([0, 1, 9], [0, 2, 0]));
  assert(comesBefore([0, 1, 2], [0, 1, 3]));
  assert(!comesBefore([0, 1, 2], [0, 1, 2]));
});

Deno.test("a heap gives its items in order of priority, whatever was removed in between", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = randomFrom(seed);
    const below = (n: number) => Math.floor(random() * n);
    const heap = new Heap<Item>();
    const inside = new Set<Item>();
    for (let i = 0; i < 300; i++) {
      if (random() < 0.6) {
        const item = new Item([below(3), below(3), below(50)]);
        heap.push(item);
        inside.add(item);
      } else if (inside.size > 0) {
        const item = [...inside][below(inside.size)];
        if (random() < 0.5) {
          heap.remove(item);
          inside.delete(item);
          assert.equal(item.heapIndex, -1);
        } else {
          const first = heap.pop()!;
          inside.delete(first);
          for (const other of inside) assert(!comesBefore(other.priority, first.priority));
        }
      }
      assert.equal(heap.size, inside.size);
      for (const item of inside) assert(heap.has(item));
    }
    let last: Item | undefined;
    for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
      assert(last === undefined || !comesBefore(item.priority, last.priority));
      last = item;
    }
    assert.equal(heap.peek(), undefined);
  }
});

Deno.test("a cleared heap is empty, and its items can go into another", () => {
  const heap = new Heap<Item>();
  const item = new Item([0, 0, 0]);
  heap.push(item);
  heap.clear();
  assert.equal(heap.size, 0);
  assert(!heap.has(item));
  const other = new Heap<Item>();
  other.push(item);
  assert.equal(other.pop(), item);
});
