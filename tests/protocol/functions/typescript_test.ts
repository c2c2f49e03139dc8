/** What TypeScript makes of its own constructs. */
import assert from "node:assert/strict";
import { travel } from "./round_trip.ts";

enum Color {
  Red,
  Green = "green",
  Blue = 4,
}
const enum Size {
  Small = 1,
}
// deno-lint-ignore no-namespace -- what is tested
namespace Geometry {
  export const factor = 3;
  export function area(side: number): number {
    return side * side * factor;
  }
}
// deno-lint-ignore no-namespace -- what is tested
namespace Geometry {
  export const twice = (side: number) => 2 * Geometry.area(side);
}
abstract class Base {
  protected constructor(protected readonly id: number, public tag = "t") {}
  abstract describe(): string;
}
class Item extends Base {
  declare later: string;
  private hidden = 1;
  constructor(id: number) {
    super(id);
  }
  describe() {
    return `${this.id}${this.tag}${this.hidden}`;
  }
}

Deno.test("enums travel", () => {
  assert.deepEqual(travel(() => [Color.Red, Color[4], Color.Green, Size.Small])(), [
    ...[0, "Blue", "green", 1],
  ]);
});

Deno.test("enums inside of functions travel", () => {
  enum Local {
    One = 1,
  }
  assert.deepEqual(travel(() => [Local.One, Local[1]])(), [1, "One"]);
});

Deno.test("namespaces travel", () => {
  assert.deepEqual(travel((n: number) => [Geometry.area(n), Geometry.twice(n)])(2), [12, 24]);
});

Deno.test("abstract classes and parameter properties travel", () => {
  assert.equal(travel(() => new Item(5).describe())(), "5t1");
});
