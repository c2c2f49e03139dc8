/** Imports, which travel as imports. */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import * as path from "node:path";
import { getWorker, Scheduler } from "../../../mod.ts";
import { Capture } from "../../../protocol/functions/capture.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import Round, * as shapes from "./fixtures/shapes.ts";
import { Circle, count, describe, fails, increase, makeTask, tools } from "./fixtures/shapes.ts";
import { linkerOf, TestModules, travel, travelValue } from "./round_trip.ts";

const SHAPES = "./fixtures/shapes.ts";
const text = `
  class Circle {
    constructor(radius) { this.radius = radius; }
    get area() { return this.radius ** 2 * 3; }
  }
  class HiddenError extends Error {}
  let count = 0;
  return {
    Circle, HiddenError,
    describe: (circle) => "elsewhere, " + (circle instanceof Circle),
    get count() { return count; },
    increase: () => ++count,
    tools: { twice: (x) => 2 * x },
    default: Circle,
  };
`;
const modules = () => new TestModules({ [SHAPES]: text });

Deno.test("what a module imports travels as the import", () => {
  const fn = () => [describe(new Circle(2)), increase(), count, shapes.tools.twice(4)];
  assert.deepEqual(travel(fn, modules())(), ["elsewhere, true", 1, 1, 8]);
  assert.equal(count, 0);
  const { part, parts } = new Capture(modules()).function(fn);
  const needs = parts.get(part)!.needs!;
  assert.equal(needs.length, 1);
  assert.match(needs[0], /^m/);
  assert.ok(parts.has(needs[0]));
});

Deno.test("specifiers are resolved from the module that has them", () => {
  const known = modules();
  travel(() => Circle, known);
  assert.deepEqual(known.asked[0], [SHAPES, import.meta.url]);
});

Deno.test("built-in modules travel by their names", () => {
  const fn = () => [createHash("md5").update("a").digest("hex"), path.posix.join("a", "b")];
  assert.deepEqual(travel(fn)(), fn());
  const [uuid, base] = travelValue([randomUUID, () => path.posix.basename("/a/b")] as const);
  assert.equal(uuid, randomUUID);
  assert.equal(base(), "b");
});

const posix = { ...path.posix, nested: path.win32.basename };

Deno.test("functions of imported objects are known wherever they are", () => {
  const fn = () => [posix.basename("/a/b"), posix.nested("c\\d")];
  assert.deepEqual(travel(fn)(), fn());
  const own = { double: tools.twice };
  assert.equal(travel(() => own.double(2), modules())(), 4);
});

const circle = new Circle(1);

Deno.test("an instance of an imported class is of the import's class", () => {
  const fn = () => [circle instanceof Circle, circle.area, Round === Circle];
  assert.deepEqual(travel(fn, modules())(), [true, 3, true]);
});

Deno.test("arguments are of the classes that the function's module imports", () => {
  const capture = new Capture(modules());
  const fn = (value: unknown) => value instanceof Circle;
  const { part, parts } = capture.function(fn);
  const writer = capture.writer(fn);
  const args = serialize([circle], { code: writer });
  const linker = linkerOf(new Map([...parts, ...writer.parts]));
  assert.equal(linker.function(part)(...deserialize(args, { code: linker }) as []), true);
});

Deno.test("and so they are of a function that uses no import itself", () => {
  const capture = new Capture(modules());
  const writer = capture.writer((value: unknown) => value);
  serialize(circle, { code: writer });
  assert.deepEqual(writer.needs.map(([letter]) => letter), ["m"]);
});

class Ring extends Circle {
  inner = 1;
  override get area() {
    return super.area - this.inner;
  }
}

Deno.test("a class that extends an imported one travels", () => {
  const fn = () => [new Ring(2).area, new Ring(2) instanceof Circle];
  assert.deepEqual(travel(fn, modules())(), [11, true]);
});

Deno.test("a function that another module made has that module's imports", () => {
  const task = makeTask();
  assert.equal(travel(task)("b"), path.join("a", "b!"));
  assert.equal(travel(() => task("c"))(), path.join("a", "c!"));
});

Deno.test("import() in a function finds modules from where it was written", async () => {
  const known = modules();
  const fn = async () => {
    const { Circle } = await import("./fixtures/shapes.ts");
    const { basename } = await import("node:path");
    return [new Circle(1).area, basename("/a/b")];
  };
  assert.deepEqual(await travel(fn, known)(), [3, "b"]);
  assert.deepEqual(known.asked.map(([specifier]) => specifier), [SHAPES, "node:path"]);
});

Deno.test("uploaded modules and computed specifiers are looked for when the function runs", () => {
  const known = new TestModules({}, ["tools"]);
  new Capture(known).function(new Function("name", "return [import('tools'), import(name)]"));
  assert.deepEqual(known.asked, []);
});

Deno.test("Dusk itself is the thread's, and has what a task can use", () => {
  assert.equal(travel(() => getWorker())(), "this worker" as unknown);
  assert.throws(
    () => travel(() => Scheduler),
    /uses "Scheduler" of Dusk, which is not there in a task; a task has .*getWorker/,
  );
});

Deno.test("what a module is refused for is said for the function that imports it", () => {
  assert.throws(() => travel(() => describe(circle)), {
    name: "FunctionError",
    message: 'there is no module "./fixtures/shapes.ts" in this test',
  });
});

Deno.test("what comes back is of the classes that this program imports", () => {
  const capture = new Capture(modules());
  const { part, parts } = capture.function((radius: number) => new Circle(radius));
  const linker = linkerOf(parts);
  const made = linker.function(part)(3);
  const known = linker.codeOf(made.constructor)!;
  const result = serialize(made, {
    code: {
      describe: () => known.form,
      describeClass: () => known.form,
      registration: () => undefined,
    },
  });
  const back = deserialize(result, { code: capture.reader() });
  assert.ok(back instanceof Circle);
  assert.equal(back.area, 27);
});

Deno.test("a class that is not imported by its name is found beside what is", () => {
  const capture = new Capture(modules());
  const { parts } = capture.function(() => increase());
  const module = [...parts.keys()].find((name) => name.startsWith("m"))!;
  const found = capture.reader().import(module, "HiddenError") as typeof Error;
  assert.equal(found.name, "HiddenError");
  assert.ok(fails() instanceof found);
  assert.equal(capture.reader().import(module, "nothing"), undefined);
});
