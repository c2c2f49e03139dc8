/** Parts of code on their way into threads: large ones, many, to threads that sleep, die or come later. */
import assert from "node:assert/strict";
import { serialize } from "../../../protocol/values.ts";
import { RecordWriter } from "../../../worker/threads/record_codec.ts";
import { writeOutcome } from "../../../worker/threads/records.ts";
import { modulePart } from "../../support/function_part.ts";
import { startThread } from "./lone_thread.ts";
import { Dependency, makeTask, TestPool, threadPart, valueOf } from "./test_pool.ts";

/** A module that exports its version; the text is as long as one likes. */
function library(version: number, padding = 0) {
  const source = `(function(){"use strict";/*${
    "x".repeat(padding)
  }*/ return {version: ${version}};})`;
  return threadPart(modulePart(source));
}

/** What tasks import as lib.ts. In texts that travel, `import` has another name. */
const importing = { source: `async () => (await ìmport("lib.ts")).version` };

Deno.test("a thread that takes the place of a dead one is sent all code again", async () => {
  const threadModule = new URL("./mortal_thread.ts", import.meta.url);
  await using pool = await TestPool.start({ threadModule });
  pool.pool.setUploads(new Map([["lib.ts", library(1)]]));
  for (let round = 0; round < 3; round++) {
    assert.equal(await pool.run(`lib-${round}`, undefined, [], importing), 1);
    assert.equal(await pool.run(`x-${round}`, (x: number) => x + 1, [round]), round + 1);
    pool.execute(`die-${round}`, () => {
      (globalThis as unknown as { die(): void }).die();
      return new Promise(() => {});
    });
    assert.equal((await pool.outcome(`die-${round}`)).status, "lost");
  }
});

Deno.test("threads of a restarted pool are sent all code again", async () => {
  await using pool = await TestPool.start({ nthreads: 2 });
  pool.pool.setUploads(new Map([["lib.ts", library(1)]]));
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 10; i++) pool.execute(`lib-${round}-${i}`, undefined, [], importing);
    for (let i = 0; i < 10; i++) {
      assert.equal(valueOf(await pool.outcome(`lib-${round}-${i}`)), 1);
    }
    await pool.pool.restart();
  }
});

Deno.test("more code than the ring holds reaches a thread, if it sleeps or not", async () => {
  await using pool = await TestPool.start();
  const needs = Array.from({ length: 20 }, (_, i) => library(i, 60_000));
  needs.push(library(20, 3_000_000));
  const task = makeTask("x", (x: number) => x * 2, [new Dependency("d")], {
    dependencies: { d: 21 },
    needs,
  });
  pool.pool.execute(task);
  assert.equal(valueOf(await pool.outcome("x")), 42);
  // Long enough, most often, for the thread to go to sleep in its event loop.
  await new Promise((wake) => setTimeout(wake, 100));
  const more = Array.from({ length: 20 }, (_, i) => library(100 + i, 60_000));
  pool.pool.execute({ ...task, key: "y", needs: [...needs, ...more] });
  pool.execute("z", () => 1);
  assert.equal(valueOf(await pool.outcome("y")), 42);
  assert.equal(valueOf(await pool.outcome("z")), 1);
});

Deno.test("code that is forgotten while it is on its way is there for the tasks that came before", async () => {
  await using pool = await TestPool.start();
  const code = {
    source:
      "(x) => { const end = performance.now() + 5; while (performance.now() < end); return x; }",
  };
  for (let i = 0; i < 20; i++) {
    pool.execute(`x-${i}`, undefined, [i], code);
    pool.pool.forgetParts([makeTask("", undefined, [], code).function.name]);
  }
  for (let i = 0; i < 20; i++) assert.equal(valueOf(await pool.outcome(`x-${i}`)), i);
});

Deno.test("a thread that says its value refers to what cannot be is given up", async () => {
  const writer = new RecordWriter(new Uint8Array(200));
  const value = serialize(1);
  const needs = [`c${"0".repeat(32)}`, "nonsense"];
  const times = { slot: 0, serial: 1, start: 0, stop: 1 };
  writeOutcome(writer, { ...times, erred: false, tainted: false, value, needs, text: "number" });
  const source = `addEventListener("message", ({ data: { port } }) => {
    port.postMessage({ kind: "ready" });
    port.postMessage({ kind: "record", record: new Uint8Array([${writer.posted().record}]), beside: [] });
  })`;
  const death = Promise.withResolvers<string>();
  const thread = startThread(source, death.resolve);
  await thread.ready;
  assert.match(
    await death.promise,
    /a record that makes no sense .*refers to parts which cannot be/,
  );
  thread.terminate();
});
