/** Files that the programs cannot use: each is one line that says what to do, and exit code 1. */
import assert from "node:assert/strict";
import { outcome, withFolder } from "../support/programs.ts";

const script = new URL("fixtures/submit/script.ts", import.meta.url).pathname;

/** Programs, with what they cannot do without. */
const programs: [program: string, ...args: string[]][] = [
  ["scheduler", "--port", "0"],
  ["worker", "127.0.0.1:1"],
  ["remote", "--port", "0"],
  ["submit", "127.0.0.1:1", script],
];

for (const [program, ...args] of programs) {
  Deno.test(`dusk-${program} tells what is wrong with a file in one line`, () =>
    withFolder(async (folder) => {
      const path = (name: string) => `${folder}/${name}`;
      await Deno.writeTextFile(path("token"), "a secret of good length");
      await Deno.writeTextFile(path("nonsense"), "{[");
      const nonsense = path("nonsense");
      const nowhere = path("none/file");
      const token = ["--token-file", path("token")];
      const writable = /none\/file: .*; name one in a folder that is there and that this user may/;
      const cases: [flags: string[], words: RegExp][] = [
        [["--config", nonsense], /nonsense:1:\d+: this is no YAML/],
        [["--token-file", nonsense], /nonsense": the token has 2 characters .*openssl rand/],
        [
          ["--tls-ca-file", nonsense, "--tls-cert", nonsense],
          /nonsense holds no certificate: give a PEM file/,
        ],
      ];
      if (program !== "submit") cases.push([[...token, "--pid-file", nowhere], writable]);
      if (program === "remote") {
        cases.push([
          [...token, "--scheduler-file", nonsense],
          /nonsense" is no scheduler file: .*name/,
        ]);
      }
      await Promise.all(cases.map(async ([flags, words]) => {
        // What stands behind a script is the script's.
        const { code, stderr } = await outcome(program, [...flags, ...args]);
        assert.equal(code, 1, stderr);
        assert.match(stderr, new RegExp(`^dusk-${program}: [^\\n]+\\n$`));
        assert.match(stderr, words);
      }));
    }));
}
