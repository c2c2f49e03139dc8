/**
 * Keys are the users': those that every JavaScript object has anyway, or that look like numbers, are
 * keys like any other, all the way through the cluster; what cannot be one is refused by name.
 */
import assert from "node:assert/strict";
import { rpc } from "../comm/rpc.ts";
import { Client } from "../client/client.ts";
import { serialize } from "../protocol/values.ts";
import { genCluster } from "./support/gen_cluster.ts";

const KEYS = ["constructor", "toString", "hasOwnProperty", "then", "0", "length", " ", "\n", "👍"];

for (const direct of [true, false]) {
  Deno.test(`tasks and data of odd keys go through ${direct ? "peers" : "the scheduler"}`, async () => {
    await genCluster({ nthreads: [1, 1] }, async ({ scheduler }) => {
      await using client = await Client.connect(scheduler.address, { direct });
      const tasks = KEYS.map((key, i) => client.with({ key }).submit((i: number) => i, i));
      assert.deepEqual(await client.gather(tasks), KEYS.map((_, i) => i));
      const sum = client.submit((numbers: number[]) => numbers.reduce((a, b) => a + b), tasks);
      assert.equal(await sum.result(), 36);
      for (const task of tasks) task.release();

      const data = Object.fromEntries(KEYS.map((key) => [key, `of ${key}`]));
      const scattered = await client.scatter(data);
      assert.deepEqual(await client.gather(scattered), data);
    });
  });
}

Deno.test("data of odd keys goes to workers, and comes from them, by the scheduler's hands", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ scheduler }) => {
    await using client = await Client.connect(scheduler.address);
    await using remote = rpc(scheduler.address);
    const data = Object.fromEntries(KEYS.map((key) => [key, serialize(key)]));
    const reply = await remote.scatter({ data, client: client.id });
    assert.equal(reply.status, "OK");
    assert.deepEqual(Object.keys(reply.whoHas).sort(), KEYS.slice().sort());
    const gathered = await remote.gather({ keys: KEYS });
    assert.equal(gathered.status, "OK");
    assert.deepEqual({ ...gathered.data }, data);
    const unknown = await remote.gather({ keys: ["isPrototypeOf"] });
    assert.equal(unknown.status, "error");
    assert.deepEqual({ ...unknown.missing }, { isPrototypeOf: [] });
  });
});

Deno.test("what cannot be a key is refused where it is given, and nothing else suffers", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    for (const key of ["", "__proto__", "x".repeat(10_001), "\ud800"]) {
      assert.throws(() => client.with({ key }), /key/);
    }
    assert.equal(await client.submit(() => 1).result(), 1);
  });
});
