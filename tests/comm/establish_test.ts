/** Handshakes that are given up as they end. */
import assert from "node:assert/strict";
import { establish, type FreshConnection } from "../../comm/establish.ts";
import { PROTOCOL_VERSION } from "../../comm/handshake.ts";
import { encodeFrames } from "../../protocol/frames.ts";
import { dumps } from "../../protocol/pack.ts";

const end = { hostname: "127.0.0.1", port: 1 };
const kind = { scheme: "tcp", isEncrypted: false, side: "connector" } as const;
const [HELLO] = encodeFrames(dumps({ dusk: PROTOCOL_VERSION, compression: [] }));

/** A connection whose peer says hello when `hello` settles, and no sooner. */
function connectionWith(hello: () => Promise<void>) {
  const closed = Promise.withResolvers<void>();
  let closes = 0;
  const close = () => {
    closes++;
    closed.resolve();
  };
  const stream = {
    async read(into: Uint8Array) {
      await hello();
      into.set(HELLO);
      return HELLO.length;
    },
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close,
  };
  const connection: FreshConnection = { local: end, peer: end, open: () => ({ stream }), close };
  return { connection, closed: closed.promise, closes: () => closes };
}

Deno.test("a handshake that is given up just as it ends gives no comm", async () => {
  const wish = new AbortController();
  const { connection, closes } = connectionWith(() => Promise.resolve(wish.abort()));
  await assert.rejects(establish(connection, {}, { ...kind, signal: wish.signal }));
  assert.equal(closes(), 1);
});

Deno.test("a handshake that ends just after its time is over gives no comm", async () => {
  const peer = connectionWith(() => peer.closed);
  await assert.rejects(
    establish(peer.connection, { handshakeTimeout: 0.01 }, kind),
    /no handshake within 0\.01 s/,
  );
  assert.equal(peer.closes(), 1);
});
