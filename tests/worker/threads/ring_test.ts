/** Rings of shared memory: order, fullness, nonsense. */
import assert from "node:assert/strict";
import {
  RingCorruptError,
  type RingMemory,
  RingReader,
  RingWriter,
} from "../../../worker/threads/ring.ts";

function ringMemory(capacity: number): RingMemory {
  return {
    bytes: new Uint8Array(new SharedArrayBuffer(capacity)),
    words: new Int32Array(new SharedArrayBuffer(8)),
    head: 0,
    tail: 1,
  };
}

function write(writer: RingWriter, length: number, fill: number): boolean {
  const at = writer.reserve(length);
  if (at < 0) return false;
  writer.bytes.fill(fill, at, at + length);
  writer.commit(length);
  return true;
}

function read(reader: RingReader): { length: number; fill: number[] } | undefined {
  if (!reader.next()) return undefined;
  const bytes = reader.bytes.slice(reader.offset, reader.end);
  reader.release();
  return { length: bytes.length, fill: [...new Set(bytes)] };
}

Deno.test("ring: records come out in order, whatever their sizes, through many rounds of the memory", () => {
  const memory = ringMemory(256);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  let seed = 12345;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  const expected: { length: number; fill: number[] }[] = [];
  let written = 0;
  let wasFull = false;
  while (written < 5000) {
    const length = random(120);
    const fill = random(256);
    if (random(3) > 0 && write(writer, length, fill)) {
      expected.push({ length, fill: length > 0 ? [fill] : [] });
      written++;
    } else {
      wasFull ||= expected.length > 0;
      assert.deepEqual(read(reader), expected.shift());
    }
  }
  assert.ok(wasFull);
  for (const record of expected) assert.deepEqual(read(reader), record);
  assert.ok(reader.empty);
});

Deno.test("ring: counters that overflow 32 bits do no harm", () => {
  const memory = ringMemory(64);
  memory.words.fill(0x7fffffe0);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  for (let i = 0; i < 100; i++) {
    assert.ok(write(writer, 20, i));
    assert.deepEqual(read(reader), { length: 20, fill: [i] });
  }
  memory.words.fill(-32);
  const second = new RingWriter(memory);
  const secondReader = new RingReader(memory);
  for (let i = 0; i < 100; i++) {
    assert.ok(write(second, 20, i));
    assert.deepEqual(read(secondReader), { length: 20, fill: [i] });
  }
});

Deno.test("ring: a full ring refuses, and takes records again when some were read", () => {
  const memory = ringMemory(64);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  assert.ok(write(writer, 28, 1));
  assert.ok(write(writer, 28, 2));
  assert.equal(writer.free, 0);
  assert.ok(!write(writer, 0, 3));
  assert.deepEqual(read(reader), { length: 28, fill: [1] });
  assert.ok(write(writer, 28, 4));
  assert.deepEqual(read(reader), { length: 28, fill: [2] });
  assert.deepEqual(read(reader), { length: 28, fill: [4] });
  assert.equal(read(reader), undefined);
});

Deno.test("ring: nonsense from the other side is an error", () => {
  const memory = ringMemory(64);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  write(writer, 8, 0);
  writer.view.setUint32(0, 1000, true);
  assert.throws(() => reader.next(), RingCorruptError);
  const other = ringMemory(64);
  const otherReader = new RingReader(other);
  Atomics.store(other.words, other.head, 4096);
  assert.throws(() => otherReader.next(), RingCorruptError);
  Atomics.store(other.words, other.head, -8);
  assert.throws(() => otherReader.next(), RingCorruptError);
});

Deno.test("ring: a capacity that is no power of two is refused", () => {
  assert.throws(
    () => new RingWriter(ringMemory(100)),
    /power of two between 64 and 2\^30 bytes, not 100/,
  );
  assert.throws(() => new RingReader(ringMemory(32)), RangeError);
});
