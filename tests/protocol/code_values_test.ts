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
import { FakeCode } from "./fake_code.ts";
import { assertSame } from "./same.ts";

function refusalOf(value: unknown, code: FakeCode, name = "fn"): SerializationError {
  try {
    serialize(value, { name, code });
  } catch (error) {
    assert.ok(error instanceof SerializationError, String(error));
    return error;
  }
  assert.fail("the value was taken");
}

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

Deno.test("instances arrive with their class, whose constructor does not run", () => {
  const code = new FakeCode();
  let made = 0;
  class Point {
    constructor(public x: number, public y: number) {
      made++;
    }
    get length() {
      return Math.hypot(this.x, this.y);
    }
  }
  code.part(Point);
  const points = code.roundTrip([new Point(3, 4), new Point(6, 8), Point]) as [
    Point,
    Point,
    typeof Point,
  ];
  assert.equal(made, 2);
  assert.ok(points[0] instanceof Point);
  assert.equal(points[1].length, 10);
  assert.equal(points[2], Point);
});

Deno.test("a class that travels where it stands may hold its instances, and they it", () => {
  const code = new FakeCode();
  class Single {
    static instance: Single;
    cls: typeof Single = Single;
    self: this = this;
  }
  Single.instance = new Single();
  code.inline(Single, {
    definition: { source: "class Single { who() { return Single; } }" },
    properties: [{ on: "function", key: "instance", value: Single.instance, enumerable: true }],
  });
  const instance = code.roundTrip(Single.instance);
  assert.notEqual(instance.constructor, Single);
  assert.equal(instance.constructor, instance.cls);
  assert.equal(instance.cls.instance, instance);
  assert.equal(instance.self, instance);
  const Class = code.roundTrip(Single);
  assert.ok(Class.instance instanceof Class);
  assert.equal(Class.instance.cls, Class);
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

Deno.test("instances of classes that extend built-ins are complete built-ins of their class", () => {
  class Table extends Map<unknown, unknown> {
    title = "t";
    self: unknown = this;
  }
  class Bag extends Set<unknown> {}
  class List extends Array<unknown> {
    extra = 1;
  }
  class Matrix extends Float64Array {
    rows = 2;
  }
  class Memory extends ArrayBuffer {}
  class Moment extends Date {}
  class Pattern extends RegExp {}
  class Num extends Number {
    unit = "m";
  }
  class Text extends String {
    language = "en";
  }
  const code = new FakeCode();
  for (const cls of [Table, Bag, List, Matrix, Memory, Moment, Pattern, Num, Text]) code.part(cls);
  const table = new Table([[1, 2]]);
  table.set("me", table);
  const matrix = new Matrix([1, 2, 3, 4]);
  const value = {
    table,
    bag: new Bag([1, table]),
    list: List.from([1, 2, matrix]),
    matrix,
    memory: new Memory(8),
    moment: new Moment(5),
    pattern: new Pattern("a+", "g"),
    num: new Num(5),
    text: new Text("hello"),
  };
  const copy = code.roundTrip(value);
  assertSame(copy, value);
  assert.equal(copy.table.get("me"), copy.table);
  assert.equal(copy.table.self, copy.table);
  assert.equal(copy.table.title, "t");
  assert.ok(copy.list instanceof List);
  assert.equal(copy.list[2], copy.matrix);
  assert.equal(copy.matrix.rows, 2);
  assert.deepEqual(Object.keys(copy.text), Object.keys(value.text));
  assert.equal(`${copy.text}${+copy.num}${copy.num.unit}`, "hello5m");
});

Deno.test("own properties arrive as they are, whatever accessors the class has", () => {
  class Odd {
    get size(): number {
      return 1;
    }
    set size(_size: number) {
      throw new Error("a setter ran");
    }
  }
  const code = new FakeCode();
  code.part(Odd);
  const odd = new Odd();
  for (const key of ["size", "constructor", "__proto__", "toString"]) {
    Object.defineProperty(odd, key, { value: key, enumerable: true, writable: true });
  }
  const copy = code.roundTrip(odd);
  assert.deepEqual(Object.entries(copy), Object.entries(odd));
  assert.equal(Object.getPrototypeOf(copy), Odd.prototype);
});

Deno.test("maps and sets travel whole, whatever size they say they have", () => {
  class Hidden extends Map<number, number> {
    override get size(): number {
      return 0;
    }
  }
  class Sized extends Set<number> {}
  const code = new FakeCode();
  code.part(Hidden);
  code.part(Sized);
  const set = new Sized([1, 2]);
  Object.defineProperty(set, "size", { value: "large", enumerable: true });
  const [map, copy] = code.roundTrip([new Hidden([[1, 2]]), set] as const);
  assert.deepEqual([...map], [[1, 2]]);
  assert.deepEqual([...copy], [1, 2]);
  assert.equal(copy.size, "large");
});

Deno.test("an object whose class cannot be told is refused", () => {
  const code = new FakeCode();
  const prototype = { shared: 1 };
  assert.match(
    refusalOf(Object.create(prototype), code).reason,
    /its prototype is not that of a class/,
  );
  const stack = new DisposableStack();
  assert.match(refusalOf(stack, code).reason, /instances of class DisposableStack/);
  function Parent() {}
  const Child = code.part(function Child() {});
  Child.prototype = Object.create(Parent.prototype);
  assert.throws(() => serialize(Reflect.construct(Child, []), { code }), SerializationError);
  // Live things are refused as such, whatever their class.
  assert.match(refusalOf([1].values(), code).reason, /collect what it yields/);
  assert.match(refusalOf(new Response("").body, code).reason, /Array\.fromAsync/);
  assert.match(refusalOf(Promise.resolve(), code).reason, /await it/);
});

Deno.test("an instance whose class is not known here is a clear error", () => {
  const code = new FakeCode();
  class Account {}
  code.part(Account);
  const bytes = serialize([new Account()], { code });
  const both = serialize([new Account(), Account], { code });
  code.classes.clear();
  const unknown = /the class Account \(cAccount\) is not known here; read the value in a task/;
  assert.throws(() => deserialize(bytes, { code }), unknown);
  assert.throws(() => deserialize(both, { code }), unknown);
});

Deno.test("an error arrives with its class, or by its name where that is not known", () => {
  class HttpError extends RangeError {
    constructor(readonly status: number) {
      super(`status ${status}`);
    }
    get retry(): boolean {
      return this.status >= 500;
    }
  }
  const code = new FakeCode();
  code.part(HttpError);
  const error = new HttpError(503);
  error.cause = error;
  const copy = code.roundTrip(error);
  assertSame(copy, error);
  assert.equal(copy.retry, true);
  assert.ok(!Object.hasOwn(copy, "name"));

  const bytes = serialize([error, error, new HttpError(404)], { code });
  code.classes.clear();
  const [one, two, three] = deserialize(bytes, { code }) as HttpError[];
  assert.equal(Object.getPrototypeOf(one), RangeError.prototype);
  assert.equal(one.name, "HttpError");
  assert.equal(one.status, 503);
  assert.equal(one, two);
  assert.equal(three.name, "HttpError");
  assert.equal(String(three), "HttpError: status 404");
});

Deno.test("an error whose class does not travel goes by its name", () => {
  class Local extends Error {}
  const code = new FakeCode();
  const copy = code.roundTrip([new Local("a"), new Local("b")]);
  assert.deepEqual(copy.map(String), ["Local: a", "Local: b"]);
  assert.deepEqual(
    serialize(new Local("x"), { code }).frames[0].length,
    serialize(new Local("x")).frames[0].length,
  );
  // Its class would travel where it stands, but holds what does not.
  const conn = Deno.readTextFile;
  code.inline(Local, { variables: { conn } });
  const after = { x: 1 };
  const again = code.roundTrip([new Local("a"), after, new Local("b"), after]);
  assert.deepEqual(again.map(String), [
    "Local: a",
    "[object Object]",
    "Local: b",
    "[object Object]",
  ]);
  assert.equal(again[1], again[3]);
});

Deno.test("errors of a class that is defined on the spot are of that class", () => {
  class Local extends TypeError {}
  const code = new FakeCode();
  code.inline(Local);
  const members = [new Local("1"), new TypeError("2")];
  const copy = code.roundTrip(new AggregateError(members, "all", { cause: members[0] }));
  assert.equal(copy.cause, copy.errors[0]);
  const [{ constructor: Copy }] = copy.errors;
  assert.notEqual(Copy, Local);
  assert.equal(Copy.name, "Local");
  assert.ok(copy.errors[0] instanceof TypeError);
  assert.equal(copy.errors[0].message, "1");
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
