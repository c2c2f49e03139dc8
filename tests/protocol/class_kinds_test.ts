/** Classes of the user's that seem to be something else. */
import assert from "node:assert/strict";
import { FakeCode } from "./fake_code.ts";

const BUILT_IN = [
  "Number",
  "String",
  "Boolean",
  "BigInt",
  "Map",
  "Set",
  "Date",
  "RegExp",
  "ArrayBuffer",
  "Error",
  "URL",
  "Blob",
  "ImageData",
];

for (const name of BUILT_IN) {
  Deno.test(`a class whose toStringTag is "${name}" travels as the class that it is`, () => {
    class Own {
      readonly content = [1, 2];
      get [Symbol.toStringTag](): string {
        return name;
      }
    }
    const code = new FakeCode();
    code.part(Own);
    const [copy, again] = code.roundTrip([new Own(), new Own()]);
    assert.ok(copy instanceof Own && again instanceof Own);
    assert.deepEqual(copy.content, [1, 2]);
  });
}

Deno.test("an array of a class stays one beside other objects of the class, and they stay as they are", () => {
  class Own {
    a = 1;
  }
  const code = new FakeCode();
  code.part(Own);
  const array = Object.setPrototypeOf([1, 2], Own.prototype);
  const [one, two, three] = code.roundTrip([array, new Own(), array.slice?.call(array) ?? array]);
  assert.ok(Array.isArray(one) && one instanceof Own && one.length === 2);
  assert.ok(!Array.isArray(two) && two instanceof Own && two.a === 1);
  assert.equal(three, one);
});
