/** What functions close over, as it is at the time. */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import { SerializationError } from "../../../protocol/values.ts";
import data from "./fixtures/data.json" with { type: "json" };
import { bump, readLate, run } from "./fixtures/plain.js";
import { linkerOf, partOf, TestModules, travel, travelValue } from "./round_trip.ts";

const rate = 1.5;
const table = new Map([["a", 1]]);
const list = [1, 2, 3];
const big = 2n ** 70n;
const when = new Date(1e12);
const bytes = Uint8Array.of(1, 2, 3);
const nothing = undefined;
const none = null;
const symbol = Symbol.for("dusk.test");

Deno.test("constants of every kind travel by their values", () => {
  const fn =
    () => [rate, table.get("a"), list.length, big, when.getTime(), bytes[2], nothing, none];
  assert.deepEqual(travel(fn)(), fn());
  assert.equal(travel(() => symbol)(), symbol);
  assert.deepEqual(travel(() => data.list.map((x: number) => x * 2))(), [2, 4]);
});

Deno.test("what a function closes over is what it was when it was captured", () => {
  const seen = { count: 1 };
  const fn = () => seen.count;
  const capture = new Capture(new TestModules());
  const first = capture.function(fn);
  seen.count = 2;
  const second = capture.function(fn);
  assert.notEqual(first.part, second.part);
  assert.equal(linkerOf(first.parts).function(first.part)(), 1);
  assert.equal(linkerOf(second.parts).function(second.part)(), 2);
  seen.count = 1;
  assert.equal(capture.function(fn).part, first.part);
});

Deno.test("a variable that changes is looked at each time", () => {
  let level = 1;
  const fn = () => level;
  const capture = new Capture(new TestModules());
  const one = capture.function(fn);
  level = 2;
  const two = capture.function(fn);
  assert.deepEqual(
    [one, two].map(({ part, parts }) => linkerOf(parts).function(part)()),
    [1, 2],
  );
});

Deno.test("a function that closes over nothing that changes is written once", () => {
  const fn = () => helper(rate);
  const capture = new Capture(new TestModules());
  assert.equal(capture.function(fn), capture.function(fn));
});

function helper(x: number): number {
  return 2 * x;
}
const inner = (x: number) => helper(x) + rate;

Deno.test("helpers travel with their helpers", () => {
  assert.equal(travel((x: number) => inner(x) + 1)(1), inner(1) + 1);
});

function isEven(n: number): boolean {
  return n === 0 || isOdd(n - 1);
}
function isOdd(n: number): boolean {
  return n !== 0 && isEven(n - 1);
}
const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);
function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

Deno.test("functions that call each other and themselves travel", () => {
  assert.equal(travel((n: number) => isEven(n))(7), false);
  assert.equal(travel(isOdd)(7), true);
  assert.equal(travel(fib)(10), 55);
  assert.equal(travel(factorial)(5), 120);
  assert.equal(travel(() => fib(6) + factorial(4))(), 32);
});

Deno.test("what two functions share is one thing on the other side", () => {
  const shared = { n: 0 };
  const add = () => ++shared.n;
  const fn = () => [add(), add(), shared.n];
  assert.deepEqual(travel(fn)(), [1, 2, 2]);
  assert.equal(shared.n, 0);
  const memory = new Float64Array(4);
  const view = memory.subarray(1, 2);
  assert.equal(
    travel(() => {
      view[0] = 5;
      return memory[1];
    })(),
    5,
  );
});

Deno.test("functions share a variable that they change", () => {
  const make = () => {
    let n = 10;
    return { inc: () => ++n, get: () => n };
  };
  const counter = make();
  counter.inc();
  const fn = () => [counter.inc(), counter.inc(), counter.get()];
  assert.deepEqual(travel(fn)(), [12, 13, 13]);
  assert.equal(counter.get(), 11);
  const [a, b] = [make(), make()];
  b.inc();
  assert.deepEqual(travel(() => [a.inc(), b.inc(), a.get(), b.get()])(), [11, 12, 11, 12]);
});

Deno.test("variables that look the same, and change, are told apart or refused", () => {
  const make = () => {
    let n = 0;
    return () => ++n;
  };
  const pair = [make(), make()];
  assert.throws(
    () => travel(() => pair.map((next) => next())),
    (error) => error instanceof SerializationError && /keep it in an object/.test(error.message),
  );
});

let total = 0;
const addTo = (x: number) => {
  total += x;
};
const { shown } = { shown: () => ({ total }) };

Deno.test("a module's variable that functions change is shared by all of them", () => {
  assert.deepEqual(
    travel((x: number) => {
      addTo(x);
      addTo(x);
      [total] = [total + 1];
      ({ total } = { total: total * 2 });
      return [total, shown(), typeof total, `${total}`];
    })(4),
    [18, { total: 18 }, "number", "18"],
  );
  assert.equal(total, 0);
});

let callback = (x: number) => x + 1;
const setCallback = (fn: (x: number) => number) => callback = fn;

Deno.test("a changing variable that is called gets no this, wherever the call stands", () => {
  const noThis = function (this: unknown, x: number) {
    return this === undefined ? x : -1;
  };
  setCallback(noThis);
  const results = travel(() => {
    const results: number[] = [];
    callback(0);
    callback(results.push(1));
    results.push(callback(5), callback?.(6));
    return results;
  })();
  assert.deepEqual(results, [1, 5, 6]);
});

