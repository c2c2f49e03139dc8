import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { ResultStore } from "../../worker/store.ts";

const value = (...sizes: number[]) => new Serialized(sizes.map((size) => new Uint8Array(size)));

Deno.test("the store knows the exact size of what it holds", () => {
  const store = new ResultStore();
  const x = value(10, 1000);
  store.set("x", x);
  store.set("y", value(5));
  assert.equal(store.nbytes, 1015);
  assert.equal(store.get("x"), x);
  store.set("x", value(1));
  assert.equal(store.nbytes, 6);
  assert.equal(store.delete("x"), true);
  assert.equal(store.delete("x"), false);
  assert.equal(store.nbytes, 5);
  assert.equal(store.size, 1);
  store.clear();
  assert.equal(store.nbytes, 0);
  assert.equal(store.get("y"), undefined);
});

Deno.test("the store can be walked like a map", () => {
  const store = new ResultStore();
  const [x, y] = [value(1), value(2)];
  store.set("x", x);
  store.set("y", y);
  assert.deepEqual([...store], [["x", x], ["y", y]]);
  assert.deepEqual([...store.entries()], [...store]);
  assert.deepEqual([...store.keys()], ["x", "y"]);
  assert.deepEqual([...store.values()], [x, y]);
  const seen: string[] = [];
  store.forEach((_value, key) => seen.push(key));
  assert.deepEqual(seen, ["x", "y"]);
  assert(store.has("x") && !store.has("z"));
});
