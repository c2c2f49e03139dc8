/**
 * The types of the client's interface: nothing here runs, the type checker is the test.
 */
import { asCompleted } from "../../client/as_completed.ts";
import type { Client } from "../../client/client.ts";
import type { Future } from "../../client/future.ts";
import { wait } from "../../client/wait.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles when the type of `value` is exactly `Expected`. */
function is<Expected>() {
  return <Actual>(
    _value: Actual,
    ..._proof: Equal<Actual, Expected> extends true ? [] : [never]
  ) => {};
}

interface Tree {
  value: number;
  children: Tree[];
}

interface Row {
  x: number;
  y?: string;
}

const inc = (x: number) => x + 1;
const add = (x: number, y: number) => x + y;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const parse = (text: string, radix?: number) => parseInt(text, radix);
const count = (...values: number[]) => values.length;
const identity = <T>(value: T): T => value;

export function submit(client: Client, one: Future<number>, text: Future<string>): void {
  is<Future<number>>()(client.submit(inc, 1));
  is<Future<number>>()(client.submit(add, 1, one));
  is<Future<number>>()(client.submit(sum, [one, 1, one]));
  is<Future<number>>()(client.submit(sum, client.map(inc, [1, 2])));
  is<Future<number>>()(client.submit(sum, client.submit((n: number) => [n], one)));
  is<Future<number>>()(client.submit(parse, text));
  is<Future<number>>()(client.submit(parse, text, one));
  is<Future<number>>()(client.submit(count, 1, one, 2));
  is<Future<number>>()(client.submit(identity, one));
  is<Future<string>>()(client.submit(identity, "x"));
  is<Future<void>>()(client.submit(() => {}));
  is<Future<number>>()(client.with({ pure: false, workers: ["alice"] }).submit(inc, one));

  // A task's promise is awaited on the worker.
  is<Future<number>>()(client.submit(async (value: string) => (await value).length, text));

  // Parameters of an inline function are inferred from what is passed, through futures too.
  is<Future<number>>()(client.submit((x) => x * 2, 3));
  is<Future<number>>()(client.submit((x) => x * 2, one));

  // Unions take a future of one of their members.
  is<Future<number | string>>()(client.submit((x: number | string) => x, one));

  // Futures inside containers.
  const nested = (data: { a: number; b: { c: string[] } }) => data.a;
  is<Future<number>>()(client.submit(nested, { a: one, b: { c: [text, "x"] } }));
  is<Future<number>>()(client.submit((tree: Tree) => tree.value, { value: one, children: [] }));
  is<Future<number>>()(
    client.submit((rows: Row[]) => rows.length, [{ x: one }, { x: 1, y: text }]),
  );
  is<Future<number>>()(
    client.submit((rows: readonly Row[]) => rows.length, client.submit(() => [{ x: 1 }])),
  );
  is<Future<number>>()(
    client.submit((map: Map<string, number>) => map.size, new Map([["a", one]])),
  );
  is<Future<number>>()(client.submit((set: Set<number>) => set.size, new Set([one])));
  client.submit((_: unknown) => 0, { a: one });
  // deno-lint-ignore no-explicit-any
  client.submit((_: any) => 0, [one]);

  // @ts-expect-error: text for a number
  client.submit(inc, "x");
  // @ts-expect-error: a future of text for a number
  client.submit(inc, text);
  // @ts-expect-error: an argument too few
  client.submit(inc);
  // @ts-expect-error: an argument too many
  client.submit(inc, 1, 2);
  // @ts-expect-error: a list of futures of text for a list of numbers
  client.submit(sum, [text]);
  // @ts-expect-error: a future of the items is not a list
  client.submit(sum, one);
  // @ts-expect-error: a nested future of a wrong type
  client.submit(nested, { a: text, b: { c: [] } });
  // @ts-expect-error: not a function
  client.submit(1, 2);
  // @ts-expect-error: no such option
  client.with({ worker: "alice" });
}

