/** What of code travels back in results, and what is refused. */
import assert from "node:assert/strict";
import { deserialize } from "../../../protocol/values.ts";
import { FakeCode } from "../fake_code.ts";
import { HandParts } from "./hand_parts.ts";

function refused(parts: HandParts, value: unknown, says: RegExp): void {
  assert.throws(() => parts.result(value), { name: "SerializationError", message: says });
}

Deno.test("results: classes that came travel by their names, and are needed", () => {
  const parts = new HandParts();
  class Point {
    constructor(readonly x = 1) {}
  }
  class Table extends Map<string, number> {}
  const names = [Point, Table].map((cls) => parts.class(parts.code.inline(cls)));
  const [LivePoint, LiveTable] = names.map((name) => parts.linker.class(name)!);
  const table = Reflect.construct(LiveTable, [[["a", 1]]]);
  const { value, needs } = parts.result([new (LivePoint as typeof Point)(2), table, LivePoint]);
  const [point, map, cls] = value as [Point, Map<string, number>, unknown];
  assert.ok(point instanceof LivePoint);
  assert.equal(point.x, 2);
  assert.ok(map instanceof LiveTable);
  assert.equal(map.get("a"), 1);
  assert.equal(cls, LivePoint);
  assert.deepEqual(needs?.sort(), names.sort());
  assert.equal(parts.result({ plain: [1] }).needs, undefined);
});

Deno.test("results: what modules export travels as that, whether it was imported by name or not", () => {
  const parts = new HandParts();
  const lib = parts.module(
    `class Point { x = 1 } return {Point, make: () => new Point(), get broken() { throw 1 }};`,
  );
  const make = parts.linker.import(lib, "make") as () => { x: number };
  const { value, needs } = parts.result([make(), make]);
  const [point, again] = value as unknown[];
  assert.equal((point as object).constructor, parts.linker.import(lib, "Point"));
  assert.equal(again, make);
  assert.deepEqual(needs, [lib]);
  const builtin = parts.linker.import("node:url", "fileURLToPath");
  assert.equal(parts.result(builtin).value, builtin);
  assert.equal(parts.result(builtin).needs, undefined);
});

Deno.test("results: functions and what a task has made of code are refused, with advice", () => {
  const parts = new HandParts();
  class Made {
    x = 1;
  }
  refused(parts, { deep: [() => 1] }, /result\.deep\[0\]: functions do not travel back .*call it/);
  refused(parts, function named() {}, /functions \(named\) do not travel back/);
  refused(parts, Made, /class Made was made in the task.*; declare it in your program, outside of/);
  refused(
    parts,
    [new Made()],
    /result\[0\]: class Made was made in the task.* or return plain data/,
  );
  refused(parts, new (class {})(), /class \(anonymous\) was made in the task/);
  refused(parts, new EventTarget(), /instances of EventTarget belong to the thread that made them/);
});

Deno.test("results: classes whose parts the cluster has forgotten are refused", () => {
  const parts = new HandParts();
  class Point {}
  const name = parts.class(parts.code.inline(Point));
  const Live = parts.linker.class(name)!;
  parts.linker.forget(name);
  refused(parts, Reflect.construct(Live, []), /class Point was made in the task/);
});

Deno.test("results: instances with private members are refused, of sent and of imported classes", () => {
  const parts = new HandParts();
  class Purse {
    #coins = 5;
    get sum() {
      return this.#coins;
    }
  }
  const privates = ["#coins"];
  const name = parts.class(parts.code.inline(Purse, { definition: { privates } }));
  const purse = Reflect.construct(parts.linker.class(name)!, []);
  refused(
    parts,
    purse,
    /class Purse have private members \(#coins\).*registerSerialization\(Purse/,
  );
  const lib = parts.module(`
    class Plain { static #made = 0; color = "#fff"; /* #no = 1; */ link = '#a = 2;';
      count() { return Plain.#made; } }
    class Wallet{#open=false;#sum=1;async*#count(){return this.#open}all(){return this.#count()}}
    class Fat extends Wallet {}
    return {Plain, Wallet, Fat};`);
  const make = (name: string) =>
    Reflect.construct(parts.linker.import(lib, name) as new () => object, []);
  assert.deepEqual({ ...parts.result(make("Plain")).value as object }, {
    color: "#fff",
    link: "#a = 2;",
  });
  refused(parts, make("Wallet"), /class Wallet have private members \(#open, #count\)/);
  refused(parts, make("Fat"), /class Fat have private members \(#open, #count\)/);
});

Deno.test("results: a registration in a task does not count, and says so", () => {
  const parts = new HandParts();
  class Money {
    constructor(readonly cents = 1) {}
  }
  const Live = parts.linker.class(parts.class(parts.code.inline(Money)))!;
  parts.linker.registrations.declare(Live);
  refused(parts, Reflect.construct(Live, []), /class Money was registered .* in the task only/);
});

Deno.test("results: a subclass of a registered class travels, private members or not", () => {
  const parts = new HandParts();
  const { code, linker } = parts;
  class Purse {
    #coins;
    constructor(coins: number) {
      this.#coins = coins;
    }
    get coins() {
      return this.#coins;
    }
  }
  class BigPurse extends Purse {}
  const privates = ["#coins"];
  parts.class(code.inline(Purse, { definition: { privates } }));
  const big = parts.make(
    "c",
    code.inline(BigPurse, {
      variables: { Purse },
      early: 1,
      definition: { privates },
    }),
  );
  linker.learn(big.name, big.part);
  const write = code.inline((purse: Purse) => [purse.coins, []]);
  const read = code.inline((coins: number) => new Purse(coins), { variables: { Purse } });
  const name = parts.learn("r", [Purse, write, read]);
  linker.registrations.activate([name]);
  const purse = Reflect.construct(linker.class(big.name)!, [7]);
  const { value, needs } = parts.result(purse);
  assert.equal((value as Purse).coins, 7);
  assert.ok((value as object) instanceof linker.class(big.name)!);
  assert.deepEqual(needs, [name, big.name]);
});

Deno.test("errors: of a module's class are errors of its name where the module is not imported", () => {
  const parts = new HandParts();
  const lib = parts.module("class Oops extends Error {} class Point {} return {Oops, Point};");
  const make = (name: string) =>
    Reflect.construct(parts.linker.import(lib, name) as new () => object, []);
  const { encoded } = parts.result([make("Oops"), make("Oops")]);
  const stranger = { code: new FakeCode() };
  for (const error of deserialize(encoded, stranger) as Error[]) {
    assert.ok(error instanceof Error);
    assert.equal(error.name, "Oops");
  }
  const points = parts.result([make("Point"), make("Point")]).encoded;
  assert.throws(() => deserialize(points, stranger), {
    name: "DeserializationError",
    message: /the class Point \(m[0-9a-f]{32}\) is not known here/,
  });
});

Deno.test("errors: those of classes that cannot travel are errors of that name", () => {
  const parts = new HandParts();
  class Oops extends Error {
    override name = "Oops";
    code = 7;
  }
  const { value } = parts.result(new Oops("no"));
  assert.ok(value instanceof Error);
  assert.deepEqual([value.name, value.message, Reflect.get(value, "code")], ["Oops", "no", 7]);
  const part = parts.class(parts.code.inline(Oops));
  const Live = parts.linker.class(part)!;
  const { value: known, needs } = parts.result(Reflect.construct(Live, ["yes"]));
  assert.ok(known instanceof Live);
  assert.deepEqual(needs, [part]);
});
