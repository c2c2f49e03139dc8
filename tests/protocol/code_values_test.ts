import assert from "node:assert/strict";
import {
  type AnyFunction,
  CodeRefusal,
  ImportReference,
} from "../../protocol/functions/definition.ts";
import {
  DeserializationError,
  deserialize,
  SerializationError,
  serialize,
} from "../../protocol/values.ts";
import { FakeCode } from "./fake_code.ts";

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