Deno.test("variables of loops are those of their round", () => {
  const fns: (() => unknown)[] = [];
  for (let i = 0; i < 3; i++) fns.push(() => i);
  for (const word of ["a", "b"]) fns.push(() => word);
  assert.deepEqual(fns.map((fn) => travel(fn)()), [0, 1, 2, "a", "b"]);
  assert.deepEqual(travel(() => fns.map((fn) => fn()))(), [0, 1, 2, "a", "b"]);
});

Deno.test("variables are found wherever they were declared", async () => {
  const found: (() => unknown)[] = [];
  const take = (fn: () => unknown) => found.push(fn);
  (function named(this: void, first: number, { second }: { second: number }, third = () => second) {
    // deno-lint-ignore no-var -- what is tested
    var variable = first + 1;
    take(() => [first, second, third(), variable]);
  })(1, { second: 2 });
  try {
    throw 3;
  } catch (error) {
    take(() => error);
  }
  switch (4 as number) {
    case 4: {
      const inCase = 4;
      take(() => inCase);
    }
  }
  await (async () => {
    const later = await Promise.resolve(5);
    take(() => later);
  })();
  (function* () {
    const yielded = 6;
    take(() => yielded);
    yield;
  })().next();
  class Holder {
    static {
      const inBlock = 7;
      take(() => inBlock);
    }
  }
  assert.ok(Holder);
  const twice = (f: (x: number) => number) => (x: number) => f(f(x));
  const curried = (a: number) => (b: number) => (c: number) => a * 100 + b * 10 + c;
  const both = twice(curried(1)(2));
  take(() => both(3));
  assert.deepEqual(found.map((fn) => travel(fn)()), [
    [1, 2, 2, 2],
    ...[3, 4, 5, 6, 7],
    243,
  ]);
});

Deno.test("an inner name hides an outer one", () => {
  const rate = "mine";
  const fn = () => rate;
  assert.equal(travel(fn)(), "mine");
  assert.equal(
    travel((rate: number) => {
      const list = [rate];
      return list.concat(...[2].map((rate) => rate));
    })(1).join(),
    "1,2",
  );
});

Deno.test("a standard name that the module declares is the module's", () => {
  const performance = { now: () => 42 };
  const structuredClone = 5;
  assert.equal(travel(() => performance.now() + structuredClone)(), 47);
});

Deno.test("properties given to the global object are captured, the standard ones are not", () => {
  const globals = globalThis as unknown as Record<string, unknown>;
  globals.duskTestSetting = { depth: 3 };
  try {
    // deno-lint-ignore no-explicit-any
    const fn = travel(new Function("return duskTestSetting.depth + Math.abs(-1)") as any) as () =>
      4;
    globals.duskTestSetting = undefined;
    assert.equal(fn(), 4);
  } finally {
    delete globals.duskTestSetting;
  }
});

Deno.test("an object of functions travels with its this", () => {
  const account = {
    balance: 10,
    deposit(amount: number) {
      return this.balance += amount;
    },
    ["with" + "Fee" as "withFee"](amount: number): number {
      return this.deposit(amount - 1);
    },
    async later() {
      return await this.balance;
    },
    get double(): number {
      return this.balance * 2;
    },
  };
  const fn = () => [account.deposit(5), account.withFee(3), account.double];
  assert.deepEqual(travel(fn)(), [15, 17, 20]);
  assert.equal(account.balance, 10);
});

Deno.test("functions keep the properties that they were given", () => {
  const plus = (x: number): number => x + cached.offset;
  const cached = Object.assign(plus, { offset: 3, unit: "m" });
  Object.defineProperty(cached, "hidden", { value: 1, enumerable: false });
  const arrived = travel(() => cached)();
  assert.equal(arrived(1), 4);
  assert.deepEqual(Object.keys(arrived), ["offset", "unit"]);
  assert.equal(Object.getOwnPropertyDescriptor(arrived, "hidden")!.value, 1);
  assert.equal(arrived.name, "plus");
});

Deno.test("functions travel inside values, with the names of parts that they need", () => {
  const scale = 3;
  const value = travelValue({ list: [(x: number) => x * scale], map: new Map([["f", helper]]) });
  assert.equal(value.list[0](2), 6);
  assert.equal(value.map.get("f")!(2), 4);
  const same = travelValue([inner, inner]);
  assert.equal(same[0], same[1]);
});

Deno.test("a function has the hidden data of an error that it closes over", () => {
  const issue = { path: ["a"] };
  const error = Object.defineProperty(new Error("bad"), "issues", { value: [issue, issue] });
  class Checked {
    issue() {
      return issue;
    }
  }
  const issues = () => (error as Error & { issues: unknown[] }).issues;
  assert.deepEqual(travel(issues)(), [issue, issue]);
  assert.equal(travel(() => issues().every((one) => one === new Checked().issue()))(), true);
});

Deno.test("code that eval made sees the variables around it", () => {
  const around = (() => {
    const secret = 9;
    // deno-lint-ignore no-eval
    return [() => secret, eval("() => secret + 1")];
  })();
  assert.equal(travel(around[1])(), 10);
});

Deno.test("another value or text of a helper makes another part, the same the same", () => {
  const make = (factor: number) => {
    const scaled = (x: number) => x * factor;
    return (x: number) => scaled(x);
  };
  assert.equal(partOf(make(1)), partOf(make(1)));
  assert.notEqual(partOf(make(1)), partOf(make(2)));
});

Deno.test("JavaScript that is written without semicolons means the same", () => {
  assert.equal(travel(bump)(), 1);
  assert.deepEqual(travel(run)(4), run(4));
  assert.equal(travel(readLate)(), 6);
});
