import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Capture, type ResolvedModule } from "../../../protocol/functions/capture.ts";
import { ImportReference } from "../../../protocol/functions/definition.ts";
import { serialize } from "../../../protocol/values.ts";
import { TestModules } from "./round_trip.ts";

/** Has a package as the bundler makes it. */
class Packages extends TestModules {
  constructor(readonly text: string) {
    super();
  }
  override resolve(): ResolvedModule {
    const source = `(function($builtin,$meta){"use strict";var __export;\n${this.text}\n})`;
    return { module: "m00000000000000000000000000000000", part: { code: serialize({ source }) } };
  }
}

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

const HIDDEN =
  /args\[0\]\.inner: the class Lid is of the package npm:box@1\.0\.0, which does not export it; make .* inside the task/;

Deno.test("a class that an ES package keeps to itself is refused, with the way to it", async () => {
  const text = "export class Lid {}\nexport class Box { inner = new Lid(); }";
  await withPackage("npm/registry.npmjs.org/box/1.0.0/box.mjs", text, async (path) => {
    const { Box, Lid } = await import(pathToFileURL(path).href);
    const code = new Capture(new Packages(esModule)).writer();
    assert.deepEqual(code.describe(Box), {
      type: "import",
      reference: new ImportReference("m00000000000000000000000000000000", "Box"),
    });
    assert.throws(() => serialize({ inner: new Lid() }, { code, name: "args[0]" }), HIDDEN);
    assert.throws(() => serialize(new Box(), { code, name: "args[0]" }), HIDDEN);
    // What is exported again of a CommonJS module shows only when it runs.
    const again = esModule.replace("class Box", "__reExport(box_exports, other);\nclass Box");
    assert.equal(new Capture(new Packages(again)).writer().describe(Lid).type, "import");
  });
});

Deno.test("and so is one of a CommonJS package", async () => {
  const text = `class Lid {}
    class Box { constructor() { this.inner = new Lid(); } }
    module.exports = Box;
    module.exports.Named = class Named {};`;
  const file = "node_modules/.deno/box@1.0.0/node_modules/box/index.js";
  await withPackage(file, text, (path) => {
    const Box = createRequire(path)(path);
    const code = new Capture(new Packages(commonJs)).writer();
    const importOf = (name: string) => ({
      type: "import",
      reference: new ImportReference("m00000000000000000000000000000000", name),
    });
    assert.deepEqual(code.describe(Box.Named), importOf("Named"));
    assert.deepEqual(code.describe(Box), importOf("default"));
    assert.throws(() => serialize(new Box(), { code, name: "args[0]" }), HIDDEN);
  });
});
