import assert from "node:assert/strict";
import { type AnyFunction, functionCode } from "../../client/functions/function_code.ts";
import { FreeNameError, FunctionError } from "../../client/functions/function_error.ts";
import { findFreeNames } from "../../client/functions/free_names.ts";
import { parseFunction } from "../../client/functions/parse.ts";
import { standardGlobals } from "../../client/functions/standard_globals.ts";
import { deserialize } from "../../protocol/values.ts";

interface Code {
  source: string;
  name: string;
  kind: "expression" | "method";
}

function decode(fn: AnyFunction): Code {
  return deserialize(functionCode(fn).code) as Code;
}

/** What a thread does with the code. */
function revive(fn: AnyFunction): (...args: unknown[]) => unknown {
  const { source, name, kind } = decode(fn);
  const text = kind === "expression"
    ? `(${source}\n)`
    : `({ ${source}\n })[${JSON.stringify(name)}]`;
  return (0, eval)(`"use strict";${text}`);
}

/** The names that a function given as text does not bind. */
function free(text: string): string[] {
  const parsed = parseFunction(text);
  assert.ok(parsed, `could not parse: ${text}`);
  return [...findFreeNames(parsed.node).names].filter((name) => !standardGlobals.has(name));
}

Deno.test("the prefix of keys is the function's name, or lambda", () => {
  function inc(x: number) {
    return x + 1;
  }
  const twice = (x: number) => 2 * x;
  assert.equal(functionCode(inc).prefix, "inc");
  assert.equal(functionCode(twice).prefix, "twice");
  assert.equal(functionCode((x: number) => x).prefix, "lambda");
  assert.equal(
    functionCode(
      {
        "a b"(x: number) {
          return x;
        },
      }["a b"],
    ).prefix,
    "a_b",
  );
});

Deno.test("equal code has an equal hash, another name or source another", () => {
  const make = () => (x: number) => x + 1;
  assert.notEqual(make(), make());
  assert.equal(functionCode(make()).hash, functionCode(make()).hash);
  const f = (x: number) => x + 1;
  const g = (x: number) => x + 1;
  assert.notEqual(functionCode(f).hash, functionCode(g).hash);
  assert.notEqual(functionCode((x: number) => x + 1).hash, functionCode((x: number) => x + 2).hash);
});

Deno.test("the same function object is looked at once", () => {
  const f = (x: number) => x;
  assert.equal(functionCode(f), functionCode(f));
});

Deno.test("every form of function comes back to life from its code", async () => {
  const computed = "computed name";
  const holder = {
    method(x: number) {
      return x + 1;
    },
    async asyncMethod(x: number) {
      await null;
      return x + 2;
    },
    [computed](x: number) {
      return x + 3;
    },
    async [/* [ */ `${computed}!` /* ] */](x: number) {
      return await x + 8;
    },
    [Symbol.iterator](x: number) {
      return x + 9;
    },
    ["__proto__"](x: number) {
      return x + 10;
    },
    "quoted-name"(x: number) {
      return x + 4;
    },
    7(x: number) {
      return x + 5;
    },
    get(x: number) {
      return x + 6;
    },
    async(x: number) {
      return x + 7;
    },
  };
  class Class {
    static twice(x: number) {
      return 2 * x;
    }
  }
  const recursive = function factorial(n: number): number {
    return n < 2 ? 1 : n * factorial(n - 1);
  };
  const renamed = holder.method;
  assert.equal(revive(holder.method)(1), 2);
  assert.equal(await revive(holder.asyncMethod)(1), 3);
  assert.equal(revive(holder[computed])(1), 4);
  assert.equal(await revive(holder[`${computed}!`])(1), 9);
  assert.equal(revive(holder[Symbol.iterator])(1), 10);
  assert.equal(revive(holder["__proto__"] as AnyFunction)(1), 11);
  assert.equal(revive(holder["quoted-name"])(1), 5);
  assert.equal(revive(holder[7])(1), 6);
  assert.equal(revive(holder.get)(1), 7);
  assert.equal(revive(holder.async)(1), 8);
  assert.equal(revive(Class.twice)(4), 8);
  assert.equal(revive(recursive)(5), 120);
  assert.equal(revive(renamed)(1), 2);
  assert.equal(
    revive((x: number) => x + 1 // a comment at the end
    )(1),
    2,
  );
  assert.equal(await revive(async (x: number) => await x)(9), 9);
  assert.equal(
    revive(function (...args: number[]) {
      return args.length;
    })(1, 2, 3),
    3,
  );
});

