/** The file with a program's process id. */
import assert from "node:assert/strict";
import { ProgramError } from "../../cli/command_line.ts";
import { PidFile } from "../../cli/pid_file.ts";

async function inFolder(body: (path: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-pid-" });
  try {
    await body(`${folder}/program.pid`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function exists(path: string): boolean {
  return Array.from(Deno.readDirSync(path.replace(/\/[^/]*$/, ""))).length > 0;
}

function refused(path: string, words: RegExp): void {
  assert.throws(() => PidFile.claim(path), (error) => {
    assert.ok(error instanceof ProgramError);
    assert.match(error.message, words);
    return true;
  });
}

Deno.test("a process id file is there as long as the program", () =>
  inFolder((path) => {
    {
      using file = PidFile.claim(path);
      assert.equal(file.path, path);
      assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    }
    assert.ok(!exists(path));
  }));

Deno.test("the process id file of a living process is refused, and kept", () =>
  inFolder((path) => {
    Deno.writeTextFileSync(path, `${Deno.ppid}\n`);
    refused(path, new RegExp(`process ${Deno.ppid} runs with .*${path}`));
    assert.equal(Deno.readTextFileSync(path), `${Deno.ppid}\n`);
  }));

Deno.test("a process id file that was left behind is replaced", () =>
  inFolder(async (path) => {
    const { pid, status } = new Deno.Command(Deno.execPath(), {
      args: ["--version"],
      stdout: "null",
    }).spawn();
    await status;
    Deno.writeTextFileSync(path, `${pid}\n`);
    using _file = PidFile.claim(path);
    assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
  }));

Deno.test("of two programs that find the same file left behind, one replaces it", {
  ignore: Deno.build.os !== "linux",
}, () =>
  inFolder(async (path) => {
    const { pid, status } = new Deno.Command("true").spawn();
    await status;
    Deno.writeTextFileSync(path, `${pid}\n`);
    const read = Deno.readTextFileSync;
    Deno.readTextFileSync = (file) => {
      if (file === `/proc/${pid}/stat`) {
        // The other program is faster.
        Deno.removeSync(path);
        Deno.writeTextFileSync(path, `${Deno.ppid}\n`);
      }
      return read(file);
    };
    try {
      refused(path, new RegExp(`process ${Deno.ppid} runs with .*${path}`));
    } finally {
      Deno.readTextFileSync = read;
    }
    assert.equal(Deno.readTextFileSync(path), `${Deno.ppid}\n`);
  }));

Deno.test("a process that took over an old process id does not count", {
  ignore: Deno.build.os !== "linux",
}, () =>
  inFolder((path) => {
    Deno.writeTextFileSync(path, `${Deno.ppid}\n`);
    const longAgo = new Date("2001-01-01");
    Deno.utimeSync(path, longAgo, longAgo);
    using _file = PidFile.claim(path);
    assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
  }));

Deno.test("what is no process id file is left alone", () =>
  inFolder((path) => {
    Deno.writeTextFileSync(path, "precious");
    refused(path, /holds no process id/);
    assert.equal(Deno.readTextFileSync(path), "precious");
    refused(`${path}/no/folder`, /cannot write the process id file/);
  }));

Deno.test("a process id file that another has taken over is not removed", () =>
  inFolder((path) => {
    {
      using _file = PidFile.claim(path);
      Deno.writeTextFileSync(path, "1\n");
    }
    assert.equal(Deno.readTextFileSync(path), "1\n");
  }));
