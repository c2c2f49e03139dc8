/** Small results in a file together. */
import assert from "node:assert/strict";
import { Serialized } from "../../../protocol/serialized.ts";
import { SpilledFileError } from "../../../worker/spill/spill_file.ts";
import { readPacked, readPackedSync, writePack } from "../../../worker/spill/spill_pack.ts";

const noise = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const values = [
  new Serialized([noise(3), new Uint8Array(0), noise(20_000)]),
  new Serialized([new Uint8Array(50_000).fill(7), noise(5)]),
  new Serialized([]),
  new Serialized([noise(60_000)]),
];

async function withPack(
  test: (path: string, packed: Awaited<ReturnType<typeof writePack>>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-pack-test-" });
  try {
    const path = `${folder}/pack`;
    await test(path, await writePack(path, values));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("small results that are in a file together are read back to the byte, each by itself", () =>
  withPack(async (path, packed) => {
    for (let i = values.length - 1; i >= 0; i--) {
      for (const { frames } of [await readPacked(packed[i]), readPackedSync(packed[i])]) {
        assert.deepEqual(frames, values[i].frames);
        // A thread takes them over.
        for (const frame of frames) assert.equal(frame.buffer.byteLength, frame.byteLength);
      }
    }
    assert(packed[1].size < 1000, "what compresses is compressed");
    const size = packed.reduce((sum, { size }) => sum + size, 0);
    assert.equal((await Deno.stat(path)).size, size);
  }));

Deno.test("a wrong byte spoils the result that it is in, and no other", () =>
  withPack(async (path, packed) => {
    const bytes = await Deno.readFile(path);
    bytes[packed[1].offset] ^= 1;
    await Deno.writeFile(path, bytes);
    await assert.rejects(readPacked(packed[1]), SpilledFileError);
    assert.throws(() => readPackedSync(packed[1]), SpilledFileError);
    assert.deepEqual((await readPacked(packed[0])).frames, values[0].frames);
    assert.deepEqual((await readPacked(packed[3])).frames, values[3].frames);
  }));

Deno.test("a result that the file is too short for is not as it was written", () =>
  withPack(async (path, packed) => {
    await Deno.truncate(path, packed[3].offset + 10);
    await assert.rejects(readPacked(packed[3]), SpilledFileError);
    assert.throws(() => readPackedSync(packed[3]), SpilledFileError);
  }));

Deno.test("where results cannot be written, no file is left", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dusk-pack-test-" });
  await Deno.writeTextFile(`${folder}/taken`, "another's");
  await assert.rejects(writePack(`${folder}/taken`, values), Deno.errors.AlreadyExists);
  assert.equal(await Deno.readTextFile(`${folder}/taken`), "another's");
  await Deno.remove(folder, { recursive: true });
});
