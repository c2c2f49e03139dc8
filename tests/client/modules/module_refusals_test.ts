/**
 * Modules that cannot be sent: one clear error each, which names the module and what to do.
 */
import assert from "node:assert/strict";
import { ModuleBundler } from "../../../client/modules/module_bundler.ts";
import { FunctionError } from "../../../protocol/functions/function_error.ts";
import { evaluateScript } from "./evaluate_script.ts";
import { withFolder } from "./folder.ts";

const modules = new ModuleBundler();

/** Resolve and give the error. */
function refusal(resolve: () => unknown): FunctionError {
  try {
    resolve();
  } catch (error) {
    assert.ok(error instanceof FunctionError, String(error));
    return error;
  }
  assert.fail("nothing was refused");
}

const refused: [what: string, files: Record<string, string>, message: RegExp][] = [
  [
    "a module that is not there",
    {},
    /^cannot send the module "file:.*\/lib\.ts" to workers: Module not found "file:.*lib\.ts"; check that the file is there/,
  ],
  [
    "an import of a file that is not there",
    { "lib.ts": `export * from "./gone.ts";` },
    /"file:.*\/lib\.ts" to workers: Module not found "file:.*gone\.ts"\. at file:.*lib\.ts:1:\d+; check/,
  ],
  [
    "bad syntax",
    { "lib.ts": `export const x = ;` },
    /lib\.ts" to workers: .*Expression expected .*at file:.*lib\.ts:1:18.*; correct the module$/s,
  ],
  [
    "a bare name that no import map has",
    { "lib.ts": `export * from "nowhere";` },
    /Import "nowhere" not a dependency .*; add it to the imports of your deno\.json/,
  ],
  [
    "a package that does not exist",
    { "lib.ts": `export * from "npm:nanoid@0.0.12345";` },
    /Could not find .*nanoid@0\.0\.12345.*; check the name and version of the package$/,
  ],
  [
    "a host that is not reached",
    { "lib.ts": `export * from "https://dusk.invalid/x.ts";` },
    /https:\/\/dusk\.invalid.*; (?:this takes the network once|start this program with the flag)/s,
  ],
  [
    "a file beside the module",
    {
      "lib.ts": `export * from "./inner.ts";`,
      "inner.ts":
        `\nexport const text = () => Deno.readTextFile(new URL("a.txt", import.meta.url));`,
    },
    /^inner\.ts:2 uses import\.meta\.url, and on a worker there are no files beside the module; read them here/,
  ],
  [
    "the module's folder",
    { "lib.ts": `export const folder = () => import.meta["dirname"];` },
    /^lib\.ts:1 uses import\.meta\.dirname, /,
  ],
  [
    "the module's folder in CommonJS",
    { "lib.ts": `export * as c from "./c.cjs";`, "c.cjs": `exports.f = () => ({ __dirname });` },
    /^c\.cjs:\d uses __dirname, /,
  ],
  [
    "a require of one's own",
    {
      "lib.ts": `import { createRequire } from "node:module";
        export const require = createRequire(import.meta.url);`,
    },
    /^lib\.ts:2 calls createRequire, and require finds nothing on a worker; import what it requires$/,
  ],
  [
    "a native addon",
    { "lib.ts": `import addon from "./fast.node"; export { addon };`, "fast.node": "ELF" },
    /lib\.ts.*fast\.node.* (?:does|do) not travel[;:] call it here/,
  ],
  [
    "a native addon that is required",
    {
      "lib.ts": `export * as c from "./c.cjs";`,
      "c.cjs": `exports.a = require("./fast.node");`,
      "fast.node": "ELF",
    },
    /fast\.node.*c\.cjs|(?:c\.cjs|lib\.ts).*fast\.node.*; /,
  ],
  [
    "a WebAssembly module",
    { "lib.ts": `export * from "./add.wasm";`, "add.wasm": "\0asm\x01\0\0\0" },
    /lib\.ts.*; read its bytes here, and instantiate them in the task$/,
  ],
];

for (const [what, files, message] of refused) {
  Deno.test(`refused: ${what}`, async () => {
    await withFolder(files, (_, url) => {
      const error = refusal(() => modules.resolve("./lib.ts", url("main.ts")));
      assert.match(error.message, message);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(error.message, /\x1b|dusk-bundle|Stack backtrace/);
    });
  });
}

Deno.test("refused: a relative import of a module that has no place", () => {
  const error = refusal(() => modules.resolve("./lib.ts", "data:text/javascript,1"));
  assert.match(error.message, /has no place .*; import it by a full URL$/);
});

Deno.test("refused: a module whose whole text is its name", () => {
  const url = (size: number) => `data:text/javascript,export const a = "${"x".repeat(size)}";`;
  assert.match(modules.resolve(url(10_000), import.meta.url).module, /^m/);
  const error = refusal(() => modules.resolve(url(200_000), import.meta.url));
  assert.match(
    error.message,
    /^cannot send the module "data:.{55}…" to .* the limit is 16000; put it into a file$/,
  );
});

Deno.test("the words of the bundler are the cause", async () => {
  await withFolder({}, (_, url) => {
    const { cause } = refusal(() => modules.resolve("./lib.ts", url("main.ts")));
    assert.match(String(cause), /Module not found/);
  });
});

Deno.test("refused: a bundle that is too large, or takes too long", async () => {
  await withFolder({ "lib.ts": `export const text = "${"x".repeat(2000)}";` }, (_, url) => {
    const small = new ModuleBundler({ limits: { maxBytes: 1000 } });
    assert.match(
      refusal(() => small.resolve("./lib.ts", url("main.ts"))).message,
      /bundled with what it imports it has \d{4} bytes, and the limit is 1000; import a smaller part/,
    );
    const hasty = new ModuleBundler({ limits: { maxSeconds: 0.001 } });
    assert.match(
      refusal(() => hasty.resolve("./lib.ts", url("main.ts"))).message,
      /bundling it took more than 0\.001 s; fetch what it imports beforehand/,
    );
  });
});

Deno.test("a module whose folder is not there is refused", () => {
  const error = refusal(() => modules.resolve("./lib.ts", "file:///nowhere/of/dusk/main.ts"));
  assert.match(
    error.message,
    /the folder .*nowhere.* of what imports it is not there/,
  );
});

Deno.test("import.meta.main is false, and bare import.meta is of no file", async () => {
  await withFolder({
    "lib.ts": `if (import.meta.main) throw new Error("main");
      export const meta = import.meta; export const ok = true;`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.ts", url("main.ts"));
    assert.equal(await evaluateScript(found, (lib) => lib.ok), true);
    await assert.rejects(evaluateScript(found, (lib) => lib.meta.url), /means nothing in a task/);
  });
});

Deno.test("a package may ask for its file, and fails only when it does", async () => {
  const code = `import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    export const os = typeof require("os").cpus;
    export const file = () => import.meta.url;`;
  await withFolder({
    "deno.json": `{ "nodeModulesDir": "manual" }`,
    "package.json": `{ "dependencies": { "odd": "1.0.0" } }`,
    "node_modules/odd/package.json": `{ "name": "odd", "version": "1.0.0", "type": "module",
      "exports": "./index.js" }`,
    "node_modules/odd/index.js": code,
  }, async (_, url) => {
    const found = modules.resolve("odd", url("main.ts"));
    assert.equal(await evaluateScript(found, (odd) => odd.os), "function");
    await assert.rejects(evaluateScript(found, (odd) => odd.file()), /means nothing in a task/);
  });
});