Deno.test("a method whose name was changed is found under the new name", () => {
  const { method } = {
    method(x: number) {
      return x + 1;
    },
  };
  Object.defineProperty(method, "name", { value: "other" });
  assert.equal(revive(method)(1), 2);
});

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
  const refused: [unknown, RegExp][] = [
    [Math.max, /^max is a native function .*\(\.\.\.args\) => max\(\.\.\.args\)/],
    [((x: number) => x).bind(null), /was made with bind/],
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
    [() => import("./there.ts"), /"\.\/there\.ts"/],
    [new Function("return import(`./there.ts`)"), /"\.\/there\.ts"/],
    [new Function("return import('lodash')"), /imports "lodash", which only your module can find/],
    [new Function("o", "with (o) { return x; }"), /sloppy mode/],
    [new Function("return 010"), /sloppy mode/],
    [new Counter().adder(), /is an arrow function that uses "this" of the code around it/],
    [new Counter().nested(), /uses "this" of the code around it/],
    [new Counter().describer(), /super or new\.target/],
    [new Function("x", `return x${" + 1".repeat(20_000)}`), /nested too deeply/],
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
  ];
  for (const [fn, message] of refused) {
    assert.throws(() => functionCode(fn as AnyFunction), (error: Error) => {
      assert.ok(error instanceof FunctionError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("this of a function, method, field or static block of its own is no tie to the module", () => {
  functionCode(function (this: unknown) {
    return () => this;
  });
  functionCode(() => {
    class Point {
      static origin = this.name;
      static {
        this.origin += "!";
      }
      x = this.constructor.name;
      get y() {
        return (() => this.x)();
      }
    }
    return new Point().y;
  });
  functionCode(() =>
    ({
      n: 1,
      twice() {
        return 2 * this.n;
      },
    }).twice()
  );
});

Deno.test("imports of packages and URLs are not relative", () => {
  functionCode(async () => await import("npm:acorn@8.19.0"));
  functionCode(async () => await import("node:path"));
  functionCode(async (url: string) => await import(url));
});

const table = [1, 2, 3];

Deno.test("a free name is refused by name", () => {
  const inc = (x: number) => table[x];
  assert.throws(() => functionCode(inc), (error: Error) => {
    assert.ok(error instanceof FreeNameError);
    assert.deepEqual(error.names, ["table"]);
    assert.equal(
      error.message,
      `function inc uses "table", which is neither a parameter, a local nor a standard global; ` +
        `pass it as an argument`,
    );
    return true;
  });
  assert.throws(() => functionCode(() => table.concat(Deno.args.map(Number), [inc(1)])), {
    message:
      `the anonymous function uses "table", "inc", which are neither parameters, locals nor ` +
      `standard globals; pass them as an argument`,
  });
});

Deno.test("an arrow function that calls itself is told how it can", () => {
  const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);
  assert.throws(() => functionCode(fib), /write it as "function fib\(…\) \{…\}"/);
});

Deno.test("names of browser windows and of web workers that people use for variables are not global", () => {
  for (
    const name of ["name", "close", "location", "postMessage", "status", "event", "length", "top"]
  ) {
    assert.deepEqual(free(`() => ${name}`), [name]);
  }
});

Deno.test("every standard global is there in a worker or is Dusk's own", async () => {
  const source = `
    onmessage = ({ data }) => {
      postMessage(data.filter((name) => !(name in globalThis)));
    };
  `;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  const { promise, resolve } = Promise.withResolvers<string[]>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage([...standardGlobals]);
  const absent = await promise;
  worker.terminate();
  const known = ["dusk", "Temporal", "navigator"];
  assert.deepEqual(absent.filter((name) => !known.includes(name) && !/^(GPU|DOM)/.test(name)), []);
});

// What is bound and what is free, by the rules of the language.
const scopes: [source: string, free: string[]][] = [
  // parameters
  ["(a, b) => a + b + c", ["c"]],
  ["({ a, b: { c }, ...d }, [e, , f = g], ...h) => [a, b, c, d, e, f, h]", ["g", "b"]],
  ["(a, b = a, c = d) => { var d = 1; return [a, b, c, d]; }", ["d"]],
  ["(a = b, b) => a", []],
  ["({ [key]: value }) => value", ["key"]],
  ["({ key }) => ({ key, other })", ["other"]],
  // declarations
  [
    "() => { const a = 1, { b, c: [d] } = x; let e; class F {} function g() {} return a + b + d + e + F + g; }",
    [
      "x",
    ],
  ],
  ["() => { a = 1; var a; }", []],
  ["() => { if (true) { var a = 1; } return a; }", []],
  ["() => { if (true) { let a = 1; } return a; }", ["a"]],
  ["() => { { function f() {} } return f; }", ["f"]],
  ["() => { f(); function f() {} }", []],
  [
    "() => { try { var a = 1; } catch { var b = 2; } finally { var c = 3; } return a + b + c; }",
    [],
  ],
  ["() => { try {} catch (error) { return error; } return error; }", ["error"]],
  ["() => { try {} catch ({ message, ...rest }) { return message + rest; } }", []],
  ["() => { for (let i = 0; i < 3; i++) use(i); return i; }", ["use", "i"]],
  ["() => { for (var i = 0; i < 3; i++) {} return i; }", []],
  ["() => { for (const { a, b = c } of list) a(b); }", ["c", "list"]],
  ["() => { for (var k in object) {} return k; }", ["object"]],
  ["() => { for (x of []) {} }", ["x"]],
  ["async () => { for await (const x of source()) x; }", ["source"]],
  ["() => { while (a) { var b; } do { var c; } while (b || c); }", ["a"]],
  ["(x) => { switch (x) { case y: let z = 1; break; default: z; var w; } return w + z; }", [
    "y",
    "z",
  ]],
  ["() => { label: for (;;) { break label; } }", []],
  ["() => { l: { var a; } return a; }", []],
  ["() => { using file = open(); return file; }", ["open"]],
  ["async () => { await using file = open(); return file; }", ["open"]],
  // functions
  ["function f(n) { return n && f(n - 1); }", []],
  ["() => { const g = function h() { return h; }; return h; }", ["h"]],
  ["function () { return arguments.length; }", []],
  ["() => arguments.length", ["arguments"]],
  ["function () { return () => arguments; }", []],
  ["(x) => (y) => (z) => x + y + z + w", ["w"]],
  ["function () { return this.x + new.target; }", []],
  ["() => { var x = 1; return () => { return x; }; }", []],
  ["() => { const inner = () => { var x; }; return x; }", ["x"]],
  // classes
  ["() => { class A extends B { static s = A; [k] = v; m(p) { return p + A; } } return A; }", [
    "B",
    "k",
    "v",
  ]],
  ["() => class C { static { var x = C; y; } }", ["y"]],
  ["() => { class P { #q = 1; has(o) { return #q in o && o.#q; } } return new P(); }", []],
  ["() => { const D = class E { m() { return E; } }; return E; }", ["E"]],
  // expressions
  ["(o) => o.a.b[c]?.d?.(e)", ["c", "e"]],
  ["() => ({ a: 1, [b]: 2, c() { return d; }, get e() { return f; } })", ["b", "d", "f"]],
  ["(t) => t`${a} ${b.c}`", ["a", "b"]],
  ["() => typeof a", []],
  ["() => typeof a.b", ["a"]],
  ["(x) => { ({ a: x.b, c: d, ...e } = x); [f, g[h]] = x; }", ["d", "e", "f", "g", "h"]],
  ["() => { a++; b += 1; delete c.d; }", ["a", "b", "c"]],
  ["() => new A(...b)", ["A", "b"]],
  ["async () => await import(a)", ["a"]],
  ["() => [Math.PI, NaN, undefined, globalThis, Deno, console, dusk, structuredClone, Buffer]", []],
  ["() => eval('secret')", []],
  ["() => /re(?<name>x)/v.exec(text)", ["text"]],
  // the odd corners
  ["(a = () => b) => { var b; return a; }", ["b"]],
  ["(x, { y = x, ...z } = x, [w = y] = []) => z + w", []],
  [
    "() => { var C; (function (C) { C[C['Red'] = 0] = 'Red'; })(C || (C = {})); return C; }",
    [],
  ],
  ["() => { async function* g() { yield* other(); } return g(); }", ["other"]],
  [
    "() => { class A { static #n = 0; static { A.#n = k; } get v() { return A.#n; } set v(x) { use(x); } } }",
    ["k", "use"],
  ],
  [
    "() => ({ async a() { return b; }, *c() { yield d; }, async *[e]() {}, set f(g) { h(g); } })",
    ["b", "d", "e", "h"],
  ],
  ["(x) => x?.[y]?.z ?? w", ["y", "w"]],
  ["() => { a: for (const b of [1]) { continue a; } return a; }", ["a"]],
  ["() => { switch (1) { case 0: function f() {} } return f; }", ["f"]],
  ["() => { try { throw 1; } catch (e) { var e = 2; } return e; }", []],
  ["() => { for (let [a, b] = [1, c]; a < b; a++) { let a = b; use(a); } }", ["c", "use"]],
  ["() => { new (class { constructor() { new.target; extra; } })(); }", ["extra"]],
  ["() => class extends (class Base { m() { return Base; } }) { m() { return Base; } }", ["Base"]],
  ["function f(f) { return f; }", []],
  ["() => { let undefined_ = undefined?.x; return [globalThis.secret, undefined_]; }", []],
  // methods
  ["method(a) { return a + b; }", ["b"]],
  ["async *walk() {}", []],
];

for (const [source, names] of scopes) {
  Deno.test(`free names of ${source}`, () =>
    assert.deepEqual(free(source).sort(), [...names].sort()));
}

Deno.test("a function that is nested too deeply to be read is refused", () => {
  const depth = 20_000;
  const text = `return ${"[".repeat(depth)}${"]".repeat(depth)}`;
  let fn: AnyFunction;
  try {
    fn = new Function(text) as AnyFunction;
  } catch (error) {
    // The engine's own parser gives up earlier on a small stack; then no such function can be.
    assert.ok(error instanceof RangeError);
    return;
  }
  assert.throws(() => functionCode(fn), FunctionError);
});
