/** Functions that objects are made with, as programs wrote classes before there were classes. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { SerializationError, serialize } from "../../../protocol/values.ts";
import { Capture } from "../../../protocol/functions/capture.ts";
import { TestModules, travel, travelValue } from "./round_trip.ts";

// deno-lint-ignore no-explicit-any
type Maker = any;

const Shape: Maker = function (this: Maker, name: string) {
  this.name = name;
};
Shape.prototype.describe = function () {
  return `${this.name} of ${this.area()}`;
};
Shape.kinds = ["square"];
const Square: Maker = function (this: Maker, side: number) {
  Shape.call(this, "square");
  this.side = side;
};
Object.setPrototypeOf(Square, Shape);
Square.prototype = Object.create(Shape.prototype, {
  constructor: { value: Square, writable: true, configurable: true },
});
Square.prototype.area = function () {
  return this.side ** 2;
};
const square = new Square(3);

Deno.test("a function that inherits from another does so on the other side", () => {
  const [text, isShape, kinds, keys] = travel(() => {
    const made = new Square(2);
    const isShape = made instanceof Shape && square instanceof Square && square instanceof Shape;
    return [made.describe() + square.describe(), isShape, Square.kinds, Object.keys(square)];
  })();
  assert.equal(text, "square of 4square of 9");
  assert.equal(isShape, true);
  assert.deepEqual(kinds, ["square"]);
  assert.deepEqual(keys, ["name", "side"]);
  const { one, another } = travelValue({ one: square, another: new Shape("none") });
  assert.equal(one.describe(), "square of 9");
  assert.equal(Object.getPrototypeOf(Object.getPrototypeOf(one)), Object.getPrototypeOf(another));
});

Deno.test("so does one that inherits from a class, a standard one, or one of Node's", () => {
  class Base {
    hello() {
      return "hello";
    }
  }
  const OfClass: Maker = function () {};
  OfClass.prototype = Object.create(Base.prototype);
  const Failure: Maker = function (this: Maker, message: string) {
    this.message = message;
  };
  Failure.prototype = Object.create(Error.prototype);
  Failure.prototype.constructor = Failure;
  const Emitter: Maker = function () {};
  Emitter.prototype = Object.create(EventEmitter.prototype);
  const Bare: Maker = function () {};
  Bare.prototype = Object.create(null);
  const failure = new Failure("late");
  assert.deepEqual(
    travel(() => [
      new OfClass().hello(),
      new OfClass() instanceof Base,
      String(new Failure("early")),
      `${failure}`,
      new Emitter() instanceof EventEmitter,
      "toString" in new Bare(),
    ])(),
    ["hello", true, "Error: early", "Error: late", true, false],
  );
});

/** As big.js does it: the prototype is an object that names no class. */
const members = {
  plus(this: Maker, other: number) {
    return new this.constructor(this.n + other);
  },
};
const makeNumber = (): Maker => {
  const Num: Maker = function (this: Maker, n: number) {
    this.n = n;
    this.constructor = Num;
  };
  Num.prototype = members;
  return Num;
};
const Num = makeNumber();
const Scaled: Maker = function (this: Maker, n: number) {
  this.n = n * 10;
  this.constructor = Scaled;
};
Scaled.prototype = Object.create(members);

Deno.test("an object may know its class where the prototype does not", () => {
  const num = new Num(1);
  assert.deepEqual(
    travel(() => [num.plus(1).n, num instanceof Num, Object.keys(num)])(),
    [2, true, ["n", "constructor"]],
  );
  const scaled = new Scaled(1);
  assert.equal(travel(() => scaled.plus(1).n)(), 110);
  const { a, b } = travelValue({ a: num, b: num.plus(4) });
  assert.equal(a.plus(1).n + b.n, 7);
  assert.equal(a.constructor, b.constructor);
});

Deno.test("what inherits from something that cannot travel is refused with the way to it", () => {
  const Held: Maker = function () {};
  Held.prototype = Object.create({ held: new WeakMap() });
  const code = new Capture(new TestModules()).writer();
  assert.throws(
    () => serialize({ Held }, { code, name: "x" }),
    (error) =>
      error instanceof SerializationError &&
      error.path === "x.Held → Held.prototype.__proto__.held" &&
      /a WeakMap/.test(error.reason),
  );
});
