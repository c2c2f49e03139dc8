/** Large buffers that are given up, and used again. */
import assert from "node:assert/strict";
import { copyBytes } from "../../protocol/large_memory.ts";
import {
  beginSending,
  beginUse,
  endSending,
  endUse,
  LARGE_MEMORY,
  recycle,
  recycleOnceSent,
  takeSpare,
} from "../../protocol/spare_memory.ts";

const SIZE = LARGE_MEMORY;

/** Runs a test that uses spare memory, and begins and ends without any. */
function spareTest(name: string, body: () => void): void {
  Deno.test(name, () => {
    beginUse();
    try {
      body();
    } finally {
      endUse();
    }
  });
}

Deno.test("nothing is given up while nobody uses spare memory", () => {
  const bytes = new Uint8Array(SIZE);
  recycle(bytes);
  assert.equal(bytes.byteLength, SIZE);
  assert.equal(takeSpare(SIZE), undefined);
});

spareTest("a buffer that was given up is used again, once, for one of its size", () => {
  const bytes = new Uint8Array(SIZE).fill(1);
  recycle(bytes);
  assert.equal(takeSpare(SIZE + 1), undefined);
  assert.equal(takeSpare(SIZE)?.byteLength, SIZE);
  assert.equal(takeSpare(SIZE), undefined);
});

spareTest("views on what was given up are empty, whatever becomes of it", () => {
  const bytes = new Uint8Array(SIZE).fill(1);
  const view = bytes.subarray(10, 20);
  recycle(bytes);
  const copy = copyBytes(new Uint8Array(SIZE).fill(2));
  assert.equal(bytes.byteLength, 0);
  assert.equal(view.byteLength, 0);
  assert.ok(copy.every((byte) => byte === 2));
});

spareTest("parts of buffers and small ones are left alone", () => {
  const whole = new Uint8Array(SIZE + 8);
  recycle(whole.subarray(8));
  assert.equal(whole.byteLength, SIZE + 8);
  const small = new Uint8Array(1000);
  recycle(small);
  assert.equal(small.byteLength, 1000);
  const shared = new Uint8Array(new SharedArrayBuffer(SIZE));
  recycle(shared);
  const growing = new Uint8Array(new ArrayBuffer(SIZE, { maxByteLength: SIZE + 1 }));
  recycle(growing);
  assert.equal(growing.byteLength, SIZE);
  assert.equal(takeSpare(SIZE), undefined);
});

spareTest("what is being sent is not given up", () => {
  const bytes = new Uint8Array(SIZE);
  beginSending([bytes]);
  beginSending([bytes]);
  recycle(bytes);
  endSending([bytes], true);
  recycle(bytes);
  assert.equal(bytes.byteLength, SIZE);
  endSending([bytes], true);
  recycle(bytes);
  assert.equal(bytes.byteLength, 0);
});

spareTest("a buffer is not given up while a small piece of it is being sent", () => {
  const bytes = new Uint8Array(SIZE);
  const piece = [bytes.subarray(SIZE - 1000)];
  beginSending(piece);
  recycle(bytes);
  assert.equal(bytes.byteLength, SIZE);
  endSending(piece, true);
  recycle(bytes);
  assert.equal(bytes.byteLength, 0);
});

spareTest("what is sent once is given up then, unless that has failed", () => {
  const [sent, failed] = [new Uint8Array(SIZE), new Uint8Array(SIZE)];
  for (const [bytes, isSent] of [[sent, true], [failed, false]] as const) {
    recycleOnceSent(bytes);
    beginSending([bytes]);
    endSending([bytes], isSent);
  }
  assert.equal(sent.byteLength, 0);
  assert.equal(failed.byteLength, SIZE);
});

spareTest("no more is kept than there may be, the last ones rather than the first", () => {
  for (let i = 0; i <= 8; i++) recycle(new Uint8Array(2 ** 25 + i));
  assert.equal(takeSpare(2 ** 25), undefined);
  assert.equal(takeSpare(2 ** 25 + 8)?.byteLength, 2 ** 25 + 8);
});

spareTest("a buffer that is larger than all that is kept does not displace the others", () => {
  const small = new Uint8Array(SIZE);
  recycle(small);
  recycle(new Uint8Array(2 ** 28 + 1));
  assert.equal(takeSpare(2 ** 28 + 1), undefined);
  assert.equal(takeSpare(SIZE)?.byteLength, SIZE);
});
