/** Functions of CommonJS modules: what is around them there and in no other place. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { SerializationError } from "../../../protocol/values.ts";
import { travel } from "./round_trip.ts";

// deno-lint-ignore no-explicit-any
type AnyFunction = (...args: any[]) => unknown;

const text = `
const other = require("./other.js");
var root = typeof global === "object" && global;
exports.eager = (x) => other.twice(x);
exports.root = () => root === globalThis && root.Math.abs(-1);
exports.lazy = (x) => require("./other.js").twice(x);
exports.place = () => [__filename];
exports.folder = () => [__dirname];
exports.main = () => module.id;
exports.self = () => this.eager(1);
`;

/** Run `body` with what a module in a package exports. */
async function withModule(
  body: (exports: Record<string, AnyFunction>) => void,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const inPackage = join(folder, "npm/registry.npmjs.org/box/1.2.0");
  try {
    await Deno.mkdir(inPackage, { recursive: true });
    await Deno.writeTextFile(join(inPackage, "package.json"), `{ "main": "index.js" }`);
    await Deno.writeTextFile(join(inPackage, "other.js"), "exports.twice = (x) => 2 * x;");
    await Deno.writeTextFile(join(inPackage, "index.js"), text);
    body(createRequire(join(inPackage, "index.js"))("./index.js"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what a CommonJS module has required travels with its functions", async () => {
  await withModule(({ eager, root }) => {
    assert.equal(travel((x: number) => eager(x))(4), 8);
    assert.equal(travel(() => root())(), 1);
  });
});

Deno.test("what only that module has is refused, with the way to it and the package", async () => {
  await withModule((box) => {
    const refusals: Record<string, [path: string, reason: RegExp]> = {
      lazy: ["fn → run → require", /^function require is native/],
      place: ["fn → run", /uses __filename, and on a worker/],
      folder: ["fn → run", /uses __dirname, and on a worker/],
      main: ["fn → run → module", /Module is Deno's own/],
      self: ["fn → run", /uses "this" of the code around it/],
    };
    for (const [name, [path, reason]] of Object.entries(refusals)) {
      const run = box[name];
      assert.throws(() => travel(() => run()), (error) => {
        assert.ok(error instanceof SerializationError);
        assert.equal(error.path, path);
        assert.match(error.reason, reason);
        assert.match(error.reason, /; it is inside of an object of npm:box@1\.2\.0: make that /);
        return true;
      });
    }
  });
});
