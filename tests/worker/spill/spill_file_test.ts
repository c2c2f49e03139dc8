/** Files of results, and the memory that reading and writing them takes. */
import assert from "node:assert/strict";
import { Serialized } from "../../../protocol/serialized.ts";
import {
  readSpilledFile,
  readSpilledFileSync,
  writeSpilledFile,
} from "../../../worker/spill/spill_file.ts";

const MB = 1e6;

Deno.test("compressed results leave no garbage behind: they go to disk where memory is short", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dusk-spill-test-" });
  const external = () => Deno.memoryUsage().external;
  try {
    const value = new Serialized([new Uint8Array(8 * MB).map((_, i) => i >> 12)]);
    // The compressor comes with memory of its own, which stays.
    const spilled = await writeSpilledFile(`${folder}/result`, value);
    assert.ok(spilled.size < MB, `${spilled.size} bytes on disk`);
    for (const read of [readSpilledFile, readSpilledFileSync]) {
      const before = external();
      const { frames } = await read(spilled);
      const left = external() - before - 8 * MB;
      assert.deepEqual(frames, value.frames);
      assert.ok(left < MB, `${left} bytes beyond the result`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
