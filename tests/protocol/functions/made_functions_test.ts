/** Functions that code makes: handed out with what they close over, wherever they stand. */
import assert from "node:assert/strict";
import { compileDefinition } from "../../../protocol/functions/compile_definition.ts";
import { handOutFunctions, launchesTasks } from "../../../protocol/functions/made_functions.ts";
import { RewrittenText } from "../../../protocol/functions/rewrite.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";

interface HandedOut {
  fn: AnyFunction;
  variables: () => Record<string, unknown>;
  name: string | undefined;
  shared: string | undefined;
}

/** Runs a function after its text was changed. @returns What it returned, and what it handed out. */
function run(fn: AnyFunction, variables: Record<string, unknown> = {}) {
  const text = fn.toString();
  const edits = handOutFunctions(text, (name) => Object.hasOwn(variables, name) ? name : undefined);
  const { source } = new RewrittenText(text, edits);
  assert.equal(source.split("\n").length, text.split("\n").length, "lines stay");
  const handedOut: HandedOut[] = [];
  const names = Object.keys(variables);
  const definition = {
    ...{ source, kind: "expression" as const, name: fn.name, early: names.length },
    variables: names,
  };
  const defined = compileDefinition(definition, "dusk:///-/0/test")(
    Object.values(variables),
    () => Promise.reject(new Error("never called")),
    (fn, variables, name, shared) => {
      handedOut.push({ fn, variables, name, shared });
      return fn;
    },
  );
  return { result: defined.value(), handedOut };
}

Deno.test("an arrow function hands out locals, and what is declared around the code", () => {
  const outer = 1;
  const { result, handedOut } = run(() => {
    const local = 2;
    return [3].map((x) => x + local + outer + Math.abs(-1));
  }, { outer });
  assert.deepEqual(result, [7]);
  assert.equal(handedOut.length, 1);
  assert.deepEqual(handedOut[0].variables(), { local: 2, outer: 1 });
});

Deno.test("functions have the names of where they stand", () => {
  const { result, handedOut } = run(() => {
    const one = () => 1;
    let two: (() => number) | undefined = undefined;
    two = function () {
      return 2;
    };
    const object = { three: () => 3, "f our": () => 4, [`f${5}`]: () => 5 };
    const six = function named() {
      return 6;
    };
    const seven = ((eight = () => 8) => eight)();
    return [one, two, object, six, seven].length;
  });
  assert.equal(result, 5);
  const names = handedOut.map(({ name, fn }) => name ?? fn.name).sort();
  assert.deepEqual(names, ["", "", "eight", "f our", "named", "one", "three", "two"]);
});

Deno.test("declared functions are handed out before the first statement of their block", () => {
  const { result, handedOut } = run(() => {
    "use strict";
    const before = typeof helper;
    function helper(x: number): number {
      return x > 5 ? x : helper(x + later);
    }
    const later = 2;
    return before === "function" && helper(1);
  });
  assert.equal(result, 7);
  assert.equal(handedOut[0].fn.name, "helper");
  assert.deepEqual(handedOut[0].variables(), { later: 2 }, "its own name is its own");
});

Deno.test("a variable that is not there yet is so when it is asked for, not before", () => {
  const { handedOut } = run(() => {
    const early = () => late;
    const late = 1;
    return early;
  });
  assert.deepEqual(handedOut[0].variables(), { late: 1 });
});

Deno.test("functions in functions are handed out by themselves when they are made", () => {
  const { result, handedOut } = run(() => {
    const a = 1;
    return ((b: number) => (c: number) => a + b + c)(2)(3);
  });
  assert.equal(result, 6);
  assert.deepEqual(handedOut.map(({ variables }) => variables()), [{ a: 1 }, { a: 1, b: 2 }]);
});

Deno.test("what depends on its surroundings is left alone, and what is in it is not", () => {
  const { result, handedOut } = run(function (this: unknown) {
    const usesThis = () => this;
    const usesArguments = () => arguments.length;
    class Thing {
      field = () => this;
      method() {
        return () => 1;
      }
      get accessor() {
        return 2;
      }
    }
    const object = { method: () => 3, other() {} };
    return [usesThis, usesArguments, object, new Thing().method()].length;
  });
  assert.equal(result, 4);
  assert.deepEqual(handedOut.map(({ name }) => name), ["method", undefined]);
});

Deno.test("a variable that another function changes which travels along is named", () => {
  const { handedOut } = run(() => {
    let count = 0;
    const tick = () => ++count;
    const alone = () => count;
    const together = () => [tick(), count];
    const deeper = () => [together(), count];
    return [alone, deeper].length;
  });
  const shared = Object.fromEntries(handedOut.map(({ name, shared }) => [name, shared]));
  assert.deepEqual(shared, {
    tick: undefined,
    alone: undefined,
    together: "count",
    deeper: "count",
  });
});

Deno.test("code launches tasks that says so", () => {
  for (const text of ["await workerClient()", "getClient ()", "c\n  .submit(f)", "c.submit (f)"]) {
    assert(launchesTasks(text), text);
  }
  for (const text of ["form.submitted", "myworkerClients", "xs.map((x) => x)"]) {
    assert(!launchesTasks(text), text);
  }
});
