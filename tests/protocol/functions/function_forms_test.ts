/** Every form of function, and the names that their keys begin with. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { Capture } from "../../../protocol/functions/capture.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import { partOf, TestModules, travel } from "./round_trip.ts";

const prefix = (fn: AnyFunction) => new Capture(new TestModules()).function(fn).prefix;

Deno.test("the prefix of keys is the function's name, or lambda", () => {
  function inc(x: number) {
    return x + 1;
  }
  const twice = (x: number) => 2 * x;
  assert.equal(prefix(inc), "inc");
  assert.equal(prefix(twice), "twice");
  assert.equal(prefix((x: number) => x), "lambda");
  assert.equal(
    prefix(
      {
        "a b"(x: number) {
          return x;
        },
      }["a b"],
    ),
    "a_b",
  );
});

Deno.test("equal code is an equal part, another name or source another", () => {
  const make = () => (x: number) => x + 1;
  assert.notEqual(make(), make());
  assert.equal(partOf(make()), partOf(make()));
  const f = (x: number) => x + 1;
  const g = (x: number) => x + 1;
  assert.notEqual(partOf(f), partOf(g));
  assert.notEqual(partOf((x: number) => x + 1), partOf((x: number) => x + 2));
  assert.match(partOf(f), /^f[0-9a-f]{32}$/);
});

Deno.test("every form of function comes back to life from its code", async () => {
  const computed = "computed name";
  const key = 12;
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
    [`with ${key}`](x: number) {
      return x + key;
    },
  };
  class Class {
    static twice(x: number) {
      return 2 * x;
    }
    static async later(x: number) {
      return await Class.twice(x);
    }
    thrice(x: number) {
      return 3 * x;
    }
  }
  const recursive = function factorial(n: number): number {
    return n < 2 ? 1 : n * factorial(n - 1);
  };
  const renamed = holder.method;
  assert.equal(travel(holder.method)(1), 2);
  assert.equal(await travel(holder.asyncMethod)(1), 3);
  assert.equal(travel(holder[computed])(1), 4);
  assert.equal(await travel(holder[`${computed}!`])(1), 9);
  assert.equal(travel(holder[Symbol.iterator])(1), 10);
  assert.equal(travel(holder["__proto__"] as (x: number) => number)(1), 11);
  assert.equal(travel(holder["quoted-name"])(1), 5);
  assert.equal(travel(holder[7])(1), 6);
  assert.equal(travel(holder.get)(1), 7);
  assert.equal(travel(holder.async)(1), 8);
  assert.equal(travel(holder["with 12"] as (x: number) => number)(1), 13);
  assert.equal(travel(Class.twice)(4), 8);
  assert.equal(await travel(Class.later)(4), 8);
  assert.equal(travel(Class.prototype.thrice)(4), 12);
  assert.equal(travel(recursive)(5), 120);
  assert.equal(travel(renamed)(1), 2);
  assert.equal(
    travel((x: number) => x + 1 // a comment at the end
    )(1),
    2,
  );
  assert.equal(await travel(async (x: number) => await x)(9), 9);
  assert.equal(
    travel(function (...args: number[]) {
      return args.length;
    })(1, 2, 3),
    3,
  );
  assert.equal(travel(new Function("x", "return x + 1") as (x: number) => number)(1), 2);
});

Deno.test("standard functions are tasks themselves", () => {
  assert.equal(prefix(Math.max), "max");
  assert.equal(travel(Math.max)(1, 3, 2), 3);
  assert.equal(travel(JSON.stringify)([1]), "[1]");
  assert.equal(travel(basename)("/a/b.txt"), "b.txt");
});

Deno.test("generators travel as helpers", async () => {
  function* count(n: number) {
    for (let i = 0; i < n; i++) yield i;
  }
  const holder = {
    *twice(n: number) {
      for (const i of count(n)) yield i * 2;
    },
    async *later(n: number) {
      for (const i of this.twice(n)) yield await i;
    },
  };
  assert.deepEqual(travel(() => [...count(3), ...holder.twice(3)])(), [0, 1, 2, 0, 2, 4]);
  assert.deepEqual(await travel(async () => await Array.fromAsync(holder.later(2)))(), [0, 2]);
});

Deno.test("a method whose name was changed travels under the new name", () => {
  const { method } = {
    method(x: number) {
      return x + 1;
    },
  };
  Object.defineProperty(method, "name", { value: "other" });
  const arrived = travel(method);
  assert.equal(arrived(1), 2);
  assert.equal(arrived.name, "other");
});

Deno.test("names and lengths arrive", () => {
  const named = (a: number, b: number) => a + b;
  const arrived = travel(() => [named.name, named.length])();
  assert.deepEqual(arrived, ["named", 2]);
  assert.equal(travel(named).name, "named");
});

Deno.test("this of a function, method, field or static block of its own is no tie to the module", () => {
  assert.equal(
    travel(function (this: unknown) {
      return () => this;
    }).call(5)(),
    5,
  );
  assert.equal(
    travel(() => {
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
      return new Point().y + Point.origin;
    })(),
    "PointPoint!",
  );
});

function remembered(n: number): string {
  return n === 0 ? "end" : remembered(n - 1);
}
const original = remembered;
(remembered as unknown) = (n: number) => `wrapped ${original(n)}`;

Deno.test("a declared function that was replaced calls what took its place", () => {
  assert.equal(original(2), "wrapped wrapped end");
  assert.equal(travel(original)(2), original(2));
});

function Animal(this: { name: string }, name: string) {
  this.name = name;
}
Animal.prototype.greet = function (this: { name: string }) {
  return `I am ${this.name}`;
};
Animal.count = 3;

Deno.test("a constructor function travels with what is on its prototype", () => {
  const make = Animal as unknown as { new (name: string): { greet(): string }; count: number };
  assert.deepEqual(travel(() => [new make("Rex").greet(), make.count])(), ["I am Rex", 3]);
});