export function map(client: Client, one: Future<number>, text: Future<string>): void {
  is<Future<number>[]>()(client.map(inc, [1, 2]));
  is<Future<number>[]>()(client.map(inc, [one, 2]));
  is<Future<number>[]>()(client.map(inc, new Set([1, 2])));
  is<Future<number>[]>()(client.map(add, [1, one], new Set([one])));
  is<Future<number>[]>()(client.map((x) => -x, [one, one]));
  is<Future<number>[]>()(client.map((x) => -x, [1, 2]));
  is<Future<number>[]>()(client.map(sum, [[one], client.map(inc, [1])]));
  is<Future<number>[]>()(client.map(async (value: string) => (await value).length, "abc"));
  is<Future<number>[]>()(client.map(parse, ["1"], [10]));

  // @ts-expect-error: items of a wrong type
  client.map(inc, ["a"]);
  // @ts-expect-error: futures of a wrong type
  client.map(inc, [text]);
  // @ts-expect-error: an iterable too few
  client.map(add, [1]);
  // @ts-expect-error: not iterable
  client.map(inc, 1);
}

export async function gather(
  client: Client,
  one: Future<number>,
  text: Future<string>,
): Promise<void> {
  is<number>()(await client.gather(one));
  is<number>()(await one.result());
  is<number[]>()(await client.gather(client.map(inc, [1])));
  is<[number, [string], number]>()(await client.gather([one, [text], one]));
  is<{ a: number; b: [string]; c: string }>()(
    await client.gather({ a: one, b: [text], c: "x" as string }),
  );
  is<Map<string, number>>()(await client.gather(new Map([["a", one]])));
  is<Set<number>>()(await client.gather(new Set([one])));
  is<Date>()(await client.gather(new Date()));
  is<number[]>()(await client.gather([one].values()));
  is<number[]>()(await client.gather(new Set([one]).values(), { errors: "skip" }));
  is<[string, number][]>()(await client.gather(new Map([["a", one]]).entries()));
  is<number[]>()(await client.gather(client.map(inc, [1]), { errors: "skip" }));
  is<number | undefined>()(await client.gather(one, { errors: "skip" }));
  is<{ a?: number; b?: string[] }>()(
    await client.gather({ a: one, b: [text] }, { errors: "skip" }),
  );
}

export async function scatter(client: Client): Promise<void> {
  is<Future<number>>()(await client.scatter(1 as number));
  is<Future<number>[]>()(await client.scatter([1, 2]));
  is<{ x: Future<number>; y: Future<string> }>()(await client.scatter({ x: 1, y: "y" }));
  is<Future<Float64Array<ArrayBuffer>>>()(await client.scatter(new Float64Array(1)));
  is<Future<Map<string, number>>>()(await client.scatter(new Map([["a", 1]])));
  is<Future<number[]>[]>()(await client.scatter([[1], [2]]));
  is<Future<number>[]>()(await client.scatter([1].values()));
}

export async function waiting(client: Client, one: Future<number>): Promise<void> {
  const { done, notDone } = await wait([one]);
  is<Set<Future<number>>>()(done);
  is<Set<Future<number>>>()(notDone);
  for await (const future of asCompleted([one])) is<Future<number>>()(future);
  for await (const pair of asCompleted([one], { withResults: true })) {
    is<[future: Future<number>, result: number]>()(pair);
  }
  const options = { withResults: true, raiseErrors: false } as const;
  for await (const [, result] of asCompleted([one], options)) is<number | Error>()(result);
  for await (const batch of asCompleted([one]).batches()) is<Future<number>[]>()(batch);
  one.addDoneCallback((future) => is<Future<number>>()(future));
  // @ts-expect-error: a future is not thenable
  one.then(() => {});
  client.cancel([one, { a: [one] }, new Set([one])]);
  client.cancel([one, [one]]);
  client.cancel({ a: one });
  await client.whoHas([one, "key"]);
  await client.whoHas("key");
  // @ts-expect-error: a promise has to be awaited first
  client.cancel(Promise.resolve(one));
}

Deno.test("the types of the client are as documented", () => {
  // What matters has been checked before this runs.
});
