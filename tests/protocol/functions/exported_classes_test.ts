/** Classes that a module exports, which are one wherever they are met. */
import assert from "node:assert/strict";
import { Capture, type ResolvedModule } from "../../../protocol/functions/capture.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import { isPoint, makeHidden, makeMoved, makePoint, Point, Secret } from "./fixtures/points.ts";
import { linkerOf, TestModules } from "./round_trip.ts";

const POINTS = "./fixtures/points.ts";
const url = new URL(POINTS, import.meta.url).href;
const text = `
  class Point {
    constructor(x) { this.x = x; }
    static is(value) { return value instanceof Point; }
  }
  class Moved extends Point {}
  class Secret { constructor(value) { this.value = value; } }
  return { Point, Moved, Secret };
`;
/** The module is one, whether it is asked for by its importer or by its URL. */
class PointModules extends TestModules {
  readonly sources: string[] = [url];
  constructor() {
    super({ [POINTS]: text });
  }
  override resolve(specifier: string, referrer: string): ResolvedModule {
    const resolved = super.resolve(specifier === url ? POINTS : specifier, referrer);
    const origin = serialize({ sources: this.sources, mappings: "" });
    return { ...resolved, part: { ...resolved.part!, origin } };
  }
}

/** Run functions in one thread, each with what the one before gave. */
function chain(modules: TestModules, ...functions: AnyFunction[]): unknown {
  const capture = new Capture(modules);
  const captured = functions.map((fn) => capture.function(fn));
  const linker = linkerOf(new Map(captured.flatMap(({ parts }) => [...parts])));
  return captured.reduce((value: unknown, { part }) => linker.function(part)(value), 1);
}

Deno.test("a class that a module exports is one, in its functions and those that import it", () => {
  const imports = (value: unknown) => value instanceof Point;
  for (const know of [imports, isPoint, Point.is]) {
    assert.equal(chain(new PointModules(), makePoint, know), true);
    assert.equal(chain(new PointModules(), makeMoved, know), true);
    assert.equal(chain(new PointModules(), (x: number) => new Point(x), know), true);
  }
});

Deno.test("its instances are of that class in any value, whatever was sent before", () => {
  const values = [new Point(1), makeMoved(2), Point, [makePoint], new Secret(1)];
  for (const list of [values, values.toReversed()]) {
    const capture = new Capture(new PointModules());
    const writer = capture.writer();
    const sent = list.map((value) => serialize(value, { code: writer }));
    const { part, parts } = capture.function((value: unknown) => [
      value instanceof Point || value === Point,
      value instanceof Secret,
    ]);
    const linker = linkerOf(new Map([...parts, ...writer.parts]));
    const known = sent.map((one) => linker.function(part)(deserialize(one, { code: linker })));
    assert.deepEqual(list === values ? known : known.toReversed(), [
      [true, false],
      [true, false],
      [true, false],
      [false, false],
      [false, true],
    ]);
    assert.deepEqual(writer.needs.filter((name) => name.startsWith("c")), []);
  }
});

Deno.test("a class that its module keeps to itself travels by value", () => {
  const capture = new Capture(new PointModules());
  const { parts } = capture.function(makeHidden);
  assert.deepEqual([...parts.keys()].map(([letter]) => letter), ["f", "c"]);
});

Deno.test("where the module cannot be sent its classes travel by value", () => {
  const modules = new TestModules();
  assert.equal(chain(modules, makePoint, isPoint), true);
  assert.equal(chain(modules, makePoint, Point.is), true);
  const capture = new Capture(modules);
  modules.asked.length = 0;
  const writer = capture.writer();
  for (const value of [new Point(1), makeMoved(1), Point]) serialize(value, { code: writer });
  assert.deepEqual(modules.asked, [[url, url]]);
});

Deno.test("so they do as arguments of a function whose module imports them", () => {
  const modules = new TestModules();
  const writer = new Capture(modules).writer((value: unknown) => value);
  for (let i = 0; i < 3; i++) serialize([new Point(i), makeMoved(i)], { code: writer });
  assert.deepEqual(writer.needs.map(([letter]) => letter), ["c", "c"]);
  assert.deepEqual(modules.asked, [[POINTS, import.meta.url], [url, url]]);
});

Deno.test("a module that imports the main module is not run for its classes", () => {
  const modules = new PointModules();
  modules.sources.push(Deno.mainModule);
  const { parts } = new Capture(modules).function(makePoint);
  assert.deepEqual([...parts.keys()].map(([letter]) => letter), ["f", "c"]);
});

Deno.test("a result of such a class is of this program's class", () => {
  const capture = new Capture(new PointModules());
  const { part, parts } = capture.function(makePoint);
  const linker = linkerOf(parts);
  const point = linker.function(part)(7);
  const { form } = linker.codeOf(point.constructor)!;
  const result = serialize(point, {
    code: { describe: () => form, describeClass: () => form, registration: () => undefined },
  });
  const read = deserialize(result, { code: capture.reader() });
  assert.ok(read instanceof Point);
  assert.equal(read.x, 7);
});
