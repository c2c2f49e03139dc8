/** What travels of a script. */
import assert from "node:assert/strict";
import { portableScript } from "../../../deploy/remote/portable_script.ts";
import { ScriptError } from "../../../deploy/remote/script_error.ts";

const dusk = new URL("../../../mod.ts", import.meta.url);

/** A folder with files, for `body`. */
async function withFiles(
  files: Record<string, string>,
  body: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-portable-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A script as text, with DUSK where Dusk is named. */
function textOf(pieces: Uint8Array[]): string {
  return pieces.map((piece) => new TextDecoder().decode(piece)).join('"DUSK"');
}

Deno.test("Dusk is left out by whatever name it is imported; modules of the user's go along", async () => {
  await withFiles({
    "deno.json": JSON.stringify({ imports: { dusk: dusk.href } }),
    "mod.ts": "export const own = 'own mod';",
    "lib/wait.ts": `export { wait } from ${JSON.stringify(dusk.href)};`,
    "script.ts": `#!/usr/bin/env -S deno run
import { Client, type Future } from "dusk";
import { own } from "./mod.ts";
import { wait } from "./lib/wait.ts";
const future: Future<number> | undefined = undefined;
console.log(Client, own, wait, future, import.meta.main);
const { version } = await import("dusk");
console.log(version);
`,
  }, async (folder) => {
    const { name, pieces, sourceMap } = await portableScript(`${folder}/script.ts`);
    assert.equal(name, "script.ts");
    const text = textOf(pieces);
    const named = text.match(/(from|import\() ?"DUSK"/g)!;
    assert.ok(named.length >= 3, text);
    assert.ok(text.includes("own mod"));
    assert.ok(!text.includes("import.meta.main"));
    assert.match(text, /future, true/);
    assert.ok(text.length < 2000, `${text.length} characters`);
    assert.ok(!text.includes("dusk:") && !text.includes('/mod.ts"'), text);
    const { sources, sourcesContent } = JSON.parse(new TextDecoder().decode(sourceMap));
    const at = sources.indexOf(new URL(`file://${await Deno.realPath(folder)}/script.ts`).href);
    assert.match(sourcesContent[at], /type Future/);
  });
});

Deno.test("a script may be named by a URL, and need no Dusk", async () => {
  await withFiles({ "a b.js": "console.log(1);\n" }, async (folder) => {
    const { name, pieces } = await portableScript(new URL(`file://${folder}/a%20b.js`));
    assert.equal(name, "a b.js");
    assert.equal(pieces.length, 1);
  });
});

Deno.test("what cannot be bundled is refused with the reason", async () => {
  await withFiles({
    "missing.ts": 'import "./nobody.ts";',
    "syntax.ts": "const = 1;",
  }, async (folder) => {
    for (
      const [name, text] of [
        ["missing.ts", /missing\.ts cannot be bundled: .*nobody\.ts/],
        ["syntax.ts", /syntax\.ts cannot be bundled: /],
        ["none.ts", /cannot read the script .*none\.ts: No such file/],
      ] as const
    ) {
      await assert.rejects(portableScript(`${folder}/${name}`), (error: Error) => {
        assert.ok(error instanceof ScriptError);
        assert.match(error.message, text);
        return true;
      });
    }
  });
});
