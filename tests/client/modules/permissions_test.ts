/**
 * Bundling needs one permission: to run deno.
 */
import assert from "node:assert/strict";
import { withFolder } from "./folder.ts";

const bundler = new URL("../../../client/modules/module_bundler.ts", import.meta.url);
const deno = { cwd: "/", stdin: "null" } as const;

/** Run a program that bundles `lib.ts` and prints what came of it. */
async function bundleWith(flags: string[]): Promise<string> {
  let printed = "";
  await withFolder({
    "deno.json": `{ "imports": { "other": "./other.ts" } }`,
    "lib.ts": `export * from "other";`,
    "other.ts": `export const a: number = 1;`,
    "main.ts": `import { ModuleBundler } from "${bundler}";
      try {
        const { module } = new ModuleBundler().resolve("./lib.ts", import.meta.url);
        console.log("made", module[0]);
      } catch (error) {
        console.log(error.name, error.message, String(error.cause));
      }`,
  }, async (path) => {
    const args = ["run", "--no-check", "--no-prompt", "-q", ...flags, `${path}/main.ts`];
    const run = await new Deno.Command(Deno.execPath(), { ...deno, args }).output();
    const decoder = new TextDecoder();
    printed = decoder.decode(run.stdout) + decoder.decode(run.stderr);
  });
  return printed.trim();
}

Deno.test("a program that may run deno, and nothing else, can send modules", async () => {
  assert.equal(await bundleWith(["--allow-run"]), "made m");
  assert.equal(await bundleWith(["--allow-run=deno"]), "made m");
});

Deno.test("a program that may not run deno is told which flag to add", async () => {
  const printed = await bundleWith(["--allow-read", "--allow-write", "--allow-net"]);
  assert.match(
    printed,
    /^FunctionError cannot send the module "file:.*lib\.ts" to workers: bundling it runs "deno bundle", and this program may not run other programs; start it with --allow-run=deno NotCapable: Requires run access/,
  );
});
