/** Parts become live functions, classes, registrations and buffers. */
import assert from "node:assert/strict";
import { ImportReference } from "../../../protocol/functions/definition.ts";
import { HandParts } from "./hand_parts.ts";

// What functions of these tests close over: the values are those that the tests name.
declare const a: number;
declare const list: number[];
declare const later: string;
declare const sha: (name: string) => { update(text: string): { digest(to: string): string } };

Deno.test("linker: a function has the variables that it closes over", () => {
  const parts = new HandParts();
  const add = parts.code.inline((x: number) => x + a + list.length, {
    variables: { a: 1, list: [1, 2] },
  });
  assert.equal(parts.function(add)(10), 13);
});

Deno.test("linker: functions call each other, and themselves", () => {
  const parts = new HandParts();
  const isOdd: (n: number) => boolean = (n) => n > 0 && isEven(n - 1);
  const isEven: (n: number) => boolean = (n) => n === 0 || isOdd(n - 1);
  parts.code.inline(isOdd, { variables: { isEven } });
  parts.code.inline(isEven, { variables: { isOdd } });
  const live = parts.function(isEven);
  assert.deepEqual([live(4), live(7)], [true, false]);
});

Deno.test("linker: a function is made once, and keeps what it does to its variables", () => {
  const parts = new HandParts();
  let count = 0;
  const next = parts.code.inline(() => ++count, { variables: { count } });
  const name = parts.learn("f", next);
  const live = parts.linker.function(name);
  assert.equal(live(), 1);
  assert.equal(parts.linker.function(name), live);
  assert.equal(live(), 2);
  assert.equal(count, 0);
});

Deno.test("linker: all kinds of functions, with their names, in strict mode", async () => {
  const parts = new HandParts();
  const { inline } = parts.code;
  const send = (source: string, kind: "expression" | "method", name: string) =>
    parts.function(
      inline.call(parts.code, () => {}, { definition: { source, kind, name } }),
    );
  assert.equal(send("(x) => x * 2", "expression", "double").name, "double");
  assert.equal(send("function f() { return this; }", "expression", "f")(), undefined);
  assert.equal(send("twice(x) { return x * 2 }", "method", "twice")(2), 4);
  assert.equal(send("async 'odd name'(x) { return x }", "method", "odd name").name, "odd name");
  assert.equal(await send("async x => x", "expression", "")(3), 3);
  assert.deepEqual([...send("function* g() { yield 1 }", "expression", "g")()], [1]);
  assert.equal(send("x => x // the end", "expression", "")(5), 5);
  assert.equal(send("() => { ª = 1; }", "expression", "").name, "");
  assert.throws(send("() => { ª = 1; }", "expression", ""), ReferenceError);
});

Deno.test("linker: a function has the properties that it was given", () => {
  const parts = new HandParts();
  const cached = parts.code.inline(() => later, {
    variables: { later: "x" },
    properties: [{ on: "function", key: "cache", value: new Map([[1, 2]]), enumerable: true }],
  });
  assert.deepEqual(Reflect.get(parts.function(cached), "cache"), new Map([[1, 2]]));
});

Deno.test("linker: a class extends another, and has its members and statics", () => {
  const parts = new HandParts();
  class Shape {
    static count = 0;
    constructor(readonly size: number) {}
    get area() {
      return 0;
    }
  }
  class Square extends Shape {
    #secret = 7;
    override get area() {
      return this.size ** 2;
    }
    reveal() {
      return this.#secret;
    }
  }
  parts.code.inline(Shape, {
    properties: [{ on: "function", key: "count", value: 3, enumerable: true }],
  });
  parts.code.inline(Square, { variables: { Shape }, early: 1 });
  const name = parts.class(Square);
  const Live = parts.linker.class(name) as typeof Square;
  const square = new Live(3);
  assert.deepEqual([square.area, square.reveal(), Live.count], [9, 7, 3]);
  assert.equal(Live.name, "Square");
  assert.notEqual(Live, Square);
});

Deno.test("linker: a class has one identity, by itself and inside of another's part", () => {
  for (const order of ["base first", "derived first"]) {
    const parts = new HandParts();
    class Base {}
    class Derived extends Base {}
    const base = parts.class(parts.code.inline(Base));
    // Inside of a class's part everything stands where it is, with the names of the inner parts.
    parts.code.inline(Base, { definition: { id: base } });
    const derived = parts.class(parts.code.inline(Derived, { variables: { Base }, early: 1 }));
    const names = order === "base first" ? [base, derived] : [derived, base];
    const made = new Map(names.map((name) => [name, parts.linker.class(name)!]));
    assert.equal(Object.getPrototypeOf(made.get(derived)!), made.get(base), order);
  }
});

