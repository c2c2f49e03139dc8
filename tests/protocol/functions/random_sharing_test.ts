/**
 * Random programs whose functions and classes have objects in common: whatever a function can reach is
 * the same object in the same places there as here, in a thread that runs all of them in turn.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { linkerOf, TestModules } from "./round_trip.ts";

const PROGRAMS = 40;
const FUNCTIONS = 3;
/** The superclass holds an instance of the class. */
const REFUSED = /needed before it is complete/;

/** Writes a program: the same one for the same seed. */
function program(seed: number): string {
  const random = new SeededRandom(seed);
  const below = (n: number) => random.integer(0, n - 1);
  const pick = <T>(choices: readonly T[]) => random.pick(choices);
  const some = (names: readonly string[], least: number) => {
    return Array.from({ length: least + below(3) }, () => pick(names)).join(", ");
  };
  const objects = ["o0", "o1", "o2", "o3"].slice(below(3));
  const helpers = ["h0", "h1", "h2"].slice(below(4));
  const classes = ["K0", "K1", "K2", "K3"].slice(0, 1 + below(4));
  const values = [...objects, ...helpers];
  const lines = [
    ...objects.map((o) => `const ${o} = ${pick(["{}", "[]", "new Map()", "new Date(0)"])};`),
    ...helpers.map((h) => {
      const held = below(3) > 0 ? `${pick(objects)}, ${pick(objects)}` : "";
      return `const ${h} = () => [${held}];`;
    }),
    ...classes.map((cls, i) => {
      const parent = i > 0 && below(3) === 0 ? ` extends ${classes[below(i)]}` : "";
      const other = below(4) === 0 ? `, ${pick(classes)}` : "";
      const kept = below(4) === 0 ? `static kept = ${pick(values)};` : "";
      return `class ${cls}${parent} { get${cls}() { return [${
        some(values, 1)
      }${other}]; } ${kept} }`;
    }),
    ...objects.filter(() => below(2) === 0).map((o) => {
      const value = below(4) === 0 ? `new ${pick(classes)}()` : pick(values);
      return `if ([Object, Array].includes(${o}.constructor)) ${o}.next = ${value};`;
    }),
  ];
  const functions = Array.from({ length: FUNCTIONS }, () => {
    const used = classes.filter(() => below(3) > 0);
    const getters = classes.map((cls) => `"get${cls}"`);
    return `() => {
      const all = [${some(values, 0)}];
      for (const cls of [${used}]) {
        all.push(cls, new cls().constructor, ...cls.kept ? [cls.kept] : []);
        for (const get of [${getters}]) all.push(...new cls()[get]?.() ?? []);
      }
      for (let steps = 0; steps < 3; steps++) {
        for (const one of [...new Set(all)]) {
          if (one.next) all.push(one.next, one.next.constructor);
          if (/^h/.test(one.name)) all.push(...one());
        }
      }
      return all.map((one) => all.indexOf(one));
    }`;
  });
  return `${lines.join("\n")}\nreturn [${functions.join(",\n")}];`;
}

Deno.test("random programs: what is one object here is one object there", () => {
  let refused = 0;
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const text = program(seed);
    const functions: (() => number[])[] = new Function(text)();
    const capture = new Capture(new TestModules());
    const linker = linkerOf(new Map());
    for (const fn of [...functions, ...functions.toReversed()]) {
      let captured;
      try {
        captured = capture.function(fn);
      } catch (error) {
        assert.match((error as Error).message, REFUSED, text);
        refused++;
        continue;
      }
      for (const [name, part] of captured.parts) {
        if (!linker.has(name)) linker.learn(name, part);
      }
      const live = linker.function(captured.part);
      linker.use(live);
      assert.deepEqual(live(), fn(), `${fn} in ${text}`);
    }
  }
  assert.ok(refused < PROGRAMS, `${refused} functions did not travel`);
});
