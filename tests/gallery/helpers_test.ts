/** Functions that use other functions, and what those close over. */
import assert from "node:assert/strict";
import { withSandbox } from "../support/sandbox.ts";
import { gallery } from "./gallery.ts";

const rate = 0.25;
const tax = (amount: number) => amount * rate;
const withTax = (amount: number) => amount + tax(amount);

function hoisted(x: number): number {
  return later(x) + 1;
}
function later(x: number): number {
  return x * 10;
}

const factorial = (n: number): number => n < 2 ? 1 : n * factorial(n - 1);
function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);

const adder = (a: number) => (b: number) => (c: number) => a + b + c;
const addThree = adder(1)(2);
const compose = <A, B, C>(f: (a: A) => B, g: (b: B) => C) => (a: A) => g(f(a));
const shout = compose((name: string) => name.toUpperCase(), (name) => `${name}!`);

function counter(start: number) {
  let count = start;
  return { inc: () => ++count, dec: () => count--, get: () => count, asObject: () => ({ count }) };
}
const visits = counter(5);
const { inc, get } = counter(0);
let total = 0;
const add = (x: number) => total += x;
let low = 1;
let high = 2;
const swap = () => [low, high] = [high, low];
let last = 0;
const visitAll = (items: number[]) => {
  for (last of items);
  return last;
};
let n = 1;
const n$ = 10;
let handler = (x: number) => x + 1;
handler = (x) => x + 2;

const squares: (() => number)[] = [];
for (let i = 0; i < 3; i++) squares.push(() => i * i);
const sameVariable: (() => number)[] = [];
// deno-lint-ignore no-var no-inner-declarations
for (var turn = 0; turn < 3; turn++) sameVariable.push(() => turn);
const byName = Object.entries({ a: 1, b: 2 }).map(([name, value]) => () => `${name}${value}`);

const known = new Map<number, number>();
const remembered = (x: number) => {
  if (!known.has(x)) known.set(x, x * x);
  return known.get(x)!;
};

function described(x: number): string {
  return `${described.prefix}${x}${described.format.suffix}`;
}
described.prefix = "<";
described.format = { suffix: ">" };

const shapes = {
  unit: 2,
  circle: (radius: number) => Math.round(3 * radius ** 2),
  square(side: number) {
    return side ** 2 * this.unit;
  },
  get double() {
    return this.unit * 2;
  },
  nested: { half: (x: number) => x / 2 },
};
const operations = [(x: number) => x + 1, tax];
const table = new Map<string, (x: number) => number>([["tax", tax], ["ten", (x) => x + 10]]);
const max = Math.max;
const { floor, PI } = Math;
const has = Object.prototype.hasOwnProperty;
const parse = JSON.parse;
const kinds = [Number, String, Array.isArray, Boolean];
const words = ["b", "a"];
const { prefix: { first, others: [second, ...rest] }, missing = "default" } = {
  prefix: { first: 1, others: [2, 3, 4] },
} as { prefix: { first: number; others: number[] }; missing?: string };

function Animal(this: { name: string }, name: string) {
  this.name = name;
}
Animal.prototype.speak = function (this: { name: string }) {
  return `${this.name} speaks`;
};
const NewAnimal = Animal as unknown as new (name: string) => { speak(): string };

gallery("helpers", {
  "a helper and its constant": [(x: number) => tax(x) + 1, 8],
  "a helper of a helper": [withTax, 8],
  "functions declared further down": [hoisted, 4],
  "an arrow function that calls itself": [factorial, 6],
  "a function that calls itself": [(x: number) => fibonacci(x), 12],
  "functions that call each other": [(x: number) => [isEven(x), isOdd(x)], 7],
  "a function of a function of a function": [addThree, 3],
  "two functions of one factory": () => [adder(1)(1)(1), adder(2)(2)(2), addThree(10)],
  "a composition": [shout, "dusk"],
  "a counter, with all that share its variable": () => [
    visits.inc(),
    visits.inc(),
    visits.dec(),
    visits.get(),
    visits.asObject(),
  ],
  "functions taken out of a counter": () => [inc(), inc(), get()],
  "a function that changes a variable of its module": [(x: number) => [add(x), add(x), total], 3],
  "an assignment to a pattern of captured variables": () => [swap(), low, high],
  "a loop over a captured variable": [visitAll, [3, 4]],
  "a changed variable, where its new name is taken": () => [n++, n, { n }, n$, n += n$],
  "a variable that holds the second of two functions": [(x: number) => handler(x), 1],
  "one variable for each turn of a loop": () => squares.map((square) => square()),
  "one variable for all turns of a loop": () => sameVariable.map((turn) => turn()),
  "closures over what a callback got": () => byName.map((each) => each()),
  "a memory that helper and function share": [(x: number) => [remembered(x), known.get(x)], 9],
  "a function with properties": [described, 5],
  "functions in an object, which call each other by this": () => [
    shapes.circle(2),
    shapes.square(3),
    shapes.double,
    shapes.nested.half(5),
  ],
  "functions in an array and a map": [
    (x: number) => [...operations, ...table.values()].map((operation) => operation(x)),
    4,
  ],
  "functions as arguments": [
    (fns: ((x: number) => number)[], more: Record<string, (x: number) => number>) => [
      ...fns.map((fn) => fn(2)),
      more.withTax(4),
      more.isTen?.(10),
    ],
    [tax, factorial],
    { withTax },
  ],
  "natives under another name": () => [
    max(1, 2),
    floor(PI),
    has.call({ a: 1 }, "a"),
    parse("[1]"),
  ],
  "natives in an array": [(x: unknown) => kinds.map((kind) => kind(x)), "5"],
  "a native as an argument": [(fn: (x: number) => number, x: number) => fn(x), Math.sqrt, 16],
  "variables that were destructured": () => [first, second, rest, missing],
  "a constructor function with a prototype": () => new NewAnimal("cat").speak(),
  "a method taken out of its object": [shapes.nested.half, 9],
  "default values that are captured": [(x: number, f = tax, r = rate) => f(x) + r, 4],
  "a captured array, sorted in place": () => [words.sort(), words],
});

Deno.test("a function is captured by value at submit: later changes do not reach the task", async () => {
  await withSandbox(async (client) => {
    let price = 1;
    const list = [1];
    const order = (count: number) => count * price * list.length;
    const before = client.submit(order, 10);
    price = 2;
    list.push(2);
    const after = client.submit(order, 10);
    assert.notEqual(before.key, after.key);
    assert.deepEqual(await client.gather([before, after]), [10, 40]);
  });
});

Deno.test("what a task changes in what it captured stays with that task's worker", async () => {
  await withSandbox(async (client) => {
    const state = { calls: 0 };
    const call = () => ++state.calls;
    assert.equal(await client.submit(call).result(), 1);
    assert.equal(state.calls, 0);
  });
});

Deno.test("a task and its helpers see the global dusk", async () => {
  await withSandbox(async (client) => {
    const where = () => [dusk.key, dusk.worker.address];
    const ask = () => where();
    const future = client.submit(ask);
    const [key, address] = await future.result();
    assert.equal(key, future.key);
    assert.deepEqual(Object.values(await client.whoHas([future])), [[address]]);
  });
});
