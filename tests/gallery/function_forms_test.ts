/** The forms that a function's text can have. */
import { gallery } from "./gallery.ts";

const base = 100;
const key = "computed name";
const twice = <T>(x: T): [T, T] => [x, x];

const methods = {
  plain(x: number) {
    return x + base;
  },
  async waiting(x: number) {
    return await Promise.resolve(x + base);
  },
  [key](x: number) {
    return x - base;
  },
  [`${key}!`]: (x: number) => x / base,
  "quoted name"(x: number) {
    return x * base;
  },
  7(x: number) {
    return x + 7 + base;
  },
  [Symbol.for("gallery.method")](x: number) {
    return x + 9 + base;
  },
  async(x: number) {
    return x + base;
  },
  get(x: number) {
    return x + 1 + base;
  },
  *each(n: number) {
    for (let i = 0; i < n; i++) yield i + base;
  },
};

function* countdown(from: number): Generator<number, string> {
  for (let i = from; i > 0; i--) yield i;
  return "lift-off";
}
async function* slowly<T>(items: Iterable<T>) {
  for (const item of items) yield await Promise.resolve(item);
}
const delegating = function* () {
  const said: string = yield* countdown(2);
  yield said;
};
const pipeline = async function* (n: number) {
  for await (const i of slowly(countdown(n))) yield i * base;
};

const raw = (strings: TemplateStringsArray, ...values: unknown[]) =>
  strings.raw.map((string, i) => `${string}[${values[i] ?? ""}]`).join("");
const tags = { raw };

// Names that are keywords elsewhere, or not ASCII.
const async = 1, of = 2, get = 3, π = 3.14, $ = 4, _ = 5;

const recursiveExpression = function self(n: number): number {
  return n === 0 ? base : self(n - 1);
};

class Keeper {
  static twice(x: number) {
    return x * 2 + base;
  }
}

gallery("forms of functions", {
  "an arrow function with an expression": [(x: number) => x + base, 1],
  "an arrow function that returns an object": [(x: number) => ({ x, base }), 1],
  "a function expression": [
    function (x: number) {
      return x + base;
    },
    1,
  ],
  "a function expression that calls itself by its own name": [recursiveExpression, 3],
  "an async function": [
    async function (x: number) {
      return await Promise.resolve(x + base);
    },
    1,
  ],
  "an async arrow function": [async (x: number) => await Promise.all([x, base]), 1],
  "a method": [methods.plain, 1],
  "an async method": [methods.waiting, 1],
  "a method with a computed name": [methods[key], 1],
  "an arrow function under a computed name": [methods[`${key}!`], 1],
  "a method with a quoted name": [methods["quoted name"], 1],
  "a method with a number for a name": [methods[7], 1],
  "a method with a symbol for a name": [methods[Symbol.for("gallery.method")], 1],
  "methods called async and get": [(x: number) => [methods.async(x), methods.get(x)], 1],
  "a static method": [Keeper.twice, 1],
  "a generator as a helper": [(n: number) => [...countdown(n)], 4],
  "a generator that delegates": () => [...delegating()],
  "a generator method as a helper": [(n: number) => Array.from(methods.each(n)), 3],
  "an async generator as a helper": [
    async (n: number) => {
      const all = [];
      for await (const item of pipeline(n)) all.push(item);
      return all;
    },
    3,
  ],
  "default parameters that use each other": [
    (a: number, b = a + base, c = () => a + b) => [a, b, c()],
    1,
  ],
  "destructured parameters": [
    ({ a, b: { c = base, ...others }, ...more }: {
      a: number;
      b: { c?: number; d: number; e: number };
      f: number;
    }, [first, , third]: number[]) => ({ a, c, others, more, first, third }),
    { a: 1, b: { d: 2, e: 3 }, f: 4 },
    [5, 6, 7],
  ],
  "rest and spread": [
    (...items: number[]) => [...items, ...twice(base), Math.max(...items), { ...items }],
    1,
    2,
  ],
  "tagged templates": [(x: number) => [raw`a\n${x}b${base}`, tags.raw`\u{41}`], 1],
  "nested templates": [(x: number) => `${x > 0 ? `+${`${x}`.padStart(3, "0")}` : "-"}${base}`, 7],
  "labels, continue and break": [
    (limit: number) => {
      const found = [];
      outer: for (let a = 2; a < limit; a++) {
        for (let b = 2; b < a; b++) if (a % b === 0) continue outer;
        if (a > base) break outer;
        found.push(a);
      }
      return found;
    },
    200,
  ],
  "closures in a loop inside": () => {
    const all = [];
    for (let i = 0; i < 3; i++) all.push(() => i + base);
    return all.map((each) => each());
  },
  "try, catch and finally": () => {
    const log: unknown[] = [];
    try {
      try {
        throw new RangeError(`${base}`);
      } catch (error) {
        const { message } = error as Error;
        log.push(message);
      } finally {
        log.push("finally");
      }
      log.push("after");
    } catch {
      log.push("never");
    }
    return log;
  },
  "switch with a declaration in it": [
    (x: number) => {
      switch (x + base) {
        case 101: {
          const base = "hidden";
          return base;
        }
        default:
          return "other";
      }
    },
    1,
  ],
  "parameters that hide captured names": [
    (base: number, inner = (twice: number) => twice + base) => inner(1),
    5,
  ],
  "a variable that hides a captured name further in": () => {
    const outside = base;
    {
      const base = outside + 1;
      return [outside, base, typeof twice];
    }
  },
  "typeof of a name that is nowhere": () => {
    // @ts-expect-error: there is no such name
    return typeof nowhereToBeFound;
  },
  "a regular expression that looks like a comment": () =>
    "a/*b*/c".replace(/\/\*.*?\*\//, `${base}`),
  "comments in all the odd places": [
    // deno-fmt-ignore
    /* before */ (/* in */ x: number /* and */) /* out */ => /* of */ x + base,
    1,
  ],
  "names that are keywords elsewhere, or not ASCII": () => [async, of, get, π, $, _],
  "a class made inside": () => {
    class Local {
      #hidden = base;
      static make = () => new Local();
      get value() {
        return this.#hidden;
      }
    }
    return Local.make().value;
  },
  "arguments and new.target of a plain function": [
    function () {
      function Made(this: unknown) {
        return { made: new.target !== undefined };
      }
      return [arguments.length, Reflect.construct(Made, [])];
    },
    1,
    2,
    3,
  ],
  "a function that is called where it stands": () => ((x) => x + base)(1),
  "using declarations": () => {
    const log: string[] = [];
    {
      using _resource = { [Symbol.dispose]: () => void log.push(`disposed ${base}`) };
      log.push("used");
    }
    return log;
  },
  "optional chaining and assignment operators": [
    (x: { a?: { b?: number } } | null) => {
      let y = x?.a?.b;
      y ??= base;
      y **= 2;
      return y;
    },
    { a: {} },
  ],
  "strict mode, as in any module": () => {
    try {
      (Object.freeze({ base }) as { base: number }).base = 1;
      return "sloppy";
    } catch (error) {
      return (error as Error).name;
    }
  },
});
