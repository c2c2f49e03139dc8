/** Memory of large messages, once they are sent. */
import assert from "node:assert/strict";
import { Serialized } from "../../protocol/serialized.ts";
import { LARGE_MEMORY, recycleOnceSent, takeSpare } from "../../protocol/spare_memory.ts";
import { openPair } from "./pair.ts";

Deno.test("memory that is to be used again is given up when it is sent, and the peer gets its bytes", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const [once, kept] = [1, 2].map((byte) => new Uint8Array(LARGE_MEMORY).fill(byte));
  recycleOnceSent(once);
  const frames = [new Uint8Array([0]), once, kept];
  const writing = pair.here.write({ value: new Serialized(frames) });
  const received = await pair.there.read() as { value: Serialized };
  await writing;
  assert.equal(once.byteLength, 0);
  assert.equal(kept.byteLength, LARGE_MEMORY);
  assert.ok(received.value.frames[1].every((byte) => byte === 1));
  assert.ok(received.value.frames[2].every((byte) => byte === 2));
  assert.equal(takeSpare(LARGE_MEMORY)?.byteLength, LARGE_MEMORY);
});

Deno.test("no memory is kept for later once the last connection is closed", async () => {
  {
    await using pair = await openPair("tcp://127.0.0.1:0");
    const bytes = new Uint8Array(LARGE_MEMORY);
    recycleOnceSent(bytes);
    const writing = pair.here.write({ value: new Serialized([new Uint8Array([0]), bytes]) });
    await pair.there.read();
    await writing;
    assert.equal(bytes.byteLength, 0);
  }
  assert.equal(takeSpare(LARGE_MEMORY), undefined);
});
