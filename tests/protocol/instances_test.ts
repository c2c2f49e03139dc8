/** Instances of classes that come with them. */
import assert from "node:assert/strict";
import { deserialize, SerializationError, serialize } from "../../protocol/values.ts";
import { FakeCode, refusalOf } from "./fake_code.ts";
import { assertSame } from "./same.ts";

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
