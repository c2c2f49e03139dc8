/** Values of every kind, there and back. */
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { Serialized } from "../../protocol/serialized.ts";
import { deserialize, serialize, typeName } from "../../protocol/values.ts";
import { assertSame } from "./same.ts";

function roundTrip<T>(value: T): T {
  return deserialize(serialize(value)) as T;
}

Deno.test("primitives come back bit for bit", () => {
  const primitives = [
    0,
    -0,
    1,
    -1,
    127,
    128,
    -128,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53,
    1.5,
    5e-324,
    Number.MAX_VALUE,
    Infinity,
    -Infinity,
    NaN,
    0n,
    1n,
    -1n,
    255n,
    256n,
    -(2n ** 64n),
    2n ** 1000n + 1n,
    true,
    false,
    null,
    undefined,
  ];
  for (const primitive of primitives) assertSame(roundTrip(primitive), primitive);
});

Deno.test("strings of every length and alphabet come back", () => {
  for (const length of [0, 1, 10, 24, 25, 31, 32, 40, 41, 85, 127, 128, 255, 256, 400, 70_000]) {
    for (const unit of ["a", "é", "€", "𝄞", "\u0000", "\ufeff", "\ufffd"]) {
      const string = unit.repeat(length);
      assert.equal(roundTrip(string), string);
    }
  }
});

Deno.test("strings with lone surrogates come back", () => {
  for (const string of ["\ud800", "a\udc00b", "x".repeat(100) + "\ud83d", "\udc00".repeat(9000)]) {
    assert.equal(roundTrip(string), string);
  }
});

Deno.test("the same number has the same bytes however it came about", () => {
  const computed = [0.5 + 4.5, new Float64Array([5])[0], Number("5"), 10 / 2, parseFloat("5.0")];
  const bytes = serialize([5, 5, 5, 5, 5]).frames[0];
  assert.deepEqual(serialize(computed).frames[0], bytes);
  const nan = new Float64Array(new BigUint64Array([0xfff8_0000_0000_1234n]).buffer)[0];
  assert.deepEqual(serialize(nan).frames[0], serialize(NaN).frames[0]);
});

Deno.test("arrays keep their holes and their named properties", () => {
  // deno-lint-ignore no-sparse-arrays
  const holes = [1, , 3, , undefined, ,];
  assertSame(roundTrip(holes), holes);
  const match = /(?<x>a)b/.exec("zab");
  assertSame(roundTrip(match), match);
  const named = Object.assign([1, 2], { "-1": 1, "4294967295": 2, "01": 3 });
  assertSame(roundTrip(named), named);
  const empty: unknown[] = [];
  empty.length = 5;
  assertSame(roundTrip(empty), empty);
});

Deno.test("a huge sparse array is a small message", () => {
  const sparse: unknown[] = [];
  sparse[4_000_000_000] = { far: true };
  sparse[7] = "near";
  const bytes = serialize(sparse);
  assert.ok(bytes.nbytes < 50);
  assertSame(deserialize(bytes), sparse);
});

