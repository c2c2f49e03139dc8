/** Scheduler files: written whole, waited for, removed. */
import assert from "node:assert/strict";
import {
  removeSchedulerFile,
  type SchedulerFile,
  SchedulerFileError,
  waitForSchedulerFile,
  writeSchedulerFile,
} from "../../config/scheduler_file.ts";

const contents: SchedulerFile = {
  address: "tcp://10.0.0.1:8786",
  addresses: ["tcp://10.0.0.1:8786", "inproc://10.0.0.1/1/1"],
  id: "Scheduler-1",
  token: "0123456789abcdef",
  started: 1_700_000_000.5,
};

/** Runs the test with a path in a folder of its own. */
async function withPath(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-scheduler-file-" });
  try {
    await work(`${folder}/scheduler.json`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function refuses(work: Promise<unknown>, words: RegExp): Promise<void> {
  return assert.rejects(work, (error: unknown) => {
    assert(error instanceof SchedulerFileError, String(error));
    assert.match(error.message, words);
    assert(!error.message.includes("\n"), error.message);
    return true;
  });
}

Deno.test("a scheduler file reads as it was written, and nothing else is left there", () =>
  withPath(async (path, folder) => {
    await writeSchedulerFile(path, contents);
    assert.deepEqual(await waitForSchedulerFile(path, { timeout: 5 }), contents);
    assert.deepEqual([...Deno.readDirSync(folder)].map((it) => it.name), ["scheduler.json"]);
    assert.equal(JSON.parse(Deno.readTextFileSync(path)).type, "Scheduler");
  }));

Deno.test({
  name: "only its owner may read it, also where it takes the place of one that all could read",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withPath(async (path) => {
      Deno.writeTextFileSync(path, "stale", { mode: 0o644 });
      await writeSchedulerFile(path, contents);
      assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
      assert.equal((await waitForSchedulerFile(path, { timeout: 5 })).id, contents.id);
    }),
});

Deno.test("a reader sees the old file or the new one, and never a part", () =>
  withPath(async (path) => {
    await writeSchedulerFile(path, contents);
    const ids = new Set<string>();
    let done = false;
    const reading = (async () => {
      while (!done) {
        const { id } = JSON.parse(await Deno.readTextFile(path));
        ids.add(id);
      }
    })();
    for (let i = 0; i < 50; i++) await writeSchedulerFile(path, { ...contents, id: `S-${i}` });
    done = true;
    await reading;
    assert(ids.size >= 1);
  }));

Deno.test("a scheduler file is waited for", () =>
  withPath(async (path) => {
    const waiting = waitForSchedulerFile(path, { timeout: 60 });
    await writeSchedulerFile(path, contents);
    assert.deepEqual(await waiting, contents);
  }));

Deno.test("when none comes, the error names file, time and remedy", () =>
  withPath((path) =>
    refuses(
      waitForSchedulerFile(path, { timeout: 0.05 }),
      /no scheduler file ".*scheduler\.json" for 0\.05 s: start dusk-scheduler with this/,
    )
  ));

Deno.test("the wait ends when it is aborted", () =>
  withPath(async (path) => {
    const abort = new AbortController();
    const waiting = waitForSchedulerFile(path, { timeout: 60, signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
  }));

Deno.test("a file that is half written is looked at again", () =>
  withPath(async (path) => {
    await writeSchedulerFile(path, contents);
    const whole = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, whole.slice(0, 40));
    const { parse } = JSON;
    const seen = Promise.withResolvers<void>();
    JSON.parse = (text) => {
      seen.resolve();
      return parse(text);
    };
    const waiting = waitForSchedulerFile(path, { timeout: 60 });
    await seen.promise;
    JSON.parse = parse;
    Deno.writeTextFileSync(path, whole);
    assert.deepEqual(await waiting, contents);
  }));

const wrong: Record<string, [text: string | Uint8Array<ArrayBuffer>, words: RegExp]> = {
  "stays half written": ['{ "type": "Sched', /is no JSON/],
  "is empty": ["", /is no JSON/],
  "is of another program": ['{"type": "Nanny"}', /has no "type": "Scheduler"/],
  "is a list": ["[]", /has no "type"/],
  "is null": ["null", /has no "type"/],
  "is a binary": [new Uint8Array([0xff, 0xfe, 0]), /is no text in UTF-8/],
  "is very large": ["x".repeat(70_000), /has more than 65536 bytes/],
  "has no address": ['{"type": "Scheduler", "addresses": []}', /has no address/],
  "has an address that is none": ['{"type": "Scheduler", "address": "a b"}', /has no address/],
  "has a token that is none": [
    JSON.stringify({ type: "Scheduler", ...contents, token: 5 }),
    /token that is no text/,
  ],
};

for (const [what, [text, words]] of Object.entries(wrong)) {
  Deno.test(`a file that ${what} is refused in one sentence`, () =>
    withPath(async (path) => {
      if (typeof text === "string") Deno.writeTextFileSync(path, text);
      else Deno.writeFileSync(path, text);
      await refuses(waitForSchedulerFile(path, { timeout: 0.05 }), words);
      await refuses(waitForSchedulerFile(path, { timeout: 0.05 }), /is no scheduler file/);
    }));
}

Deno.test("what is wrong with a file shows nothing of its token", () =>
  withPath(async (path) => {
    Deno.writeTextFileSync(path, '{ "type": "Scheduler", "token": open-sesame" }');
    await assert.rejects(waitForSchedulerFile(path, { timeout: 0.05 }), (error: Error) => {
      assert.match(error.message, /is no JSON/);
      assert.doesNotMatch(Deno.inspect(error), /sesame|open-/);
      return true;
    });
  }));

Deno.test("a folder in its place is refused in one sentence", () =>
  withPath(async (path) => {
    Deno.mkdirSync(path);
    await refuses(waitForSchedulerFile(path, { timeout: 0.05 }), /cannot be read/);
    await refuses(writeSchedulerFile(path, contents), /cannot be written/);
  }));

Deno.test("a folder that is not there is named, and nothing is left behind", () =>
  withPath(async (_path, folder) => {
    const path = `${folder}/missing/scheduler.json`;
    await refuses(
      writeSchedulerFile(path, contents),
      /missing\/scheduler\.json" cannot be written/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a scheduler removes its own file, and no other's", () =>
  withPath(async (path) => {
    await removeSchedulerFile(path, "Scheduler-1");
    await writeSchedulerFile(path, { ...contents, id: "Scheduler-2" });
    await removeSchedulerFile(path, "Scheduler-1");
    assert.equal((await waitForSchedulerFile(path, { timeout: 5 })).id, "Scheduler-2");
    await removeSchedulerFile(path, "Scheduler-2");
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    Deno.writeTextFileSync(path, "notes");
    await removeSchedulerFile(path, "Scheduler-2");
    assert.equal(Deno.readTextFileSync(path), "notes");
  }));
