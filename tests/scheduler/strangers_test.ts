/** Strangers at the scheduler's door: whatever they send, they are dropped and the cluster works on. */
import assert from "node:assert/strict";
import { rpc } from "../../comm/rpc.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";

/** The bytes of unsigned 64-bit numbers, little-endian. */
function u64(...numbers: bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => view.setBigUint64(8 * i, number, true));
  return bytes;
}

for (
  const [what, bytes] of Object.entries({
    "an HTTP request": new TextEncoder().encode("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    "a frame of 2^60 bytes": u64(1n, 2n ** 60n),
    "2^60 frames": u64(2n ** 60n),
    "noise": crypto.getRandomValues(new Uint8Array(1000)).fill(0xff, 0, 8),
  })
) {
  Deno.test(`a stranger that sends ${what} is dropped, the scheduler works on`, async () => {
    await using scheduler = new Scheduler({ validate: true });
    await scheduler.start("tcp://127.0.0.1:0");
    const port = Number(scheduler.address.split(":").at(-1));
    const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    await stranger.write(bytes);
    try {
      // Nothing of interest comes back, and then the end.
      for await (const _ of stranger.readable);
    } catch (error) {
      assert.ok(error instanceof Deno.errors.ConnectionReset, `${error}`);
    }
    await using remote = rpc(scheduler.address);
    assert.equal((await remote.identity()).type, "Scheduler");
    assert.deepEqual(scheduler.faults, []);
  });
}

Deno.test("strangers that break off in the middle do no harm", async () => {
  await using scheduler = new Scheduler({ validate: true });
  await scheduler.start("tcp://127.0.0.1:0");
  const port = Number(scheduler.address.split(":").at(-1));
  for (const length of [0, 1, 8, 15, 16, 20]) {
    const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    if (length > 0) await stranger.write(u64(1n, 100n, 0n).subarray(0, length));
    stranger.close();
  }
  await using remote = rpc(scheduler.address);
  assert.equal((await remote.identity()).type, "Scheduler");
  assert.deepEqual(scheduler.faults, []);
});
