/** Messages as frames. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { loadCompression, MAX_COMPRESSED_SIZE } from "../../protocol/compression.ts";
import { encodeFrames, FrameReader } from "../../protocol/frames.ts";
import { MAX_ELEMENTS } from "../../protocol/message_pack.ts";
import { dumps, loads, MessageError } from "../../protocol/pack.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { deserialize, serialize } from "../../protocol/values.ts";
import { fc, values } from "./arbitrary_values.ts";
import { join, PiecewiseSource } from "./byte_source.ts";
import { randomBytes } from "./random_bytes.ts";
import { assertSame } from "./same.ts";

await loadCompression("lz4");

const HEADER = new Uint8Array([0x80]);

/** A message through frames on a stream, cut into pieces. */
async function overTheWire(
  message: unknown,
  compression: "lz4" | null = null,
  piece = 1e9,
): Promise<Record<string, unknown>> {
  const bytes = join(encodeFrames(dumps(message, { compression })));
  const frames = await new FrameReader(new PiecewiseSource(bytes, piece)).next();
  return loads(frames!) as Record<string, unknown>;
}

/** A map in MessagePack. */
function packed(message: unknown): Uint8Array {
  return dumps(message)[1];
}

Deno.test("a small message is an empty header and a map", () => {
  const frames = dumps({ status: "OK" });
  assert.deepEqual(frames, [
    HEADER,
    new Uint8Array([0x81, 0xa6, ...ascii("status"), 0xa2, 79, 75]),
  ]);
  assert.deepEqual(loads(frames), { status: "OK" });
});

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("all that messages are made of comes back; undefined fields are dropped", async () => {
  const message = {
    op: "x",
    numbers: [0, -1, 255, 65_536, 2 ** 40, -(2 ** 40), 1.5, -0.25, Infinity],
    text: "grüße",
    long: "x".repeat(100_000),
    yes: true,
    no: false,
    nothing: null,
    nested: { list: [[], {}, [{ a: [1] }]] },
    bytes: new Uint8Array([1, 2, 3]),
    gone: undefined,
  };
  const { gone: _, ...rest } = message;
  assert.deepEqual(await overTheWire(message), rest);
  assert.deepEqual(await overTheWire([message, null, 5]), [rest, null, 5]);
});

Deno.test("small values travel inside the message, by copy", () => {
  const value = serialize([1, "two"]);
  const frames = dumps({ op: "x", value });
  assert.equal(frames.length, 2);
  const { value: copy } = loads(frames) as { value: Serialized };
  assert.ok(copy instanceof Serialized);
  frames[1].fill(0);
  assert.deepEqual(deserialize(copy), [1, "two"]);
});

Deno.test("large values travel as payloads that are not copied on the way out", () => {
  const array = new Float64Array(100_000).fill(1.5);
  const text = serialize("x".repeat(70_000));
  const raw = new Uint8Array(80_000);
  const frames = dumps({ a: serialize(array), list: [text, raw], again: raw });
  assert.equal(frames.length, 3 + 2 + 1 + 1 + 1);
  assert.equal(frames[4].buffer, array.buffer);
  assert.equal(frames[5], text.frames[0]);
  assert.equal(frames[6], raw);
});

Deno.test("payloads come back where they were", async () => {
  const array = new Float64Array(100_000).map((_, i) => i);
  const message = {
    data: { x: serialize(array), y: serialize({ two: [array.subarray(5, 10), array] }) },
    raw: randomBytes(80_000),
    empty: new Serialized([new Uint8Array(0)]),
    small: serialize(new Uint8Array(5000)),
  };
  for (const compression of [null, "lz4"] as const) {
    for (const piece of [1000, 65_536, 1e9]) {
      const copy = await overTheWire(message, compression, piece) as typeof message;
      assert.deepEqual(copy, message);
      const decoded = deserialize(copy.data.x) as Float64Array;
      assert.equal(decoded.buffer, copy.data.x.frames[1].buffer, "used, not copied");
    }
  }
});

Deno.test("frames that are kept do not keep the buffer they were read into", async () => {
  const message = { value: serialize(new Uint8Array(5000)), inline: serialize([1]) };
  const copy = await overTheWire(message) as typeof message;
  assert.equal(copy.value.frames[1].buffer.byteLength, 5000);
  assert.ok(copy.value.frames[0].buffer.byteLength <= 4096);
  assert.ok(copy.inline.frames[0].buffer.byteLength <= 4096);
});

Deno.test("any value comes back through frames cut anywhere", async () => {
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 3000 }), async (value, piece) => {
      const copy = await overTheWire({ value: serialize(value) }, "lz4", piece);
      assertSame(deserialize(copy.value as Serialized), value);
    }),
    { numRuns: 50 },
  );
});

