/**
 * Modules that several others import: one part each, with the same name in every bundle, and nothing that
 * is not imported.
 */
import assert from "node:assert/strict";
import { runBundler } from "../../../client/modules/bundle_process.ts";
import { ModuleBundler } from "../../../client/modules/module_bundler.ts";
import { packageFile, portableNames } from "../../../client/modules/module_names.ts";
import type { ResolvedModule } from "../../../protocol/functions/modules.ts";
import { codeOf, evaluateScript } from "./evaluate_script.ts";
import { withFolder } from "./folder.ts";

const shape =
  `export class Shape {} export let made = 0; export const make = () => (made++, new Shape());`;
const circle = `import { made, make, Shape } from "./shape.ts";
  export class Circle extends Shape {}
  export const count = () => { make(); return made; };`;

/** The names of the files whose modules a module comes with. */
function filesOf({ parts }: ResolvedModule): string[] {
  return [...new Set([...parts!.values()].map((part) => codeOf(part).url))].sort();
}

Deno.test("a module that others import is one part, with its name in every bundle", async () => {
  const files = { "shape.ts": shape, "circle.ts": circle };
  await withFolder({ ...files, "main.ts": `import "./circle.ts";` }, async (_, url) => {
    const modules = new ModuleBundler();
    const byCircle = modules.resolve("./circle.ts", url("main.ts"));
    const byItself = modules.resolve("./shape.ts", url("main.ts"));
    assert.ok(byCircle.parts!.has(byItself.module));
    assert.equal(byCircle.parts!.size, 2);
    // Alone, first, and after others.
    const alone = new ModuleBundler().resolve("./shape.ts", url("other.ts"));
    assert.equal(alone.module, byItself.module);
    const used = await evaluateScript(byCircle, (lib) => [lib.count(), lib.count()]);
    assert.deepEqual(used, [1, 2]);
  });
});

Deno.test("what else the program imports changes no name", async () => {
  const rest = `export { Circle } from "./circle.ts"; export { nanoid } from "npm:nanoid@5.1.6";
    export const late = () => import("./shape.ts"); export * as shape from "./shape.ts";`;
  const files = { "shape.ts": shape, "circle.ts": circle, "rest.ts": rest };
  await withFolder({
    ...files,
    "one.ts": `import "./circle.ts";`,
    "two.ts": `import "./rest.ts"; import "./circle.ts"; import "./shape.ts";`,
  }, (_, url) => {
    const one = new ModuleBundler().resolve("./circle.ts", url("one.ts"));
    const two = new ModuleBundler().resolve("./circle.ts", url("two.ts"));
    assert.equal(two.module, one.module);
    assert.deepEqual([...two.parts!.keys()], [...one.parts!.keys()]);
  });
});

Deno.test("modules that import each other have the same names, whoever imports them", async () => {
  await withFolder({
    "one.ts":
      `import { two } from "./two.ts"; export const one = 1; export const sum = () => one + two;`,
    "two.ts":
      `import { one } from "./one.ts"; export const two = 2; export const less = () => two - one;`,
    "user.ts": `import { one } from "./one.ts"; export const user = () => one;
      export { nanoid } from "npm:nanoid@5.1.6";`,
    "main.ts": `import "./one.ts"; import "./user.ts";`,
  }, async (_, url) => {
    const modules = new ModuleBundler();
    // The user is of no concern here: it has a package.
    const one = modules.resolve("./one.ts", url("main.ts"));
    const user = modules.resolve("./user.ts", url("main.ts"));
    const [need] = one.part!.needs!;
    assert.ok(user.parts!.has(need));
    assert.equal(await evaluateScript(one, (lib) => lib.sum()), 3);
  });
});

