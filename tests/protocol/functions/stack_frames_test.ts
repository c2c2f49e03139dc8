/** Stacks: places of user code, frames as data, source maps. */
import assert from "node:assert/strict";
import { CodePlaces, definitionUrl, moduleUrl } from "../../../protocol/functions/code_places.ts";
import { SourceMap } from "../../../protocol/functions/source_map.ts";
import { parseStack, rewriteStack } from "../../../protocol/functions/stack_frames.ts";
import type { Serialized } from "../../../protocol/serialized.ts";
import { serialize } from "../../../protocol/values.ts";
import { HandParts } from "./hand_parts.ts";

const F = "f" + "0".repeat(32);
const M = "m" + "0".repeat(32);

Deno.test("source map: a position comes from the segment before it on its line", () => {
  // Columns 0 and 9 of line 0, and columns 4 and 8 of line 2; the last comes from nowhere.
  const map = new SourceMap(["file:///a.ts", "file:///b.ts"], "AAAA,SAAS;;ICET,I");
  assert.deepEqual(map.place(0, 0), { file: "file:///a.ts", line: 1, column: 1 });
  assert.deepEqual(map.place(0, 8), { file: "file:///a.ts", line: 1, column: 1 });
  assert.deepEqual(map.place(0, 100), { file: "file:///a.ts", line: 1, column: 10 });
  assert.equal(map.place(1, 0), undefined);
  assert.equal(map.place(2, 3), undefined);
  assert.deepEqual(map.place(2, 5), { file: "file:///b.ts", line: 3, column: 1 });
  assert.equal(map.place(2, 8), undefined);
  assert.equal(map.place(3, 0), undefined);
  assert.equal(map.place(-1, 0), undefined);
});

Deno.test("source map: mappings that make no sense lead nowhere", () => {
  for (const mappings of ["!!!!", "A", "AAAAAAA", "gggggggggA", "AA", "AZAA", "ä", ";;;;"]) {
    const map = new SourceMap(["file:///a.ts"], mappings);
    assert.equal(map.place(0, 0), undefined, mappings);
  }
});

Deno.test("places: a frame of a function is where the function stands in its file", () => {
  const lines = new Int32Array([0, 4, 10, 2, 0, 20, 10, 30, 2, 0, 12, 4]);
  const origin = serialize([null, { url: "file:///main.ts", lines }]);
  const places = new CodePlaces((part) => part === F ? origin : undefined);
  const at = (line: number, column: number) => {
    const place = places.place(definitionUrl(F, 1, "f"), line, column)!;
    return `${place.file}:${place.line}:${place.column}`;
  };
  // The text begins on the second line.
  assert.equal(at(2, 5), "file:///main.ts:11:3");
  assert.equal(at(2, 20), "file:///main.ts:11:3");
  assert.equal(at(2, 21), "file:///main.ts:11:31");
  assert.equal(at(2, 1), "file:///main.ts:11:3", "the first of the line");
  assert.equal(at(3, 1), "file:///main.ts:11:31", "the last of the lines before");
  assert.equal(at(4, 99), "file:///main.ts:13:5");
  const unknown = places.place(definitionUrl(F, 0, "g h"), 3, 7);
  assert.deepEqual(unknown, { file: "dusk:///g%20h", line: 2, column: 7 });
  assert.equal(places.place("file:///elsewhere.ts", 1, 1), undefined);
});

Deno.test("places: origins that make no sense are none", () => {
  for (const origin of [5, null, {}, [5], [{ url: 1, lines: [] }], { sources: 1, mappings: "" }]) {
    const places = new CodePlaces(() => serialize(origin));
    const place = places.place(definitionUrl(F, 0, "f"), 3, 7);
    assert.deepEqual(place, { file: "dusk:///f", line: 2, column: 7 });
    assert.equal(places.place(moduleUrl(M), 3, 7), undefined);
  }
});

Deno.test("places: a part that comes after it was asked for has its origin", () => {
  const origins = new Map<string, Serialized>();
  const places = new CodePlaces((part) => origins.get(part));
  const file = () => places.place(definitionUrl(F, 0, "f"), 2, 1)!.file;
  assert.equal(file(), "dusk:///f");
  origins.set(F, serialize([{ url: "file:///main.ts", lines: new Int32Array([0, 0, 0, 0]) }]));
  assert.equal(file(), "file:///main.ts");
});

