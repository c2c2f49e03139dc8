/** Functions and objects of the language and the platform. */
import assert from "node:assert/strict";
import { standardGlobals } from "../../../protocol/functions/standard_globals.ts";
import { standardPath } from "../../../protocol/functions/standard_values.ts";
import { travel, travelValue } from "./round_trip.ts";

const max = Math.max;
const { stringify } = JSON;
const M = Math;
const C = Map;
const clone = structuredClone;
const log = console.log;
const map = Array.prototype.map;
const Page = Response;
const random = crypto;

Deno.test("standard functions, classes and objects travel under any name", () => {
  assert.equal(travel(() => max(1, 2) + M.abs(-1))(), 3);
  assert.equal(travel(() => stringify({ M }))(), '{"M":{}}');
  assert.deepEqual(travel(() => new C([[1, clone(2)]]).get(1))(), 2);
  assert.equal(travel(() => log)(), log);
  assert.deepEqual(travel(() => map.call([1], String))(), ["1"]);
  assert.equal(travel(() => Page)(), Response);
  assert.equal(travel(() => random)(), crypto);
});

Deno.test("standard functions and classes travel inside values", () => {
  assert.deepEqual(travelValue([Math.max, Map, structuredClone, Number.isInteger, Uint8Array]), [
    ...[Math.max, Map, structuredClone, Number.isInteger, Uint8Array],
  ]);
});

Deno.test("what somebody has added to a standard class is not standard", () => {
  const prototype = Array.prototype as unknown as Record<string, unknown>;
  Object.defineProperty(prototype, "duskTestLast", {
    configurable: true,
    value: function (this: unknown[]) {
      return this.at(-1);
    },
  });
  try {
    assert.equal(standardPath(prototype.duskTestLast), undefined);
  } finally {
    delete prototype.duskTestLast;
  }
});

Deno.test("every expression for a standard value gives that value", () => {
  for (const name of standardGlobals) {
    const holder = (globalThis as Record<string, unknown>)[name];
    for (const key of Object.getOwnPropertyNames(Object(holder))) {
      const value = Object.getOwnPropertyDescriptor(Object(holder), key)!.value;
      const path = standardPath(value);
      if (path !== undefined) assert.equal(new Function(`return ${path}`)(), value, path);
    }
  }
});
