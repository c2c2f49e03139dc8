/** Functions and classes inside of values. */
import assert from "node:assert/strict";
import {
  type AnyFunction,
  CodeRefusal,
  ImportReference,
  type InlineForm,
} from "../../protocol/functions/definition.ts";
import {
  DeserializationError,
  deserialize,
  SerializationError,
  serialize,
} from "../../protocol/values.ts";
import { FakeCode, refusalOf } from "./fake_code.ts";

Deno.test("a function arrives with its variables and its properties", () => {
  const code = new FakeCode();
  const rate = { percent: 20 };
  const helper = code.inline((x: number) => x * 2);
  const fn = code.inline((x: number) => helper(x) + rate.percent, { variables: { helper, rate } });
  const key = Symbol.for("tag");
  code.inline(fn, {
    variables: { helper, rate },
    properties: [
      { on: "function", key: "memo", value: new Map([[1, 2]]), enumerable: true },
      { on: "function", key: Symbol.iterator, value: 5, enumerable: false },
      { on: "function", key, value: fn, enumerable: false },
    ],
  });
  const [copy, again] = code.roundTrip([fn, fn]) as unknown as (typeof fn & {
    memo: unknown;
    [Symbol.iterator]: unknown;
    [key]: unknown;
  })[];
  assert.equal(copy, again);
  assert.equal(copy(5), 30);
  assert.deepEqual(copy.memo, new Map([[1, 2]]));
  assert.deepEqual(Object.keys(copy), ["memo"]);
  assert.equal(copy[Symbol.iterator], 5);
  assert.equal(copy[key], copy);
});

Deno.test("functions that call each other, and themselves, find each other again", () => {
  const code = new FakeCode();
  const variables: Record<string, unknown> = {};
  const isEven = (n: number): boolean => n === 0 || (variables.isOdd as typeof isOdd)(n - 1);
  const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);
  variables.isOdd = isOdd;
  code.inline(isEven, { variables: { variables } });
  code.inline(isOdd, { variables: { isEven, isOdd } });
  const copy = code.roundTrip(isEven);
  assert.equal(copy(10), true);
  assert.equal(copy(7), false);
});

Deno.test("old constructors keep what is on their prototype", () => {
  const code = new FakeCode();
  function Old(this: { x: number }) {
    this.x = 1;
  }
  const twice = code.inline(function (this: { x: number }) {
    return this.x * 2;
  });
  code.inline(Old, {
    properties: [{ on: "prototype", key: "twice", value: twice, enumerable: true }],
  });
  const Copy = code.roundTrip(Old) as unknown as new () => { twice(): number };
  assert.equal(new Copy().twice(), 2);
});

Deno.test("an import is bound by name, once for all that use it", () => {
  const code = new FakeCode();
  code.modules.set("node:crypto hash", (x: string) => `#${x}`);
  const one = code.inline((x: string) => x, {
    variables: { h: new ImportReference("node:crypto", "hash") },
  });
  const two = code.inline((x: string) => x + 1, {
    variables: { h: new ImportReference("node:crypto", "hash") },
  });
  const live = code.as((x: string) => x, {
    type: "import",
    reference: new ImportReference("node:crypto", "hash"),
  });
  const bytes = serialize([one, two, live, live], { code });
  const text = new TextDecoder().decode(bytes.frames[0]);
  assert.equal(text.split("node:crypto").length, 2);
  const copy = deserialize(bytes, { code }) as AnyFunction[];
  assert.equal(copy[2], code.import("node:crypto", "hash"));
  assert.equal(copy[3], copy[2]);
});

