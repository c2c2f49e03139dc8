/** What is read of a file of a bundle. */
import assert from "node:assert/strict";
import { ReadFile } from "../../../client/modules/bundle_file.ts";

Deno.test("a module has also the variables that stand below annotated functions", () => {
  const code =
    "// a.js\nvar a = 1;\n// @__NO_SIDE_EFFECTS__\nfunction b() {\n}\nvar c = 1;\n// d.js\nvar d = 1;\n";
  const file = { code, sources: [], mappings: "", texts: {} };
  const { variables } = new ReadFile("file.js", file, () => false);
  assert.deepEqual([...variables.values()], [["a", "b", "c"], ["d"]]);
});
