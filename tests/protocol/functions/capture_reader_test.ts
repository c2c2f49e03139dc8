/** What comes back to the program that sent a function. */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import { ThreadCodeWriter } from "../../../protocol/functions/thread_code_writer.ts";
import { registerSerialization } from "../../../protocol/registrations.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import { linkerOf, TestModules } from "./round_trip.ts";

class Point {
  constructor(readonly x = 1) {}
}

const suffix = "!";
class Secret {
  #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
}
class Louder extends Secret {
  loud = true;
}
registerSerialization(
  Secret,
  (
    secret: Secret,
  ) => [{ size: secret.reveal().length }, [new TextEncoder().encode(secret.reveal())]],
  (_header, [bytes]) => new Secret(new TextDecoder().decode(bytes) + suffix),
);

Deno.test("an instance comes back as one of this program's own class", () => {
  const capture = new Capture(new TestModules());
  const sent = serialize({ point: new Point(4) }, { code: capture.writer() });
  const { point } = deserialize(sent, { code: capture.reader() }) as { point: Point };
  assert.ok(point instanceof Point);
  assert.equal(point.x, 4);
});

Deno.test("the reader knows every version of a class whose statics changed", () => {
  class Counted {
    static count = 0;
    n = ++Counted.count;
  }
  const capture = new Capture(new TestModules());
  const sent = [1, 2].map(() => serialize(new Counted(), { code: capture.writer() }));
  for (const each of sent) {
    assert.ok(deserialize(each, { code: capture.reader() }) instanceof Counted);
  }
});

Deno.test("a registered serialization goes with the objects of its class and subclasses", () => {
  const capture = new Capture(new TestModules());
  const writer = capture.writer();
  const sent = serialize([new Secret("a"), new Louder("b")], { code: writer });
  const registered = writer.needs.find((name) => name.startsWith("r"))!;
  assert.deepEqual(capture.registrations().needs.includes(registered), true);
  const there = deserialize(sent, { code: linkerOf(writer.parts) }) as Secret[];
  assert.deepEqual(there.map((secret) => secret.reveal()), ["a!", "b!"]);
  assert.equal(there[1].constructor.name, "Louder");
  const here = deserialize(sent, { code: capture.reader() }) as Secret[];
  assert.ok(here[0] instanceof Secret && here[1] instanceof Louder);
  assert.deepEqual(here.map((secret) => secret.reveal()), ["a!", "b!"]);
});

Deno.test("registrations are looked at again when there are more", () => {
  const capture = new Capture(new TestModules());
  const before = capture.registrations();
  assert.equal(capture.registrations(), before);
  class Other {
    #n = 1;
    get n() {
      return this.#n;
    }
  }
  registerSerialization(Other, () => [0, []], () => new Other());
  const after = capture.registrations();
  assert.equal(after.needs.length, before.needs.length + 1);
  for (const name of after.needs) assert.ok(after.parts.has(name));
});

Deno.test("another process's registrations are read by this program's own", () => {
  const one = new Capture(new TestModules());
  const sent = serialize(new Secret("x"), { code: one.writer() });
  const other = new Capture(new TestModules());
  assert.equal((deserialize(sent, { code: other.reader() }) as Secret).reveal(), "x!");
});

Deno.test("functions and unknown classes in what is read are told of", () => {
  const capture = new Capture(new TestModules());
  const sent = serialize([new Point()], { code: capture.writer() });
  const other = new Capture(new TestModules());
  assert.throws(() => deserialize(sent, { code: other.reader() }), /Point/);
  const fn = serialize([() => 1], { code: capture.writer() });
  assert.throws(() => deserialize(fn, { code: capture.reader() }), /function/);
});

abstract class Animal {
  static create(kind: string): Animal {
    return kind === "dog" ? new Dog() : new Cat();
  }
}
class Dog extends Animal {}
class Cat extends Animal {}

Deno.test("classes inside of another class's part are known here", () => {
  const capture = new Capture(new TestModules());
  const { part, parts } = capture.function((kind: string) => Animal.create(kind));
  const linker = linkerOf(parts);
  for (const [kind, cls] of [["dog", Dog], ["cat", Cat]] as const) {
    const { form } = linker.codeOf(linker.function(part)(kind).constructor)!;
    assert.equal(form.type === "class" && capture.reader().class(form.part), cls);
  }
});

// deno-lint-ignore no-explicit-any
function Old(this: any, x: number) {
  this.x = x;
}
Old.prototype.double = function () {
  return 2 * this.x;
};
// deno-lint-ignore no-explicit-any
function Bare(this: any, x: number) {
  this.x = x;
}

Deno.test("objects of a function with a prototype come back as such", () => {
  const capture = new Capture(new TestModules());
  const make = (cls: unknown, x: number): object => Reflect.construct(cls as typeof Object, [x]);
  for (const cls of [Old, Bare]) {
    const writer = capture.writer();
    const sent = serialize(make(cls, 1), { code: writer });
    const fn = (value: { double(): number }) => [value, value instanceof Old && value.double()];
    const { part, parts } = capture.function(fn);
    const linker = linkerOf(new Map([...parts, ...writer.parts]));
    const [value, doubled] = linker.function(part)(deserialize(sent, { code: linker }));
    assert.equal(doubled, cls === Old ? 2 : false);
    const result = serialize(value, { code: new ThreadCodeWriter(linker) });
    assert.ok(deserialize(result, { code: capture.reader() }) instanceof cls);
  }
});