Deno.test("a class has its superclass before it is made, and what uses it later", () => {
  const code = new FakeCode();
  class Base {
    base() {
      return "base";
    }
  }
  code.inline(Base);
  // Base of the class below, made by a function that knows that class.
  const known: Record<string, unknown> = {};
  const mixin = (B: typeof Base) =>
    class extends B {
      derived() {
        return known.Derived;
      }
    };
  class Derived extends Base {
    name = "derived";
  }
  code.inline(mixin, { variables: { Derived } });
  code.inline(Derived, {
    variables: { Base, mixin, text: "x" },
    early: 2,
    definition: { source: "class Derived extends mixin(Base) { text() { return text; } }" },
  });
  code.inline(mixin, {
    variables: { Derived },
    definition: { source: "(B) => class extends B { derived() { return Derived; } }" },
  });
  const Copy = code.roundTrip(Derived) as unknown as new () => {
    base(): string;
    derived(): unknown;
    text(): string;
  };
  const copy = new Copy();
  assert.equal(copy.base(), "base");
  assert.equal(copy.derived(), Copy);
  assert.equal(copy.text(), "x");
});

Deno.test("the path leads through functions, and code's own refusals are told", () => {
  const code = new FakeCode();
  const conn = Deno.readTextFile;
  const helper = code.inline(() => conn, { variables: { conn } });
  const fn = code.inline(() => helper, { variables: { helper } });
  const error = refusalOf(fn, code);
  assert.equal(error.path, "fn → helper → conn");
  assert.equal(error.reason, "readTextFile is native; call it here");
  assert.equal(refusalOf([{ fn }], code, "args").path, "args[0].fn → helper → conn");
  code.inline(helper, {
    properties: [{ on: "prototype", key: "bad", value: [conn], enumerable: true }],
  });
  assert.equal(refusalOf(fn, code).path, "fn → helper.prototype.bad[0]");
  class Account {}
  code.describeClass = () => {
    throw new CodeRefusal("it has private members");
  };
  assert.equal(refusalOf([new Account()], code, "args").path, "args[0]");
});

Deno.test("without code, functions, instances and what was written with code are refused", () => {
  const code = new FakeCode();
  const fn = code.inline(() => 1);
  assert.throws(() => serialize(fn), SerializationError);
  assert.throws(() => deserialize(serialize(fn, { code })), DeserializationError);
});

Deno.test("a function that is there already keeps its variables and properties", () => {
  const code = new FakeCode();
  const there = Object.assign(() => "there", { count: 5 });
  code.known.set("fn", there);
  const fn = code.inline(() => 1, {
    variables: { inner: code.inline(() => 2), list: [1] },
    properties: [{ on: "function", key: "count", value: 1, enumerable: true }],
    definition: { name: "fn" },
  });
  const [copy, after] = code.roundTrip([fn, { x: 1 }]);
  assert.equal(copy, there);
  assert.equal(there.count, 5);
  assert.deepEqual(after, { x: 1 });
});

Deno.test("definitions have their place in the value, and equal ones are written once", () => {
  const code = new FakeCode();
  const definition = { source: "(x) => x + by", name: "add" };
  const adders = [1, 2, 3].map((by) =>
    code.inline((x: number) => x + by, { variables: { by }, definition: { ...definition } })
  );
  const bytes = serialize([code.inline(() => adders, { variables: { adders } })], { code });
  const text = new TextDecoder("latin1").decode(bytes.frames[0]);
  assert.equal(text.split(definition.source).length, 2);
  deserialize(bytes, { code });
  assert.deepEqual(code.defined.map(({ index }) => index), [0, 1, 2, 3]);
  assert.deepEqual(code.roundTrip(adders).map((add) => add(10)), [11, 12, 13]);
});

Deno.test("the bytes depend on what is written, not on which objects say it", () => {
  const bytes = (shared: boolean) => {
    const code = new FakeCode();
    const names: string[] = [];
    const make = () => ({ variables: {}, definition: shared ? { variables: names } : {} });
    const fns = [code.inline(() => 1, make()), code.inline(() => 2, make())];
    const [a, b] = fns.map((fn) => code.describe(fn) as InlineForm);
    const privates = ["#x"];
    code.as(fns[0], { ...a, definition: { ...a.definition, privates } });
    code.as(fns[1], {
      ...b,
      definition: { ...b.definition, privates: shared ? privates : ["#x"] },
    });
    return serialize(fns, { code }).frames;
  };
  assert.deepEqual(bytes(true), bytes(false));
});

