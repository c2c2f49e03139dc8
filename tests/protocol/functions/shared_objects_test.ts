/** An object that a function and classes have in common is one object where they run. */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import type { Linker } from "../../../protocol/functions/linker.ts";
import { ThreadCodeWriter } from "../../../protocol/functions/thread_code_writer.ts";
import type { CodePart } from "../../../protocol/messages.ts";
import { registerSerialization } from "../../../protocol/registrations.ts";
import { Serialized } from "../../../protocol/serialized.ts";
import { DeserializationError, deserialize, serialize } from "../../../protocol/values.ts";
import { linkerOf, TestModules, travel } from "./round_trip.ts";

const shared = { n: 0, inner: { deep: [1] } };
const { inner } = shared;
const list = [shared];

class Reader {
  get() {
    return shared;
  }
}
class Other {
  two = 2;
  get() {
    return shared;
  }
}
class Child extends Reader {
  own() {
    return shared;
  }
}
class Statics {
  static kept = shared;
  static nested = { list };
}
class Deep {
  get() {
    return list;
  }
}

const helper = () => shared;
class Helped {
  get() {
    return helper;
  }
}

let count = 0;
const increase = () => ++count;
class Counter {
  hit() {
    return increase();
  }
}

const small = new Uint8Array(8);
const large = new Float64Array(10_000).fill(2);
class Bytes {
  get() {
    return [small, large];
  }
}

const registry = new Map<string, unknown>();
class Entry {
  name = "first";
  static all() {
    return registry;
  }
}
registry.set("first", new Entry());

class Left {
  right() {
    return Right;
  }
  get() {
    return shared;
  }
}
class Right {
  left() {
    return Left;
  }
  get() {
    return shared;
  }
}

const pattern = /a/g;
class Matcher {
  get() {
    return pattern;
  }
}

const mark = () => {};
const marks = new Set([mark]);
class Marked {
  get() {
    return mark;
  }
}
class MarkedToo {
  name = "too";
  get() {
    return mark;
  }
}

const bytes = new Uint8Array(16);
const words = new Uint32Array(bytes.buffer);
class Words {
  get() {
    return words;
  }
}

class Secret {
  static #kept = shared;
  static #self = new Secret();
  static get() {
    return Secret.#kept;
  }
  static self() {
    return this.#self;
  }
}

const Animal = function () {} as unknown as new () => object;
class Dog extends Animal {}

const outer = { n: 1 };
const usesOuter = () => outer;
class Caller {
  call(): unknown {
    return [recursive, usesOuter()];
  }
}
function recursive(): unknown {
  return (new Caller().call() as unknown[])[0] === recursive &&
    (new Caller().call() as unknown[])[1] === outer;
}

const wholes: Record<string, () => unknown> = {
  "a function and a class": () => new Reader().get() === shared,
  "two classes": () => new Reader().get() === new Other().get(),
  "a class and its superclass": () => new Child().get() === new Child().own(),
  "all of them": () =>
    [new Child().get(), new Child().own(), new Other().get()].every((one) => one === shared),
  "something inside of it": () => new Reader().get().inner === inner && inner.deep.length === 1,
  "something around it": () => new Deep().get()[0] === new Reader().get(),
  "static members": () =>
    Statics.kept === shared && Statics.nested.list === list && list[0] === Statics.kept,
  "a helper that has it": () => new Helped().get() === helper && helper() === shared,
  "a variable that changes": () => new Counter().hit() === 1 && increase() === 2 && count === 2,
  "buffers": () => {
    const [a, b] = new Bytes().get();
    return a === small && b === large;
  },
  "a map that holds an instance": () =>
    Entry.all() === registry && registry.get("first") instanceof Entry,
  "classes that know each other": () =>
    new Left().get() === shared && new (new Left().right())().get() === shared &&
    new Right().left() === Left,
  "a regular expression": () => new Matcher().get() === pattern,
  "a class that uses the function itself": recursive,
  "a function that leads to nothing": () => new Marked().get() === mark && marks.has(mark),
  "such a function of two classes": () => new Marked().get() === new MarkedToo().get(),
  "memory with several views": () => new Words().get().buffer === bytes.buffer,
  "private static members": () => Secret.get() === shared && Secret.self() instanceof Secret,
  "a superclass that is a plain function": () =>
    new Dog() instanceof Animal && Object.getPrototypeOf(Dog) === Animal,
};

