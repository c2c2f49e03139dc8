/** Bytes that are no value: one clear error each. */
import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { DeserializationError, deserialize, serialize } from "../../protocol/values.ts";
import { FakeCode } from "./fake_code.ts";

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

/** A short string. */
function text(string: string): number[] {
  return [0xc0 + string.length, ...new TextEncoder().encode(string)];
}

/** A property key that has not appeared. */
function key(string: string): number[] {
  return [0, ...text(string)];
}

/** A definition with these fields, as bytes. */
function definition(fields: Record<string, number[]>): number[] {
  const entries = Object.entries({
    source: text("() => 1"),
    kind: text("expression"),
    name: text("f"),
    variables: [0xe0],
    early: [0],
    ...fields,
  });
  return [0xf0 + entries.length, ...entries.flatMap(([name, value]) => [...key(name), ...value])];
}

Deno.test("malformed code has one clear error each", () => {
  const two = [0xe2, ...text("a"), ...text("b")];
  const sparse = [0x91, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0];
  const malformed: [number[], RegExp][] = [
    [[0x9c], /end too early/],
    [[0x9c, 5], /definition of a function is no object/],
    [[0x9c, 0x9c, 0x9c], /definition of a function is no object/],
    [[0x9c, 0x8c, 0], /a function or class is needed before it is complete/],
    [[0x9c, 0xf0], /has no source/],
    [[0x9c, ...definition({ source: [5] })], /has no source/],
    [[0x9c, ...definition({ kind: text("arrow") })], /is of no kind/],
    [[0x9c, ...definition({ name: [0x81] })], /has no name/],
    [[0x9c, ...definition({ variables: text("a") })], /has no list of variables/],
    [[0x9c, ...definition({ variables: [0xe1, 5] })], /has no list of variables/],
    [[0x9c, ...definition({ variables: sparse })], /has no list of variables/],
    [[0x9c, ...definition({ variables: [0xe2, ...text("a"), ...text("a")] })], /a variable twice/],
    [[0x9c, ...definition({ early: [1] })], /impossible number of early/],
    [[0x9c, ...definition({ early: text("0") })], /impossible number of early/],
    [[0x9c, ...definition({ early: [0x84, 1] })], /impossible number of early/],
    [[0x9c, ...definition({ imports: [5] })], /has no list of imports/],
    [[0x9c, ...definition({ imports: [0xf1, ...key("x"), 5] })], /has no list of imports/],
    [[0x9c, ...definition({ id: [5] })], /has no name of a part/],
    [[0x9c, ...definition({ privates: [5] })], /has no list of privates/],
    [[0x9c, ...definition({ variables: two }), 1], /end too early/],
    [[0x9c, ...definition({ variables: two }), 1, 1], /end too early/],
    [[0x9c, ...definition({}), ...HUGE], /end too early/],
    [[0x9c, ...definition({}), 1, 6, 1, 1, 1], /has the flags 6/],
    [[0x9c, ...definition({}), 1, 4, 5], /inherits from/],
    [[0x9c, ...definition({}), 1, 4, 0xf0], /inherits from/],
    [[0x9c, ...definition({}), 1, 5, 5], /inherits from/],
    [[0x9c, ...definition({}), 1, 5, 0xf0], /of a function that is no class/],
    [[0x9c, ...definition({}), 1, 4, 0x8c, 0], /inherits from what inherits from it/],
    [[0x9c, ...definition({}), 1, 2, 5, 5], /neither a string nor a symbol/],
    [[0x9c, ...definition({}), 1, 1, ...text("k"), 5], /of a function that is no class/],
    // A variable and a property of what is not complete: the first early one is the function itself.
    [[0x9c, ...definition({ variables: two, early: [1] }), 0x8c, 0], /before it is complete/],
    [[0x9c, ...definition({ variables: two, early: [1] }), 0xe1, 0x8c, 0], /before it is complete/],
    // Properties of no object; with unknown flags; that end too early; that the object lacks.
    [[0xa3], /end too early/],
    [[0xa3, 5], /properties of something that has none/],
    [[0xa3, 0xa3, 0xf0, 0x9b, 0x9b], /properties of something that has none/],
    [[0xe2, 0xf0, 0xa3, 0x8c, 1, 0x9b], /properties of something that has none/],
    [[0xa3, 0xf0, 0x9a], /has the flags 154/],
    [[0xa3, 0xf0, 2, ...key("x"), 1], /end too early/],
    [[0xa3, 0xf0, 1, ...key("sandwich"), 1, 0x9b], /no Symbol\.sandwich/],
    [[0xa3, 0xf0, 4, ...key("x"), ...text("value.x: no"), 0x9b], /does not travel, value\.x: no;/],
    [[0x9d], /end too early/],
    [[0x9d, 5], /no property key 4/],
    [[0x9e, ...key("cA")], /end too early/],
    [[0x9e, ...key("cA"), ...key("A")], /the class A \(cA\) is not known here/],
    [[0xe2, 0x9f, 0x9e, ...key("cA"), ...key("A"), 0xf0, 5], /the class A \(cA\) is not known/],
    [[0x9f, 5], /class of an object is no class/],
    [[0x9f, 0x8c, 0], /no object 0/],
    [[0x9f, 0x9f, 0x80, 0xf0], /class of an object is no class/],
    [[0x9f, 0x80, 5], /an instance is of nothing that has classes/],
    [[0x9f, 0x80, 0x9f, 0x80], /an instance is of nothing that has classes/],
    [[0x9f, 0x80, 0xf0], /end too early/],
    [[0x9f, 0x80, 0xf0, 0x80], /an instance has no class/],
    [[0x9f, 0x80, 0xf0, 0x8c, 0], /class of an object is no class/],
    [[0x9f, 0x9c, ...definition({}), 0, 0xf0], /of a function that is no class/],
    [[0x9f, 0x80, 0x92, 0, ...HUGE], /end too early/],
    [[0xa0, ...key("rA"), ...key("A"), 0x80, ...HUGE], /end too early/],
    [[0xa0, ...key("rA"), ...key("A"), 0x80, 1, 5, 5], /a frame is not bytes/],
    [[0xa0, ...key("rA"), ...key("A"), 0x80, 0, 0x80], /registered for A \(rA\) is not known here/],
    [[0xa0, ...key("rA"), ...key("A"), 0x8c, 0], /object of the class A is needed before/],
    [[0xa1, ...key("Nothing"), 5], /this runtime has no Nothing/],
    [[0xa1, ...key("URL"), 5], /content of a URL is neither/],
    [[0xa1, ...key("URL"), 0x8c, 0], /content of a URL is neither/],
    [[0xa1, ...key("URL"), ...text("not a url")], /URL/],
    [[0xa1, ...key("Headers"), ...sparse], /content of a Headers is neither/],
    [[0xa1, ...key("Headers"), 0xe1, 5], /./],
    [[0xa1, ...key("Headers"), 0xe1, 0xe2, 5, 5], /a string was expected/],
    [[0xa1, ...key("Blob"), 0xe2, ...text("x"), ...text("y")], /bytes were expected/],
    [[0xa1, ...key("Blob"), 0xe1, 0x8c, 0], /a Blob is needed before/],
    [[0xa2, 5], /a string was expected/],
    [[0xa2, ...text("nothing")], /this runtime has no Symbol\.nothing/],
  ];
  for (const [bytes, reason] of malformed) {
    assert.throws(
      () => deserialize(new Serialized([new Uint8Array([1, ...bytes])]), { code: new FakeCode() }),
      (error) => error instanceof DeserializationError && reason.test(error.message),
      `${bytes} should be refused with ${reason}`,
    );
  }
});

