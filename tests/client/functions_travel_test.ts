/**
 * Functions with all that they use, values with their classes: from this program to worker processes
 * whose tasks have no permissions, and back.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { nanoid } from "npm:nanoid@5.1.6/non-secure";
import ms from "npm:ms@2.1.3";
import { Client } from "../../client/client.ts";
import { getWorker, NoWorkerError } from "../../mod.ts";
import { withSandbox } from "../support/sandbox.ts";
import { FakeScheduler } from "./fake_scheduler.ts";
import { inDollars, inEuros, isMoney, Money } from "./fixtures/rates.ts";

const limit = 10;
const table = new Map([["a", 1], ["b", 2]]);
const clamp = (x: number) => Math.min(x, limit);
const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);

class Point {
  static origin: Point = new Point(0, 0);
  constructor(readonly x: number, readonly y: number) {}
  get length(): number {
    return Math.hypot(this.x, this.y);
  }
  minus(other: Point): Point {
    return new Point(this.x - other.x, this.y - other.y);
  }
}

class Named extends Point {
  constructor(readonly name: string, x: number, y: number) {
    super(x, y);
  }
}

Deno.test("what a function closes over and imports travels with it", async () => {
  await withSandbox(async (client) => {
    const lookUp = (key: string) => clamp((table.get(key) ?? 0) * 100);
    assert.equal(await client.submit((x: number) => clamp(x), 20).result(), 10);
    assert.deepEqual(await client.gather(client.map(lookUp, ["a", "c"])), [10, 0]);
    assert.equal(await client.submit((n: number) => isEven(n), 7).result(), false);
    assert.equal(await client.submit(() => inDollars(2, "EUR")).result(), "2.5 USD");
    assert.equal(await client.submit(() => ms("2 days")).result(), 172_800_000);
    assert.equal(await client.submit((n: number) => nanoid(n).length, 7).result(), 7);
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    assert.equal(await client.submit(hash, "text").result(), hash("text"));
    const distances = (points: Point[]) => points.map((p) => p.minus(Point.origin).length);
    assert.deepEqual(await client.submit(distances, [new Point(3, 4)]).result(), [5]);
  });
});

Deno.test("instances come back as instances of this program's own classes", async () => {
  await withSandbox(async (client) => {
    const point = await client.submit((p: Point) => p.minus(new Point(1, 1)), new Point(4, 5))
      .result();
    assert.ok(point instanceof Point);
    assert.equal(point.length, 5);
    const [named, again] = await client.gather(
      client.map((p: Named) => p, [new Named("a", 1, 2), new Named("b", 3, 4)]),
    );
    assert.ok(named instanceof Named && named.constructor === Named);
    assert.deepEqual([named, again], [new Named("a", 1, 2), new Named("b", 3, 4)]);
    const money = client.submit(
      (a: Money, b: Money) => a.plus(b),
      new Money(1, "EUR"),
      new Money(2, "EUR"),
    );
    assert.ok(await money.result() instanceof Money);
    const doubled = client.submit((m: Money) => m.plus(m), money);
    assert.deepEqual(await doubled.result(), new Money(6, "EUR"));
    const euros = client.submit(inEuros, 5);
    assert.equal(await client.submit((m: Money) => m instanceof Money, euros).result(), true);
    assert.equal(await client.submit(isMoney, await euros.result()).result(), true);
    const [scattered] = await client.scatter([{ corner: new Point(6, 8) }]);
    assert.equal(
      await client.submit((data: { corner: Point }) => data.corner.length, scattered).result(),
      10,
    );
    assert.ok((await scattered.result()).corner instanceof Point);
  });
});

Deno.test("functions and classes are arguments too, in any structure", async () => {
  await withSandbox(async (client) => {
    const apply = (fn: (x: number) => number, x: number) => fn(x);
    assert.equal(await client.submit(apply, clamp, 12).result(), 10);
    assert.equal(await client.submit(apply, (x: number) => x + limit, 12).result(), 22);
    const make = (Class: typeof Point, ...at: [number, number]) => new Class(...at).length;
    assert.equal(await client.submit(make, Point, 3, 4).result(), 5);
    const steps = new Map([["clamp", { run: clamp }], ["negate", { run: (x: number) => -x }]]);
    const runAll = (all: typeof steps, x: number) => [...all.values()].map(({ run }) => run(x));
    assert.deepEqual(await client.submit(runAll, steps, 11).result(), [10, -11]);
    const inner = client.submit(clamp, 50);
    assert.equal(
      await client.submit(apply, isOddNumber, inner).result(),
      0,
    );
  });
});

const isOddNumber = (n: number): number => isOdd(n) ? 1 : 0;

Deno.test("a task knows its worker through an import of Dusk; this program has none", async () => {
  await withSandbox(async (client, cluster) => {
    const [worker] = cluster.workers;
    const where = client.with({ workers: worker.name }).submit(() => getWorker().address);
    assert.equal(await where.result(), worker.address);
    assert.throws(getWorker, NoWorkerError);
  });
});

Deno.test("a variable is captured as it is at submit", async () => {
  await withSandbox(async (client) => {
    let n = 1;
    const read = () => n;
    const before = client.submit(read);
    n = 2;
    const after = client.submit(read);
    assert.notEqual(before.key, after.key);
    assert.deepEqual(await client.gather([before, after]), [1, 2]);
  });
});

Deno.test("a large buffer that inline functions capture in a loop is sent once", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const data = new Float64Array(131_072).fill(0.5);
  const futures = [];
  for (let i = 0; i < 100; i++) {
    futures.push(client.submit((x: number) => data[x], i));
    await Promise.resolve();
  }
  client.submit(() => data.length);
  await scheduler.heard("update-graph");
  client.submit((x: number) => data[x + 1], 1);
  await scheduler.heard("update-graph", 2);
  const buffers = scheduler.parts.filter(([name]) => name.startsWith("b"));
  assert.equal(buffers.length, 1);
  assert.ok(buffers[0][1].code.nbytes >= data.byteLength);
  const bytes = scheduler.parts.reduce((sum, [, part]) => sum + part.code.nbytes, 0);
  assert.ok(bytes < data.byteLength + 10_000, `${bytes} bytes of code were sent`);
  assert.equal(scheduler.parts.length, 4);
});

Deno.test("the captured buffer reaches the tasks, and so does what was changed in it", async () => {
  await withSandbox(async (client) => {
    const data = new Float64Array(131_072).fill(0.5);
    const sum = () => data.reduce((a, b) => a + b, 0);
    const before = client.submit(sum);
    data[0] += 1;
    const after = client.submit(sum);
    assert.deepEqual(await client.gather([before, after]), [65_536, 65_537]);
  });
});
