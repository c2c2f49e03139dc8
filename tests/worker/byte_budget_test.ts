/** Who may have how many bytes, and in which order. */
import assert from "node:assert/strict";
import { ByteBudget } from "../../worker/byte_budget.ts";

Deno.test("bytes are had in the order in which they were asked for", async () => {
  const budget = new ByteBudget(100);
  assert(budget.take(60));
  const got: number[] = [];
  const asked = [50, 10].map((bytes) => budget.acquire(bytes).then(() => got.push(bytes)));
  assert(!budget.take(10), "others were first");
  budget.release(60);
  await Promise.all(asked);
  assert.deepEqual(got, [50, 10]);
  assert.equal(budget.inUse, 60);
});

Deno.test("a piece that is larger than all there is gets through, alone", async () => {
  const budget = new ByteBudget(100);
  assert(budget.take(1));
  const large = budget.acquire(1000);
  budget.release(1);
  await large;
  assert(!budget.take(1));
  budget.release(1000);
  assert(budget.take(1));
});

Deno.test("who waits gets in when there is more", async () => {
  const budget = new ByteBudget(100);
  assert(budget.take(100));
  const more = budget.acquire(50);
  budget.limit = 150;
  await more;
  assert.equal(budget.inUse, 150);
});
