/** Properties that are easily lost: not enumerable ones, symbols, those of arrays and built-ins. */
import assert from "node:assert/strict";
import {
  DeserializationError,
  deserialize,
  SerializationError,
  serialize,
} from "../../protocol/values.ts";
import { FakeCode } from "./fake_code.ts";

const tag = Symbol.for("dusk.test.tag");
const ownSymbol = Symbol("own");

function define(object: object, key: string | symbol, value: unknown, enumerable = false): void {
  Object.defineProperty(object, key, { value, enumerable });
}

/** Own properties and whether they are enumerable. */
function properties(object: object): [string | symbol, boolean][] {
  return Reflect.ownKeys(object).map((key) => [
    key,
    Object.prototype.propertyIsEnumerable.call(object, key),
  ]);
}

class Schema {
  declare kind: string;
  declare internals: { schema: Schema };
  name = "schema";
  constructor() {
    define(this, "kind", "object");
    define(this, "internals", { schema: this });
    Object.defineProperty(this, "lazy", { get: () => assert.fail("a hidden getter ran") });
  }
}

Deno.test("an instance keeps its own properties that are not enumerable, a plain object does not", () => {
  const code = new FakeCode();
  code.part(Schema);
  const schema = new Schema();
  const [copy, again] = code.roundTrip([schema, schema]);
  assert.equal(copy, again);
  assert.equal(copy.kind, "object");
  assert.equal(copy.internals.schema, copy);
  assert.deepEqual(properties(copy), [["name", true], ["kind", false], ["internals", false]]);
  const plain = { x: 1 };
  define(plain, "y", 2);
  assert.deepEqual(properties(code.roundTrip(plain)), [["x", true]]);
});

Deno.test("so does an instance whose class comes with it, or extends a built-in", () => {
  class Local {
    constructor() {
      define(this, "self", this);
    }
  }
  class Table extends Map<unknown, unknown> {}
  class List extends Array {}
  class Text extends String {}
  class Matrix extends Float64Array {}
  class Pattern extends RegExp {}
  const code = new FakeCode();
  code.inline(Local);
  const local = code.roundTrip(new Local()) as unknown as { self: unknown };
  assert.equal(local.self, local);
  const instances = [
    Object.assign(new Table([[1, 2]]), { seen: 1 }),
    List.from([1, 2]),
    new Text("ab"),
    new Matrix(2),
    new Pattern("x"),
  ];
  for (const instance of instances) {
    code.part(instance.constructor);
    const bare = properties(code.roundTrip(instance));
    define(instance, "hidden", [1]);
    const copy = code.roundTrip(instance);
    assert.deepEqual((copy as unknown as { hidden: unknown }).hidden, [1]);
    assert.deepEqual(properties(copy), [...bare, ["hidden", false]]);
    assert.equal(Object.getPrototypeOf(copy), Object.getPrototypeOf(instance));
  }
});

Deno.test("an error keeps them too, and leaves out what does not travel", () => {
  class Failure extends Error {
    constructor(message: string) {
      super(message);
      define(this, "code", 5);
      define(this, "conn", Deno.readTextFile);
      define(this, "name", "Failed");
      Object.assign(this, { [tag]: 1 });
    }
  }
  const code = new FakeCode();
  const unknown = code.roundTrip(new Failure("x"));
  assert.equal(String(unknown), "Failed: x");
  // Without its class it comes with no code at all: the receiver may not have that either.
  class Part {}
  code.part(Part);
  define(unknown, "data", [1]);
  define(unknown, "part", { Part });
  const data = code.roundTrip(unknown);
  assert.deepEqual(properties(data).map(([key]) => key).sort(), [
    "code",
    "data",
    "message",
    "name",
    "stack",
  ]);
  for (const inline of [false, true]) {
    if (inline) code.inline(Failure, { definition: { source: "class extends Error {}" } });
    else code.part(Failure);
    const copy = code.roundTrip(new Failure("x")) as Failure & { code: number; [tag]: number };
    assert.equal(copy.code, 5);
    assert.equal(copy[tag], 1);
    assert.equal(copy.name, "Failed");
    assert.ok(!("conn" in copy));
  }
});