Deno.test("a class that is its own superclass's argument is refused, with a remedy", () => {
  const code = new FakeCode();
  class Knot {}
  code.inline(Knot, { variables: { list: [Knot] }, early: 1 });
  const error = refusalOf(Knot, code, "cls");
  assert.equal(error.path, "cls → list[0]");
  assert.match(error.reason, /needed before it is complete: .* take it out there/);
});

Deno.test("whatever is nested to the limit travels, and not beyond", () => {
  const code = new FakeCode();
  class Node {
    constructor(public next: unknown) {}
  }
  class Table extends Map<unknown, unknown> {}
  class Box {
    constructor(public content: unknown) {}
  }
  code.part(Node);
  code.part(Table);
  code.register(Box, (box) => [box.content, []], (content: unknown) => new Box(content));
  const nest: ((inner: unknown) => unknown)[] = [
    (inner) => [inner],
    (inner) => new Map([[1, inner]]),
    (cause) => new Error("e", { cause }),
    (inner) => new Node(inner),
    (inner) => new Table([[1, inner]]),
    (inner) => new Box(inner),
    (inner) => {
      const definition = { source: "() => inner", name: "fn" };
      return code.inline(() => inner, { variables: { inner }, definition });
    },
  ];
  for (const one of nest) {
    let value: unknown = 1;
    for (let i = 0; i < 990; i++) value = one(value);
    const bytes = serialize(value, { code });
    assert.equal(typeof deserialize(bytes, { code }), typeof value);
    if (value instanceof Error) continue;
    for (let i = 0; i < 20; i++) value = one(value);
    assert.match(refusalOf(value, code).reason, /nested more than 1000 levels deep/);
  }
});

Deno.test("errors of the reader's own pass through", () => {
  const code = new FakeCode();
  const bytes = serialize(code.inline(() => 1, { definition: { source: "not JavaScript" } }), {
    code,
  });
  assert.throws(() => deserialize(bytes, { code }), SyntaxError);
});

Deno.test("large buffers that code closes over become parts, once", () => {
  const code = new FakeCode();
  let shared = 0;
  code.share = (bytes) => {
    code.buffers.set(`b${++shared}`, bytes.slice().buffer as ArrayBuffer);
    return `b${shared}`;
  };
  const table = new Float64Array(10_000).map((_, i) => i);
  const small = new Uint8Array(5000);
  const resizable = new ArrayBuffer(100_000, { maxByteLength: 200_000 });
  const fn = code.inline(() => table, {
    variables: { table, part: table.subarray(5, 9), small, resizable },
    definition: { source: "() => [table, part, small, resizable]" },
  });
  const bytes = serialize(fn, { code });
  assert.equal(shared, 1);
  assert.deepEqual(bytes.frames.slice(1).map((frame) => frame.length), [5000, 100_000]);
  const read = (copy: boolean) =>
    (deserialize(bytes, { code, copy }) as () => (Float64Array | ArrayBuffer)[])();
  const [one, part] = read(false) as Float64Array[];
  assert.deepEqual(one, table);
  assert.equal(one.buffer, code.buffers.get("b1"));
  assert.deepEqual([...part], [5, 6, 7, 8]);
  assert.notEqual((read(true)[0] as Float64Array).buffer, one.buffer);

  code.buffers.set("b1", new ArrayBuffer(5));
  assert.throws(() => read(false), /the buffer b1 has 5 bytes instead of 80000/);
  code.buffers.clear();
  assert.throws(() => read(false), /the buffer b1 that the value refers to is not known here/);
  assert.throws(() => deserialize(bytes), /b1 .* is not known here/);
});
