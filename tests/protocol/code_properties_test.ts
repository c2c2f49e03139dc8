/** Properties of values with code in them, for random ones. */
import assert from "node:assert/strict";
import { encodeFrames, FrameReader } from "../../protocol/frames.ts";
import { Serialized } from "../../protocol/serialized.ts";
import {
  DeserializationError,
  deserialize,
  SerializationError,
  serialize,
} from "../../protocol/values.ts";
import { codeValues, insideOf, modelCode as code } from "./arbitrary_code.ts";
import { fc, values } from "./arbitrary_values.ts";
import { join, PiecewiseSource } from "./byte_source.ts";
import { assertSame } from "./same.ts";

Deno.test("any value with code comes back, shared and in cycles as it was", () => {
  fc.assert(
    fc.property(codeValues(false), (value) => {
      const copy = deserialize(serialize(value, { code }), { code, copy: true });
      assertSame(copy, value, insideOf);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("where something is needed too early, the writer says so; all else comes back", () => {
  let refused = 0;
  fc.assert(
    fc.property(codeValues(true), (value) => {
      let bytes;
      try {
        bytes = serialize(value, { code });
      } catch (error) {
        assert.ok(error instanceof SerializationError, String(error));
        assert.match(error.reason, /needed before it is complete/);
        refused++;
        return;
      }
      assertSame(deserialize(bytes, { code, copy: true }), value, insideOf);
    }),
    { numRuns: 1500 },
  );
  assert.ok(refused > 0 && refused < 750);
});

Deno.test("the same value with code has the same bytes, also after a round trip", () => {
  fc.assert(
    fc.property(codeValues(false), (value) => {
      const bytes = serialize(value, { code });
      assert.deepEqual(serialize(value, { code }).frames, bytes.frames);
      const copy = deserialize(bytes, { code, copy: true });
      assert.deepEqual(serialize(copy, { code }).frames, bytes.frames);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a value that needs no code has the same bytes with it", () => {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepEqual(serialize(value, { code }).frames, serialize(value).frames);
    }),
    { numRuns: 300 },
  );
});

Deno.test("damaged code is a value or a DeserializationError", () => {
  fc.assert(
    fc.property(codeValues(true), fc.nat(), fc.nat(255), (value, at, byte) => {
      let bytes;
      try {
        bytes = serialize(value, { code });
      } catch {
        return;
      }
      const first = bytes.frames[0].slice();
      first[at % first.length] = byte;
      try {
        deserialize(new Serialized([first, ...bytes.frames.slice(1)]), { code });
      } catch (error) {
        assert.ok(error instanceof DeserializationError, `not its own error: ${error}`);
      }
    }),
    { numRuns: 3000 },
  );
});

async function throughStream(bytes: Uint8Array, cuts: number[]): Promise<unknown> {
  const frames = await new FrameReader(new PiecewiseSource(bytes, cuts)).next();
  return deserialize(new Serialized(frames!), { code, copy: true });
}

Deno.test("values come back through a stream that is cut anywhere", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(values, codeValues(false)),
      fc.array(fc.nat(9000), { maxLength: 10 }),
      async (value, cuts) => {
        const stream = join(encodeFrames(serialize(value, { code }).frames));
        assertSame(await throughStream(stream, cuts.sort((a, b) => a - b)), value, insideOf);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("one value of every kind comes back through a stream cut at every boundary", async () => {
  const samples = fc.sample(fc.oneof(values, codeValues(false)), { numRuns: 12, seed: 7 });
  const stream = join(encodeFrames(serialize(samples, { code }).frames));
  for (let cut = 0; cut <= stream.length; cut++) {
    assertSame(await throughStream(stream, [cut]), samples, insideOf);
  }
});
