/** What TypeScript adds to JavaScript, as Deno compiles it. */
import { gallery } from "./gallery.ts";
import type { Reading } from "./fixtures/readings.ts";
import { isReading, Quality, type Sensor } from "./fixtures/readings.ts";

enum Direction {
  North,
  East = 5,
  South,
}
enum Color {
  Red = "red",
  Blue = "blue",
}
enum Mixed {
  No = 0,
  Yes = "yes",
  Shifted = 1 << 3,
}
const enum Level {
  Low = 1,
  High = 10,
}
declare const ambient: { never: true };

// deno-lint-ignore no-namespace
namespace Geometry {
  export const unit = "cm";
  let calls = 0;
  export function area(a: number, b: number) {
    calls++;
    return `${a * b} ${unit}²`;
  }
  export const count = () => calls;
  // deno-lint-ignore no-namespace
  export namespace Solid {
    export const volume = (a: number) => a ** 3 + unit;
  }
}
// deno-lint-ignore no-namespace
namespace Geometry {
  export const more = () => Geometry.area(1, 1);
}

function traced<This, Args extends unknown[], R>(
  method: (this: This, ...args: Args) => R,
  context: ClassMethodDecoratorContext,
) {
  return function (this: This, ...args: Args): R {
    const result = method.apply(this, args);
    calls.push(`${String(context.name)}(${args.join()}) = ${result}`);
    return result;
  };
}
function named<C extends abstract new (...args: never[]) => object>(
  cls: C,
  context: ClassDecoratorContext,
) {
  Object.defineProperty(cls, "label", { value: `class ${context.name}` });
}
function doubled(_: undefined, _context: ClassFieldDecoratorContext) {
  return (initial: number) => initial * 2;
}
const calls: string[] = [];

@named
class Meter {
  declare static readonly label: string;
  @doubled
  factor = 2;
  accessor level = 1;

  get calls() {
    return calls;
  }
  @traced
  read(value: number) {
    return value * this.factor;
  }
}

function identity<T extends { id: number }>(value: T): T & { seen: true } {
  return { ...value, seen: true as const };
}
function overloaded(x: number): number;
function overloaded(x: string): string;
function overloaded(x: unknown) {
  return typeof x === "number" ? x + 1 : `${x}!`;
}
class Box<T> {
  declare readonly hint?: string;
  value!: T;
  constructor(protected readonly initial: T, public label = "box") {
    this.value = initial;
  }
  map<U>(f: (value: T) => U): Box<U> {
    return new Box(f(this.value), this.label);
  }
}
const config = { mode: "fast", sizes: [1, 2] } as const satisfies {
  mode: string;
  sizes: readonly number[];
};
const reading: Reading = { sensor: "a", value: 3 };

gallery("TypeScript", {
  "a numeric enum, both ways": () => [Direction.South, Direction[5], Direction],
  "an enum of texts": [(color: Color) => color === Color.Blue, Color.Blue],
  "an enum of both": () => [Mixed.Yes, Mixed[8], Object.keys(Mixed)],
  "a const enum": () => [Level.Low, Level.High],
  "a namespace, merged and nested": () => [
    Geometry.area(2, 3),
    Geometry.more(),
    Geometry.count(),
    Geometry.Solid.volume(2),
  ],
  "decorators, and an auto-accessor": [
    (value: number) => [
      new Meter().read(value),
      ++new Meter().level,
      new Meter().calls,
      Meter.label,
    ],
    7,
  ],
  "generics": [identity<{ id: number }>, { id: 1 }],
  "overloads": () => [overloaded(1), overloaded("one")],
  "a generic class with parameter properties": () => {
    const box = new Box(2).map((x) => `${x}`);
    return [box, Object.keys(box), "hint" in box];
  },
  "as const, satisfies and assertions": () => [config.sizes[1], (config as { mode: string }).mode!],
  "names that are types only": [
    (value: Reading, sensor: Sensor): value is Reading => isReading(value) && sensor === "a",
    reading,
    "a",
  ],
  "an enum of another module": () => [Quality.Good, Quality[1]],
  "a declaration that has no code": () => typeof ambient,
});
