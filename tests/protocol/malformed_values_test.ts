import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { DeserializationError, deserialize, serialize } from "../../protocol/values.ts";

function decode(bytes: number[]): unknown {
  return deserialize(new Serialized([new Uint8Array(bytes)]));
}

const HUGE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];

Deno.test("malformed values have one clear error each", () => {
  const malformed: [number[], RegExp][] = [
    [[], /end too early/],
    [[9], /unknown version 9/],
    [[1], /end too early/],
    [[1, 5, 5], /1 bytes follow/],
    [[1, 0xbf], /unknown tag 0xbf/],
    [[1, 0x84, ...HUGE], /integer is too large/],
    [[1, 0x84, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], /number is too large/],
    [[1, 0x85, 0, 0], /end too early/],
    [[1, 0x87, ...HUGE], /end too early/],
    [[1, 0x89, 200, 65], /end too early/],
    [[1, 0x8a, 255, 255, 255, 255, 65], /end too early/],
    [[1, 0x8b, 255, 255, 255, 255, 65], /end too early/],
    [[1, 0xc2, 0xc3, 0x28], /not valid UTF-8/],
    [[1, 0x8c, 0], /no object 0/],
    [[1, 0x8d, 5], /a string was expected/],
    [[1, 0x8e, ...HUGE], /end too early/],
    [[1, 0x90, ...HUGE], /end too early/],
    [[1, 0xef, 1], /end too early/],
    [[1, 0x91, ...HUGE, 0], /array is too long/],
    [[1, 0x91, 5, 1, 0, 0], /not sparse/],
    [[1, 0x91, 0x80, 0x20, 1, 1, 0x80, 0x20, 1], /beyond its array's end/],
    [[1, 0x91, 0xff, 0xff, 0xff, 0x07, 0], /end too early/],
    [[1, 0x91, 0, 0, 1, 0, 0xc6, ...new TextEncoder().encode("length"), 5], /length of an array/],
    [[1, 0x92, ...HUGE], /end too early/],
    [[1, 0x93, ...HUGE], /end too early/],
    [[1, 0x94, 0xc0], /time of a Date/],
    [[1, 0x95, 0xc1, 0x28, 0xc0], /regular expression/i],
    [[1, 0x95, 0xc1, 0x61, 0xc1, 0x61], /flags/i],
    [[1, 0x96, 0xe0], /not a primitive/],
    [[1, 0x96, 0x96, 1], /boxed again/],
    [[1, 0x97, 99, 0xc0, 0xc0], /no error class 99/],
    [[1, 0x99, 0], /no buffer 0/],
    [[1, 0x9a, 0], /no view 0/],
    [[1, 0x9b], /unknown tag/],
    [[1, 0xf1, 3, 1], /no property key 2/],
    [[2, 0, 0, 0], /end too early/],
    [[2, 0, 255, 255, 255, 255], /end too early/],
    // One buffer: of an unknown kind; a frame that is not there; that grows without bound.
    [[2, 0x99, 0, 1, 9, 0, 0, 4, 0, 0, 0], /unknown kind 9/],
    [[2, 0x99, 0, 1, 1, 5, 0, 4, 0, 0, 0], /frame 1 is missing/],
    [[2, 0x99, 0, 1, 2, 0, ...HUGE, 0, 12, 0, 0, 0], /cannot grow/],
    // A view of an unknown type; of a buffer that is not there; beyond its buffer.
    [[2, 0x9a, 0, 1, 0, 1, 7, 1, 99, 0, 0, 1, 9, 0, 0, 0], /unknown type 99/],
    [[2, 0x9a, 0, 1, 0, 1, 7, 1, 2, 5, 0, 1, 9, 0, 0, 0], /no buffer 5/],
    [[2, 0x9a, 0, 1, 0, 1, 7, 1, 2, 0, 0, 2, 9, 0, 0, 0], /./],
    [[2, 0x9a, 0, 1, 0, 1, 7, 1, 3, 0, 1, 1, 9, 0, 0, 0], /./],
  ];
  for (const [bytes, reason] of malformed) {
    assert.throws(
      () => decode(bytes),
      (error) => error instanceof DeserializationError && reason.test(error.message),
      `${bytes} should be refused with ${reason}`,
    );
  }
});

Deno.test("frames that are missing, superfluous or of another length are refused", () => {
  const { frames } = serialize([new Float64Array(1000), new Float64Array(2000)]);
  const refused = (...frames: readonly Uint8Array[]) =>
    assert.throws(() => deserialize(new Serialized(frames)), DeserializationError);
  refused();
  refused(frames[0]);
  refused(frames[0], frames[1]);
  refused(...frames, frames[1]);
  refused(frames[0], frames[2], frames[1]);
  refused(serialize(1).frames[0], frames[1]);
});

Deno.test("a few bytes that claim a long array take no memory for it", () => {
  // A thousand arrays of 2^32 - 1 holes.
  const sparse = [0x91, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0];
  const bytes = [1, 0x90, 0xe8, 0x07];
  for (let i = 0; i < 1000; i++) bytes.push(...sparse);
  const arrays = decode(bytes) as unknown[][];
  assert.equal(arrays.length, 1000);
  assert.ok(arrays.every((array) => array.length === 2 ** 32 - 1));
});

Deno.test("nesting without end is refused", () => {
  for (const opening of [[0xe1], [0xf1, 0, 0xc0], [0x92, 1, 0], [0x93, 1], [0x91, 1, 0], [0x96]]) {
    const bytes = [1];
    for (let i = 0; i < 50_000; i++) for (const byte of opening) bytes.push(byte);
    assert.throws(() => decode(bytes), DeserializationError);
  }
});
