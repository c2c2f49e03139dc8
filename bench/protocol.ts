/**
 * Times of the protocol's operations, each alone in a loop: `deno run -A bench/protocol.ts [--quick]`.
 *
 * @module
 */
import { loadCompression } from "../protocol/compression.ts";
import { encodeFrames, FrameReader } from "../protocol/frames.ts";
import { dumps, loads } from "../protocol/pack.ts";
import { deserialize, serialize } from "../protocol/values.ts";
import { tokenize } from "../protocol/tokenize.ts";

const quick = Deno.args.includes("--quick");
const ROUND_MS = quick ? 10 : 100;
const ROUNDS = quick ? 2 : 5;

/** Print the time of an operation, the best of some rounds, in µs; `per` operations are done at a time. */
function measure(name: string, run: () => unknown, per = 1): void {
  let repeat = 1;
  while (timed(run, repeat) < ROUND_MS) repeat *= 2;
  let best = Infinity;
  for (let i = 0; i < ROUNDS; i++) best = Math.min(best, timed(run, repeat));
  print(name, best / repeat / per);
}

function print(name: string, ms: number): void {
  console.log(`${name.padEnd(44)} ${(ms * 1000).toFixed(3).padStart(12)} µs`);
}

function timed(run: () => unknown, repeat: number): number {
  const start = performance.now();
  for (let i = 0; i < repeat; i++) run();
  return performance.now() - start;
}

const key = "inc-0123456789abcdef0123456789abcdef";
const finished = {
  op: "task-finished",
  key,
  nbytes: 28,
  type: "number",
  start: 1712345678.123,
  stop: 1712345678.124,
  thread: 1,
};
const compute = {
  op: "compute-task",
  key,
  function: "0123456789abcdef0123456789abcdef",
  args: serialize([5]),
  priority: [0, 1, 55],
  duration: 0.001,
};
const array = new Float64Array(6_250_000).fill(1.5);
const records = Array.from({ length: 1000 }, (_, i) => ({
  name: `person ${i}`,
  age: i,
  score: i * 1.1,
  tags: ["a", "b"],
}));

const messages: [string, unknown, number][] = [
  ["{status}", { status: "OK" }, 1],
  ["task-finished", finished, 1],
  ["1000 × task-finished", Array.from({ length: 1000 }, () => ({ ...finished })), 1000],
  ["1000 × compute-task", Array.from({ length: 1000 }, () => ({ ...compute })), 1000],
  ["50 MB payload", { status: "OK", data: { x: serialize(array) } }, 1],
];
for (const [name, message, per] of messages) {
  const frames = dumps(message);
  measure(`dumps ${name}`, () => dumps(message), per);
  measure(`loads ${name}`, () => loads(frames), per);
  measure(`encodeFrames ${name}`, () => encodeFrames(frames));
}

const values: [string, unknown][] = [
  ["[5]", [5]],
  ['["abc", 3]', ["abc", 3]],
  ['[{a: 1, b: "x"}]', [{ a: 1, b: "x" }]],
  ["Float64Array(10)", new Float64Array(10)],
  ["50 MB Float64Array", array],
  ["1000 records", records],
  ["array of 100,000 numbers", Array.from({ length: 100_000 }, (_, i) => i + 0.5)],
  ["string of 1 MB", "x".repeat(1_000_000)],
  ["error", new Error("message")],
];
for (const [name, value] of values) {
  const bytes = serialize(value);
  measure(`serialize ${name}`, () => serialize(value));
  measure(`deserialize ${name}`, () => deserialize(bytes));
}
measure("structuredClone 1000 records", () => structuredClone(records));

const args = serialize([5]);
measure("tokenize function and [5]", () => tokenize(compute.function, args));
measure("serialize and tokenize [5]", () => tokenize(compute.function, serialize([5])));

await loadCompression("lz4");
const text = { text: JSON.stringify(records) };
const compressed = dumps(text, { compression: "lz4" });
measure("dumps 60 kB of text, lz4", () => dumps(text, { compression: "lz4" }));
measure("loads 60 kB of text, lz4", () => loads(compressed));

const [small] = encodeFrames(dumps(finished));
const stream = new Uint8Array(small.length * 10_000);
for (let i = 0; i < 10_000; i++) stream.set(small, i * small.length);
let best = Infinity;
for (let round = 0; round < ROUNDS; round++) {
  let position = 0;
  const reader = new FrameReader({
    read(into) {
      if (position === stream.length) return Promise.resolve(null);
      const size = Math.min(into.length, stream.length - position);
      into.set(stream.subarray(position, position + size));
      position += size;
      return Promise.resolve(size);
    },
  });
  const start = performance.now();
  while (await reader.next() !== null) while (reader.nextBuffered() !== undefined);
  best = Math.min(best, performance.now() - start);
}
print("read one of 10,000 small messages", best / 10_000);