Deno.test("linker: a class that came inside of another's part is found by its own name", () => {
  const parts = new HandParts();
  class Base {}
  class Derived extends Base {}
  const { name: base } = parts.make("c", parts.code.inline(Base));
  parts.code.inline(Base, { definition: { id: base } });
  const derived = parts.class(parts.code.inline(Derived, { variables: { Base }, early: 1 }));
  const Live = parts.linker.class(base);
  assert.equal(Live, Object.getPrototypeOf(parts.linker.class(derived)!));
  assert.deepEqual(parts.result(Reflect.construct(Live!, [])).needs, [derived]);
  assert.equal(parts.linker.class("c" + "0".repeat(32)), undefined);
});

Deno.test("linker: classes that cannot be made do not keep others from being found inside of a part", async () => {
  const parts = new HandParts();
  class Base {}
  class Derived extends Base {}
  class Broken {}
  class Waiting {}
  const slow = new ImportReference(parts.module("return {};", { isAsync: true }), "Other");
  const { name: base } = parts.make("c", parts.code.inline(Base));
  parts.class(parts.code.inline(Broken, { variables: { "no name": 1 } }));
  parts.class(parts.code.inline(Waiting, { variables: { slow }, early: 1 }));
  parts.code.inline(Base, { definition: { id: base } });
  const derived = parts.class(parts.code.inline(Derived, { variables: { Base }, early: 1 }));
  const Live = parts.linker.class(base);
  assert.equal(Live, Object.getPrototypeOf(parts.linker.class(derived)!));
  assert.equal(parts.linker.takeAwaited(), undefined, "nothing has to wait for another's module");
  assert.throws(() => parts.linker.class("c" + "0".repeat(32)), { name: "LinkError" });
  await parts.linker.takeAwaited();
});

Deno.test("linker: a class that is forgotten and comes again is the same, while it is in use", () => {
  const parts = new HandParts();
  class Point {}
  const { name, part } = parts.make("c", parts.code.inline(Point));
  parts.linker.learn(name, part);
  const first = parts.linker.class(name);
  parts.linker.forget(name);
  assert.equal(parts.linker.has(name), false);
  parts.linker.learn(name, part);
  assert.equal(parts.linker.class(name), first);
});

Deno.test("linker: the classes of the program take the place of parts where it has them", () => {
  class Own {}
  const local = {
    class: (part: string) => part === name ? Own : undefined,
    import: (module: string, name: string) =>
      module === "node:fs" ? { value: `own ${name}` } : undefined,
  };
  const parts = new HandParts({ local });
  class Point {}
  const name = parts.class(parts.code.inline(Point));
  assert.equal(parts.linker.class(name), Own);
  assert.equal(parts.linker.import("node:fs", "x"), "own x");
  assert.equal(typeof parts.linker.import("node:os", "cpus"), "function");
});

Deno.test("linker: instances that travel are of the class that came", () => {
  const parts = new HandParts();
  class Point {
    constructor(public x = 0) {}
    twice() {
      return this.x * 2;
    }
  }
  const name = parts.class(parts.code.inline(Point));
  const point = parts.value(new Point(4));
  assert.equal(point.twice(), 8);
  assert.ok(point instanceof parts.linker.class(name)!);
});

Deno.test("linker: functions among arguments are made anew each time", () => {
  const parts = new HandParts();
  let n = 0;
  const next = parts.code.inline(() => ++n, { variables: { n } });
  const [first, second] = [parts.value(next), parts.value(next)];
  assert.deepEqual([first(), first(), second()], [1, 2, 1]);
});

Deno.test("linker: registered serializations read, and write for the tasks that have them", () => {
  const parts = new HandParts();
  class Money {
    constructor(readonly cents: bigint) {}
  }
  const { code, linker } = parts;
  const cls = parts.class(code.inline(Money));
  const write = code.inline((money: Money) => [String(money.cents), []]);
  const read = code.inline((header: string) => new Money(BigInt(header)), { variables: { Money } });
  const name = parts.learn("r", [Money, write, read]);
  const Live = linker.class(cls) as typeof Money;
  const made = linker.registration(name)!("12", []) as Money;
  assert.ok(made instanceof Live);
  assert.equal(made.cents, 12n);
  assert.equal(linker.registrations.find(made), undefined);
  linker.registrations.activate([name]);
  const { value, needs } = parts.result([made]);
  assert.deepEqual(value, [made]);
  assert.deepEqual(needs, [name]);
  linker.registrations.activate(undefined);
  assert.deepEqual(parts.result(made).needs, [cls]);
  linker.forget(name);
  assert.equal(linker.registration(name), undefined);
});

