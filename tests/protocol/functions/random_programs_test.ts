/**
 * Random programs: what their functions give here and on the other side is the same. Few names, so that
 * many scopes bind the same one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Capture } from "../../../protocol/functions/capture.ts";
import { parseFunction } from "../../../protocol/functions/parse.ts";
import { linkerOf, TestModules } from "./round_trip.ts";

const PROGRAMS = 300;
const NAMES = ["a", "b", "c", "d"];
const CONSTANT = "Assignment to constant variable.";
/** Why a function may stay: there is no telling what it means. */
const REFUSED =
  /is not initialized yet|value cannot be seen|name that a function expression|cannot be told whether they share/;

/** Writes a program: the same one for the same number. */
class Writer {
  #state: number;
  #depth = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  #pick<T>(choices: readonly T[]): T {
    this.#state = Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5 | 0;
    const mixed = Math.imul(this.#state ^ (this.#state >>> 12), 0x297a2d39);
    return choices[((mixed ^ (mixed >>> 15)) >>> 0) % choices.length];
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
    for (let i = 0; i < count; i++) {
      statements.push(this.#statement());
      // It may declare a name that is declared already.
      if (!isProgram(`() => { ${statements.join(" ")} }`)) statements.pop();
    }
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
      () => `{ ${inner()} ${call(x)}; }`,
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
      () => `() => { ${call(x)}; return ${y}; }`,
      () => `() => ++${x} + ${y}++`,
      () => `() => { ${x} += 1; { var ${y} = ${value()}; } return { ${x}, ${y} }; }`,
      () => `({ m() { return [${x}, ${value()}]; } }).m`,
      () => `() => { const f = ${this.#function()}; return [f(), ${x}]; }`,
      () =>
        `() => { class K { ${x} = ${y}; static ${x} = ${value()}; } return [{ ...new K() }, K.${x}]; }`,
      () => `() => ({ ${x}, ${y}: ${x}, get [${y}]() { return ${x}; } })`,
      () => `() => { for (${x} of [${value()}]) ; return ${x}?.[${y}]; }`,
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
      () => call(x),
      () => `${x}++ + ${y}`,
      () => "2",
      () => "undefined",
    ])();
  }
}

/** Names are of all kinds of values. */
function call(name: string): string {
  return `(typeof ${name} === "function" ? ${name}() : ${name})`;
}

/** What a call gives, as far as it is the same wherever it happens. */
function outcome(fn: () => unknown): string {
  try {
    return JSON.stringify(
      fn(),
      (_key, value) => typeof value === "function" ? "a function" : value,
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

  // Those of one module are looked at as quickly as one of them.
  for (let seed = 0; seed < PROGRAMS; seed += 50) {
    const programs = Array.from({ length: 50 }, (_, i) => new Writer(seed + i).program())
      .filter(isProgram);
    const text = `export default [${programs.join(",\n")}];`;
    const module = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    programs.forEach((program, i) => {
      for (const fn of module.default[i]().slice(0, 10)) compare(fn, program);
    });
  }
  assert.ok(travelled > 4 * refused, `${travelled} travelled, ${refused} did not`);
});

/** V8 finds some errors only when it compiles the function that has them. */
function isProgram(text: string): boolean {
  return parseFunction(text) !== undefined;
}
