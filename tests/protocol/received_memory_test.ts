/** The memory of received values, once they are not needed any more. */
import assert from "node:assert/strict";
import { ReceivedMemory } from "../../protocol/received_memory.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { dropSpares, LARGE_MEMORY } from "../../protocol/spare_memory.ts";

Deno.test("the large buffers of a value are given up when it is not needed any more, and no sooner", () => {
  const memory = new ReceivedMemory();
  const [large, small] = [new Uint8Array(LARGE_MEMORY), new Uint8Array(10)];
  let isNeeded = true;
  memory.watch(new Serialized([new Uint8Array(5), small, large]), () => isNeeded);
  memory.sweep();
  assert.equal(large.byteLength, LARGE_MEMORY);
  isNeeded = false;
  memory.sweep();
  assert.equal(large.byteLength, 0);
  assert.equal(small.byteLength, 10);
  assert.ok(memory.isEmpty);
  dropSpares();
});

Deno.test("values without large buffers are not watched", () => {
  const memory = new ReceivedMemory();
  memory.watch(new Serialized([new Uint8Array(5), new Uint8Array(10)]), () => false);
  assert.ok(memory.isEmpty);
});
