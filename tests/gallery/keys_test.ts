/** Equal calls have equal keys in every process and from every folder, other ones have others. */
import assert from "node:assert/strict";

const fixtures = new URL("fixtures/", import.meta.url);

interface Keys {
  /** Of calls that use a certain constant. */
  scaled: string[];
  others: string[];
}

/** Run the program that prints keys. */
async function keysOf(program: string): Promise<Keys> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", "--no-config", "--no-lock", "--no-check", program],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert.equal(code, 0, text.decode(stderr));
  return JSON.parse(text.decode(stdout));
}

/** A copy of the program's folder, with `edit` applied to the program. */
async function copy(edit: (source: string) => string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "dusk gallery " });
  for await (const { name } of Deno.readDir(fixtures)) {
    await Deno.copyFile(new URL(name, fixtures), `${folder}/${name}`);
  }
  const source = await Deno.readTextFile(new URL("keys_program.ts", fixtures));
  const mod = new URL("../../mod.ts", import.meta.url).href;
  const edited = edit(source.replace("../../../mod.ts", mod));
  await Deno.writeTextFile(`${folder}/keys_program.ts`, edited);
  return folder;
}

Deno.test("keys are the same in another process and from another folder", async () => {
  const program = new URL("keys_program.ts", fixtures).pathname;
  const folder = await copy((source) => source);
  try {
    const here = await keysOf(program);
    assert.equal(new Set([...here.scaled, ...here.others]).size, 13);
    assert.deepEqual(await keysOf(program), here);
    assert.deepEqual(await keysOf(`${folder}/keys_program.ts`), here);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("another constant in a captured helper gives another key, and only where it is used", async () => {
  const before = await copy((source) => source);
  const after = await copy((source) => source.replace("const factor = 3;", "const factor = 4;"));
  try {
    const one = await keysOf(`${before}/keys_program.ts`);
    const two = await keysOf(`${after}/keys_program.ts`);
    assert.deepEqual(two.others, one.others);
    for (const [i, key] of one.scaled.entries()) assert.notEqual(two.scaled[i], key);
  } finally {
    await Deno.remove(before, { recursive: true });
    await Deno.remove(after, { recursive: true });
  }
});
