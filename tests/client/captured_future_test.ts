/** A future or a client that a function captures: what the error says, also where nobody imports their classes. */
import assert from "node:assert/strict";
import { genCluster } from "../support/gen_cluster.ts";

Deno.test("a captured future is refused with what to do instead", async () => {
  await genCluster({}, async ({ client }) => {
    const future = client.submit(() => 1);
    const advice = /→ future: .*pass it as an argument/;
    assert.throws(() => client.submit(() => future), advice);
    assert.throws(() => client.submit(async () => await future.result()), advice);
    const futures = client.map((x: number) => x, [1, 2]);
    assert.throws(
      () => client.submit(() => futures.length),
      /futures\[0\]: .*pass it as an argument/,
    );
    const work = { input: future };
    assert.throws(() => client.submit(() => work.input), /work\.input: .*pass it as an argument/);
    assert.equal(await client.submit((x: number) => x + 1, future).result(), 2);
  });
});

Deno.test("a captured client is refused with what to do instead", async () => {
  await genCluster({}, async ({ client }) => {
    const advice = /→ client: .*a client stays in its program/;
    await assert.rejects(
      async () => await client.submit(() => client.submit(() => 1)).result(),
      advice,
    );
    const view = client.with({ pure: false });
    assert.throws(() => client.submit(() => view), /→ view: .*stays in its program/);
  });
});
