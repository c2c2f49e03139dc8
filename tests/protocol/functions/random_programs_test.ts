/**
 * Random programs: what their functions give here and on the other side is the same. Few names, so that
 * many scopes bind the same one.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { Capture } from "../../../protocol/functions/capture.ts";
import { linkerOf, TestModules } from "./round_trip.ts";

const NAMES = ["a", "b", "c", "d"];
const CONSTANT = "Assignment to constant variable.";
/** Why a function may stay: there is no telling what it means. */
const REFUSED =
  /is not initialized yet|value cannot be seen|name that a function expression|cannot be told whether they share/;

/** Writes a program as the numbers on a tape say; where it ends, all is as simple as can be. */
class Writer {
  readonly #tape: readonly number[];
  #position = 0;
  #depth = 0;

  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[(this.#tape[this.#position++] ?? 0) % choices.length];
  }

  #name(): string {
    return this.#pick(NAMES);
  }

  program(): string {
    return `() => {
      let a = 1, b = () => a++;
      const c = { k: 3 }, d = "text", out = [];
      (() => { try { ${this.statements()} } catch {} })();
      return out;
    }`;
  }

  statements(): string {
    const statements: string[] = [];
    const count = this.#depth > 3 ? 1 : 1 + this.#pick([0, 1, 2, 3]);
    this.#depth++;
    for (let i = 0; i < count; i++) statements.push(this.#statement());
    this.#depth--;
    return [...statements, `out.push(${this.#function()});`].join(" ");
  }

  #statement(): string {
    const [x, y] = [this.#name(), this.#name()];
    const value = () => this.#expression();
    const inner = () => this.statements();
    return this.#pick<() => string>([
      () => `let ${x} = ${value()};`,
      () => `const ${x} = ${value()};`,
      () => `var ${x} = ${value()};`,
      () => `${x} = ${value()};`,
      () => `{ ${inner()} }`,
      () => `let ${x} = ${value()}, ${y} = ${this.#function()};`,
      () => `function ${x}(${y}) { return ${value()}; }`,
      () => `{ ${inner()} ${x}(${value()}); }`,
      () => `(function ${x}(${y}) { ${inner()} })(${value()});`,
      () => `((${x}, ${y} = ${this.#function()}) => { ${inner()} })(${value()});`,
      () => `(({ ${x}, q: ${y} = ${value()} }) => { var ${x}; ${inner()} })({ ${x}: ${value()} });`,
      () => `for (let ${x} = 0; ${x} < 2; ${x}++) out.push(${this.#function()});`,
      () => `for (const ${x} of [${value()}]) { ${inner()} }`,
      () => `for (${x} in { key: 1 }) ${y};`,
      () => `try { throw ${value()}; } catch (${x}) { ${inner()} }`,
      () => `switch (1) { case 1: let ${x} = ${value()}; ${inner()} }`,
      () => `[${x}, ...${y}] = [${value()}, 1, 2];`,
      () => `({ ${x}, q: ${y} = ${value()} } = { ${x}: ${value()} });`,
      () => `class ${x} { [${y}]() { return ${value()}; } static s = ${value()}; f = ${value()}; }`,
      () => `${x}: for (;;) { ${inner()} break ${x}; }`,
    ])();
  }

  #function(): string {
    this.#depth++;
    const [x, y] = [this.#name(), this.#name()];
    const value = () => this.#expression();
    const made = this.#depth > 4 ? `() => ${x}` : this.#pick<() => string>([
      () => `() => [${value()}, ${x}]`,
      () => `(${x} = ${value()}) => { ${y} = ${value()}; return [${x}, ${y}]; }`,
      () => `function ${x}() { let ${y} = ${value()}; return [typeof ${x}, ${y}, ${value()}]; }`,
      () => `() => { ${x}(${value()}); return ${y}; }`,
      () => `() => ++${x} + ${y}++`,
      () => `() => { ${x} += 1; { var ${y} = ${value()}; } return { ${x}, ${y} }; }`,
      () => `({ m() { return [${x}, ${value()}]; } }).m`,
      () => `() => { const f = ${this.#function()}; return [f(), ${x}]; }`,
      () =>
        `() => { class K { ${x} = ${y}; static ${x} = ${value()}; } return [{ ...new K() }, K.${x}]; }`,
      () => `() => ({ ${x}, ${y}: ${x}, get [${y}]() { return ${x}; } })`,
      () => `() => { for (${x} of [${value()}]) ; return ${x}?.(${y}); }`,
      () => `() => { [${x}] = [${y}]; ({ ${y} } = { ${y}: ${x} }); return \`\${${x}} \${${y}}\`; }`,
      () => `() => [new ${x}().f, ${x}.s, new ${x}()[${y}]()]`,
    ])();
    this.#depth--;
    return made;
  }

  #expression(): string {
    const [x, y] = [this.#name(), this.#name()];
    return this.#pick<() => string>([
      () => "1",
      () => x,
      () => `${x} + ${y}`,
      () => `typeof ${x}`,
      () => `"${x}"`,
      () => `\`${x} \${${y}}\``,
      () => `(${this.#function()})`,
      () => `${x}?.()`,
      () => `${x}\n++\n${y}`,
      () => "2",
      () => "undefined",
    ])();
  }
}

/** What a call gives, as far as it is the same wherever it happens. */
function outcome(fn: () => unknown): string {
  try {
    return JSON.stringify(
      fn(),
      (_key, value) => typeof value === "function" ? `${value.name}()` : value,
    );
  } catch (error) {
    const { name, message } = error as Error;
    return message === CONSTANT ? CONSTANT : name;
  }
}

Deno.test("functions of random programs give the same on the other side", async () => {
  let [travelled, refused] = [0, 0];
  const capture = new Capture(new TestModules());

  /** What a function gives there; undefined: it stays. */
  const there = (fn: () => unknown, program: string): string | undefined => {
    try {
      const { part, parts } = capture.function(fn);
      travelled++;
      return outcome(linkerOf(parts).function(part) as () => unknown);
    } catch (error) {
      assert.match((error as Error).message, REFUSED, `${fn} in ${program}`);
      refused++;
      return undefined;
    }
  };
  const compare = (fn: () => unknown, program: string) => {
    // The second time, what the first has changed is seen.
    for (let round = 0; round < 2; round++) {
      const found = there(fn, program);
      const here = outcome(fn);
      // To assign to a constant is an error here, and none there.
      if (found === undefined || here === CONSTANT) return;
      // Texts of functions are those that were rewritten.
      if (!/=>|\) ?\{|class/.test(here)) assert.equal(found, here, `${fn} in ${program}`);
    }
  };

  const tape = fc.array(fc.nat(999), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.array(tape, { minLength: 20, maxLength: 40 }), async (tapes) => {
      const programs = tapes.map((tape) => new Writer(tape).program()).filter(isProgram);
      // All in one module: each costs as much to look at.
      const text = `export default [${programs.join(",\n")}];`;
      const module = await import(`data:text/javascript,${encodeURIComponent(text)}`);
      programs.forEach((program, i) => {
        for (const fn of module.default[i]()) compare(fn, program);
      });
    }),
    { numRuns: 15, seed: 1 },
  );
  assert.ok(travelled > 4 * refused, `${travelled} travelled, ${refused} did not`);
});

function isProgram(text: string): boolean {
  try {
    new Function(`"use strict"; return ${text}`);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
