/**
 * Objects that packages made, captured by value: their closures are full of what is inside of the
 * package, and of the packages that it uses itself.
 */
import assert from "node:assert/strict";
import Ajv from "npm:ajv@8.17.1";
import Big from "npm:big.js@7.0.1";
import { scaleLinear, scaleOrdinal, scaleTime } from "npm:d3-scale@4.0.2";
import dayjs from "npm:dayjs@1.11.18";
import { produce } from "npm:immer@10.1.3";
import lodash from "npm:lodash@4.17.21";
import { flow, partial } from "npm:lodash-es@4.17.21";
import { all, bignumber, create, fraction } from "npm:mathjs@14.8.2";
import pLimit from "npm:p-limit@6.2.0";
import * as R from "npm:ramda@0.31.3";
import semver from "npm:semver@7.7.2";
import { v4, v5 } from "npm:uuid@13.0.0";
import { z } from "npm:zod@4.1.12";
import { Client, Scheduler, SerializationError } from "../../mod.ts";
import { gallery } from "./gallery.ts";

const trimmed = (text: string) => text.trim().toLowerCase();
const User = z.object({
  name: z.string().refine((name) => trimmed(name) !== "root", "is taken").transform(trimmed),
  age: z.number().int().min(0).optional(),
  mail: z.email().default("nobody@example.com"),
});
const Names = z.array(User.pick({ name: true })).nonempty();

const price = new Big("0.1");
const day = dayjs("2020-01-31T12:00:00");
const state = produce({ done: [1] }, (draft) => void draft.done.push(2));
const volume = R.curry((a: number, b: number, c: number) => a * b * c);
const evens = R.pipe(
  R.map((x: number) => x + 1),
  R.filter((x: number) => x % 2 === 0),
);
const sixfold = lodash.partial((a: number, b: number) => a * b, 6);
const squared = lodash.memoize((x: number) => x * x);
const sevenfold = partial((a: number, b: number) => a * b, 7);
const doubledNext = flow((x: number) => x + 1, (x: number) => 2 * x);
const tenth = bignumber("0.1");
const third = fraction(1, 3);
const celsius = scaleLinear([32, 212], [0, 100]);
const hours = scaleTime([new Date(0), new Date(36e5)], [0, 60]);
const identify = { v4, v5 };
const range = new semver.Range("^1.2.0 || >=3");
// deno-lint-ignore no-explicit-any
const isPoint = new (Ajv as any)().compile({
  type: "object",
  properties: { x: { type: "number" } },
  required: ["x"],
});

gallery("objects of packages", {
  "a schema of zod": [(user: unknown) => User.parse(user), { name: " Ada ", age: 36 }],
  "a schema of zod that finds fault": [
    (user: unknown) => {
      const { success, error } = User.safeParse(user);
      return [success, error instanceof z.ZodError, error?.issues.map((one) => one.message)];
    },
    { name: "root", age: -1, mail: "?" },
  ],
  "a schema of zod made of others": [
    (names: unknown) => Names.parse(names).map(({ name }) => name),
    [{ name: "Ada" }, { name: "Bob" }],
  ],
  "a number of big.js": () => [price.plus("0.2").toString(), price instanceof Big],
  "a number of big.js, there and back": [
    (sum: Big) => [sum.plus(price).toString(), sum instanceof Big],
    price.times(2),
  ],
  "a time of dayjs": () => [day.add(1, "month").format("YYYY-MM-DD"), day.isBefore(dayjs(0))],
  "what immer produced": () => [state, produce(state, (draft) => void draft.done.push(3))],
  "a curried function of ramda": [(a: number) => volume(a)(2)(3), 4],
  "a pipe of ramda": [(list: number[]) => evens(list), [1, 2, 3]],
  "a partial of lodash": [(x: number) => sixfold(x), 7],
  "a memoized function of lodash": [(x: number) => squared(x), 7],
  "a partial of lodash-es": [(x: number) => sevenfold(x), 7],
  "a flow of lodash-es": [(x: number) => doubledNext(x), 7],
  "a big number of mathjs": () => [tenth.plus("0.2").toString(), tenth.lessThan(1)],
  "a fraction of mathjs": () => third.add(1).toString(),
  "a scale of d3": [
    (x: number) => [celsius(x), celsius.invert(50), celsius.copy().domain([0, 1])(0.5)],
    122,
  ],
  "a scale of d3 for times": () => [hours(new Date(18e5)), hours.ticks(4).length],
  "functions of uuid in an object": () => [
    identify.v5("dusk", identify.v5.DNS),
    identify.v4().length,
  ],
  "a range of semver": () => ["1.3.0", "2.0.0", "3.0.0"].map((version) => range.test(version)),
  "a function that ajv made": [(points: unknown[]) => points.map(isPoint), [{ x: 1 }, { y: 1 }]],
});

const letters = scaleOrdinal(["a", "b"], [1, 2]);
const push = produce((draft: number[], x: number) => void draft.push(x));
const math = create(all);
const limit = pLimit(2);

Deno.test("objects of packages that cannot travel are refused at submit", async (t) => {
  await using scheduler = new Scheduler();
  await scheduler.start("inproc://");
  await using client = await Client.connect(scheduler.address);
  const inside = (name: string) =>
    `it is inside of an object of npm:${name}: make that object in the task, or in a module that ` +
    `the function imports, or send plain data`;
  const refusals: Record<string, [fn: () => unknown, path: RegExp, reason: string]> = {
    "a symbol of the package's own": [
      () => letters("a"),
      /^fn → letters → /,
      `Symbol(implicit) does not travel, it is a symbol that no other program has; ${
        inside("d3-scale@4.0.2")
      }`,
    ],
    "this of a constructor": [
      () => push([], 1),
      /^fn → push → self\.\w+$/,
      `the anonymous function uses "this" of the code around it, which does not travel; ${
        inside("immer@10.1.3")
      }`,
    ],
    "private members": [
      () => limit(() => 1),
      /^fn → limit → enqueue → queue$/,
      `instances of Queue have private members (#head, #tail, #size), which cannot be seen from outside; ${
        inside("yocto-queue@1.2.2")
      }`,
    ],
    "bound functions in an object": [
      () => math.evaluate("1 + 1"),
      /^fn → math\.on$/,
      "bound on was made with bind and has no source to send; write an arrow function instead: " +
      "(...args) => on.call(thing, ...args)",
    ],
  };
  for (const [name, [fn, path, reason]] of Object.entries(refusals)) {
    await t.step(name, () => {
      assert.throws(() => client.submit(fn), (error) => {
        assert.ok(error instanceof SerializationError);
        assert.match(error.path, path);
        assert.equal(error.reason, reason);
        return true;
      });
    });
  }
});