Deno.test("objects keep their prototype, order of keys and odd keys", () => {
  const odd = JSON.parse('{"b":1,"a":2,"1":3,"":4,"__proto__":{"x":5},"constructor":6}');
  const copy = roundTrip(odd);
  assertSame(copy, odd);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  const bare = Object.assign(Object.create(null), { hasOwnProperty: 1 });
  assertSame(roundTrip(bare), bare);
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key ${i}`, i]));
  assertSame(roundTrip([many, many, { ...many }]), [many, many, { ...many }]);
});

Deno.test("plain objects of another realm are plain objects", () => {
  const foreign = runInNewContext("({ a: [1, { b: 2 }], m: new Map([[1, 2]]), d: new Date(5) })");
  assert.deepEqual(roundTrip(foreign), { a: [1, { b: 2 }], m: new Map([[1, 2]]), d: new Date(5) });
});

Deno.test("symbol keys are no part of a value, accessors are read", () => {
  const value = {
    [Symbol("s")]: 1,
    get computed() {
      return 42;
    },
  };
  assertSame(roundTrip(value), { computed: 42 } as typeof value);
});

Deno.test("shared and cyclic references stay what they are", () => {
  const shared = { x: 1 };
  const cyclic: Record<string, unknown> = { a: shared, b: [shared, shared] };
  cyclic.self = cyclic;
  cyclic.map = new Map<unknown, unknown>([[cyclic, cyclic], [shared, new Set([cyclic])]]);
  cyclic.date = new Date(0);
  cyclic.dates = [cyclic.date, cyclic.date];
  assertSame(roundTrip(cyclic), cyclic);
  const wide = Array.from({ length: 100 }, (_, i) => ({ i }));
  assertSame(roundTrip([wide, [...wide].reverse()]), [wide, [...wide].reverse()]);
});

Deno.test("boxed primitives, dates and expressions come back", () => {
  const values = [
    Object(1),
    Object(-0),
    Object("text"),
    Object(false),
    Object(7n),
    new Date(0),
    new Date(8.64e15),
    new Date(NaN),
    /x/dgimsuy,
    new RegExp("[/]\n"),
  ];
  assertSame(roundTrip(values), values);
});

Deno.test("large buffers are frames of their own that view the original memory", () => {
  const array = new Float64Array(1000).fill(1.5);
  const { frames } = serialize({ name: "x", array });
  assert.equal(frames.length, 2);
  assert.equal(frames[1].buffer, array.buffer);
  assert.ok(frames[0].length < 100);
  const small = serialize(new Uint8Array(4096));
  assert.equal(small.frames.length, 1);
});

Deno.test("a decoded large array uses the frame's memory, or a copy where asked", () => {
  const array = new Float64Array(1000).fill(1.5);
  const bytes = serialize(array);
  assert.equal((deserialize(bytes) as Float64Array).buffer, array.buffer);
  const copy = deserialize(bytes, { copy: true }) as Float64Array;
  assert.notEqual(copy.buffer, array.buffer);
  assert.deepEqual(copy, array);
});

Deno.test("a frame that is part of a larger buffer is copied, so that code sees only what was sent", () => {
  const array = new Float64Array(1000).fill(2.5);
  const { frames } = serialize(array);
  const chunk = new Uint8Array(20_001);
  chunk.set(frames[1], 3);
  const moved = new Serialized([frames[0], chunk.subarray(3, 3 + frames[1].length)]);
  const decoded = deserialize(moved) as Float64Array;
  assert.deepEqual(decoded, array);
  assert.equal(decoded.buffer.byteLength, 8000);
});

Deno.test("frames in shared memory give values with memory of their own", () => {
  const array = new Float64Array(1000).fill(2.5);
  const frames = serialize(["text of more than twenty-four characters", array]).frames.map((f) => {
    const shared = new Uint8Array(new SharedArrayBuffer(f.length));
    shared.set(f);
    return shared as Uint8Array;
  });
  const decoded = deserialize(new Serialized(frames)) as [string, Float64Array];
  assert.ok(decoded[1].buffer instanceof ArrayBuffer);
  assert.deepEqual(decoded, ["text of more than twenty-four characters", array]);
});

Deno.test("of a buffer, the part that views cover travels", () => {
  const large = new Float64Array(100_000).map((_, i) => i);
  const { frames } = serialize(large.subarray(10, 1010));
  assert.equal(frames[1].length, 8000);
  assert.deepEqual(
    serialize(large.slice(10, 20)).frames,
    serialize(large.subarray(10, 20)).frames,
    "the same content has the same bytes wherever it lies",
  );
});

Deno.test("views that share a buffer share it still", () => {
  const buffer = new ArrayBuffer(64);
  const value = {
    bytes: new Uint8Array(buffer, 9, 3),
    floats: new Float64Array(buffer, 16, 2),
    data: new DataView(buffer, 5, 20),
    again: [] as unknown[],
  };
  value.again.push(value.bytes);
  const decoded = roundTrip(value);
  assertSame(decoded, value);
  decoded.data.setUint8(4, 77);
  assert.equal(decoded.bytes[0], 77);

  const whole = { buffer, view: new Uint16Array(buffer, 4, 2) };
  const both = roundTrip(whole);
  assert.equal(both.view.buffer, both.buffer);
  assert.equal(both.view.byteOffset, 4);
  assert.equal(both.buffer.byteLength, 64);
});

Deno.test("resizable and empty buffers come back", () => {
  const resizable = new ArrayBuffer(10, { maxByteLength: 100 });
  const decoded = roundTrip([resizable, new Uint8Array(resizable, 2, 3)]);
  assertSame(decoded, [resizable, new Uint8Array(resizable, 2, 3)]);
  assertSame(roundTrip(new ArrayBuffer(0)), new ArrayBuffer(0));
  assertSame(roundTrip(new Float64Array()), new Float64Array());
  const large = new ArrayBuffer(5000, { maxByteLength: 6000 });
  assert.equal(serialize(large).frames.length, 2);
  assertSame(roundTrip(large), large);
});

Deno.test("an instance of a subclass of a built-in travels as the built-in", () => {
  class Matrix extends Float64Array {}
  const decoded = roundTrip<unknown>([new Matrix(3)]);
  assertSame(decoded, [new Float64Array(3)]);
});

Deno.test("references are asked for once each and resolved by key", () => {
  class Future {
    constructor(readonly key: string) {}
  }
  const reference = (object: object) => object instanceof Future ? object.key : undefined;
  const future = new Future("x");
  const bytes = serialize([1, { deep: future }, future, new Future("y")], { reference });
  const asked: string[] = [];
  const decoded = deserialize(bytes, { resolve: (key) => (asked.push(key), `<${key}>`) });
  assert.deepEqual(decoded, [1, { deep: "<x>" }, "<x>", "<y>"]);
  assert.deepEqual(asked, ["x", "x", "y"]);
  const same = serialize([1, { deep: new Future("x") }, future, new Future("y")], { reference });
  assert.deepEqual(same.frames, bytes.frames);
  assert.throws(() => deserialize(bytes), /reference to x, and nothing to resolve it/);
  const failure = new Error("the caller's");
  assert.throws(
    () =>
      deserialize(bytes, {
        resolve: () => {
          throw failure;
        },
      }),
    (error) => error === failure,
  );
});

Deno.test("a getter that serializes something disturbs nothing", () => {
  const value = {
    before: [1],
    get inner() {
      return serialize({ nested: "value" }).nbytes;
    },
    after: "x",
  };
  assert.deepEqual(roundTrip(value), {
    before: [1],
    inner: serialize({ nested: "value" }).nbytes,
    after: "x",
  });
});

Deno.test("the writer is as new after a failure", () => {
  assert.throws(() => serialize([{ a: 1, b: new Float64Array(9000), c: () => 1 }]));
  assert.deepEqual(serialize([{ a: 1 }]).frames, serialize([{ a: 1 }]).frames);
  assert.deepEqual(roundTrip([{ a: 1 }]), [{ a: 1 }]);
});

Deno.test("typeName says what a value is", () => {
  const names: [unknown, string][] = [
    [1, "number"],
    [1n, "bigint"],
    ["", "string"],
    [null, "null"],
    [undefined, "undefined"],
    [{}, "object"],
    [Object.create(null), "object"],
    [[], "Array"],
    [new Float64Array(1), "Float64Array"],
    [new Map(), "Map"],
    [new TypeError(), "TypeError"],
    [new (class Point {})(), "Point"],
    [{ constructor: 5 }, "object"],
    [Object.create({ constructor: 5 }), "Object"],
  ];
  for (const [value, name] of names) assert.equal(typeName(value), name);
});
