/** Classes that functions use, and instances that travel with them. */
import assert from "node:assert/strict";
import { Client, LocalCluster } from "../../mod.ts";
import { withSandbox } from "../support/sandbox.ts";
import { gallery } from "./gallery.ts";

const unit = "m";
const format = (x: number) => `${x} ${unit}`;

class Point {
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  get length() {
    return Math.hypot(this.x, this.y);
  }
  set length(length: number) {
    const scale = length / this.length;
    this.x *= scale;
    this.y *= scale;
  }
  plus(other: Point): Point {
    return new Point(this.x + other.x, this.y + other.y);
  }
  toString() {
    return `(${format(this.x)}, ${format(this.y)})`;
  }
}

class Point3 extends Point {
  z = 0;
  constructor(x: number, y: number, z: number) {
    super(x, y);
    this.z = z;
  }
  override get length() {
    return Math.hypot(super.length, this.z);
  }
  override toString() {
    return `3D ${super.toString()}`;
  }
}

class Account {
  static #opened = 0;
  static bank = { name: "Dusk & Sons" };
  static readonly limits = [1, 2, 3];
  static {
    this.bank.name += ", Ltd";
  }
  #balance = 10;
  readonly #owner: string;
  constructor(owner: string) {
    this.#owner = owner;
    Account.#opened++;
  }
  static get opened() {
    return Account.#opened;
  }
  static is(value: object) {
    return #balance in value;
  }
  get balance() {
    return this.#balance;
  }
  set balance(value: number) {
    this.#balance = this.#checked(value);
  }
  #checked(value: number) {
    if (value < 0) throw new RangeError(`${this.#owner} is out of money`);
    return value;
  }
  toJSON() {
    return { owner: this.#owner, balance: this.#balance };
  }
}

class Registry {
  static count = 0;
  static names: string[] = [];
  static register(name: string) {
    Registry.names.push(name);
    return ++this.count;
  }
}
Registry.register("before");

class Stack<T> extends Array<T> {
  peek(): T | undefined {
    return this.at(-1);
  }
}
class Names extends Map<string, number> {
  label = "names";
  total() {
    return [...this.values()].reduce((a, b) => a + b, 0);
  }
}
class Vector extends Float64Array {
  get norm() {
    return Math.hypot(...this);
  }
}
class Range implements Iterable<number> {
  readonly from: number;
  readonly to: number;
  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }
  *[Symbol.iterator]() {
    for (let i = this.from; i < this.to; i++) yield i;
  }
  async *[Symbol.asyncIterator]() {
    for (const i of this) yield await Promise.resolve(i);
  }
  static [Symbol.hasInstance](value: unknown) {
    return typeof value === "object" && value !== null && "from" in value;
  }
  get [Symbol.toStringTag]() {
    return "Range";
  }
  [Symbol.toPrimitive]() {
    return this.to - this.from;
  }
}

const Anonymous = class {
  kind = "anonymous";
};
const Named = class Inner {
  static make() {
    return new Inner();
  }
  me = () => this instanceof Inner;
};
// deno-lint-ignore no-explicit-any
type Constructor = new (...args: any[]) => object;
const Timed = <B extends Constructor>(Base: B) => {
  class Timed extends Base {
    at = 5;
  }
  return Timed;
};
const TimedPoint = Timed(Point);
class Tree {
  readonly leaf?: Leaf;
  children: Tree[] = [];
  parent: Tree | null = null;
  grow(): Tree {
    const leaf = new Leaf();
    leaf.parent = this;
    this.children.push(leaf);
    return this;
  }
}
class Leaf extends Tree {
  override grow(): Tree {
    return new Tree().grow();
  }
}
const prop: string = "dynamic";
class Computed {
  static [`${prop}Static`](): number {
    return (new this() as unknown as Record<string, () => number>)[`${prop}Method`]();
  }
  [`${prop}Method`](): unknown {
    return 3;
  }
  get [`${prop}Getter`](): unknown {
    return 4;
  }
}
abstract class Shape {
  abstract area(): number;
  describe() {
    return `${this.constructor.name} of ${this.area()}`;
  }
}
class Square extends Shape {
  constructor(private side: number) {
    super();
  }
  area() {
    return this.side ** 2;
  }
}
const origin = new Point(3, 4);
const inSpace = new Point3(1, 2, 2);
const both = { origin, again: origin, inSpace };
const stack = Stack.from([1, 2]) as Stack<number>;
const names = new Names([["a", 1], ["b", 2]]);
const tree = new Tree().grow();
const bare = Object.assign(Object.create(Point.prototype), { x: 6, y: 8 }) as Point;

