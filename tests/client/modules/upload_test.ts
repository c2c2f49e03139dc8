/**
 * Files and folders as modules that tasks import by name.
 */
import assert from "node:assert/strict";
import { ModuleBundler } from "../../../client/modules/module_bundler.ts";
import type { Upload } from "../../../client/modules/upload.ts";
import type { ResolvedModule } from "../../../protocol/functions/modules.ts";
import { evaluateScript } from "./evaluate_script.ts";
import { withFolder } from "./folder.ts";

const modules = new ModuleBundler();

/** A module of an upload, by its name. */
function moduleOf({ modules, parts }: Upload, name: string): ResolvedModule {
  return { module: modules[name], parts: new Map(Object.entries(parts)) };
}

Deno.test("a file is known by its name, with and without its extension", async () => {
  await withFolder({
    "table.ts": `import { a } from "./inner.ts"; export const lookUp = (): number => a;`,
    "inner.ts": `export const a = 1;`,
  }, async (path) => {
    assert.ok(!modules.isUploaded("table"));
    const upload = modules.bundleUpload(`${path}/table.ts`);
    const part = upload.modules.table;
    assert.deepEqual(upload.modules, { "table": part, "table.ts": part });
    assert.equal(Object.keys(upload.parts).length, 2);
    assert.equal(await evaluateScript(moduleOf(upload, "table"), (table) => table.lookUp()), 1);
    for (const name of ["table", "table.ts"]) assert.ok(modules.isUploaded(name));
    assert.ok(!modules.isUploaded("inner"));
  });
});

Deno.test("a file is bundled as it is at the time", async () => {
  await withFolder({ "lib.ts": `export const a = 1;` }, async (path, url) => {
    const first = modules.bundleUpload(new URL(url("lib.ts")));
    await Deno.writeTextFile(`${path}/lib.ts`, `export const a = 2;`);
    const second = modules.bundleUpload(url("lib.ts"));
    assert.notEqual(second.modules.lib, first.modules.lib);
    assert.equal(await evaluateScript(moduleOf(second, "lib"), (lib) => lib.a), 2);
  });
});

Deno.test("a folder is known by its name, and its files by theirs in it", async () => {
  await withFolder({
    "shapes/mod.ts": `export { area } from "./area.ts"; export const name = "mod";`,
    "shapes/main.ts": `export const name = "main";`,
    "shapes/area.ts": `export const area = (r: number): number => r * r;`,
    "shapes/deep/a.mjs": `export const deep = 1;`,
    "shapes/mod_test.ts": `import "./gone.ts";`,
    "shapes/types.d.ts": `export type A = 1;`,
    "shapes/data.json": `{}`,
    "shapes/.hidden/a.ts": `import "./gone.ts";`,
    "shapes/node_modules/a/a.ts": `import "./gone.ts";`,
  }, async (path) => {
    const upload = modules.bundleUpload(`${path}/shapes/`);
    assert.deepEqual(Object.keys(upload.modules).sort(), [
      "shapes",
      "shapes/area",
      "shapes/area.ts",
      "shapes/deep/a",
      "shapes/deep/a.mjs",
      "shapes/main",
      "shapes/main.ts",
      "shapes/mod",
      "shapes/mod.ts",
    ]);
    assert.equal(upload.modules.shapes, upload.modules["shapes/mod"]);
    assert.equal(Object.keys(upload.parts).length, 4);
    assert.equal(await evaluateScript(moduleOf(upload, "shapes"), (shapes) => shapes.area(3)), 9);
  });
});

Deno.test("a folder without an entry has its files only", async () => {
  await withFolder({ "lib/a.js": `export const a = 1;` }, (path) => {
    assert.deepEqual(Object.keys(modules.bundleUpload(`${path}/lib`).modules).sort(), [
      "lib/a",
      "lib/a.js",
    ]);
  });
});

Deno.test("what cannot be uploaded is refused by name", async () => {
  await withFolder({
    "empty/data.json": `{}`,
    "twice/a.ts": `export const a = 1;`,
    "twice/a.js": `export const a = 1;`,
    "data.csv": `a,b`,
    "wrong.ts": `export const here = () => import.meta.url;`,
  }, (path) => {
    const refused = (upload: string | URL, message: RegExp) =>
      assert.throws(() => modules.bundleUpload(upload), { name: "FunctionError", message });
    refused(`${path}/gone.ts`, /^cannot upload .*gone\.ts: there is no such file or folder$/);
    refused(
      `${path}/empty`,
      /^cannot upload .*empty: there is no TypeScript or JavaScript file in/,
    );
    refused(
      `${path}/twice`,
      /^cannot upload .*a\.js and .*a\.ts: both would be "twice\/a" in tasks; rename one$/,
    );
    refused(
      `${path}/data.csv`,
      /^cannot upload .*data\.csv: it is no TypeScript or JavaScript; pass/,
    );
    refused(`${path}/wrong.ts`, /^wrong\.ts:1 uses import\.meta\.url/);
    refused("", /^uploadFile takes a path or a file: URL, not ""$/);
    refused(new URL("https://a.invalid/x.ts"), /^uploadFile takes a path .*, not https:/);
    refused(new URL("../../../mod.ts", import.meta.url), /is Dusk itself, which tasks have anyway/);
    assert.ok(!modules.isUploaded("wrong"));
  });
});