Deno.test("stack: frames of sent code get their places, and the machinery is left out", () => {
  const stack = [
    "TypeError: of no use",
    "    at look (/not/a/frame)",
    `    at check (${definitionUrl(F, 0, "check")}, <anonymous>:3:9)`,
    "    at Array.map (<anonymous>)",
    `    at async ${moduleUrl(M)}, <anonymous>:7:1`,
    `    at eval (${definitionUrl(F, 0, "anonymous")}, <anonymous>:5:1)`,
    "    at machine (file:///dusk/worker/threads/task_runner.ts:1:1)",
    `    at eval (eval at run (${definitionUrl(F, 0, "run")}, <anonymous>:4:1), <anonymous>:1:2)`,
  ].join("\n");
  const shown = rewriteStack(
    stack,
    (url, line, column) =>
      url === moduleUrl(M) ? undefined : { file: "file:///main.ts", line: line + 10, column },
    (line) => line.includes("/worker/threads/"),
  );
  assert.deepEqual(shown.split("\n"), [
    "TypeError: of no use",
    "    at look (/not/a/frame)",
    "    at check (file:///main.ts:13:9)",
    "    at Array.map (<anonymous>)",
    `    at async ${moduleUrl(M)}:7:1`,
    "    at file:///main.ts:15:1",
    "    at eval (eval at run (file:///main.ts:14:1), <anonymous>:1:2)",
  ]);
});

Deno.test("stack: long ones are cut", () => {
  const frame = "    at f (file:///a.ts:1:1)";
  const stack = ["Error: x", ...new Array(100_000).fill(frame)].join("\n");
  const shown = rewriteStack(stack, () => undefined, () => false);
  assert.ok(shown.length < 40_000);
  assert.ok(shown.endsWith(`${frame}\n    …`));
  const message = rewriteStack("x".repeat(1e6), () => undefined, () => false);
  assert.ok(message.length < 40_000);
  assert.ok(message.endsWith("…"));
});

Deno.test("stack: frames as data", () => {
  const stack = [
    "Error: a message that looks like",
    "    at one (file:///fake.ts:1:1)",
    "",
    "    at check (file:///main.ts:12:5)",
    "    at new Point (https://a.b/c.ts:3:4)",
    "    at Array.map (<anonymous>)",
    "    at async Promise.all (index 0)",
    "    at async file:///main.ts:20:1",
    "    at async main (file:///a (1).ts:2:3)",
    "    … in task x on tcp://127.0.0.1:1",
  ].join("\n");
  assert.deepEqual(parseStack(stack), [
    { function: "check", file: "file:///main.ts", line: 12, column: 5 },
    { function: "new Point", file: "https://a.b/c.ts", line: 3, column: 4 },
    { function: "", file: "file:///main.ts", line: 20, column: 1 },
    { function: "main", file: "file:///a (1).ts", line: 2, column: 3 },
  ]);
  assert.deepEqual(parseStack("Uncaught 5\n    … in task x"), []);
  assert.deepEqual(parseStack(""), []);
});

Deno.test("stack: real frames of functions, classes and modules lead to their files", () => {
  const parts = new HandParts();
  const { code, linker } = parts;
  const source = "function fail() {\n  throw new Error('here');\n}";
  const fail = code.inline(() => {}, { definition: { source, name: "fail" } });
  const origin = [{ url: "file:///main.ts", lines: new Int32Array([1, 2, 40, 6]) }];
  const name = parts.learn("f", fail, origin);
  // The second line of the module comes from line 8 of its source.
  const lib = parts.module("\nreturn {run: (f) => f()};", {
    origin: { sources: ["file:///lib.ts"], mappings: ";AAOA" },
  });
  const run = linker.import(lib, "run") as (fn: unknown) => void;
  let stack = "";
  try {
    run(linker.function(name));
  } catch (error) {
    stack = (error as Error).stack!;
  }
  const shown = rewriteStack(stack, (...at) => linker.place(...at), () => false).split("\n");
  assert.equal(shown[1], "    at fail (file:///main.ts:41:7)");
  assert.match(shown[2], /at .*run \(file:\/\/\/lib\.ts:8:1\)/);
});
