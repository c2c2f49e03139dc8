/** Functions that cannot travel, and what is said of them. */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import { FreeNameError, FunctionError } from "../../../protocol/functions/function_error.ts";
import { SerializationError, serialize } from "../../../protocol/values.ts";
import { TestModules } from "./round_trip.ts";

const capture = new Capture(new TestModules());

function refused(fn: unknown): Error {
  try {
    capture.function(fn as AnyFunction);
  } catch (error) {
    return error as Error;
  }
  throw new assert.AssertionError({ message: `not refused: ${fn}` });
}

/** Makes functions that use what they are in. */
class Counter extends Object {
  step = 2;
  adder() {
    return (x: number) => x + this.step;
  }
  nested() {
    return () => [1].map((x) => ({ x, y: { step: this.step } }));
  }
  describer() {
    return () => super.toString();
  }
}

Deno.test("functions that cannot travel are refused with what to do instead", () => {
  const cases: [unknown, RegExp][] = [
    [Intl.Collator().compare, /^this is a native function .*\(\.\.\.args\) => it\(\.\.\.args\)/],
    [((x: number) => x).bind(null), /was made with bind.*\(\.\.\.args\) =>/],
    [class Table {}, /^Table is a class/],
    [function* numbers() {
      yield 1;
    }, /numbers is a generator.* return an array/],
    [async function* () {}, /generator/],
    [
      Object.getOwnPropertyDescriptor({
        get size() {
          return 1;
        },
      }, "size")!.get,
      /getter/,
    ],
    [() => import.meta.url, /import\.meta/],
    [() => import("./there.ts" as string), /^there is no module "\.\/there\.ts"/],
    [new Function("o", "with (o) { return x; }"), /sloppy mode/],
    [new Function("return 010"), /sloppy mode/],
    [new Counter().adder(), /uses "this" of the code around it/],
    [new Counter().nested(), /uses "this" of the code around it/],
    [new Counter().describer(), /super or new\.target/],
    [
      (function () {
        return () => arguments.length;
      })(),
      /"arguments" of the function around it/,
    ],
    [new Function("x", `return x${" + 1".repeat(20_000)}`), /nested too deeply/],
    [
      new Function("a", `return [() => a, () => ${"[".repeat(2_000)}1${"]".repeat(2_000)}]`)(1)[0],
      /a script made by eval or new Function cannot be read/,
    ],
    [new Proxy(() => 1, {}), /Proxy/],
    [
      {
        method() {
          return super.toString();
        },
      }.method,
      /super/,
    ],
    [
      class {
        #secret = 1;
        reveal() {
          return this.#secret;
        }
      }.prototype.reveal,
      /private names/,
    ],
    [42, /must be a function, not the number "42"/],
    [undefined, /must be a function, not undefined/],
    [{}, /must be a function, not an object/],
    [() => later, /"later", which is not initialized yet when submit is called/],
  ];
  for (const [fn, message] of cases) {
    const error = refused(fn);
    assert.ok(error instanceof FunctionError, String(error));
    assert.match(error.message, message);
  }
  const later = 1;
});

Deno.test("names that are nowhere are refused by name", () => {
  const error = refused(new Function("return alpha + beta(alpha)"));
  assert.ok(error instanceof FreeNameError);
  assert.deepEqual(error.names, ["alpha", "beta"]);
  assert.equal(
    error.message,
    `function anonymous uses "alpha", "beta", which are not defined: they are neither variables nor ` +
      `standard globals; declare them, or pass them as an argument`,
  );
  capture.function(new Function("return typeof gamma === 'undefined'"));
});

const weak = new WeakMap<object, number>();
const helper = () => weak.get({});
const outer = { run: () => [helper()] };
const bound = helper.bind(null);
const proxied = new Proxy({ a: 1 }, {});
class Secret {
  #key = 1;
  get key() {
    return this.#key;
  }
}
class Open extends Secret {
  lock = () => this.key;
}
const secret = new Secret();
const open = Object.setPrototypeOf({ lock: new Open().lock }, null);
class WithWeak {
  static weak = weak;
}
class WithArrow {
  step = 1;
  add = (x: number) => x + this.step;
}
const withArrow = new WithArrow();
// deno-lint-ignore no-explicit-any
const self: any = function inside() {
  return () => inside();
};

Deno.test("what a function closes over is refused with the way to it", () => {
  const cases: [AnyFunction, path: string, RegExp][] = [
    [() => weak, "fn → weak", /a WeakMap does not travel/],
    [
      function task() {
        return outer.run();
      },
      "task → outer.run → helper → weak",
      /a WeakMap does not travel/,
    ],
    [() => bound, "fn → bound", /made with bind/],
    [() => [secret.key], "fn → secret", /private members \(#key\).*registerSerialization\(Secret/],
    [() => open.lock, "fn → open.lock", /uses "this" of the code around it/],
    [() => WithWeak, "fn → WithWeak.weak", /a WeakMap/],
    [() => withArrow.add(1), "fn → withArrow.add", /uses "this" of the code around it/],
  ];
  for (const [fn, path, message] of cases) {
    const error = refused(fn);
    assert.ok(error instanceof SerializationError, String(error));
    assert.equal(error.path, path);
    assert.match(error.message, message);
  }
});

Deno.test("variables that cannot be seen, or are not what they seem, are refused", () => {
  assert.match(
    refused(self()).message,
    /name that a function expression around it has.*declare it/,
  );
  assert.match(refused(() => proxied.a).message, /"proxied", a Proxy/);
});

Deno.test("what is Deno's own is refused as such", () => {
  const { query } = Deno.permissions;
  const error = refused(() => query);
  assert.match(error.message, /fn → query: function query is native, a part of Deno/);
  const writer = capture.writer();
  const worker = new EventTarget();
  assert.throws(
    () => serialize({ worker }, { code: writer }),
    /worker: its class EventTarget is Deno's own, and its objects do not travel/,
  );
});

Deno.test("arguments are refused with the way to them", () => {
  const writer = capture.writer();
  assert.throws(
    () => serialize([{ run: helper }], { name: "args", code: writer }),
    (error) => error instanceof SerializationError && error.path === "args[0].run → weak",
  );
});
