/** Classes that travel: members, statics, superclasses, private members. */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import type { Definition } from "../../../protocol/functions/definition.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import { linkerOf, partOf, TestModules, travel, travelValue } from "./round_trip.ts";

const unit = "cm";
class Shape {
  static count = 2;
  static readonly all = new Map([["unit", 1]]);
  name: string;
  constructor(name = "shape") {
    this.name = name;
  }
  get label() {
    return `${this.name} in ${unit}`;
  }
  set label(value: string) {
    this.name = value;
  }
  static make() {
    return new Shape("made");
  }
}
class Square extends Shape {
  side = 2;
  constructor() {
    super("square");
  }
  area() {
    return this.side ** 2;
  }
  override get label() {
    return `${super.label}!`;
  }
}

Deno.test("a class travels with its methods, accessors, statics and superclass", () => {
  const fn = () => {
    const square = new Square();
    return [
      ...[square.area(), square.label, square instanceof Shape, Square.count],
      ...[Shape.make().name, Shape.all.get("unit"), Object.keys(square), Shape.name],
    ];
  };
  assert.deepEqual(travel(fn)(), fn());
});

Deno.test("static members have the values that they have now", () => {
  class Counter {
    static n = 0;
    static #secret = 0;
    static log: string[] = [];
    static {
      Counter.n = 5;
      this.#secret = 6;
    }
    static next() {
      return [++Counter.n, ++this.#secret];
    }
  }
  Counter.next();
  Counter.log.push("here");
  assert.deepEqual(travel(() => [Counter.next(), Counter.log])(), [[7, 8], ["here"]]);
  assert.deepEqual(Counter.next(), [7, 8]);
});

Deno.test("what a class computes when it is made is not computed again", () => {
  let [made, named] = [0, 0];
  // deno-lint-ignore no-explicit-any -- what TypeScript asks of mixins
  const mixin = <T extends new (...args: any[]) => object>(Base: T) => {
    made++;
    return class Mixed extends Base {
      mixed = true;
    };
  };
  class Base {
    base = 1;
  }
  const key = () => `key${++named}`;
  class Odd extends mixin(Base) {
    [key()]() {
      return "computed";
    }
    get [Symbol.toStringTag]() {
      return "Odd";
    }
    static [key()]() {
      return "static";
    }
  }
  const fn = () => {
    const odd = new Odd() as unknown as Record<string, () => string>;
    const cls = Odd as unknown as Record<string, () => string>;
    return [odd.key1(), cls.key2(), String(odd), Object.keys(odd), odd instanceof Base];
  };
  assert.deepEqual(travel(fn)(), fn());
  assert.deepEqual([made, named], [1, 2]);
});

Deno.test("private members that the class itself makes travel with it", () => {
  class Purse {
    #coins = 3;
    #count() {
      return this.#coins;
    }
    get coins() {
      return this.#count();
    }
    static has(value: object) {
      return #coins in value;
    }
  }
  assert.deepEqual(travel(() => [new Purse().coins, Purse.has(new Purse()), Purse.has({})])(), [
    ...[3, true, false],
  ]);
});

Deno.test("classes that extend standard ones travel", () => {
  class Stack extends Array<number> {
    top() {
      return this.at(-1);
    }
  }
  class Failure extends Error {
    override name = "Failure";
    code = 7;
  }
  const fn = () => {
    const failure = new Failure("no");
    return [(Stack.of(1, 2) as Stack).top(), failure instanceof Error, failure.code, `${failure}`];
  };
  assert.deepEqual(travel(fn)(), fn());
});

Deno.test("classes that refer to each other and to themselves travel", () => {
  class Node {
    children: Node[] = [];
    add() {
      const leaf = new Leaf();
      this.children.push(leaf);
      return leaf;
    }
  }
  class Leaf extends Node {
    twin() {
      return new Leaf();
    }
  }
  const Anonymous = class {
    again() {
      return new Anonymous();
    }
  };
  const fn = () => {
    const root = new Node();
    return [
      ...[root.add().twin() instanceof Node, root.children[0] instanceof Leaf],
      ...[new Anonymous().again() instanceof Anonymous, Anonymous.name],
    ];
  };
  assert.deepEqual(travel(fn)(), fn());
});

