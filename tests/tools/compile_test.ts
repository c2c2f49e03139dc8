/** Compiling for other systems: what is refused before anything is compiled. */
import assert from "node:assert/strict";
import { compile, targets, UnknownTargetError } from "../../tools/compile.ts";

const deno = Deno.execPath();
const nowhere = "/nonexistent/folder";

/** Run a tool as `deno task` does. */
async function runTool(tool: string, args: string[], env: Record<string, string> = {}) {
  const entry = new URL(`../../tools/${tool}.ts`, import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(deno, {
    args: ["run", "-A", "--quiet", entry, ...args],
    env: { NO_COLOR: "1", COMPILE_DENO: deno, ...env },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("the targets are those of deno compile", async () => {
  const known = await targets(deno);
  assert.ok(known.includes(Deno.build.target), `${known}`);
  assert.ok(known.includes("x86_64-pc-windows-msvc"));
  assert.ok(known.includes("aarch64-apple-darwin"));
});

Deno.test("a target that deno compile does not know is refused by name", async () => {
  await assert.rejects(compile(nowhere, deno, { target: "vax-dec-vms" }), (error) => {
    assert.ok(error instanceof UnknownTargetError);
    assert.match(error.message, /cannot compile for vax-dec-vms; it can for .*x86_64-/);
    return true;
  });
});

Deno.test("a runtime of this system is not taken for that of another", async () => {
  const other = (await targets(deno)).find((target) => target !== Deno.build.target)!;
  const env = { DENORT_BIN: "/somewhere/denort" };
  const { code, stderr } = await runTool("compile", [nowhere, "--target", other], env);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^DENORT_BIN names a runtime of this system, not of ${other}`));
});

Deno.test("binaries go into dist of the checkout, whatever its folder is called", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "dusk tools " });
  try {
    for (const name of ["tools", "deploy"]) {
      await Deno.symlink(new URL(`../../${name}`, import.meta.url), `${folder}/${name}`);
    }
    // A deno that compiles nothing: the folder is there by then.
    const fake = `#!/bin/sh\necho '[possible values: ${Deno.build.target}]' >&2\nexit 1\n`;
    await Deno.writeTextFile(`${folder}/deno`, fake, { mode: 0o755 });
    for (const [tool, dist] of [["compile", "dist"], ["release", "dist/release"]]) {
      const { success } = await new Deno.Command(deno, {
        args: ["run", "-A", "--quiet", `${folder}/tools/${tool}.ts`],
        env: { COMPILE_DENO: `${folder}/deno` },
        stderr: "null",
      }).output();
      assert.ok(!success);
      assert.ok((await Deno.stat(`${folder}/${dist}`)).isDirectory);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("flags that the tools do not have are refused with their usage", async () => {
  for (
    const [tool, ...args] of [["compile", "--bogus"], ["compile", "a", "b"], ["release", "--x"]]
  ) {
    const { code, stderr } = await runTool(tool, args);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^usage: deno task ${tool} `));
  }
});
