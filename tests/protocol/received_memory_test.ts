/** The memory of received values, once they are not needed any more. */
import assert from "node:assert/strict";
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import { ReceivedMemory } from "../../protocol/received_memory.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { beginUse, endUse, LARGE_MEMORY } from "../../protocol/spare_memory.ts";
import { until } from "../support/until.ts";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

Deno.test("the large buffers of a value are given up when it is not needed any more, and no sooner", () => {
  const memory = new ReceivedMemory();
  const [large, small] = [new Uint8Array(LARGE_MEMORY), new Uint8Array(10)];
  let isNeeded = true;
  beginUse();
  const value = new Serialized([new Uint8Array(5), small, large]);
  memory.watch(value, (watched) => watched === value && isNeeded);
  memory.sweep();
  assert.equal(large.byteLength, LARGE_MEMORY);
  isNeeded = false;
  memory.sweep();
  assert.equal(large.byteLength, 0);
  assert.equal(small.byteLength, 10);
  assert.ok(memory.isEmpty);
  endUse();
});

Deno.test("values without large buffers are not watched", () => {
  const memory = new ReceivedMemory();
  memory.watch(new Serialized([new Uint8Array(5), new Uint8Array(10)]), () => false);
  assert.ok(memory.isEmpty);
});

Deno.test("what nobody else has is left to the garbage collector, though it is taken to be needed", async () => {
  const memory = new ReceivedMemory();
  const watch = () => {
    const value = new Serialized([new Uint8Array(5), new Uint8Array(LARGE_MEMORY)]);
    memory.watch(value, () => true);
    return new WeakRef(value);
  };
  const value = watch();
  await until("the value is collected", () => {
    collectGarbage();
    return value.deref() === undefined;
  });
  memory.sweep();
  assert.ok(memory.isEmpty);
});