Deno.test("what was changed in a class after it was made travels", () => {
  class Patched {
    method() {
      return "old";
    }
  }
  Patched.prototype.method = () => "new";
  Object.assign(Patched.prototype, { added: () => "added", size: 3 });
  Object.assign(Patched, { version: 2 });
  const fn = () => {
    // deno-lint-ignore no-explicit-any
    const [patched, cls] = [new Patched() as any, Patched as any];
    return [patched.method(), patched.added(), patched.size, cls.version];
  };
  assert.deepEqual(travel(fn)(), fn());
});

Deno.test("instances travel with their class, wherever they are", () => {
  const square = new Square();
  square.side = 5;
  const fn = () => [square.area(), square.label, square instanceof Square];
  assert.deepEqual(travel(fn)(), [25, "square in cm!", true]);
  const { list: [first, second], same } = travelValue({
    list: [square, new Shape("b")],
    same: square,
  });
  assert.equal(first, same);
  assert.equal((first as Square).area(), 25);
  assert.equal(second.label, "b in cm");
  assert.ok(first instanceof second.constructor);
});

Deno.test("a class is one class in a function, its arguments and its helpers", () => {
  const capture = new Capture(new TestModules());
  const isShape = (value: unknown) => value instanceof Shape;
  const fn = (value: unknown) => [isShape(value), value instanceof Square];
  const { part, parts } = capture.function(fn);
  const writer = capture.writer();
  const args = serialize([new Square()], { code: writer });
  assert.deepEqual([...writer.needs].map((name) => name[0]), ["c"]);
  const linker = linkerOf(new Map([...parts, ...writer.parts]));
  const [square] = deserialize(args, { code: linker }) as [unknown];
  assert.deepEqual(linker.function(part)(square), [true, true]);
});

Deno.test("a class inside of another class's part is the same class as by itself", () => {
  const capture = new Capture(new TestModules());
  const one = capture.writer();
  const squares = serialize(new Square(), { code: one });
  const shapes = serialize(new Shape(), { code: one });
  const linker = linkerOf(one.parts);
  const square = deserialize(squares, { code: linker }) as Square;
  const shape = deserialize(shapes, { code: linker }) as Shape;
  assert.ok(square instanceof shape.constructor);
  assert.equal(one.needs.length, 2);
});

Deno.test("a class's part is named by all that it is", () => {
  const make = (factor: number) =>
    class Scaled {
      scale(x: number) {
        return x * factor;
      }
    };
  const [one, same, other] = [make(1), make(1), make(2)];
  const use = (cls: unknown) => partOf(() => cls);
  assert.equal(use(one), use(same));
  assert.notEqual(use(one), use(other));
});

Deno.test("an error of a class of one's own travels as it, one that cannot as its standard class", () => {
  class Known extends RangeError {
    detail = 1;
  }
  class Hidden extends Error {
    #why = "because";
    get why() {
      return this.#why;
    }
  }
  const [known, hidden] = travelValue([new Known("a"), new Hidden("b")] as const);
  assert.ok(known instanceof RangeError);
  assert.equal(known.constructor.name, "Known");
  assert.equal(known.detail, 1);
  assert.equal(hidden.constructor, Error);
  assert.equal(hidden.message, "b");
});

Deno.test("the definition of a class says which private members its instances have", () => {
  class Parent {
    #a = 1;
    get a() {
      return this.#a;
    }
  }
  class Child extends Parent {
    #b = 2;
    get b() {
      return this.#b;
    }
  }
  const { parts } = new Capture(new TestModules()).function(() => [Child]);
  const definitions: Definition[] = [];
  const linker = linkerOf(parts);
  const define = linker.define.bind(linker);
  linker.define = (definition, early, index) => {
    definitions.push(definition);
    return define(definition, early, index);
  };
  linker.class([...parts.keys()].find((name) => name.startsWith("c"))!);
  assert.deepEqual(
    Object.fromEntries(definitions.map(({ name, privates }) => [name, privates])),
    { Child: ["#a", "#b"], Parent: ["#a"] },
  );
});
