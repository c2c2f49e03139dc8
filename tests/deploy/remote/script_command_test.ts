import assert from "node:assert/strict";
import { scriptCommand } from "../../../deploy/remote/script_command.ts";

Deno.test("a comma in a path makes no list of it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dusk-script-" });
  try {
    const allowed = `${folder}/one,${folder}/other`;
    await Deno.mkdir(allowed, { recursive: true });
    const file = `${folder}/script.ts`;
    await Deno.writeTextFile(
      file,
      "for (const path of Deno.args) console.log(Deno.permissions.querySync({ name: 'read', path }).state);",
    );
    const [program, ...args] = scriptCommand({
      file,
      name: "script.ts",
      args: [allowed, `${folder}/one`, `${folder}/other`],
      sourceMap: "",
      settings: {},
      permissions: { read: [allowed] },
    });
    const { stdout } = await new Deno.Command(program, { args }).output();
    assert.equal(new TextDecoder().decode(stdout), "granted\nprompt\nprompt\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
