/** Frames of messages, cut anywhere, and their limits. */
import assert from "node:assert/strict";
import { encodeFrames, FrameError, FrameReader } from "../../protocol/frames.ts";
import { fc } from "./arbitrary_values.ts";
import { join, PiecewiseSource } from "./byte_source.ts";

/** A frame of `size` bytes that no other looks like. */
function frame(size: number, seed = size): Uint8Array {
  return new Uint8Array(size).map((_, i) => (i * 31 + seed * 7) % 251);
}

const MESSAGES = [
  [frame(1), frame(10)],
  [],
  [frame(0), frame(5), frame(0)],
  [frame(100)],
];
const LARGE_MESSAGES = [
  [frame(1), frame(65_536), frame(2)],
  [frame(65_537)],
  [frame(3), frame(200_000), frame(70_000), frame(0), frame(300)],
  [frame(8)],
];

function streamOf(messages: Uint8Array[][]): Uint8Array {
  return join(messages.flatMap((message) => encodeFrames(message)));
}

async function readAll(reader: FrameReader): Promise<Uint8Array[][]> {
  const messages: Uint8Array[][] = [];
  for (let frames; (frames = await reader.next()) !== null;) messages.push(frames);
  return messages;
}

/** A header: the number of frames, and lengths. */
function header(...words: bigint[]): Uint8Array {
  return new Uint8Array(new BigUint64Array(words).buffer);
}

Deno.test("frames have the layout of the protocol", () => {
  const bytes = join(encodeFrames([frame(2), frame(3)]));
  assert.deepEqual(bytes.subarray(0, 24), header(2n, 2n, 3n));
  assert.deepEqual(bytes.subarray(24), join([frame(2), frame(3)]));
});

Deno.test("small frames are joined, large ones are handed out as they are", () => {
  const large = frame(100_000);
  const buffers = encodeFrames([frame(10), large, frame(20), frame(30), large]);
  assert.equal(buffers.length, 4);
  assert.equal(buffers[1], large);
  assert.equal(buffers[3], large);
  assert.equal(encodeFrames([frame(10), frame(60_000)]).length, 1);
});

Deno.test("messages come back, cut at every boundary", async () => {
  const bytes = streamOf(MESSAGES);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new FrameReader(new PiecewiseSource(bytes, [cut]));
    assert.deepEqual(await readAll(reader), MESSAGES);
  }
});

Deno.test("messages come back byte by byte", async () => {
  const reader = new FrameReader(new PiecewiseSource(streamOf(MESSAGES), 1));
  assert.deepEqual(await readAll(reader), MESSAGES);
});

Deno.test("large messages come back in pieces of any size", async () => {
  const bytes = streamOf(LARGE_MESSAGES);
  for (const size of [999, 4096, 65_536, 65_537, 131_072, 1_000_000]) {
    const reader = new FrameReader(new PiecewiseSource(bytes, size));
    assert.deepEqual(await readAll(reader), LARGE_MESSAGES);
  }
});

Deno.test("messages come back however the stream is cut", async () => {
  const sizes = fc.array(
    fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 60_000, max: 140_000 })), { maxLength: 4 }),
    { maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(fc.nat(400_000), { maxLength: 10 }), async (sizes, cuts) => {
      const messages = sizes.map((message) => message.map((size) => frame(size)));
      const source = new PiecewiseSource(streamOf(messages), cuts.sort((a, b) => a - b));
      assert.deepEqual(await readAll(new FrameReader(source)), messages);
    }),
    { numRuns: 40 },
  );
});

Deno.test("many small messages take one read, and no promise each", async () => {
  const messages = Array.from({ length: 1000 }, (_, i) => [frame(1), frame(40, i)]);
  const source = new PiecewiseSource(streamOf(messages), 1e9);
  const reader = new FrameReader(source);
  const read = [await reader.next()];
  for (let frames; (frames = reader.nextBuffered()) !== undefined;) read.push(frames);
  assert.deepEqual(read, messages);
  assert.equal(source.reads, 1);
  assert.equal(await reader.next(), null);
});