Deno.test("a package is bundled with what has to do with it, and with nothing else", async () => {
  await withFolder({
    "shape.ts": shape,
    "circle.ts": circle,
    "id.ts": `export { nanoid } from "npm:nanoid@5.1.6"; export { Circle } from "./circle.ts";`,
    "short.ts": `export { customAlphabet } from "npm:nanoid@5.1.6";`,
    "both.ts": `export * from "./id.ts"; export { __extends } from "npm:tslib@2.8.1";`,
    "main.ts": `import "./both.ts"; import "./short.ts";`,
  }, (folder, url) => {
    const bundledFor = (wanted: string) => {
      const answer = runBundler({
        wanted: [wanted],
        referrer: url("main.ts"),
        roots: [url("main.ts")],
        entries: [],
        known: [],
        folder,
        dusk: "file:///nowhere/mod.ts",
      });
      assert.ok(answer.kind === "bundle");
      return Object.keys(answer.entries).filter((key) => packageFile(key) === undefined)
        .map((key) => key.slice(key.lastIndexOf("/") + 1)).sort();
    };
    const local = ["circle.ts", "shape.ts"];
    assert.deepEqual(bundledFor(url("circle.ts")), local);
    const withNanoid = [...local, "id.ts", "short.ts", "npm:nanoid@5.1.6"].sort();
    assert.deepEqual(bundledFor(url("id.ts")), withNanoid);
    assert.deepEqual(bundledFor("npm:nanoid@5.1.6"), withNanoid);
    assert.ok(bundledFor(url("both.ts")).includes("npm:tslib@2.8.1"));
    const modules = new ModuleBundler();
    const found = modules.resolve("./circle.ts", url("main.ts"));
    const id = modules.resolve("./id.ts", url("main.ts"));
    const both = modules.resolve("./both.ts", url("main.ts"));
    assert.ok(id.parts!.has(found.module));
    assert.ok([...id.parts!.keys()].every((name) => both.parts!.has(name)));
  });
});

Deno.test("only what a module leads to comes with it", async () => {
  await withFolder({
    "shape.ts": shape,
    "circle.ts": circle,
    "other.ts": `export const other = 1;`,
    "main.ts": `import "./circle.ts"; import "./other.ts";`,
  }, (_, url) => {
    const found = new ModuleBundler().resolve("./circle.ts", url("main.ts"));
    assert.deepEqual(filesOf(found), ["circle.ts", "shape.ts"]);
  });
});

Deno.test("modules that cannot be sent are the business of those who import them", async () => {
  await withFolder({
    "good.ts": `export const good: number = 1;`,
    "missing.ts": `import "./nowhere.ts"; export const a = 1;`,
    "syntax.ts": `export const a = ;`,
    "addon.ts": `import addon from "./fast.node"; export { addon };`,
    "fast.node": "ELF",
    "bare.ts": `import "nobody-knows-this"; export const a = 1;`,
    "here.ts": `export const here = import.meta.url;`,
    "later.ts": `export const later = () => import("./missing.ts");`,
    "main.ts": ["good", "missing", "syntax", "addon", "bare", "here", "later"]
      .map((name) => `import "./${name}.ts";`).join("\n"),
  }, async (_, url) => {
    const modules = new ModuleBundler();
    const good = modules.resolve("./good.ts", url("main.ts"));
    assert.equal(await evaluateScript(good, (lib) => lib.good), 1);
    for (const name of ["missing", "syntax", "addon", "bare", "here", "later"]) {
      assert.throws(() => modules.resolve(`./${name}.ts`, url("main.ts")), {
        name: "FunctionError",
      });
    }
    assert.equal(modules.resolve("./good.ts", url("other.ts")).module, good.module);
  });
});

Deno.test("modules with the same text in different folders are different modules", async () => {
  const state = `export let n = 0; export const next = () => ++n;`;
  await withFolder({
    "a/state.ts": state,
    "b/state.ts": state,
    "main.ts": `export * as a from "./a/state.ts"; export * as b from "./b/state.ts";`,
    "root.ts": `import "./main.ts";`,
  }, async (_, url) => {
    const found = new ModuleBundler().resolve("./main.ts", url("root.ts"));
    const used = await evaluateScript(found, ({ a, b }) => [a.next(), a.next(), b.next()]);
    assert.deepEqual(used, [1, 2, 1]);
  });
});

Deno.test("names of modules tell folders where files have the same name, and no more", () => {
  const name = portableNames([
    "file:///home/me/a/mod.ts",
    "file:///home/me/b/mod.ts",
    "file:///home/me/b/own.ts",
    "https://x.test/mod.ts",
  ]);
  assert.equal(name("file:///home/me/a/mod.ts"), "a/mod.ts");
  assert.equal(name("file:///home/me/b/mod.ts"), "b/mod.ts");
  assert.equal(name("file:///home/me/b/own.ts"), "own.ts");
  assert.equal(name("https://x.test/mod.ts"), "https://x.test/mod.ts");
});