Deno.test("symbols that all programs have are keys of instances, and of plain objects in code", () => {
  class Range {
    [Symbol.toStringTag] = "Range";
    [tag] = this;
    [ownSymbol] = 1;
  }
  const code = new FakeCode();
  code.part(Range);
  const range = code.roundTrip(new Range());
  assert.equal(range[tag], range);
  assert.equal(String(range), "[object Range]");
  assert.ok(!(ownSymbol in range));

  const plain = { x: 1, [tag]: [1], [Symbol.iterator]: 2, [ownSymbol]: 3 };
  define(plain, Symbol.toStringTag, "hidden");
  const captured = <T>(value: T): T => {
    const fn = code.inline(() => value, {
      variables: { value },
      definition: { source: "() => value" },
    });
    return code.roundTrip(fn)();
  };
  const copy = captured([plain, plain]);
  assert.equal(copy[0], copy[1]);
  assert.deepEqual(properties(copy[0]), [["x", true], [tag, true], [Symbol.iterator, true]]);
  assert.deepEqual(copy[0][tag], [1]);
  const bare = Object.assign(Object.create(null), { [tag]: 1 });
  const bareCopy = captured(bare);
  assert.equal(Object.getPrototypeOf(bareCopy), null);
  assert.equal(bareCopy[tag], 1);
  assert.throws(
    () => captured({ [tag]: [Deno.readTextFile] }),
    (error) =>
      error instanceof SerializationError &&
      error.path === 'value → value["Symbol(dusk.test.tag)"][0]',
  );
  // Data is as structured clone has it, beside code as well.
  const [, data] = code.roundTrip([code.inline(() => 1, { variables: { plain } }), { ...plain }]);
  assert.deepEqual(properties(data), [["x", true]]);
  const failing = code.inline(() => 1, { variables: { bad: [Deno.readTextFile] } });
  const error = new Error("with a cause that does not travel", { cause: failing });
  assert.deepEqual(properties(code.roundTrip([error, { ...plain }])[1]), [["x", true]]);
});

Deno.test("objects without such properties are written as ever", () => {
  class Point {
    x = 1;
  }
  const code = new FakeCode();
  code.part(Point, "c");
  const frame = (value: unknown) => [...serialize(value, { code }).frames[0]];
  assert.deepEqual(frame({ x: 1, [ownSymbol]: 2 }), frame({ x: 1 }));
  const text = [...new TextEncoder().encode("Point")];
  assert.deepEqual(
    frame(new Point()),
    [1, 0x9f, 0x9e, 0, 0xc1, 0x63, 0, 0xc5, ...text, 0xf1, 0, 0xc1, 0x78, 1],
  );
});

class Account {
  #balance: number;
  label = "kept";
  conn: unknown = Deno.readTextFile;
  constructor(balance: number) {
    this.#balance = balance;
  }
  get balance() {
    return this.#balance;
  }
}
class Savings extends Account {
  rate = 3;
  owner: unknown = this;
  [tag] = "tagged";
}

function accounts(deserialize = (balance: number): object => new Account(balance)): FakeCode {
  const code = new FakeCode();
  code.register(Account, (account) => [account.balance, []], deserialize);
  return code;
}

Deno.test("a subclass of a registered class keeps what it adds", () => {
  const code = accounts();
  code.part(Savings);
  const savings = new Savings(7);
  savings.label = "changed";
  define(savings, "hidden", 1);
  const [copy, again] = code.roundTrip([savings, savings]);
  assert.equal(copy, again);
  assert.ok(copy instanceof Savings);
  assert.equal(copy.balance, 7);
  assert.equal(copy.rate, 3);
  assert.equal(copy.owner, copy);
  assert.equal(copy[tag], "tagged");
  assert.equal((copy as unknown as { hidden: number }).hidden, 1);
  // What the registered functions make is theirs to decide.
  assert.equal(copy.label, "kept");
  assert.equal(copy.conn, Deno.readTextFile);
  const frame = serialize(new Account(7), { code }).frames[0];
  assert.ok(!new TextDecoder().decode(frame).includes("label"));
});

Deno.test("what a subclass adds and does not travel is an error, not lost", () => {
  const code = accounts();
  class Connected extends Account {
    socket = [Deno.readTextFile];
  }
  code.part(Connected);
  const bytes = serialize({ account: new Connected(1) }, { code });
  assert.throws(
    () => deserialize(bytes, { code }),
    (error) =>
      error instanceof DeserializationError &&
      /lacks a property .*\.account\.socket\[0\]: readTextFile is native; .*register the subclass/
        .test(error.message),
  );
});

Deno.test("hidden properties nest as deep as all others", () => {
  class Node {
    constructor(next: unknown) {
      define(this, "next", next);
    }
  }
  const code = new FakeCode();
  code.part(Node);
  let value: unknown = 1;
  for (let i = 0; i < 990; i++) value = new Node(value);
  assert.ok(code.roundTrip(value) instanceof Node);
  for (let i = 0; i < 20; i++) value = new Node(value);
  assert.throws(() => serialize(value, { code }), /nested more than 1000 levels deep/);
});

Deno.test("names that are numbers are properties where there are no elements", () => {
  class Numbered extends Map<unknown, unknown> {}
  const code = accounts();
  code.part(Savings);
  code.part(Numbered);
  const map = Object.assign(new Numbered(), { 1: "one", x: 2 });
  define(map, "5", "hidden");
  assert.deepEqual(properties(code.roundTrip(map)), [["1", true], ["5", false], ["x", true]]);
  const savings = Object.assign(new Savings(1), { 7: "seven" });
  assert.equal(code.roundTrip(savings)[7], "seven");
});

Deno.test("an instance that hides its class as a property may come back as a result", () => {
  function Old(this: object) {
    define(this, "constructor", Old);
  }
  const code = new FakeCode();
  code.part(Old);
  const bytes = serialize(Reflect.construct(Old, []), { code });
  const copy = deserialize(bytes, { code: Object.assign(code, { classesOnly: true }) }) as object;
  assert.deepEqual(properties(copy), [["constructor", false]]);
  assert.equal(copy.constructor, Old);
});
