/** The store of results, in memory and on disk. */
import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { SpillDisk } from "../../worker/spill/spill_disk.ts";
import { ResultStore } from "../../worker/store.ts";
import { until } from "../support/until.ts";

const value = (...sizes: number[]) => new Serialized(sizes.map((size) => new Uint8Array(size)));

/** A result of 100 kB that cannot be mistaken for another. */
const large = (fill: number) => new Serialized([new Uint8Array(100_000).fill(fill)]);
const isLarge = (value: Serialized | undefined, fill: number) =>
  value?.frames[0].length === 100_000 && value.frames[0].every((byte) => byte === fill);

/** A store with a disk in a folder of the test's own. */
async function spillingStore(target: number) {
  const parent = await Deno.makeTempDir({ prefix: "dusk-store-test-" });
  const disk = await SpillDisk.open(parent);
  const store = new ResultStore();
  store.target = target;
  store.spillTo(disk);
  return {
    store,
    disk,
    files: () => Array.from(Deno.readDirSync(disk.path), ({ name }) => `${disk.path}/${name}`),
    rests: () => until("all writes", () => store.leavingBytes === 0),
    async [Symbol.asyncDispose]() {
      await store.close();
      assert.deepEqual([...Deno.readDirSync(parent)], [], "nothing is left on disk");
      await Deno.remove(parent);
    },
  };
}

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

Deno.test("the results used least recently go to disk, and can be had as before", async () => {
  await using spilling = await spillingStore(250_000);
  const { store, rests } = spilling;
  store.set("a", large(1));
  store.set("b", large(2));
  store.get("a");
  store.set("c", large(3));
  await rests();
  assert.deepEqual(["a", "b", "c"].map((key) => store.isResident(key)), [true, false, true]);
  assert.equal(store.nbytes, 300_000);
  assert.equal(store.memoryBytes, 200_000);
  assert(store.diskBytes > 0 && store.diskBytes < 100_000, "it is compressed");
  assert.deepEqual([...store.keys()], ["a", "b", "c"]);
  assert.equal(store.size, 3);
  assert(store.has("b"));
  assert(isLarge(store.get("b"), 2));
  assert.deepEqual([...store].map(([key, value]) => [key, value.frames[0][0]]), [
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ]);
});

Deno.test("what does not compress is read back to the byte", async () => {
  await using spilling = await spillingStore(0);
  const { store, rests } = spilling;
  const frames = [3, 70_000, 0, 2_500_000, 40, 65_536, 65_537].map((size) => {
    const frame = new Uint8Array(size);
    for (let i = 0; i < size; i += 65_536) crypto.getRandomValues(frame.subarray(i, i + 65_536));
    return frame;
  });
  store.set("x", new Serialized(frames.map((frame) => frame.slice())), true);
  await rests();
  assert.equal(store.memoryBytes, 0);
  assert.deepEqual(
    store.get("x")!.frames.map((frame) => frame.length),
    frames.map((f) => f.length),
  );
  const loaded = await store.load("x");
  assert.equal(loaded!.isOwn, true);
  loaded!.value.frames.forEach((frame, i) => assert.deepEqual(frame, frames[i]));
  assert.equal(
    loaded!.value.frames[3].buffer.byteLength,
    2_500_000,
    "a large frame has its own memory",
  );
});

Deno.test("memory that nobody else has is given back at once, other memory is not", async () => {
  await using spilling = await spillingStore(0);
  const { store, rests } = spilling;
  const own = large(1);
  const lent = large(2);
  const shared = large(3);
  store.set("own", own, true);
  store.set("lent", lent, true);
  assert.equal(store.get("lent"), lent);
  store.set("shared", shared);
  await rests();
  assert.equal(own.frames[0].length, 0);
  assert(isLarge(lent, 2));
  assert(isLarge(shared, 3));
  assert(isLarge(store.get("own"), 1));
});

Deno.test("what is in use stays in memory until it is not", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store, rests } = spilling;
  store.set("x", large(1), true);
  const used = store.pin("x")!;
  store.target = 0;
  await rests();
  assert(store.isResident("x"));
  assert(isLarge(used, 1));
  store.unpin("x", used);
  await rests();
  assert(!store.isResident("x"));
  assert.equal(used.frames[0].length, 0);
});

Deno.test("a result that is dropped while it is in use does not lose its memory", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store } = spilling;
  store.set("x", large(1), true);
  const used = store.pin("x")!;
  store.delete("x");
  assert(isLarge(used, 1));
  store.unpin("x", used);
  assert(isLarge(used, 1));
});

Deno.test("what is read back stays in memory where there is room, and its file with it", async () => {
  await using spilling = await spillingStore(0);
  const { store, rests, files, disk } = spilling;
  store.set("x", large(1), true);
  await rests();
  store.target = 100_000;
  const loaded = await store.load("x");
  assert.equal(loaded!.isOwn, false);
  store.unpin("x", loaded!.value);
  assert(store.isResident("x"));
  const { bytesWritten } = disk;
  store.target = 0;
  assert(!store.isResident("x"));
  assert.equal(disk.bytesWritten, bytesWritten, "it is not written again");
  assert.equal(files().length, 1);
});

