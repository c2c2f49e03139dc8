/** What a hostile worker can make a program do by a result: nothing. */
import assert from "node:assert/strict";
import { Capture } from "../../protocol/functions/capture.ts";
import { ImportReference } from "../../protocol/functions/definition.ts";
import { DeserializationError, deserialize, serialize } from "../../protocol/values.ts";
import { FakeCode } from "./fake_code.ts";
import { TestModules } from "./functions/round_trip.ts";

/** Reads what refers to code as a program reads results. */
class GuardedCode extends FakeCode {
  readonly classesOnly = true;
}

function stolen(): never {
  assert.fail("it was called");
}

/** Code in which `fn` is what a module exports. */
function importing(fn: (...args: never[]) => unknown): GuardedCode {
  const code = new GuardedCode();
  code.as(fn, { type: "import", reference: new ImportReference("node:thing", fn.name) });
  code.modules.set(`node:thing ${fn.name}`, fn);
  return code;
}

Deno.test("an imported function is no value of a result, whatever would call it", async () => {
  const code = importing(stolen);
  for (const method of ["then", "toJSON", "toString", "valueOf", "run"]) {
    const bytes = serialize({ "rm -rf": { [method]: stolen } }, { code });
    await assert.rejects(
      async () => JSON.stringify(await deserialize(bytes, { code })),
      new DeserializationError(
        "the function stolen of node:thing is in it, and functions stay where they are; return what it gives",
      ),
    );
  }
});

Deno.test("nor is what is only the class of an object in it", () => {
  function Old(this: { a: number }) {
    this.a = 1;
  }
  const code = importing(Old);
  const old: object = Reflect.construct(Old, []);
  assert.ok(code.roundTrip([old, old])[1] instanceof Old);
  assert.throws(() => code.roundTrip([old, Old]), /the function Old of node:thing is in it/);
  const part = new GuardedCode();
  part.part(Old);
  assert.ok(part.roundTrip(old) instanceof Old);
  assert.throws(() => part.roundTrip({ toJSON: Old }), /the function Old \(cOld\) is in it/);
});

Deno.test("an object may have as a property the constructor that it inherits, and no other", () => {
  class Other {}
  function Old(this: { constructor: unknown; a: number }) {
    this.constructor = Old;
    this.a = 1;
  }
  const code = importing(Old);
  const old: object = Reflect.construct(Old, []);
  assert.deepEqual(code.roundTrip(old), old);
  assert.throws(
    () => code.roundTrip([old, { constructor: Old }]),
    /the function Old of .* is in it/,
  );
  assert.throws(() => code.roundTrip({ constructor: Old }), /the function Old of .* is in it/);
  code.part(Other as never);
  const other = Object.assign(new Other(), { constructor: Old });
  assert.throws(() => code.roundTrip([old, other]), /the function Old of .* is in it/);
});

Deno.test("classes, which cannot be called, are values of results", () => {
  class Point {}
  const code = importing(Point as never);
  assert.equal(code.roundTrip([new Point(), Point])[1], Point);
});

Deno.test("no object of the program itself is a value of a result", () => {
  const code = importing(stolen);
  const bytes = serialize([stolen], { code });
  code.modules.set("node:thing stolen", { HOME: "/root" });
  assert.throws(
    () => deserialize(bytes, { code }),
    /it refers to stolen of node:thing, which is no class/,
  );
  code.modules.clear();
  assert.throws(() => deserialize(bytes, { code }), /stolen \(node:thing\) is not known here/);
});

Deno.test("objects in boxes in objects are not followed without end", () => {
  const code = new FakeCode();
  // BOXED, INSTANCE, UNDEFINED, again and again.
  const bytes = Uint8Array.from({ length: 30_000 }, (_, i) => [0x96, 0x9f, 0x80][i % 3]);
  const frame = Uint8Array.of(1, ...bytes);
  const serialized = Object.assign(serialize(0), { frames: [frame] });
  assert.throws(() => deserialize(serialized, { code }), /nested more than 1000 levels deep/);
});

Deno.test("a program reads no function of its runtime in a result, though it knows the classes", () => {
  const code = new Capture(new TestModules()).reader();
  const read = (name: string) => {
    const there = new FakeCode();
    const fn = there.as(() => {}, {
      type: "import",
      reference: new ImportReference("node:child_process", name),
    });
    return deserialize(serialize([fn], { code: there }), { code });
  };
  assert.throws(() => read("execSync"), /the function execSync of node:child_process is in it/);
  assert.throws(() => read("constructor"), DeserializationError);
  assert.throws(() => read("*"), /it refers to \* of node:child_process, which is no class/);
  assert.throws(() => read("nothing"), /nothing \(node:child_process\) is not known here/);
});
