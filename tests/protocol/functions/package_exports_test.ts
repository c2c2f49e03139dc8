/** Classes inside of packages, by what exports them. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Capture, type ResolvedModule } from "../../../protocol/functions/capture.ts";
import { ImportReference } from "../../../protocol/functions/definition.ts";
import { serialize } from "../../../protocol/values.ts";
import { TestModules, travelValue } from "./round_trip.ts";

/** Has a package as the bundler makes it, and each of its files. */
class Packages extends TestModules {
  constructor(readonly text: string) {
    super();
  }
  override resolve(specifier: string): ResolvedModule {
    if (specifier.startsWith("file:")) return { module: FILE };
    const source = `(function($builtin,$meta){"use strict";var __export;\n${this.text}\n})`;
    return { module: PACKAGE, part: { code: serialize({ source }) } };
  }
}

const PACKAGE = "m00000000000000000000000000000000";
const FILE = "m11111111111111111111111111111111";
const importOf = (module: string, name: string) => ({
  type: "import",
  reference: new ImportReference(module, name),
});
const esModule = `var box_exports = {};
__export(box_exports, {
  Box: () => Box,
  "odd name": () => odd
});
class Box {}
var odd = 1;
return box_exports;
`;
const commonJs = `var module = __toESM(require_box());
return module;
`;

/** Run `body` with the path of a file in a package. */
async function withPackage(
  file: string,
  text: string,
  body: (path: string) => Promise<void> | void,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const path = join(folder, file);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, text);
    await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a class of an ES package is what the package exports, or else its file", async () => {
  const text = `export class Box { inner = new Lid(); }
    class Lid {}
    let Latest = class {};
    export { Lid as Cover, Latest };
    class Hidden { size = 2; }
    export const hidden = new Hidden();
    export const change = (cls) => Latest = cls;`;
  await withPackage("npm/registry.npmjs.org/box/1.0.0/box.mjs", text, async (path) => {
    const { Box, Cover, Latest, hidden } = await import(pathToFileURL(path).href);
    const code = new Capture(new Packages(esModule)).writer();
    assert.deepEqual(code.describe(Box), importOf(PACKAGE, "Box"));
    assert.deepEqual(code.describe(Cover), importOf(FILE, "Cover"));
    // What the file exports can be another class by then, or there.
    assert.equal(code.describe(Latest).type, "class");
    assert.deepEqual(travelValue({ hidden }, new Packages(esModule)).hidden.size, 2);
    // What is exported again of a CommonJS module shows only when it runs.
    const again = esModule.replace("class Box", "__reExport(box_exports, other);\nclass Box");
    const other = new Capture(new Packages(again)).writer();
    assert.deepEqual(other.describe(Box), importOf(FILE, "Box"));
  });
});

Deno.test("so is a class of a CommonJS package, and one that no file exports is refused", async () => {
  const text = `class Lid {}
    class Box { constructor() { this.inner = new Lid(); } }
    module.exports = Box;
    module.exports.Named = class Named {};
    module.exports.other = require("./other.js");`;
  const folder = "node_modules/.deno/box@1.0.0/node_modules/box";
  await withPackage(`${folder}/index.js`, text, async (path) => {
    await Deno.writeTextFile(
      join(path, "../other.js"),
      `exports.__esModule = true;
      exports.Other = class Other {};
      exports.default = class Main {};
`,
    );
    const Box = createRequire(path)(path);
    const code = new Capture(new Packages(commonJs)).writer();
    assert.deepEqual(code.describe(Box.Named), importOf(PACKAGE, "Named"));
    assert.deepEqual(code.describe(Box), importOf(PACKAGE, "default"));
    assert.deepEqual(code.describe(Box.other.Other), importOf(FILE, "Other"));
    assert.deepEqual(code.describe(Box.other.default), importOf(FILE, "default"));
    assert.throws(
      () => serialize(new Box(), { code, name: "args[0]" }),
      /args\[0\]\.inner: the class Lid is of the package npm:box@1\.0\.0, and none of its files exports it; .* make that object in the task/,
    );
  });
});

Deno.test("what a package holds and cannot travel is refused with the name of the package", async () => {
  const text = `const secret = Symbol("secret");
    export const hold = (held) => () => held ?? secret;`;
  await withPackage("npm/registry.npmjs.org/@a/box/1.0.0/box.mjs", text, async (path) => {
    const { hold } = await import(pathToFileURL(path).href);
    const says = (value: unknown, expected: string) => {
      const code = new Capture(new Packages(esModule)).writer();
      assert.throws(() => serialize(value, { code, name: "x" }), { reason: expected });
    };
    const inPackage =
      "it is inside of an object of npm:@a/box@1.0.0: make that object in the task, " +
      "or in a module that the function imports, or send plain data";
    says(
      { held: hold() },
      `Symbol(secret) does not travel, it is a symbol that no other program has; ${inPackage}`,
    );
    const bound = says.bind(null);
    says(hold(bound), `bound says was made with bind and has no source to send; ${inPackage}`);
    // What is wrong with the program's own functions is for the program to put right.
    const own = new WeakRef({});
    says(
      hold(() => own),
      "a WeakRef does not travel, what it holds cannot be listed; send a plain value instead",
    );
  });
});
