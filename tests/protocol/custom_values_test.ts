/** Objects of classes with a registered serialization. */
import assert from "node:assert/strict";
import {
  DeserializationError,
  deserialize,
  SerializationError,
  serialize,
} from "../../protocol/values.ts";
import { FakeCode } from "./fake_code.ts";

class Human {
  #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  get name(): string {
    return this.#name;
  }
}

class Child extends Human {
  get isChild(): boolean {
    return true;
  }
}

function humans(): FakeCode {
  const code = new FakeCode();
  code.register(
    Human,
    (human) => [{ length: human.name.length }, [new TextEncoder().encode(human.name)]],
    (_header: unknown, [name]) => new Human(new TextDecoder().decode(name)),
  );
  return code;
}

Deno.test("objects of a registered class travel as header and frames", () => {
  const human = new Human("Alice");
  const [copy, again] = humans().roundTrip([human, human]);
  assert.equal(copy.name, "Alice");
  assert.equal(again, copy);
});

Deno.test("an object of a subclass arrives with its class", () => {
  const code = humans();
  code.part(Child);
  const [one, two] = code.roundTrip([new Child("Bob"), new Child("Eve")]);
  assert.ok(one instanceof Child && two instanceof Child);
  assert.equal(one.name, "Bob");
  assert.equal(two.isChild, true);
});

Deno.test("a built-in that is registered goes by its registration", () => {
  const code = new FakeCode();
  code.register(Map, (map) => [map.size, []], (size: number) => new Map([["size", size]]));
  assert.deepEqual(code.roundTrip(new Map([[1, 2]])), new Map([["size", 1]]));
});

Deno.test("large frames are the memory of the object, here and there", () => {
  class Column {
    constructor(readonly values: Float64Array) {}
  }
  const code = new FakeCode();
  code.register(
    Column,
    ({ values }) => [values.length, [values]],
    (length: number, [{ buffer, byteOffset }]) =>
      new Column(new Float64Array(buffer, byteOffset, length)),
  );
  const memory = new Float64Array(3000).map((_, i) => i);
  const bytes = serialize(new Column(memory), { code });
  assert.equal(bytes.frames[1].buffer, memory.buffer);
  const column = deserialize(bytes, { code }) as Column;
  assert.equal(column.values.buffer, bytes.frames[1].buffer);
  assert.deepEqual(column.values, memory);

  // Some bytes before: what was aligned is so still.
  const shared = new Float64Array(4000);
  const part = shared.subarray(1, 3001);
  const [, copy] = code.roundTrip([new Uint8Array(shared.buffer, 3, 2), new Column(part)]) as [
    unknown,
    Column,
  ];
  assert.deepEqual(copy.values, part.slice());
});

Deno.test("frames may be buffers and views of every kind; they arrive as bytes", () => {
  class Bag {
    constructor(readonly parts: unknown[]) {}
  }
  const code = new FakeCode();
  code.register(
    Bag,
    ({ parts }) => [null, parts],
    (_: unknown, frames) => new Bag(frames.map((frame) => [...frame])),
  );
  const parts = [
    new Uint8Array([1, 2]).buffer,
    new Uint16Array([3]),
    new DataView(new ArrayBuffer(1)),
  ];
  assert.deepEqual(code.roundTrip(new Bag(parts)).parts, [[1, 2], [3, 0], [0]]);
});

Deno.test("what the user's functions throw, or return wrongly, is an error that names the class", () => {
  const failure = new Error("no name");
  const fail = () => {
    throw failure;
  };
  const written = (result: () => unknown): SerializationError => {
    const code = new FakeCode();
    code.register(Human, result, () => new Human(""));
    try {
      serialize([new Human("x")], { name: "args", code });
    } catch (error) {
      assert.ok(error instanceof SerializationError);
      return error;
    }
    assert.fail("it was taken");
  };
  const failed = written(fail);
  assert.equal(failed.path, "args[0]");
  assert.equal(failed.reason, "the serialize that was registered for Human failed: Error: no name");
  assert.equal(failed.cause, failure);
  for (const wrong of [undefined, {}, [1], [1, 2], [1, [2]], [1, ["text"]], [1, [], 3]]) {
    assert.match(
      written(() => wrong).reason,
      /registered for Human must return \[header, frames\]/,
    );
  }
  assert.match(written(() => [() => 1, []]).message, /args\[0\]\.header: .* is native/);

  const read = (deserialize: () => unknown): DeserializationError => {
    const code = new FakeCode();
    code.register(Human, () => [null, []], deserialize);
    try {
      code.roundTrip(new Human("x"));
    } catch (error) {
      assert.ok(error instanceof DeserializationError);
      return error;
    }
    assert.fail("it was taken");
  };
  assert.match(
    read(fail).message,
    /the deserialize that was registered for Human failed: Error: no name/,
  );
  assert.equal(read(fail).cause, failure);
  assert.match(read(() => 5).message, /registered for Human must return an object, not 5/);
});

Deno.test("an object in its own header is refused, in a function's variable it is bound later", () => {
  class Node {
    constructor(public link: unknown) {}
  }
  const code = new FakeCode();
  code.register(Node, (node) => [node.link, []], (link: unknown) => new Node(link));
  const node = new Node(undefined);
  node.link = [node];
  assert.throws(() => serialize(node, { code }), /value\.header\[0\]: .* before it is complete/);
  const self = () => node;
  node.link = code.inline(self, { variables: { node } });
  const copy = code.roundTrip(node);
  assert.equal((copy.link as typeof self)(), copy);
});

Deno.test("a registration that is not known here is a clear error", () => {
  const bytes = serialize(new Human("x"), { code: humans() });
  assert.throws(
    () => deserialize(bytes, { code: new FakeCode() }),
    /serialization that was registered for Human \(rHuman\) is not known here; call registerSerialization/,
  );
});

Deno.test("a view that is a frame and a value stays what it is, and one object", () => {
  class Column {
    constructor(readonly values: Uint8Array) {}
  }
  const code = new FakeCode();
  const floats = Float64Array.of(1.5, 2.5);
  const bytes = Uint8Array.of(1, 2, 3);
  code.register(Column, () => [[floats, bytes], [floats, bytes, floats, bytes]], (
    _header,
    [values],
  ) => new Column(values));
  const many = Array.from({ length: 20 }, () => ({}));
  for (const more of [[], many]) {
    const [before, , after, ...rest] = code.roundTrip([
      [floats, bytes],
      new Column(bytes),
      [floats, bytes],
      ...more,
      floats,
    ]) as unknown[][];
    assert.deepEqual(before, [floats, bytes]);
    assert.equal(after[0], before[0]);
    assert.equal(after[1], before[1]);
    assert.equal(rest.at(-1), before[0]);
    const [column, values] = code.roundTrip([new Column(bytes), [floats, bytes], ...more]);
    assert.ok(column instanceof Column);
    assert.deepEqual(values, [floats, bytes]);
  }
});