gallery("classes", {
  "a class made into instances": [(x: number) => new Point(x, 4).length, 3],
  "a class that a function only asks for": [(value: unknown) => value instanceof Point, origin],
  "a subclass, with super": () => [new Point3(1, 2, 2).length, `${new Point3(1, 2, 3)}`],
  "a setter": () => {
    const point = new Point(3, 4);
    point.length = 10;
    return [point.x, point.y];
  },
  "private fields, private methods and a private static": [
    (owner: string) => {
      const account = new Account(owner);
      account.balance += 5;
      return [account.balance, JSON.stringify(account), Account.is(account), Account.is({})];
    },
    "ann",
  ],
  "an error out of a private method": () => {
    new Account("bob").balance = -1;
  },
  "static members and what a static block did": () => [Account.bank, Account.limits],
  "statics as they are now, not as they were declared": () => [
    Registry.register("there"),
    Registry.count,
    Registry.names,
  ],
  "a class that extends Array": () => {
    const made = new Stack<number>();
    made.push(1, 2);
    return [made.peek(), made.length, Array.isArray(made), made.map((x) => x * 2) instanceof Stack];
  },
  "a class that extends a typed array": () => [new Vector([3, 4]).norm, new Vector(2)],
  "symbols as names: iterators, hasInstance, toStringTag, toPrimitive": async () => {
    const range = new Range(1, 4);
    const all = [];
    for await (const i of range) all.push(i);
    return [[...range], all, { from: 1 } instanceof Range, `${Object(range)}`, +(range as never)];
  },
  "an anonymous class and a class expression": () => [
    new Anonymous().kind,
    Anonymous.name,
    Named.make().me(),
    Named.name,
  ],
  "a mixin": () => [new TimedPoint(1, 2), TimedPoint.name],
  "classes that need each other": () => {
    const grown = new Tree().grow();
    return [grown.children[0] instanceof Leaf, grown.children[0].grow().children.length];
  },
  "computed names of members": () => [
    (Computed as unknown as Record<string, () => number>).dynamicStatic(),
    (new Computed() as unknown as Record<string, unknown>).dynamicGetter,
  ],
  "an abstract class and a parameter property": () => new Square(3).describe(),
  "a captured instance": () => [origin.length, `${origin}`, origin instanceof Point],
  "a captured instance of a subclass": () => [inSpace.length, `${inSpace}`],
  "one instance in two places": () => [both.origin === both.again, both.origin === origin],
  "an instance as an argument": [(point: Point) => [point.length, point instanceof Point], inSpace],
  "an instance as the result": [(x: number) => new Point3(x, x, x), 1],
  "an instance there and back": [(point: Point) => point, origin],
  "an instance that its constructor did not make": [(point: Point) => [point.length, point], bare],
  "instances inside of a map, a set and an array": [
    (points: Map<string, Point>) => [
      new Set([...points.values()].map((point) => point.plus(origin))),
      points.get("a"),
    ],
    new Map([["a", origin], ["b", inSpace]]),
  ],
  "an instance of a class that extends Array": [(s: Stack<number>) => [s.peek(), s], stack],
  "an instance of a class that extends Map": [(n: Names) => [n.total(), n.label, n], names],
  "an instance of a class that extends a typed array": [
    (v: Vector) => [v.norm, v],
    new Vector([3, 4]),
  ],
  "instances that refer to each other": [
    (t: Tree) => [t.children[0].parent === t, t.children[0] instanceof Leaf, t],
    tree,
  ],
  "a class as an argument": [
    (Class: new (x: number, y: number) => Point) => new Class(6, 8).length,
    Point,
  ],
  "a class in an object": [(all: { Point: typeof Point }) => new all.Point(3, 4), { Point }],
  "a static method that uses its class": [(name: string) => Registry.register(name), "again"],
  "an instance's method as a helper": () => [origin].map((p) => p.plus(inSpace)).map(String),
});

const stock = { apples: 3, seen: new Set<object>() };
class Shelf {
  take() {
    stock.seen.add(this);
    return --stock.apples;
  }
}
class Till {
  static stock = stock;
  count() {
    return Till.stock.apples;
  }
}

gallery("objects that functions and classes share", {
  "a function and a class": () => [new Shelf().take(), stock.apples, stock.seen.size],
  "two classes": () => [new Shelf().take(), new Till().count()],
  "a class's static member": () => Till.stock === stock,
});

Deno.test("what functions and classes share is shared in each task of a thread", async () => {
  await using cluster = await LocalCluster.create({ nWorkers: 1, threadsPerWorker: 1 });
  await using client = await Client.connect(cluster);
  const first = (i: number) => [i, new Till().count() === stock.apples, Till.stock === stock];
  const second = (i: number) => [i, stock === Till.stock, new Shelf().take() === stock.apples];
  const alone = (i: number) => [i, typeof new Till().count() === "number", Till.name === "Till"];
  for (const [i, fn] of [first, second, alone, first, second, first].entries()) {
    assert.deepEqual(await client.submit(fn, i).result(), [i, true, true]);
  }
});

Deno.test("instances in futures that pass from task to task keep their class", async () => {
  await withSandbox(async (client) => {
    const start = client.submit(() => new Point(1, 1));
    const steps = [start];
    for (let i = 0; i < 4; i++) steps.push(client.submit((p: Point) => p.plus(origin), steps[i]));
    const scattered = await client.scatter([new Point3(1, 2, 2)]);
    const length = client.submit((p: Point) => p.length, scattered[0]);
    const end = await steps[4].result();
    assert.ok(end instanceof Point);
    assert.equal(`${end}`, "(13 m, 17 m)");
    assert.equal(await length.result(), 3);
    assert.ok((await scattered[0].result()) instanceof Point3);
  });
});
