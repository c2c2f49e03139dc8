/**
 * The help pages as a person reads them, held to what was reviewed: after a change of a flag, look at the
 * page and run this with UPDATE_HELP=1.
 */
import assert from "node:assert/strict";
import { version } from "../../config/version.ts";
import { outcome } from "../support/programs.ts";

for (const program of ["scheduler", "worker", "ssh", "remote", "submit"]) {
  Deno.test(`the help page and version of dusk-${program}`, async () => {
    const { code, stdout, stderr } = await outcome(program, ["--help"]);
    assert.equal(code, 0, stderr);
    const reviewed = new URL(`fixtures/dusk-${program}.txt`, import.meta.url);
    if (Deno.env.get("UPDATE_HELP") === "1") await Deno.writeTextFile(reviewed, stdout);
    assert.equal(stdout, await Deno.readTextFile(reviewed));
    for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);

    const printed = await outcome(program, ["--version"]);
    assert.deepEqual(printed, { code: 0, stdout: `${version}\n`, stderr: "" });
  });
}