Deno.test("messages and payloads are compressed where that pays", () => {
  const frames = dumps(
    {
      text: "abc".repeat(5000),
      data: serialize(new Float64Array(100_000)),
      raw: randomBytes(70_000),
    },
    { compression: "lz4" },
  );
  const lengths = frames.map((frame) => frame.length);
  assert.ok(lengths[1] < 1000 && lengths[4] < 10_000);
  assert.equal(lengths[5], 70_000);
});

Deno.test("a frame larger than the compressor takes is cut, and comes back whole", () => {
  const size = MAX_COMPRESSED_SIZE * 2 + 1000;
  const array = new Uint8Array(size);
  array.set(randomBytes(MAX_COMPRESSED_SIZE / 16), MAX_COMPRESSED_SIZE);
  array[size - 1] = 9;
  const frames = dumps({ data: serialize(array) }, { compression: "lz4" });
  assert.equal(frames.length, 3 + 1 + 3);
  const { data } = loads(frames) as { data: Serialized };
  assert.equal(data.frames[1].length, size);
  const decoded = deserialize(data) as Uint8Array;
  assert.equal(Buffer.compare(decoded, array), 0);
  assert.throws(() => loads(frames, { bytes: size - 1 }), MessageError);

  const random = randomBytes(MAX_COMPRESSED_SIZE + 1);
  assert.equal(dumps({ random }, { compression: "lz4" })[3], random);
});

Deno.test("what is not a message is refused by name", () => {
  const refused: [unknown, RegExp][] = [
    [{ a: new Map() }, /contains a Map; serialize that first/],
    [{ a: [1n] }, /contains a bigint/],
    [{ a: () => 1 }, /contains a function/],
    [new Date(), /contains a Date/],
    [{ a: new Float64Array(3) }, /contains a Float64Array/],
    [{ a: Symbol() }, /contains a symbol/],
    [{ a: [JSON.parse('{"__proto__": 1}')] }, /"__proto__" cannot be the name of a field/],
  ];
  for (const [message, reason] of refused) {
    assert.throws(
      () => dumps(message),
      (error) => error instanceof MessageError && reason.test(error.message),
    );
  }
  let deep: unknown = 1;
  for (let i = 0; i < 200; i++) deep = [deep];
  assert.throws(() => dumps(deep), MessageError);
  assert.deepEqual(loads(dumps({ fine: 1 })), { fine: 1 });
});

Deno.test("malformed messages have one clear error each", () => {
  const bodies: [number[], RegExp][] = [
    [[], /cannot unpack/],
    [[0xc1], /cannot unpack/],
    [[0x81, 0xa1], /cannot unpack/],
    [[0xa5, 65], /cannot unpack/],
    [[0x01, 0x01], /cannot unpack/],
    [[0xdd, 0xff, 0xff, 0xff, 0xff], /ends too early/],
    [[0xdf, 0xff, 0xff, 0xff, 0xff], /ends too early/],
    [[0xdc, 0x00, 0x20, 0xdc, 0x00, 0x20], /ends too early/],
    [[0xc6, 0xff, 0xff, 0xff, 0xff, 1], /cannot unpack/],
    [[0xdb, 0xff, 0xff, 0xff, 0xff, 1], /cannot unpack/],
    [[0xc7, 0xff, 1, 1], /cannot unpack/],
    [[0xc7, 1, 99, 1], /unknown extension 99/],
    [[0xd6, 2, 0, 0, 0, 0], /no payload 0/],
    [[0xd4, 2, 0], /unknown extension 2/],
    [[0x81, 0xa9, ...ascii("__proto__"), 0x80], /__proto__/],
    [new Array(150).fill(0x91), /nested more than 100/],
    [new Array(150).fill([0x81, 0xa1, 65]).flat(), /nested more than 100/],
  ];
  for (const [body, reason] of bodies) {
    assert.throws(
      () => loads([HEADER, new Uint8Array(body)]),
      (error) => error instanceof MessageError && reason.test(error.message),
      `${body} should be refused with ${reason}`,
    );
  }
  for (const frames of [[], [HEADER], [packed(5), packed({})], [packed(null), packed({})]]) {
    assert.throws(() => loads(frames), MessageError);
  }
  assert.deepEqual(loads(dumps({ fine: 1 })), { fine: 1 });
});

Deno.test("a message has no more elements than the heap can take", () => {
  const list = (length: number, ...content: number[]) => {
    const body = new Uint8Array(length + 5);
    body.set([0xdd, length >>> 24, length >>> 16, length >>> 8, length]);
    body.set(content, 5);
    return [HEADER, body];
  };
  const refused = {
    name: "MessageError",
    message: /more than 33554432 elements; send it in parts/,
  };
  assert.throws(() => loads(list(MAX_ELEMENTS + 1)), refused);
  // Bytes take the share of several.
  assert.throws(() => loads(list(MAX_ELEMENTS - 1, 0xc4, 0)), refused);
  assert.deepEqual(loads(dumps({ fine: 1 })), { fine: 1 });
});

