/**
 * What files of npm packages import, as it is when functions of packages are captured: files that the
 * package exports under no name, and other packages in the versions that this program has loaded.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import "npm:ajv@8.17.1";
import "npm:chalk@5.6.2";
import "npm:d3-scale@4.0.2";
import "npm:lodash-es@4.17.21";
import "npm:zod@4.1.12";
import { ModuleBundler } from "../../../client/modules/module_bundler.ts";
import { codeOf, evaluateScript } from "./evaluate_script.ts";

const modules = new ModuleBundler();
const require = createRequire(import.meta.url);
/** The URL of a file in a package that is loaded. */
const fileOf = (name: string, path: string) => {
  const main = pathToFileURL(require.resolve(name)).href;
  const root = new RegExp(`^.*/${name}/[^/]+/`).exec(main)![0];
  return root + path;
};

Deno.test("a file that its package does not export comes as that file", async () => {
  const found = modules.resolve("./doc.js", fileOf("zod", "v4/core/schemas.js"));
  assert.deepEqual(await evaluateScript(found, (doc) => Object.keys(doc)), ["Doc"]);
  const { url, source } = codeOf(found.part);
  assert.equal(url, "npm:zod@4.1.12/v4/core/doc.js");
  assert.doesNotMatch(source, /registry\.npmjs\.org|\.cache/);
  assert.equal(
    modules.resolve("./core/doc.js", fileOf("zod", "v4/index.js")).part,
    found.part,
    "it is one module, whoever imports it",
  );
});

Deno.test("a file that a name of the package leads to is what has that name", () => {
  const byName = modules.resolve("npm:zod@4.1.12/v4/core", import.meta.url);
  const byFile = modules.resolve("../core/index.js", fileOf("zod", "v4/classic/schemas.js"));
  assert.equal(byFile.module, byName.module);
  // What only "require" leads to is another file than what is imported by the same name.
  assert.notEqual(
    modules.resolve("./index.cjs", fileOf("zod", "index.js")).module,
    modules.resolve("npm:zod@4.1.12", import.meta.url).module,
  );
});

Deno.test("a file that imports other packages has those that this program has loaded", async () => {
  const linear = fileOf("d3-scale", "src/linear.js");
  const scale = modules.resolve("./linear.js", linear);
  assert.equal(await evaluateScript(scale, (lib) => lib.default([0, 1], [0, 10])(0.5)), 5);
  // Its package.json says "2.10.0 - 3".
  const array = modules.resolve("d3-array", linear);
  assert.deepEqual(await evaluateScript(array, (lib) => lib.ticks(0, 2, 2)), [0, 1, 2]);
  assert.match(codeOf(array.part).url, /^npm:d3-array@3\.\d+\.\d+\//);
  assert.deepEqual(modules.resolve("path", linear), { module: "node:path" });
});

Deno.test("a package's own #name is the file that it stands for", async () => {
  const found = modules.resolve("#ansi-styles", fileOf("chalk", "source/index.js"));
  assert.equal(codeOf(found.part).url, "npm:chalk@5.6.2/source/vendor/ansi-styles/index.js");
  assert.equal(await evaluateScript(found, (lib) => lib.default.red.open), "\x1b[31m");
});

Deno.test("a file that has no code of its own, or another name in source maps, is found in the package", () => {
  for (
    const [name, file, inner] of [
      // It only passes on exports of another file.
      ["npm:zod@4.1.12", fileOf("zod", "v4/classic/schemas.js"), "./checks.js"],
      // Its source map says that it is a file of TypeScript.
      ["npm:ajv@8.17.1", fileOf("ajv", "dist/core.js"), "./compile/index.js"],
    ]
  ) {
    const fresh = new ModuleBundler();
    const whole = fresh.resolve(name, import.meta.url);
    const { part } = fresh.resolve(inner, file);
    const needs = part!.needs ?? [];
    assert.ok(needs.length > 0 && needs.every((need) => whole.parts!.has(need)), name);
  }
});

Deno.test("a file of a package is the same module by itself as in the package", async () => {
  for (
    const [name, file, inner] of [
      ["npm:chalk@5.6.2", fileOf("chalk", "source/index.js"), "./vendor/ansi-styles/index.js"],
      // Of hundreds of files, which are bundled as one.
      ["npm:lodash-es@4.17.21", fileOf("lodash-es", "lodash.js"), "./_baseSlice.js"],
    ]
  ) {
    const fresh = new ModuleBundler();
    const whole = fresh.resolve(name, import.meta.url);
    const found = fresh.resolve(inner, file);
    const needs = found.part!.needs ?? [];
    assert.ok(needs.length > 0 && needs.every((need) => whole.parts!.has(need)), name);
    assert.equal(await evaluateScript(found, (lib) => "default" in lib), true);
  }
});
