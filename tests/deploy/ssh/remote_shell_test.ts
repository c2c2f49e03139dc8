/** What is run on hosts means the same to every login shell, whatever the paths are. */
import assert from "node:assert/strict";
import { type RemoteProgram, RUN_SCRIPT } from "../../../deploy/ssh/remote_shell.ts";
import {
  programScript,
  scriptInput,
  shellPath,
  shellWord,
} from "../../../deploy/ssh/remote_shell.ts";

/** Run a script as sshd would for a user with this login shell. */
async function login(
  shell: string,
  script: string,
  input = "",
  env: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const child = new Deno.Command(shell, {
    args: ["-c", RUN_SCRIPT],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(scriptInput(script));
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout } = await child.output();
  return { code, output: new TextDecoder().decode(stdout) };
}

const shells = ["sh", "dash", "bash", "zsh", "fish", "tcsh"].filter((shell) => {
  try {
    return new Deno.Command(shell, { args: ["-c", "exit 0"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
});

const odd = "a b'c\"d$HOME`date`\\e!f*\n~é;&|(){}#";

for (const shell of shells) {
  Deno.test(`with ${shell} as login shell a script gets its words, the rest of its input and its code`, async () => {
    const script = `IFS= read -r line\nprintf '%s|%s|' ${shellWord(odd)} "$line"; cat; exit 7`;
    const { code, output } = await login(shell, script, "first \\ line\nand\nthe rest");
    assert.equal(output, `${odd}|first \\ line|and\nthe rest`);
    assert.equal(code, 7);
  });

  Deno.test(`with ${shell} as login shell a program gets its token where nobody sees it`, async () => {
    const home = await Deno.makeTempDir();
    try {
      const folder = `${home}/an 'odd' $folder`;
      await Deno.mkdir(folder);
      await Deno.writeTextFile(
        `${folder}/dusk-worker`,
        '#!/bin/sh\nfor last; do :; done\nprintf "<%s>" "$@"; cat "$last"\n' +
          "tr '\\0' ' ' </proc/$$/cmdline 2>/dev/null; tr '\\0' ' ' </proc/$$/environ 2>/dev/null; cat\n",
        { mode: 0o755 },
      );
      const program: RemoteProgram = {
        name: "dusk-worker",
        copied: true,
        folder: shellPath("~/an 'odd' $folder"),
        args: ["--name", odd],
      };
      const token = "$(date) `x` 'secret'";
      const script = programScript(program);
      // Assigning to a variable that is exported would export the token.
      const env = { HOME: home, token: "of something else" };
      const { code, output } = await login(shell, script, `${token}\nlifeline`, env);
      assert.equal(code, 0);
      assert.ok(output.startsWith(`<--name><${odd}><--token-file></dev/fd/3>${token}\n`), output);
      assert.ok(output.endsWith("lifeline"));
      assert.equal(
        output.split("'secret'").length,
        2,
        "the token is among arguments or environment",
      );
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  });
}

Deno.test("a program is looked for in PATH, and then in the folder for copies", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const place of ["path", "copies"]) {
      await Deno.mkdir(`${folder}/${place}`);
      await Deno.writeTextFile(`${folder}/${place}/dusk-worker`, `#!/bin/sh\necho ${place}`, {
        mode: 0o755,
      });
    }
    const run = (program: Partial<RemoteProgram>, PATH: string) => {
      const copies = { name: "dusk-worker", copied: false, folder: `${folder}/copies`, args: [] };
      return login("/bin/sh", programScript({ ...copies, ...program }), "token\n", { PATH });
    };
    const system = "/usr/bin:/bin";
    assert.equal((await run({}, `${folder}/path:${system}`)).output, "path\n");
    assert.equal((await run({}, system)).output, "copies\n");
    assert.equal((await run({ copied: true }, `${folder}/path:${system}`)).output, "copies\n");
    assert.equal((await run({ path: `${folder}/path/dusk-worker` }, system)).output, "path\n");
    assert.equal((await run({ path: "dusk-worker" }, `${folder}/path:${system}`)).output, "path\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a program that is nowhere has an exit code of its own", async () => {
  for (const path of [undefined, "/nonexistent/dusk-worker", "~/nothing"]) {
    const program = { name: "dusk-nothing", path, copied: false, folder: "/nonexistent", args: [] };
    assert.equal((await login("sh", programScript(program), "token\n")).code, 127);
  }
});

Deno.test("a word with a NUL is refused", () => {
  assert.throws(() => shellWord("a\0b"), TypeError);
});
