/** Properties of values and their decoder, for random ones and random bytes. */
import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { DeserializationError, deserialize, serialize } from "../../protocol/values.ts";
import type { CodeReader } from "../../protocol/functions/definition.ts";
import { modelCode } from "./arbitrary_code.ts";
import { fc, strings, values } from "./arbitrary_values.ts";
import { assertSame } from "./same.ts";

const RUNS = 300;

Deno.test("any value comes back bit for bit", () => {
  fc.assert(
    fc.property(
      values,
      (value) => assertSame(deserialize(serialize(value), { copy: true }), value),
    ),
    { numRuns: RUNS },
  );
});

Deno.test("any string comes back", () => {
  fc.assert(
    fc.property(strings, (string) => deserialize(serialize(string)) === string),
    { numRuns: RUNS },
  );
});

Deno.test("the same value has the same bytes, also after a round trip", () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = serialize(value);
      assert.deepEqual(serialize(value).frames, bytes.frames);
      assert.deepEqual(serialize(deserialize(bytes, { copy: true })).frames, bytes.frames);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("decoding leaves the frames as they were", () => {
  fc.assert(
    fc.property(values, (value) => {
      const { frames } = serialize(value);
      const before = frames.map((frame) => frame.slice());
      deserialize(new Serialized(frames));
      assert.deepEqual(frames.map((frame) => frame.slice()), before);
    }),
    { numRuns: 50 },
  );
});

/** Decoding gives a value or the decoder's own error, whatever the bytes, with code and without. */
function decodes(frames: Uint8Array[]): void {
  decodesWith(frames, undefined);
  decodesWith(frames, modelCode);
}

function decodesWith(frames: Uint8Array[], code: CodeReader | undefined): void {
  try {
    deserialize(new Serialized(frames), { resolve: (key) => key, code });
  } catch (error) {
    assert.ok(error instanceof DeserializationError, `not its own error: ${error}`);
  }
}

Deno.test("random bytes are a value or a DeserializationError", () => {
  const random = fc.uint8Array({ maxLength: 60 });
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 3),
      random,
      fc.array(random, { maxLength: 2 }),
      (v, b, rest) => decodes([new Uint8Array([v, ...b]), ...rest]),
    ),
    { numRuns: 3000 },
  );
});

Deno.test("tags followed by random bytes are a value or a DeserializationError", () => {
  const byte = fc.oneof(fc.integer({ min: 0x80, max: 0xa3 }), fc.nat(255), fc.nat(4));
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 40 }),
      (bytes) => decodes([new Uint8Array([1, ...bytes])]),
    ),
    { numRuns: 5000 },
  );
});

Deno.test("damaged values are a value or a DeserializationError", () => {
  fc.assert(
    fc.property(values, fc.nat(), fc.nat(255), (value, at, byte) => {
      const { frames } = serialize(value);
      const first = frames[0].slice();
      first[at % first.length] = byte;
      decodes([first, ...frames.slice(1)]);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("values cut off anywhere are a DeserializationError", () => {
  fc.assert(
    fc.property(values, fc.nat(), (value, at) => {
      const { frames } = serialize(value);
      const cut = frames[0].subarray(0, at % frames[0].length);
      assert.throws(
        () => deserialize(new Serialized([cut, ...frames.slice(1)])),
        DeserializationError,
      );
    }),
    { numRuns: 500 },
  );
});