Deno.test("files go with their results, also while they are written or read", async () => {
  await using spilling = await spillingStore(0);
  const { store, rests, files } = spilling;
  store.set("written", large(1), true);
  store.delete("written");
  store.set("read", large(2), true);
  await rests();
  await until("one file", () => files().length === 1);
  const loading = store.load("read");
  store.delete("read");
  await loading;
  await until("no file", () => files().length === 0);
  assert.equal(store.diskBytes, 0);
  assert.equal(store.nbytes, 0);
});

Deno.test("small results stay in memory", async () => {
  await using spilling = await spillingStore(0);
  const { store, rests, files } = spilling;
  for (let i = 0; i < 100; i++) store.set(`small-${i}`, value(100));
  store.set("large", large(1));
  await rests();
  assert.equal(files().length, 1);
  assert.equal(store.memoryBytes, 10_000);
});

/** A result of 10 kB, too small for a file of its own. */
const small = (fill: number) => new Serialized([new Uint8Array(10_000).fill(fill)]);

Deno.test("results too small for a file of their own go to disk together, with the least used first", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store, rests, files } = spilling;
  for (let i = 0; i < 100; i++) store.set(`${i}`, small(i), true);
  store.get("0");
  store.target = 500_000;
  await rests();
  assert(store.memoryBytes <= 500_000 && store.memoryBytes > 400_000);
  assert(files().length <= 2, `${files().length} files`);
  assert(store.isResident("0") && store.isResident("99"));
  for (let i = 1; i <= 50; i++) assert(!store.isResident(`${i}`));
  for (let i = 0; i < 100; i++) {
    const loaded = await store.load(`${i}`);
    assert.deepEqual(loaded!.value.frames, small(i).frames);
    if (!loaded!.isOwn) store.unpin(`${i}`, loaded!.value);
    assert.deepEqual(store.get(`${i}`)!.frames, small(i).frames);
  }
});

Deno.test("a few more small results go to disk than have to, or each that comes would make a file", async () => {
  await using spilling = await spillingStore(6_400_000);
  const { store, rests } = spilling;
  for (let i = 0; i < 640; i++) store.set(`${i}`, small(i));
  assert.equal(store.memoryBytes, 6_400_000);
  store.set("one more", small(0));
  await rests();
  assert.equal(store.memoryBytes, 6_300_000);
});

Deno.test("the file of small results goes with the last of them", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store, rests, files } = spilling;
  for (const key of ["a", "b", "c"]) store.set(key, small(1));
  store.target = 0;
  store.delete("a");
  await rests();
  store.delete("b");
  assert.equal(files().length, 1);
  assert((await store.load("c"))!.isOwn);
  store.delete("c");
  await until("no file", () => files().length === 0);
  assert.equal(store.diskBytes, 0);
});

Deno.test("a small result that came into use while it was written stays until it is not", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store, rests } = spilling;
  for (const key of ["used", "not used"]) store.set(key, small(1), true);
  store.target = 0;
  const used = store.pin("used")!;
  await rests();
  assert(store.isResident("used") && !store.isResident("not used"));
  assert.deepEqual(used.frames, small(1).frames);
  store.unpin("used", used);
  assert(!store.isResident("used"));
  assert.equal(used.frames[0].length, 0, "its memory is given back");
});

Deno.test("small results that cannot be written stay in memory", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store, disk, rests } = spilling;
  await Deno.remove(disk.path);
  for (const key of ["a", "b"]) store.set(key, small(1), true);
  store.target = 0;
  await rests();
  assert.equal(store.memoryBytes, 20_000);
  assert.deepEqual(store.get("a")!.frames, small(1).frames);
  await Deno.mkdir(disk.path);
});

const damages: Record<string, (path: string) => void> = {
  "is gone": (path) => Deno.removeSync(path),
  "is cut short": (path) => Deno.truncateSync(path, 10),
  "has a wrong byte": (path) => {
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >> 1] ^= 1;
    Deno.writeFileSync(path, bytes);
  },
};
for (const [what, damage] of Object.entries(damages)) {
  Deno.test(`a result whose file ${what} is lost, and never wrong`, async () => {
    await using spilling = await spillingStore(0);
    const { store, rests, files } = spilling;
    const lost: string[] = [];
    store.onLost = (keys) => lost.push(...keys);
    const bytes = new Uint8Array(100_000);
    for (let i = 0; i < bytes.length; i += 50_000) {
      crypto.getRandomValues(bytes.subarray(i, i + 50_000));
    }
    for (const key of ["loaded", "got"]) store.set(key, new Serialized([bytes.slice()]), true);
    await rests();
    await until("two files", () => files().length === 2);
    files().forEach(damage);
    assert.equal(await store.load("loaded"), undefined);
    assert.equal(store.get("got"), undefined);
    assert.deepEqual(lost, ["loaded", "got"]);
    assert.equal(store.size, 0);
    assert.equal(store.nbytes, 0);
  });
}

Deno.test("what cannot be written stays in memory", async () => {
  await using spilling = await spillingStore(Infinity);
  const { store, disk, rests } = spilling;
  await Deno.remove(disk.path);
  store.set("x", large(1), true);
  store.target = 0;
  await rests();
  assert(store.isResident("x"));
  assert(isLarge(store.get("x"), 1));
  assert.equal(disk.isWritable, false, "it is not tried again at once");
  await Deno.mkdir(disk.path);
});
