/** Memory for large buffers, with and without the permission to ask for huge pages. */
import assert from "node:assert/strict";
import { copyBytes, newBuffer } from "../../protocol/large_memory.ts";

const SIZES = [0, 1, 4097, 8 * 1024 * 1024, 20_000_001];

Deno.test("a new buffer is zeroed and writable to its ends, whatever its size", () => {
  for (const size of SIZES) {
    const bytes = new Uint8Array(newBuffer(size));
    assert.equal(bytes.length, size);
    assert.ok(bytes.every((byte) => byte === 0));
    bytes.fill(7);
    assert.ok(bytes.every((byte) => byte === 7));
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
  name: "a large buffer needs no permission",
  permissions: "none",
  fn() {
    assert.equal(newBuffer(20_000_000).byteLength, 20_000_000);
  },
});

Deno.test("memory that cannot be had is a RangeError", () => {
  assert.throws(() => newBuffer(2 ** 52), RangeError);
});