Deno.test("random bytes are a message or a MessageError", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 5 }), fc.boolean(), (frames, plain) => {
      try {
        loads(plain ? [HEADER, ...frames] : frames);
      } catch (error) {
        assert.ok(error instanceof MessageError, `not its own error: ${error}`);
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("payload headers that lie are refused", () => {
  const value = serialize(new Float64Array(1000));
  const lengths = value.frames.map((frame) => frame.length);
  // The message is the payload itself: extension 2, number 0.
  const body = new Uint8Array([0xd6, 2, 0, 0, 0, 0]);
  const honest = { type: "serialized", count: 2, lengths };
  const load = (header: unknown, frames: readonly Uint8Array[] = value.frames) =>
    loads([HEADER, body, packed(header), ...frames]);
  assert.deepEqual(load({ headers: [honest] }), value);

  // So many parts make 8 GiB.
  const cut = new Array(512).fill("lz4");
  const lies: [unknown, RegExp][] = [
    [{}, /no headers/],
    [7, /not a map/],
    [{ headers: 5 }, /no headers/],
    [{ headers: [null] }, /not a map/],
    [{ headers: [{}] }, /contradicts itself/],
    [{ headers: [{ ...honest, count: 1 }] }, /contradicts itself/],
    [{ headers: [{ ...honest, count: 1e9 }] }, /contradicts itself/],
    [{ headers: [{ ...honest, count: 0, lengths: [] }] }, /contradicts itself/],
    [{ headers: [{ ...honest, lengths: [lengths[0], 7] }] }, /8000 bytes instead of 7/],
    [{ headers: [{ ...honest, lengths: [lengths[0], 2 ** 60] }] }, /length of a frame/],
    [{ headers: [{ ...honest, lengths: [lengths[0], 2 ** 50] }] }, /more bytes than are accepted/],
    [{ headers: [{ ...honest, lengths: [-1, "x"] }] }, /length of a frame/],
    [{ headers: [{ ...honest, count: 3, lengths: [...lengths, 0] }] }, /fewer frames/],
    [{ headers: [{ ...honest, count: 1, lengths: [lengths[0]] }] }, /1 frames that no payload/],
    [{ headers: [honest, honest] }, /fewer frames/],
    [{ headers: [] }, /2 frames that no payload/],
    [{ headers: [{ ...honest, type: "numpy.ndarray" }] }, /unknown type of payload/],
    [{ headers: [{ ...honest, type: "x".repeat(1e6) }] }, /^unknown type of payload "x{60}…"$/],
    [{ headers: [{ ...honest, type: "bytes" }] }, /unknown type of payload/],
    [{ headers: [{ ...honest, compression: [null, "snappy"] }] }, /unknown compression "snappy"/],
    [{ headers: [{ ...honest, compression: [null, 5] }] }, /not a name/],
    [{ headers: [{ ...honest, compression: ["lz4"] }] }, /contradicts itself/],
    [{ headers: [{ ...honest, compression: [null, "lz4"] }] }, /cannot unpack a frame/],
    [{ headers: [{ ...honest, compression: [null, ["lz4", "lz4"]] }] }, /do not add up/],
    [
      { headers: [{ ...honest, lengths: [lengths[0], -5], compression: [null, []] }] },
      /length of a frame is -5/,
    ],
    [
      { headers: [{ ...honest, lengths: [lengths[0], 2 ** 33], compression: [null, cut] }] },
      /fewer frames than it says/,
    ],
  ];
  for (const [header, reason] of lies) {
    assert.throws(
      () => load(header),
      (error) => error instanceof MessageError && reason.test(error.message),
      `${JSON.stringify(header)} should be refused with ${reason}`,
    );
  }
});

Deno.test("two values of a message cannot be one payload", () => {
  const value = new Serialized([new Uint8Array(1), new Uint8Array(100_000)]);
  const frames = dumps([value, value]);
  const [first, second] = loads(frames) as Serialized[];
  assert.notEqual(first, second);
  // Both refer to the same one: each ends with the number, 32 bits little-endian.
  const body = frames[1].slice();
  body.copyWithin(body.length - 4, 3, 7);
  const cheat = [frames[0], body, ...frames.slice(2)];
  assert.throws(() => loads(cheat), { name: "MessageError", message: /payload 0, or it is there/ });
});

Deno.test("a compressed message that lies about its length is refused", () => {
  const frames = dumps({ text: "abc".repeat(5000) }, { compression: "lz4" });
  const { compression, length } = loads([HEADER, frames[0]]) as Record<string, unknown>;
  assert.equal(compression, "lz4");
  for (
    const header of [
      { compression, length: (length as number) + 1 },
      { compression, length: 2 ** 40 },
      { compression },
      { compression: "zip", length },
      { compression: 7, length },
    ]
  ) assert.throws(() => loads([packed(header), frames[1]]), MessageError);
  assert.throws(() => loads(frames, { bytes: 1000 }), /more bytes than are accepted/);
});