Deno.test("a buffer that is a part cannot be resizable, nor a frame", () => {
  for (const kind of [5, 6, 7]) {
    assert.throws(
      () => decode([2, 0x99, 0, 1, kind, 0, 0xc1, 0x62, 0, 6, 0, 0, 0]),
      new RegExp(`unknown kind ${kind} of buffer`),
    );
  }
});

Deno.test("functions and instances nested without end are refused", () => {
  const inner = [0x9c, ...definition({ variables: [0xe1, ...text("a")] })];
  // The second and later ones name keys that have appeared.
  const bytes = [1, ...inner];
  const again = [0x9c, 0xf5, 1, ...text("() => 1"), 2, ...text("expression"), 3, ...text("f")];
  again.push(4, 0xe1, ...text("a"), 5, 0);
  for (let i = 0; i < 50_000; i++) for (const byte of again) bytes.push(byte);
  const deep = new Serialized([new Uint8Array(bytes)]);
  assert.throws(() => deserialize(deep, { code: new FakeCode() }), /nested more than 1000 levels/);
  const instances = [1];
  for (let i = 0; i < 50_000; i++) instances.push(0x9f, 0x80, 0xf1, 0, 0xc0);
  assert.throws(
    () => deserialize(new Serialized([new Uint8Array(instances)]), { code: new FakeCode() }),
    /nested more than 1000 levels/,
  );
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