Deno.test("nextBuffered gives nothing until a message is whole", async () => {
  const bytes = join(encodeFrames([frame(10)]));
  const reader = new FrameReader(new PiecewiseSource(bytes, 5));
  assert.equal(reader.nextBuffered(), undefined);
  assert.deepEqual(await reader.next(), [frame(10)]);
  assert.equal(reader.nextBuffered(), undefined);
});

Deno.test("a large frame has memory of its own, of exactly its size", async () => {
  const source = new PiecewiseSource(join(encodeFrames([frame(3), frame(100_000)])), 70_000);
  const [small, large] = (await new FrameReader(source).next())!;
  assert.equal(large.buffer.byteLength, 100_000);
  assert.notEqual(small.buffer, large.buffer);
});

Deno.test("frames keep their bytes while more is read", async () => {
  const messages = Array.from({ length: 5000 }, (_, i) => [frame(i % 200, i)]);
  const reader = new FrameReader(new PiecewiseSource(streamOf(messages), 10_007));
  assert.deepEqual(await readAll(reader), messages);
});

Deno.test("a stream that ends within a message is an error, between messages it is the end", async () => {
  const bytes = streamOf(MESSAGES);
  const ends = new Set([0]);
  let end = 0;
  for (const message of MESSAGES) ends.add(end += join(encodeFrames(message)).length);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new FrameReader(new PiecewiseSource(bytes.subarray(0, cut), 7));
    if (ends.has(cut)) await readAll(reader);
    else await assert.rejects(readAll(reader), FrameError);
  }
  const large = join(encodeFrames([frame(200_000)])).subarray(0, 100_000);
  await assert.rejects(
    new FrameReader(new PiecewiseSource(large, 30_000)).next(),
    /ended after 99984 of the 200000 bytes of a frame/,
  );
});

Deno.test("numbers beyond the limits are refused before anything is allocated", async () => {
  const refused: [Uint8Array, RegExp][] = [
    [header(2n ** 60n), /1152921504606847000 frames, at most 1048576/],
    [header(1n, 2n ** 60n), /1152921504606847000 bytes, at most 17179869184/],
    [header(2n, 2n ** 34n - 1n, 2n ** 34n), /more than 17179869184 bytes/],
    [header(2n ** 64n - 1n), /at most 1048576/],
    [header(1_048_577n), /1048577 frames/],
    [new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), /frames, at most/],
  ];
  for (const [bytes, reason] of refused) {
    const reader = new FrameReader(new PiecewiseSource(bytes, 1e9));
    await assert.rejects(
      reader.next(),
      (error) => error instanceof FrameError && reason.test(error.message),
    );
  }
});

Deno.test("a million frames that do not come take no memory", async () => {
  const reader = new FrameReader(new PiecewiseSource(header(1_048_576n, 1n, 1n), 1e9));
  await assert.rejects(reader.next(), FrameError);
});

Deno.test("limits are the caller's, and can be raised between messages", async () => {
  const bytes = streamOf([[frame(10)], [frame(100)], [frame(1), frame(1), frame(1)]]);
  const reader = new FrameReader(new PiecewiseSource(bytes, 1e9), { frameBytes: 50, frames: 2 });
  assert.deepEqual(await reader.next(), [frame(10)]);
  reader.limits.frameBytes = 100;
  assert.deepEqual(await reader.next(), [frame(100)]);
  await assert.rejects(reader.next(), /3 frames, at most 2/);

  const tight = new FrameReader(new PiecewiseSource(streamOf([[frame(6), frame(6)]]), 1e9), {
    messageBytes: 10,
  });
  await assert.rejects(tight.next(), /more than 10 bytes/);
});

Deno.test("an error of the source passes through", async () => {
  const failure = new Error("connection reset");
  const reader = new FrameReader({ read: () => Promise.reject(failure) });
  await assert.rejects(reader.next(), (error) => error === failure);
});
