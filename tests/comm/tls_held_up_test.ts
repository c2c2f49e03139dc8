/** Peers over TLS that send more than is read of them. */
import assert from "node:assert/strict";
import { CommClosedError } from "../../comm/comm.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { tlsSecurity } from "../support/certificates.ts";
import { LogLines, openPair, until } from "./pair.ts";

const security = (await tlsSecurity()).connection("worker");

for (const which of ["connected", "accepted"] as const) {
  Deno.test(`a peer is held up while nobody reads what it sends (who reads has ${which})`, async () => {
    await using pair = await openPair("tls://127.0.0.1:0", { security });
    const [reader, writer] = which === "connected"
      ? [pair.here, pair.there]
      : [pair.there, pair.here];
    const bytes = new Uint8Array(100_000_000).map((_, i) => i >> 12);
    const written = writer.write({ data: new Serialized([bytes]) });
    // Nothing moves for as long as many messages need in the other direction.
    for (let still = 0, before = 0; still < 100; still++) {
      if (writer.pendingBytes !== before) still = 0;
      before = writer.pendingBytes;
      await reader.write(still);
      await writer.read();
    }
    // The system's own buffers take some megabytes.
    assert(writer.pendingBytes > 60_000_000, `${writer.pendingBytes} bytes wait`);
    const { data } = await reader.read() as { data: Serialized };
    await written;
    assert.deepEqual(data.frames[0], bytes);
  });
}

Deno.test("when one side of a writer that is held up ends, so does the other", async () => {
  using _log = new LogLines();
  for (const end of ["here", "there"] as const) {
    await using pair = await openPair("tls://127.0.0.1:0", { security });
    const data = new Serialized([new Uint8Array(100_000_000)]);
    const written = assert.rejects(pair.here.write({ data }), CommClosedError);
    await until(() => pair.here.pendingBytes < 99_000_000);
    pair[end].abort();
    await written;
    await assert.rejects(pair.there.read(), CommClosedError);
  }
});

Deno.test("what is still to be sent when a comm is closed arrives, also while the peer sends", async () => {
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  const data = new Serialized([new Uint8Array(3_000_000)]);
  const other = pair.there.write({ data });
  await pair.here.read();
  await other;
  void pair.there.write("unread");
  void pair.here.write({ data });
  void pair.here.write("last");
  const closing = pair.here.close();
  const got = await pair.there.read() as { data: Serialized };
  assert.equal(got.data.frames[0].byteLength, 3_000_000);
  assert.equal(await pair.there.read(), "last");
  await assert.rejects(pair.there.read(), /the peer has closed it/);
  await closing;
});
