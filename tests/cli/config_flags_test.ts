/** The flags for settings and the log, which most programs have, each by what it does. */
import assert from "node:assert/strict";
import { outcome, withFolder } from "../support/programs.ts";

/** Programs, with arguments on which they fail as soon as they have their settings and their log. */
const failing: [program: string, ...args: string[]][] = [
  ["scheduler", "--interface", "bogus0"],
  ["worker", "127.0.0.1:1", "--interface", "bogus0"],
  ["remote", "--port", "0"],
  ["submit", "127.0.0.1:1", "/nonexistent/script.ts"],
];

for (const [program, ...args] of failing) {
  Deno.test(`dusk-${program}: --config, --log-format, --log-level and --print-config`, () =>
    withFolder(async (folder) => {
      const file = `${folder}/dusk.yaml`;
      // A setting that does nothing, of which the log warns.
      await Deno.writeTextFile(file, "pdb-on-err: true\n");
      const config = ["--config", file];
      const [text, json, quiet, printed] = await Promise.all([
        outcome(program, [...config, ...args]),
        outcome(program, [...config, "--log-format", "json", ...args]),
        outcome(program, [...config, "--log-level", "error", ...args]),
        outcome(program, [
          ...[...config, "--log-level", "error", "--log-format", "json", "--print-config"],
          ...args,
        ]),
      ]);
      for (const { code, stdout, stderr } of [text, json, quiet]) {
        assert.ok(code === 1 || code === 2, stderr);
        assert.equal(stdout, "");
        assert.match(stderr, new RegExp(`^dusk-${program}: [^\\n]+\\n$`, "m"));
      }
      assert.match(
        text.stderr,
        /^\S+ distributed\.config WARNING \S+dusk\.yaml:1:13: pdb-on-err has no effect/,
      );
      const [line] = json.stderr.split("\n");
      assert.equal(JSON.parse(line).logger, "distributed.config");
      assert.equal(quiet.stderr, text.stderr.split("\n").slice(1).join("\n"));

      assert.equal(printed.code, 0, printed.stderr);
      assert.equal(printed.stderr, "");
      assert.match(
        printed.stdout,
        new RegExp(`^pdb-on-err: true +# ${file}:1, without effect$`, "m"),
      );
      assert.match(printed.stdout, /^ {2}distributed: error +# --log-level$/m);
      assert.match(printed.stdout, /^log-format: json +# --log-format$/m);
    }));
}
