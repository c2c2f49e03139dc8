/** The command that runs a script. */
import assert from "node:assert/strict";
import { scriptCommand } from "../../../deploy/remote/script_command.ts";

function command(paths: string[]): string[] {
  return scriptCommand({
    file: "script.ts",
    name: "script.ts",
    args: [],
    sourceMap: "",
    settings: {},
    permissions: { read: paths },
  });
}

Deno.test("a path with a comma is refused, for Deno would take it for two", () => {
  assert(command(["/one", "/other"]).includes("--allow-read=/one,/other"));
  assert.throws(() => command(["/data", "/one,/other"]), {
    name: "TypeError",
    message: /"\/one,\/other" has a comma, .*--allow-read.*another name/,
  });
});
