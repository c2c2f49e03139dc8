/** Parts of code: their names, and the buffers that they share. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Capture } from "../../../protocol/functions/capture.ts";
import { sharedBuffer } from "../../../protocol/functions/shared_buffers.ts";
import { linkerOf, TestModules, travel } from "./round_trip.ts";

const root = new URL("../../../", import.meta.url);
const program = "tests/protocol/functions/fixtures/determinism.ts";

async function namesIn(folder: URL, order: string[]): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", fileURLToPath(new URL(program, folder)), ...order],
    cwd: fileURLToPath(folder),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("names of parts are the same in another process, in another folder, in another order", async () => {
  const order = [
    ...["plain", "table", "cells", "inner", "hash", "meter", "dynamic", "circle"],
    ...["instance", "imported", "functions"],
  ];
  const elsewhere = await mkdtemp(`${tmpdir()}/dusk-parts-`);
  try {
    for (const folder of ["protocol", "tests/protocol/functions", "config"]) {
      await cp(new URL(folder, root), `${elsewhere}/${folder}`, { recursive: true });
    }
    for (const file of ["deno.json", "deno.lock"]) {
      await cp(new URL(file, root), `${elsewhere}/${file}`);
    }
    const [here, there] = await Promise.all([
      namesIn(root, order),
      namesIn(pathToFileURL(`${elsewhere}/`), order.toReversed()),
    ]);
    assert.deepEqual(Object.keys(here), order);
    for (const name of order) assert.equal(there[name], here[name], name);
    assert.equal(new Set(Object.values(here)).size, order.length);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

const large = new Float64Array(10_000).fill(2);
const half = large.subarray(5000);
const small = new Float64Array(100).fill(3);

Deno.test("a large captured buffer is a part of its own, shared by functions", () => {
  const capture = new Capture(new TestModules());
  const one = capture.function(() => large[1] + small[1]);
  const two = capture.function(() => large.length);
  const buffers = (parts: ReadonlyMap<string, unknown>) => {
    return [...parts.keys()].filter((name) => name.startsWith("b"));
  };
  assert.equal(buffers(one.parts).length, 1);
  assert.deepEqual(buffers(one.parts), buffers(two.parts));
  assert.deepEqual(one.parts.get(one.part)!.needs, buffers(one.parts));
  assert.ok(one.parts.get(one.part)!.code.nbytes < 4096);
  assert.equal(linkerOf(one.parts).function(one.part)(), 5);
});

Deno.test("a shared buffer is the memory of all that viewed it", () => {
  const [sum, same] = travel(() => [large[6000] + half[0], half.buffer === large.buffer])();
  assert.equal(sum, 4);
  assert.equal(same, true);
});

Deno.test("buffers with the same bytes are one part, and stay two buffers", () => {
  const sums = new Float64Array(10_000);
  const counts = new Float64Array(10_000);
  const add = (value: number) => {
    sums[0] += value;
    return [counts[0]++, sums[0]];
  };
  const { parts } = new Capture(new TestModules()).function(add);
  assert.deepEqual([...parts.keys()].map((name) => name[0]).sort(), ["b", "f"]);
  assert.deepEqual(travel(add)(5), [0, 5]);
});

Deno.test("a part keeps the bytes that a buffer had", () => {
  const data = new Uint8Array(100_000);
  const before = sharedBuffer(data)!;
  assert.equal(sharedBuffer(data)!.name, before.name);
  data[5] = 1;
  const after = sharedBuffer(data)!;
  assert.notEqual(after.name, before.name);
  assert.equal(before.part.code.frames.at(-1)![5], 0);
  const captured = new Uint8Array(10_000);
  const capture = new Capture(new TestModules());
  const fn = () => captured[1];
  const first = capture.function(fn);
  captured[1] = 7;
  assert.equal(linkerOf(first.parts).function(first.part)(), 0);
  const second = capture.function(fn);
  assert.equal(linkerOf(second.parts).function(second.part)(), 7);
});

Deno.test("a function that was captured is found by its part's name", () => {
  const capture = new Capture(new TestModules());
  const fn = () => large[0];
  const { part } = capture.function(fn);
  assert.equal(capture.functionOf(part), fn);
  assert.equal(capture.functionOf("f" + "0".repeat(32)), undefined);
});

const thrower = (
  message: string,
): never => {
  throw new Error(message); /* @thrower */
};
let level = 0;
const raise = () => level++;

class Machine {
  static helper = [Math.max, (value: number) => value];
  run(): number {
    return raise() + this.stop(); /* @stop */
  }
  stop(): never {
    return thrower("stopped"); /* @call */
  }
}

/** Line, from 1, of the mark with a name in this file. */
async function lineOf(mark: string): Promise<number> {
  const text = await Deno.readTextFile(new URL(import.meta.url));
  return text.split("\n").findIndex((line) => line.endsWith(`/* @${mark} */`)) + 1;
}

Deno.test("the origin of a part leads to the lines of the user's file", async () => {
  const { part, parts } = new Capture(new TestModules()).function(() => new Machine().run());
  const linker = linkerOf(parts);
  let stack = "";
  try {
    linker.function(part)();
  } catch (error) {
    stack = (error as Error).stack!;
  }
  const places = [...stack.matchAll(/(dusk:\/\/\/[^\s,()]+?)(?:, <anonymous>)?:(\d+):(\d+)/g)]
    .map(([, url, line, column]) => linker.place(url, Number(line), Number(column))!);
  assert.deepEqual(places.slice(0, 3).map(({ file, line }) => [file, line]), [
    [import.meta.url, await lineOf("thrower")],
    [import.meta.url, await lineOf("call")],
    [import.meta.url, await lineOf("stop")],
  ]);
  assert.deepEqual(places.slice(0, 2).map(({ column }) => column), [9, 12]);
});

Deno.test("code that stands in no file has no origin", () => {
  const { part, parts } = new Capture(new TestModules()).function(new Function("return 1"));
  assert.equal(parts.get(part)!.origin, undefined);
});
