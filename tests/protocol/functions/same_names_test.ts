/** Variables of the same name that must not be taken for each other. */
import assert from "node:assert/strict";
import { FunctionError } from "../../../protocol/functions/function_error.ts";
import { SerializationError } from "../../../protocol/values.ts";
import { travel } from "./round_trip.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** Plain JavaScript, which no compiler has changed. */
const run = (body: string, ...args: unknown[]): Any => new Function(...["a", "b"], body)(...args);

const walk = "not what is meant";
const field = "not what is meant";

Deno.test("the name of a function expression is not taken for a variable of the same name", () => {
  const fn = (function walk() {
    return () => typeof walk;
  })();
  assert.equal(walk, "not what is meant");
  assert.throws(
    () => travel(fn),
    (error) => error instanceof FunctionError && /a function expression around it/.test(`${error}`),
  );
  const isClass = (new (class walk {
    make() {
      return () => typeof walk;
    }
  })()).make();
  assert.equal(travel(isClass)(), "function");
});

Deno.test("a variable that V8 has let go of is not taken for another of the same name", () => {
  const make = () => {
    const field = "inner";
    return class {
      [field] = 1;
    };
  };
  const hidden = make();
  assert.deepEqual([{ ...new hidden() }, field], [{ inner: 1 }, "not what is meant"]);
  assert.throws(() => travel(() => new hidden()), /uses "field", whose value cannot be seen/);
  const nested = (() => {
    const field = "outer";
    const inner = make();
    return [inner, () => field] as const;
  })();
  assert.throws(() => travel(() => new nested[0]()), /uses "field", whose value cannot be seen/);
});

Deno.test("a field is not named by what a variable has become", () => {
  const fn = run(`
    let key = "first";
    class Box { [key] = 1; }
    key = "second";
    const now = () => key;
    return () => [new Box(), now()];
  `);
  assert.throws(
    () => travel(fn),
    (error) => error instanceof SerializationError && /computed of "key"/.test(error.message),
  );
});

Deno.test("variables may have the names of constants of the language", () => {
  assert.equal(travel(run("return ((undefined) => () => undefined)(5)"))(), 5);
  assert.equal(travel(run("return ((globalThis) => () => globalThis.x)({ x: 5 })"))(), 5);
  assert.equal(travel(run("const NaN = 1, Infinity = 2; return () => NaN + Infinity"))(), 3);
  assert.equal(travel((x?: number) => x === undefined && Number.isNaN(NaN))(), true);
});

// Deno's compiler gives other names to variables that hide standard ones; plain JavaScript has them.
Deno.test("standard functions under other names are found where their own names are taken", () => {
  assert.equal(travel(run("const max = a; return (Math) => max(Math, 1)", Math.max))(7), 7);
  assert.equal(travel(run("const M = a; return (Math) => M.max(Math, 1)", Math))(7), 7);
  assert.deepEqual(
    travel(run("return () => [Math.max(1, 3), ((Math) => a(Math, 1))(0)]", Math.max))(),
    [3, 1],
  );
  const captured = run(
    "const Math = { max: () => 'fake' }; return () => [Math.max(), a(1)]",
    Math.max,
  );
  assert.deepEqual(travel(captured)(), ["fake", 1]);
  const make = run("const C = class Map extends a { x = Map.name }; return () => new C()", Map);
  assert.equal(travel(make)().x, "Map");
  const both = run("const M = a; return (Math, globalThis) => [M.PI, Math, globalThis]", Math);
  assert.throws(
    () => travel(both),
    /the standard object Math and has a variable of that name; rename/,
  );
});

Deno.test("names that are written with escapes are the names that they stand for", () => {
  const fn = run(`
    let value = 1;
    const bump = () => ++v\\u0061lue;
    return () => [bump(), v\\u0061lue, { v\\u0061lue }, typeof v\\u{61}lue, (({ v\\u0061lue } = { value: 9 }), value)];
  `);
  assert.deepEqual(travel(fn)(), [2, 2, { value: 2 }, "number", 9]);
});

Deno.test("what a class computes with this of the code around it is known from the class", () => {
  const make = new Function("return class extends this.base { [this.name]() { return 1; } }");
  const cls = make.call({ base: Array, name: "one" });
  assert.deepEqual(travel(() => [new cls() instanceof Array, new cls().one()])(), [true, 1]);
});

Deno.test("members of a class stay apart when what its text computes is taken out", () => {
  const cls = run(`return class {
    a = 1
    static b = 2;
    ["c"] = 3
    static { this.d = 4 }
    *e() { yield 5 }
    static // a comment
    f() { return super.toString === Function.prototype.toString }
  }`);
  const seen = () => [{ ...new cls() }, cls.b, cls.d, [...new cls().e()], cls.f()];
  assert.deepEqual(travel(seen)(), [{ a: 1, c: 3 }, 2, 4, [5], true]);
});