Deno.test("what a function and its classes share is one object", async (t) => {
  for (const [what, fn] of Object.entries(wholes)) {
    await t.step(what, () => assert.equal(travel(fn)(), true));
  }
});

/** Calls functions in one thread, as tasks are. */
class Thread {
  readonly #capture = new Capture(new TestModules());
  readonly #linker: Linker = linkerOf(new Map());

  run(fn: AnyFunction, ...args: unknown[]): unknown {
    const { part, parts } = this.#capture.function(fn);
    this.#learn(parts);
    const live = this.#linker.function(part);
    this.#linker.use(live);
    const writer = this.#capture.writer(fn);
    const encoded = serialize(args, { code: writer });
    this.#learn(writer.parts);
    return live(...deserialize(encoded, { code: this.#linker }) as unknown[]);
  }

  /** A part of a function comes, of which nothing can be made. */
  refuses(fn: AnyFunction): void {
    const { part, parts } = this.#capture.function(fn);
    this.#learn(parts);
    const [bytes] = parts.get(part)!.code.frames;
    this.#linker.learn(part, { code: new Serialized([bytes.slice(0, -4)]) });
    assert.throws(() => this.#linker.function(part), DeserializationError);
  }

  #learn(parts: ReadonlyMap<string, CodePart>): void {
    for (const [name, { code, origin }] of parts) {
      if (!this.#linker.has(name)) this.#linker.learn(name, { code, origin });
    }
  }
}

Deno.test("whatever has run in the thread before", () => {
  const thread = new Thread();
  thread.run(() => new Reader().get());
  thread.run(() => new Other().get());
  thread.run(() => [Statics.kept, new Child().own(), new Counter().hit(), new Left(), new Deep()]);
  thread.run(() => [new Marked().get(), new Words().get().length, Secret.get().n, new Dog()]);
  // Twice: each takes the classes over from the others, and has them back.
  for (const round of [1, 2]) {
    for (const [what, fn] of Object.entries(wholes)) {
      if (what !== "a variable that changes") {
        assert.equal(thread.run(fn), true, `${what}, ${round}`);
      }
    }
  }
});

Deno.test("a class stays the same class, shared with or not", () => {
  const thread = new Thread();
  const isReader = (value: unknown) => value instanceof Reader && new Reader().get() === shared;
  assert.equal(thread.run((value: unknown) => value instanceof Reader, new Reader()), true);
  assert.equal(thread.run(isReader, new Reader()), true);
  assert.equal(thread.run(isReader, new Child()), true);
  const fresh = new Thread();
  assert.equal(fresh.run(isReader, new Reader()), true);
  assert.equal(fresh.run((value: unknown) => value instanceof Reader, new Reader()), true);
});

Deno.test("a result refers to a class that is shared with by its own part", () => {
  const capture = new Capture(new TestModules());
  const { part, parts } = capture.function(() => new Reader().get() === shared && new Reader());
  const linker = linkerOf(parts);
  const writer = new ThreadCodeWriter(linker);
  const result = serialize(linker.function(part)(), { code: writer });
  const alone = capture.function(() => Reader).parts.keys().toArray()[1];
  assert.deepEqual(writer.needs, [alone]);
  assert.ok(deserialize(result, { code: capture.reader() }) instanceof Reader);
});

Deno.test("a class that is forgotten with a function is the same when it is needed again", () => {
  const capture = new Capture(new TestModules());
  const { part, parts } = capture.function(() => new Reader().get() === shared && Reader);
  const linker = linkerOf(parts);
  const cls = linker.function(part)();
  linker.forget(part);
  const name = [...parts.keys()].find((name) => name.startsWith("c"))!;
  assert.equal(linker.class(name), cls);
});

class Apart {
  get() {
    return large.length;
  }
}

Deno.test("where nothing is shared but classes, these are only named", () => {
  const bindings = (fn: AnyFunction) => {
    const { part, parts } = new Capture(new TestModules()).function(fn);
    return new TextDecoder("latin1").decode(parts.get(part)!.code.frames[0]);
  };
  assert.doesNotMatch(bindings(() => [new Reader().get(), new Apart(), mark]), /\bpart\b/);
  assert.doesNotMatch(bindings(() => [new Left().right(), new Reader(), Reader].length), /class/);
  assert.match(bindings(() => [new Reader().get(), shared]), /\bpart\b/);
  assert.doesNotMatch(bindings(() => [new Reader().get(), shared]), /class/);
});

Deno.test("names do not depend on what was captured before", () => {
  const names = (functions: AnyFunction[]) => {
    const capture = new Capture(new TestModules());
    return new Map(functions.map((fn) => [fn, capture.function(fn).part]));
  };
  const functions = Object.values(wholes);
  const there = names(functions.toReversed());
  for (const [fn, name] of names(functions)) assert.equal(there.get(fn), name, `${fn}`);
  const capture = new Capture(new TestModules());
  const { part } = capture.function(wholes["two classes"]);
  capture.function(() => [new Reader(), new Other()]);
  assert.equal(capture.function(wholes["two classes"]).part, part);
});

Deno.test("what is shared is what it was at submit, each time", () => {
  const state = { n: 1 };
  class Holder {
    get() {
      return state;
    }
  }
  const fn = () => [new Holder().get() === state, state.n];
  const thread = new Thread();
  assert.deepEqual(thread.run(fn), [true, 1]);
  state.n = 2;
  assert.deepEqual(thread.run(fn), [true, 2]);
  state.n = 1;
  assert.deepEqual(thread.run(fn), [true, 1]);
});

Deno.test("private static members are what they are at each submit, of one turn too", () => {
  class Sequence {
    static #last = { n: 0 };
    static next() {
      return Sequence.#last = { n: Sequence.#last.n + 1 };
    }
    static last() {
      return Sequence.#last;
    }
  }
  const fn = () => [Sequence.last().n, Sequence.next() === Sequence.last(), Sequence.last().n];
  const thread = new Thread();
  assert.deepEqual(thread.run(fn), [0, true, 1]);
  Sequence.next();
  Sequence.next();
  assert.deepEqual(thread.run(fn), [2, true, 3]);
});

Deno.test("what is alike but not the same stays two objects", () => {
  const first = { n: 0 };
  const second = { n: 0 };
  class First {
    get() {
      return first;
    }
  }
  class Second {
    get() {
      return [first, second];
    }
  }
  const fn = () => {
    const [one, two] = new Second().get();
    return [new First().get() === one, one !== two, two === second];
  };
  assert.deepEqual(travel(fn)(), [true, true, true]);
});

class Money {
  #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  get cents() {
    return this.#cents;
  }
  get place() {
    return shared;
  }
}
registerSerialization(Money, (money) => [money.cents, []], (cents) => new Money(cents));
const money = new Money(5);

Deno.test("objects with a registered serialization share, too", () => {
  const fn = () => money.place === shared && money.cents === 5 && money instanceof Money;
  const unnamed = () => money.place === shared && money.cents === 5;
  assert.equal(travel(fn)(), true);
  assert.equal(travel(unnamed)(), true);
  const thread = new Thread();
  assert.equal(thread.run(() => money.place.n + new Reader().get().n), 0);
  assert.equal(thread.run(fn), true);
  assert.equal(thread.run(unnamed), true);
});

Deno.test("a function that cannot be made changes no class", () => {
  const thread = new Thread();
  const fn = () => new Reader().get() === shared && Statics.kept === shared;
  assert.equal(thread.run(fn), true);
  thread.refuses(() => [new Reader().get(), Statics, shared, new Left()]);
  assert.equal(thread.run(fn), true);
});

Deno.test("a class that a task has frozen or changed serves the next ones", () => {
  class Kept {
    static kept?: object = shared;
    get() {
      return shared;
    }
  }
  const thread = new Thread();
  thread.run(() => [Kept.kept = undefined, shared]);
  assert.equal(thread.run(() => Kept.kept === shared), true);
  thread.run(() => [delete Kept.kept, shared]);
  assert.deepEqual(thread.run(() => [Kept.kept === shared, Object.keys(Kept)]), [true, ["kept"]]);
  thread.run(() => [Object.freeze(Kept), shared]);
  assert.equal(thread.run(() => new Kept().get() === shared && Object.isFrozen(Kept)), true);
});
