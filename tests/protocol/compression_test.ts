/** Which frames are compressed, and that they come back. */
import assert from "node:assert/strict";
import {
  CompressionError,
  decompress,
  loadCompression,
  MAX_COMPRESSED_SIZE,
  maybeCompress,
  sampleCompresses,
} from "../../protocol/compression.ts";
import { randomBytes } from "./random_bytes.ts";

await loadCompression("lz4");

/** Bytes that shrink to about half. */
function compressible(size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => i % 64 < 32 ? 7 : (i * 2654435761) >>> 24);
}

Deno.test("a frame that shrinks is compressed and comes back", () => {
  for (const size of [1001, 5000, 50_000, 50_001, 300_000]) {
    const original = compressible(size);
    const { compression, frame } = maybeCompress(original);
    assert.equal(compression, "lz4");
    assert.ok(frame.length < original.length * 0.9);
    assert.deepEqual(decompress(frame, compression, size), original);
  }
});

Deno.test("a frame of 1 kB or less stays as it is", () => {
  const frame = new Uint8Array(1000);
  assert.deepEqual(maybeCompress(frame), { compression: null, frame });
  assert.equal(maybeCompress(new Uint8Array(1001)).compression, "lz4");
});

Deno.test("a frame that gains less than a tenth stays as it is", () => {
  const random = randomBytes(20_000);
  assert.equal(maybeCompress(random).frame, random);
  // The last 5 % could be compressed: not enough.
  const almost = randomBytes(20_000);
  almost.fill(0, 19_000);
  assert.equal(maybeCompress(almost).compression, null);
  const enough = randomBytes(20_000);
  enough.fill(0, 16_000);
  assert.equal(maybeCompress(enough).compression, "lz4");
});

Deno.test("the sample is five pieces of 10 kB from even places, first and last included", () => {
  const size = 1_000_000;
  const zerosAt = (...places: number[]) => {
    const bytes = randomBytes(size);
    for (const place of places) bytes.fill(0, place, place + 10_000);
    return bytes;
  };
  const last = size - 10_000;
  for (const i of [0, 1, 2, 3, 4]) {
    // One of five pieces is all zeros: the sample gains almost a fifth.
    assert.ok(sampleCompresses(zerosAt(Math.floor(last * i / 4))), `piece ${i}`);
  }
  // Zeros between the pieces are not seen, however many.
  const blind = new Uint8Array(size);
  const random = randomBytes(50_000);
  for (let i = 0; i <= 4; i++) {
    const start = Math.floor(last * i / 4);
    blind.set(random.subarray(i * 10_000, (i + 1) * 10_000), start);
  }
  assert.ok(!sampleCompresses(blind));
  assert.equal(maybeCompress(blind).compression, null);
});

Deno.test("a sample that shrinks does not compress a whole that does not", () => {
  const bytes = randomBytes(1_000_000);
  for (let i = 0; i <= 4; i++) {
    const start = Math.floor(990_000 * i / 4);
    bytes.fill(0, start, start + 10_000);
  }
  assert.ok(sampleCompresses(bytes));
  assert.equal(maybeCompress(bytes).frame, bytes);
});

Deno.test("a compression that is not known is an error", async () => {
  assert.throws(() => decompress(new Uint8Array(10), "snappy", 10), /unknown compression "snappy"/);
  await assert.rejects(loadCompression("blosc" as "lz4"), CompressionError);
});

Deno.test("a declared size is checked before anything is allocated", () => {
  const { frame } = maybeCompress(new Uint8Array(5000));
  const bomb = frame.slice();
  new DataView(bomb.buffer).setUint32(0, 0xffff_ffff, true);
  assert.throws(() => decompress(bomb, "lz4", 5000), /holds 4294967295 bytes, 5000 are expected/);
  assert.throws(() => decompress(bomb, "lz4", 0xffff_ffff), CompressionError);
  assert.throws(() => decompress(frame, "lz4", 5001), CompressionError);
  assert.throws(() => decompress(frame.subarray(0, 3), "lz4", 5000), /too short/);
  const padded = new Uint8Array(6000);
  padded.set(frame);
  assert.throws(() => decompress(padded, "lz4", 5000), /a compressed frame of 6000 bytes/);
  const beyond = frame.slice();
  new DataView(beyond.buffer).setUint32(0, MAX_COMPRESSED_SIZE + 1, true);
  assert.throws(() => decompress(beyond, "lz4", MAX_COMPRESSED_SIZE + 1), CompressionError);
});

Deno.test("damaged frames are errors, and the next is decompressed all the same", () => {
  const original = compressible(5000);
  const { frame } = maybeCompress(original);
  let refused = 0;
  for (let i = 4; i < frame.length; i += 7) {
    const damaged = frame.slice();
    damaged[i] ^= 0xff;
    try {
      assert.equal(decompress(damaged, "lz4", 5000).length, 5000);
    } catch (error) {
      assert.ok(error instanceof CompressionError);
      refused++;
    }
  }
  assert.ok(refused > 0);
  assert.throws(() => decompress(frame.subarray(0, 50), "lz4", 5000), CompressionError);
  assert.deepEqual(decompress(frame, "lz4", 5000), original);
});

Deno.test("a frame without compression is passed on", () => {
  const frame = new Uint8Array(5);
  assert.equal(decompress(frame, null, 5), frame);
});