Deno.test("linker: of two registrations of one class, that of the task's own client counts", () => {
  const parts = new HandParts();
  const { code, linker } = parts;
  class Money {
    constructor(readonly cents: number) {}
  }
  const Live = linker.class(parts.class(code.inline(Money)))!;
  const read = code.inline((cents: number) => new Money(cents), { variables: { Money } });
  const writers = [
    code.inline((money: Money) => [money.cents, []]),
    code.inline((money: Money) => [money.cents + 1, []]),
  ];
  const names = writers.map((write) => parts.learn("r", [Money, write, read]));
  const money = Reflect.construct(Live, [5]);
  for (const [i, name] of [...names.entries(), ...names.entries()]) {
    linker.registrations.activate([name]);
    const { value, needs } = parts.result(money);
    assert.equal((value as Money).cents, 5 + i);
    assert.deepEqual(needs, [name]);
  }
});

Deno.test("linker: a registration is forgotten whatever a task has done to its class", () => {
  const parts = new HandParts();
  const { code, linker } = parts;
  const old = code.inline(function Old() {});
  const name = parts.learn("r", [old, code.inline(() => [0, []]), code.inline(() => ({}))]);
  linker.registrations.get(name).class.prototype = {};
  linker.forget(name);
  assert.equal(linker.registration(name), undefined);
});

Deno.test("linker: a buffer is there once", () => {
  const parts = new HandParts();
  const name = parts.learn("b", new Uint8Array([1, 2, 3]).buffer);
  const buffer = parts.linker.buffer(name)!;
  assert.deepEqual(new Uint8Array(buffer), new Uint8Array([1, 2, 3]));
  assert.equal(parts.linker.buffer(name), buffer);
  assert.equal(parts.linker.buffer("b" + "0".repeat(32)), undefined);
});

Deno.test("linker: functions have what they import", () => {
  const parts = new HandParts();
  const hash = parts.code.inline((text: string) => sha("sha1").update(text).digest("hex"), {
    variables: { sha: new ImportReference("node:crypto", "createHash") },
  });
  assert.equal(parts.function(hash)("x"), "11f6ad8ec52a2984abaafd7c3b516503785c2072");
});

Deno.test("linker: what cannot be made says which part, and can be tried again", () => {
  const parts = new HandParts();
  const { linker, code } = parts;
  const nobody = "f" + "0".repeat(32);
  assert.throws(() => linker.function(nobody), {
    name: "LinkError",
    message: `Part ${nobody} was never sent`,
  });
  const five = parts.learn("f", 5);
  assert.throws(() => linker.function(five), /is not a function or class/);
  const broken = parts.learn("f", code.inline(() => {}, { definition: { source: "(x => " } }));
  assert.throws(() => linker.function(broken), SyntaxError);
  assert.throws(() => linker.function(broken), SyntaxError);
  const number = parts.learn("f", code.inline(() => {}, { definition: { source: "42" } }));
  assert.throws(() => linker.function(number), /gives number, not a function/);
  const variables = { "a,b": 1 };
  const odd = parts.learn("f", code.inline(() => {}, { variables }));
  assert.throws(() => linker.function(odd), /closes over "a,b", which is no name/);
  const buffer = parts.learn("b", "text");
  assert.throws(() => linker.buffer(buffer), /is not a buffer/);
  const registration = parts.learn("r", []);
  assert.throws(() => linker.registration(registration), /is not a class with functions/);
});

Deno.test("linker: a class that could not be completed is not known by half", () => {
  const parts = new HandParts();
  const { code, linker } = parts;
  class Inner {}
  class Outer {}
  const { name: inner } = parts.make("c", code.inline(Inner));
  code.inline(Inner, { definition: { id: inner } });
  const missing = new ImportReference("m" + "0".repeat(32), "x");
  code.inline(Outer, { variables: { Inner, missing } });
  const outer = parts.learn("c", Outer);
  assert.throws(() => linker.class(outer), /was never sent/);
  assert.throws(() => linker.class(inner), /was never sent/);
  linker.learn(inner, parts.make("c", code.inline(Inner)).part);
  const Live = linker.class(inner)!;
  assert.equal(Live.name, "Inner");
});
