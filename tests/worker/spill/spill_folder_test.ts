/** Folders of results: whose they are, and when they go. */
import assert from "node:assert/strict";
import { SpillFolder, SpillFolderError } from "../../../worker/spill/spill_folder.ts";
import { hasEnded, thisProcess } from "../../../worker/spill/process_identity.ts";

/** A folder of the test's own. */
async function withParent(body: (parent: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "dusk-folder-test-" });
  try {
    await body(parent);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

const names = (parent: string) => Array.from(Deno.readDirSync(parent), ({ name }) => name).sort();

Deno.test("a folder for results is this user's alone, and is removed with all that is in it", async () => {
  await withParent(async (parent) => {
    const folder = await SpillFolder.make(`${parent}/made/for/it`);
    assert(folder.path.startsWith(`${await Deno.realPath(parent)}/made/for/it/dusk-spill.`));
    if (Deno.build.os !== "windows") {
      assert.equal((await Deno.stat(folder.path)).mode! & 0o777, 0o700);
    }
    await Deno.writeTextFile(`${folder.path}/0`, "x");
    await folder.remove();
    await folder.remove();
    assert.deepEqual(names(`${parent}/made/for/it`), []);
  });
});

Deno.test("where no folder can be made, the error says where, why, and what to do", async () => {
  await withParent(async (parent) => {
    await Deno.writeTextFile(`${parent}/file`, "");
    await assert.rejects(SpillFolder.make(`${parent}/file/below`), (error: Error) => {
      assert(error instanceof SpillFolderError);
      assert.match(error.message, /file\/below: .*--local-directory.*--memory-limit 0/);
      return true;
    });
  });
});

Deno.test("folders of crashed workers are removed by the next, those of living ones never", async () => {
  await withParent(async (parent) => {
    const code = `
      import { SpillFolder } from ${
      JSON.stringify(import.meta.resolve("../../../worker/spill/spill_folder.ts"))
    };
      const folder = await SpillFolder.make(Deno.args[0]);
      await Deno.writeTextFile(folder.path + "/0", "x");
      console.log("made");
      await new Promise(() => setInterval(() => {}, 1000));
    `;
    const other = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", code, parent],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = other.stdout.getReader();
    await reader.read();
    const theirs = names(parent);
    assert.equal(theirs.length, 1);
    const first = await SpillFolder.make(parent);
    assert(names(parent).includes(theirs[0]), "its owner lives");
    other.kill("SIGKILL");
    await other.status;
    await reader.cancel();
    const second = await SpillFolder.make(parent);
    assert.deepEqual(
      names(parent),
      [first, second].map(({ path }) => path.slice(path.lastIndexOf("/") + 1)).sort(),
    );
    await first.remove();
    await second.remove();
    assert.deepEqual(names(parent), []);
  });
});

Deno.test("a folder is gone after Deno.exit", async () => {
  await withParent(async (parent) => {
    const module = import.meta.resolve("../../../worker/spill/spill_folder.ts");
    const code = `import { SpillFolder } from ${JSON.stringify(module)};
      await SpillFolder.make(Deno.args[0]); Deno.exit(3);`;
    const { code: exitCode } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", code, parent],
    }).output();
    assert.equal(exitCode, 3);
    assert.deepEqual(names(parent), []);
  });
});

Deno.test("only what cannot live any more has ended", () => {
  const here = thisProcess();
  assert.equal(hasEnded(here, here), false, "this process lives");
  assert.equal(hasEnded({ ...here, host: "elsewhere" }, here), false, "another machine");
  assert.equal(hasEnded({ ...here, machine: "0123" }, here), false, "another machine of that name");
  assert.equal(hasEnded({ ...here, pid: 2 ** 22 + 1, host: "elsewhere" }, here), false);
  if (Deno.build.os !== "linux") return;
  assert.equal(hasEnded({ ...here, pid: 2 ** 22 + 1 }, here), true, "there is no such process");
  assert.equal(hasEnded({ ...here, started: "1" }, here), true, "its number was used again");
  assert.equal(hasEnded({ ...here, boot: "0123" }, here), true, "the machine has booted since");
  assert.equal(
    hasEnded({ ...here, namespace: "1", pid: 2 ** 22 + 1 }, here),
    false,
    "another container",
  );
});
