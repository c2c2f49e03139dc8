/** Copies of buffers that keep no more memory than they need. */
import assert from "node:assert/strict";
import { compactCopy } from "../../protocol/compact_copy.ts";

Deno.test("copies hold what was copied, and keep it", () => {
  const source = new Uint8Array(1000).map((_, i) => i);
  const copies = Array.from({ length: 300 }, (_, i) => compactCopy(source, i, i + (i * 7) % 400));
  source.fill(0);
  copies.forEach((copy, i) => {
    assert.deepEqual(copy, new Uint8Array((i * 7) % 400).map((_, j) => i + j));
  });
});

Deno.test("small copies share memory, others have their own", () => {
  const source = new Uint8Array(1000);
  assert.equal(compactCopy(source, 0, 257).buffer.byteLength, 257);
  assert.equal(compactCopy(source, 0, 256).buffer.byteLength, 4096);
});

Deno.test("copies go on after their memory was transferred away", () => {
  const source = new Uint8Array([1, 2, 3]);
  const first = compactCopy(source, 0, 3);
  structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
  assert.deepEqual(compactCopy(source, 0, 3), source);
});
