/** Memory for large buffers, with and without the permission to ask for huge pages. */
import assert from "node:assert/strict";
import { copyBytes, LargeBuffer } from "../../protocol/large_memory.ts";

const SIZES = [0, 1, 4097, 8 * 1024 * 1024, 20_000_001];

Deno.test("memory that is filled piece by piece keeps what is there, and is zeroed where it is not", () => {
  for (const size of SIZES) {
    const memory = new LargeBuffer(size);
    assert.equal(memory.bytes.length, size);
    for (let start = 0, end = 0; start < size; start = end) {
      end = memory.readyFrom(start);
      assert.ok(end > start && end <= size);
      // Less than is ready, as a socket may give.
      if (end - start > 1000) end -= 1000;
      assert.ok(memory.bytes.subarray(start, end).every((byte) => byte === 0));
      memory.bytes.fill(7, start, end);
    }
    assert.ok(memory.bytes.every((byte) => byte === 7));
    assert.equal(memory.readyFrom(size), size);
  }
});

Deno.test("a copy has the same bytes and memory of its own", () => {
  for (const size of SIZES) {
    const whole = new Uint8Array(size + 3).fill(1);
    const part = whole.subarray(3);
    const copy = copyBytes(part);
    assert.equal(copy.buffer.byteLength, size);
    assert.equal(copy.byteOffset, 0);
    whole.fill(2);
    assert.ok(copy.every((byte) => byte === 1));
  }
});

Deno.test({
  name: "large memory needs no permission",
  permissions: "none",
  fn() {
    const bytes = new Uint8Array(20_000_000).fill(1);
    assert.deepEqual(copyBytes(bytes), bytes);
  },
});

Deno.test("memory that cannot be had is a RangeError", () => {
  assert.throws(() => new LargeBuffer(2 ** 52), RangeError);
});
