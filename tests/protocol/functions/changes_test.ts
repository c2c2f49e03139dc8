/** What has changed since a function was captured. */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import { linkerOf, TestModules, travel } from "./round_trip.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const capture = new Capture(new TestModules());

/** What a function gives on the other side, captured again by the same client. */
function now(fn: AnyFunction): unknown {
  const { part, parts } = capture.function(fn);
  return linkerOf(parts).function(part)();
}

Deno.test("a variable that begins as a parameter is looked at again", () => {
  const seen: unknown[] = [];
  new Function(
    ...["a", "now", "seen"],
    "const fn = () => a; seen.push(now(fn)); var a = 2; seen.push(now(fn));",
  )(1, now, seen);
  (function (a: number, _default = 0) {
    const fn = () => a;
    seen.push(now(fn));
    // deno-lint-ignore no-var no-redeclare -- what is tested
    var a = 2;
    seen.push(now(fn));
  })(1);
  assert.deepEqual(seen, [1, 2, 1, 2]);
});

Deno.test("what eval or arguments change is looked at again", () => {
  // deno-lint-ignore prefer-const -- what is tested
  let n = 1;
  const fn = () => n;
  assert.equal(now(fn), 1);
  // deno-lint-ignore no-eval
  eval("n = 2");
  assert.equal(now(fn), 2);
  const seen: unknown[] = [];
  new Function(
    ...["a", "now", "seen"],
    "const fn = () => a; seen.push(now(fn)); arguments[0] = 2; seen.push(now(fn));",
  )(1, now, seen);
  assert.deepEqual(seen, [1, 2]);
});

Deno.test("properties that functions and classes get are seen, wherever they are used", () => {
  const helper: Any = () => helper.memory ?? 0;
  function Old(this: Any) {}
  class Inner {
    m() {
      return 1;
    }
  }
  class Outer {
    static inner = Inner;
    static m() {
      return 1;
    }
  }
  const make = Old as Any;
  const fn = () => [helper(), new make().m?.(), new Outer.inner().m(), Outer.m()];
  const first = capture.function(fn);
  assert.equal(capture.function(fn), first);
  assert.deepEqual(now(fn), [0, undefined, 1, 1]);
  helper.memory = 5;
  assert.deepEqual(now(fn), [5, undefined, 1, 1]);
  Old.prototype.m = () => 2;
  Inner.prototype.m = () => 3;
  Outer.m = () => 4;
  assert.deepEqual(now(fn), [5, 2, 3, 4]);
});

Deno.test("functions share what they have given to the global object", () => {
  const globals = globalThis as unknown as { duskTestCount?: number };
  globals.duskTestCount = 1;
  try {
    const add = new Function("duskTestCount++");
    const fn = new Function("add", "return () => { add(); return [duskTestCount, typeof add]; }")(
      add,
    );
    assert.deepEqual(travel(fn)(), [2, "function"]);
    assert.equal(globals.duskTestCount, 1);
  } finally {
    delete globals.duskTestCount;
  }
});

Deno.test("changing a variable that another script declares is refused", () => {
  let n = 0;
  // deno-lint-ignore no-eval
  const inc = eval("() => ++n");
  const fn = () => [inc(), n];
  assert.throws(() => travel(fn), /changes "n", whose declaration is not in its script/);
  n = 1;
});
