/** Which names are global. */
import assert from "node:assert/strict";
import { readFunction } from "../../../protocol/functions/function_text.ts";
import { parseScript } from "../../../protocol/functions/parse.ts";
import { ScopeAnalysis } from "../../../protocol/functions/scope_analysis.ts";
import { standardGlobals } from "../../../protocol/functions/standard_globals.ts";

/** The names that a function given as text does not bind; with a "?" where it only asks for them. */
function free(text: string): string[] {
  return [...readFunction(text, "the function").free.values()]
    .filter(({ name }) => !standardGlobals.has(name))
    .map(({ name, typeofOnly }) => typeofOnly ? `${name}?` : name);
}

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
  ["() => typeof a", ["a?"]],
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

// What a module says of the variable x: what it is, and who changes it.
const variables: [source: string, says: string][] = [
  ["import { y as x } from 'm'; x;", "import of y from m"],
  ["import x from 'm' with { type: 'json' }; x;", "import of default from m as json"],
  ["import * as x from 'm'; x;", "import of * from m"],
  ["const x = 1; () => x;", "const"],
  ["let x; x = 1; () => x;", "let, changes"],
  ["let x = 1; () => x++;", "let, changes inside"],
  ["let x; () => { ({ a: x } = y); };", "let, changes inside"],
  ["let x; () => { [...x] = y; };", "let, changes inside"],
  ["let x; () => { for (x of y); };", "let, changes inside"],
  ["let x; class C { static { x = 1; } }", "let, changes inside"],
  ["for (let x = 0; x < 3; x++) f(() => x);", "let, changes"],
  ["for (const x of y) f(() => x);", "const"],
  ["var x = 1; () => x;", "var"],
  ["var x = 1; var x = 2; () => x;", "var, changes"],
  ["for (;;) { var x = f(); g(() => x); }", "var, changes"],
  ["(function (x) { x.a = 1; })(x || (x = {})); var x;", "var, changes"],
  ["function x() { return x; }", "function"],
  ["function x() {} x = f(x);", "function, changes"],
  ["export class x {} x;", "class"],
  ["export default function x() {} x();", "function"],
  ["export let x = 1; () => { x = 2; };", "let, changes inside"],
  ["(function x() { return () => x; });", "function-name"],
  ["(class x { m() { return x; } });", "class-name"],
  ["((x) => () => x);", "param"],
  ["((x) => { x = 1; return () => x; });", "param, changes"],
  ["try {} catch (x) { f(() => x); }", "catch"],
  ["using x = f(); x;", "const"],
  ["x;", "not bound"],
];

for (const [source, says] of variables) {
  Deno.test(`the variable x in ${source}`, () => {
    const { references } = new ScopeAnalysis(parseScript(source, true));
    const { binding } = references.findLast(({ name }) => name === "x")!;
    if (binding === undefined) return assert.equal("not bound", says);
    const { kind, reassigned, assignedInside, import: from } = binding;
    const what = from
      ? `import of ${from.name} from ${from.specifier}${from.type ? ` as ${from.type}` : ""}`
      : kind;
    assert.equal(`${what}${reassigned ? ", changes" : ""}${assignedInside ? " inside" : ""}`, says);
  });
}
