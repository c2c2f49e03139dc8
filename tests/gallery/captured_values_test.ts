/** Values that functions close over: primitives, containers, buffers, and those of the platform. */
import { gallery } from "./gallery.ts";

const factor = 2;
const nothing = undefined;
const none = null;
const notANumber = NaN;
const minusZero = -0;
const farAway = [Infinity, -Infinity, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE];
const huge = 2n ** 80n;
const text = 'snow ☃, a "quote", and half a pair: \ud800';
const tag = Symbol.for("gallery.tag");
const iterate = Symbol.iterator;

const prices = new Map<string, number>([["apple", 3], ["pear", 4]]);
const primes = new Set([2, 3, 5, 7]);
const epoch = new Date(0);
const never = new Date(NaN);
const word = /(?<first>\p{L})\p{L}*/gu;
const settings = { retry: { times: 3, waits: [1, 2, 4] }, name: "nested", "odd key": true };
// deno-lint-ignore no-sparse-arrays
const holes = [1, , 3];
const dictionary: Record<string, number> = Object.assign(Object.create(null), { toString: 1 });
const boxed = [Object(1), Object("text"), Object(true), Object(5n)];

const shared = { count: 1 };
const left = { shared };
const right = { shared };
const ring: { name: string; self?: unknown; list: unknown[] } = { name: "ring", list: [] };
ring.self = ring;
ring.list.push(ring, ring.list);

const memory = new ArrayBuffer(32);
const numbers = new Float64Array(memory, 8, 2);
numbers.set([1.5, 2.5]);
const bytes = new Uint8Array(memory);
const view = new DataView(memory, 16);
const table = Float64Array.from({ length: 20_000 }, (_, i) => i / 2);
const partOfTable = table.subarray(10, 20);
const sumOfTable = () => table.reduce((a, b) => a + b, 0);

const problem = new RangeError("too far", { cause: new TypeError("the cause") });
const problems = new AggregateError([problem, new SyntaxError("odd")], "several");
const place = new URL("https://user@example.com:8080/a/b?x=1#top");
const query = new URLSearchParams("a=1&b=2&a=3");
const headers = new Headers({ "content-type": "text/plain", "x-one": "1" });
const note = new Blob(["one ", "two"], { type: "text/plain" });
const file = new File(["content"], "note.txt", { type: "text/plain", lastModified: 5 });
const day = Temporal.PlainDate.from("2024-02-29");
const moment = Temporal.Instant.from("2024-02-29T12:00:00.123456789Z");
const span = Temporal.Duration.from({ hours: 1, minutes: 30 });

Object.defineProperty(globalThis, "galleryNumber", { value: 7, configurable: true });
declare const galleryNumber: number;

/** Everything above that a value may hold, in one. */
const everything = {
  primitives: [factor, nothing, none, notANumber, minusZero, farAway, huge, text, tag],
  containers: { prices, primes, epoch, never, word, settings, holes, dictionary },
  shapes: { left, right, ring },
  buffers: { memory, numbers, bytes, view, table },
  errors: [problem, problems],
};

function scoped(): () => number {
  const factor = 3;
  {
    const outer = factor;
    const offset = 100;
    {
      const factor = 5;
      return () => factor + offset + outer;
    }
  }
}

gallery("captured values", {
  "a number": [(x: number) => x * factor, 21],
  "undefined and null": () => [nothing, none, nothing === undefined, none === null],
  "NaN, minus zero and the ends of numbers": () => [notANumber, minusZero, 1 / minusZero, farAway],
  "a bigint": () => huge + 1n,
  "a text that is no well-formed Unicode": () => [text, text.length],
  "a registered symbol": () => [tag, tag === Symbol.for("gallery.tag")],
  "a well-known symbol": () => [typeof [][iterate as typeof Symbol.iterator], iterate],
  "a map and a set": [(name: string) => [prices.get(name), primes.has(5), prices, primes], "pear"],
  "dates": () => [epoch.toISOString(), never.getTime(), epoch, never],
  "a regular expression with flags": () => ["ein zwei".match(word), word.flags, word],
  "nested objects": () => [settings.retry.waits[2], settings["odd key"], settings],
  "an array with a hole": () => [1 in holes, holes.length, holes],
  "an object without a prototype": () => [Object.getPrototypeOf(dictionary), dictionary.toString],
  "boxed primitives": () => boxed.map((box) => [typeof box, Object.prototype.toString.call(box)]),
  "identity that two objects share": () => [left.shared === right.shared, left.shared === shared],
  "a change seen through both paths": () => {
    left.shared.count += 1;
    const after = [right.shared.count, shared.count];
    left.shared.count -= 1;
    return after;
  },
  "an object that contains itself": () => [ring.self === ring, ring.list[1] === ring.list, ring],
  "views that share a buffer": () => {
    const before = numbers[0];
    bytes[15] = 0x40;
    const changed = numbers[0] !== before;
    bytes[15] = 0x3f;
    return [changed, view.getFloat64(0, true), numbers.buffer === bytes.buffer, numbers];
  },
  "a buffer large enough to travel by itself, and a part of it": () => {
    return [sumOfTable(), partOfTable, partOfTable.buffer === table.buffer, table.length];
  },
  "errors with causes": () => [problem, (problem.cause as Error).message, problems.errors.length],
  "a URL": () => [place.host, place.hash, place],
  "search parameters": () => [query.getAll("a"), query],
  "headers": () => [headers.get("X-One"), headers],
  "blobs and files": async () => [await note.text(), note.type, file.name, file.lastModified, file],
  "a global variable of this program": () => galleryNumber * 2,
  "the innermost of variables of one name": scoped(),
  "a value whose property has the name of a captured one": () => ({ factor, settings: { factor } }),
  "all of them at once": () => everything,
  "all of them as an argument and as the result": [(value: unknown) => value, everything],
});

gallery("values of Temporal", {
  "captured": () => [day.add({ days: 1 }).toString(), moment.epochNanoseconds, span, day],
  "as an argument": [(day: Temporal.PlainDate) => day.until("2024-12-31").total("days"), day],
  "as the result": (hours = 5) => [moment.add({ hours }), Temporal.PlainTime.from("12:00")],
}, { newest: true });
