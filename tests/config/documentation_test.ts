/** What docs/configuration.md says of settings, against the schema. */
import assert from "node:assert/strict";
import { DEFINITIONS } from "../../config/schema.ts";
import { variableOf } from "../../config/environment.ts";
import { PAGE, withTable } from "../../tools/settings_table.ts";
import { load, loadText } from "./config_folder.ts";

/** Without what the formatter changes: the widths of columns. */
function squeezed(text: string): string {
  return text.replace(/-{3,}/g, "---").replace(/ +/g, " ");
}

Deno.test("the table of docs/configuration.md is that of the schema (tools/settings_table.ts)", () => {
  const page = Deno.readTextFileSync(PAGE);
  assert.equal(squeezed(page), squeezed(withTable(page)));
});

Deno.test("the examples of docs/configuration.md are settings", async () => {
  const page = Deno.readTextFileSync(PAGE);
  const files = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);
  assert(files.length >= 2);
  for (const text of files) await loadText(text);
  const variables = [...page.matchAll(/^export (DUSK__\w+)=(.*)$/gm)];
  assert(variables.length >= 4);
  await load({ env: Object.fromEntries(variables.map(([, name, value]) => [name, value])) });
});

Deno.test("each setting has a sentence, and names that nothing else has", () => {
  const names = new Set<string>();
  for (const [name, { alias, description }] of DEFINITIONS) {
    assert.match(description, /^[A-Z].*[^.]\.$/, name);
    assert.match(name, /^[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)*$/);
    for (const each of [name, alias].filter((it) => it !== undefined)) {
      const variable = variableOf(each!);
      assert(!names.has(variable), variable);
      names.add(variable);
    }
  }
  // A setting cannot be a section as well.
  for (const name of DEFINITIONS.keys()) {
    for (const other of DEFINITIONS.keys()) {
      assert(!other.startsWith(`${name}.`), `${name}, ${other}`);
    }
  }
});
