/** The proof that both ends know the token. */
import assert from "node:assert/strict";
import { isProof, makeNonce, prove } from "../../comm/authentication.ts";
import { AuthenticationError, type Comm, connect, listen } from "../../comm/comm.ts";
import { PROTOCOL_VERSION } from "../../comm/handshake.ts";
import { type ConnectionSecurity, Security, SecurityError } from "../../comm/security.ts";
import { FrameReader } from "../../protocol/frames.ts";
import { loads } from "../../protocol/pack.ts";
import { LogLines, openPair, Stranger, until } from "./pair.ts";

const TOKEN = "correct horse battery staple";
const withToken = new Security({ token: TOKEN }).connection("worker");
const withAnother = new Security({ token: "incorrect horse battery staple" }).connection("worker");

type Fields = Record<string, unknown>;

/** A raw connection that shakes hands by hand. */
class Actor {
  readonly stranger: Stranger;
  readonly #reader: FrameReader;

  constructor(stranger: Stranger) {
    this.stranger = stranger;
    this.#reader = new FrameReader(stranger.conn);
  }

  async read(): Promise<Fields | null> {
    const frames = await this.#reader.next();
    return frames === null ? null : loads(frames) as Fields;
  }

  hello(nonce: Uint8Array): Promise<void> {
    return this.stranger.writeMessage({ dusk: PROTOCOL_VERSION, compression: [], nonce });
  }
}

async function listenWith(security: ConnectionSecurity | undefined) {
  const comms: Comm[] = [];
  const listener = listen("tcp://127.0.0.1:0", (comm) => void comms.push(comm), { security });
  await listener.start();
  return {
    address: listener.contactAddress,
    comms,
    async [Symbol.asyncDispose]() {
      for (const comm of comms) comm.abort();
      await listener.stop();
    },
  };
}

Deno.test("two that know the token talk", async () => {
  const scheduler = new Security({ token: ` ${TOKEN}\n` }).connection("scheduler");
  await using pair = await openPair("tcp://127.0.0.1:0", { security: scheduler });
  await pair.here.write("hello");
  assert.equal(await pair.there.read(), "hello");
});

for (
  const [what, there, here, told, logged] of [
    [
      "another token",
      withToken,
      withAnother,
      /its token is another.*give both the same/,
      /another/,
    ],
    [
      "no token",
      withToken,
      undefined,
      /the peer wants a token.*--token-file or DUSK_TOKEN.*new Security\(.*configure\(\)/,
      /none/,
    ],
    ["a token nobody wants", undefined, withToken, /has a token and the peer has none/, /wants a/],
  ] as const
) {
  Deno.test(`a peer with ${what} is refused once, and both sides are told why`, async () => {
    using log = new LogLines();
    await using listener = await listenWith(there);
    const connecting = connect(listener.address, { security: here, timeout: 60 });
    await assert.rejects(connecting, (error: Error) => {
      assert(error instanceof AuthenticationError, String(error));
      assert.match(error.message, told);
      assert(error.message.includes(listener.address), "it names the address");
      return true;
    });
    assert.match(await log.waitFor("Dropped a connection from tcp://127.0.0.1:"), logged);
    assert.equal(log.lines.length, 1);
    assert.deepEqual(listener.comms, []);
    const friend = await connect(listener.address, { security: there });
    friend.abort();
  });
}

Deno.test("the token itself never goes over the wire", async () => {
  await using listener = await listenWith(withToken);
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const seen: Uint8Array[] = [];
  const copy = async (from: Deno.Conn, to: Deno.Conn) => {
    const buffer = new Uint8Array(65536);
    for (let count; (count = await from.read(buffer).catch(() => null)) !== null;) {
      seen.push(buffer.slice(0, count));
      await to.write(buffer.subarray(0, count));
    }
    await to.closeWrite().catch(() => {});
  };
  const relaying = (async () => {
    using near = await server.accept();
    using far = await Deno.connect({ port: Number(listener.address.split(":").at(-1)) });
    await Promise.all([copy(near, far), copy(far, near)]);
  })();
  const comm = await connect(`tcp://127.0.0.1:${server.addr.port}`, { security: withToken });
  comm.abort();
  await until(() => listener.comms.length > 0);
  listener.comms[0].abort();
  await relaying;
  server.close();
  const text = new TextDecoder("latin1").decode(new Uint8Array(seen.flatMap((part) => [...part])));
  assert(text.includes("proof"), "the relay has seen the handshake");
  assert(!text.includes(TOKEN) && !text.includes(TOKEN.slice(0, 7)));
});

Deno.test("a proof that was listened to is of no use on another connection", async () => {
  using log = new LogLines();
  await using listener = await listenWith(withToken);
  const own = makeNonce();
  let proof: Uint8Array | undefined;
  for (let round = 0; round < 2; round++) {
    using stranger = await Stranger.connect(listener.address);
    const actor = new Actor(stranger);
    await actor.hello(own);
    const hello = await actor.read();
    const nonces = { connector: own, listener: hello!.nonce as Uint8Array<ArrayBuffer> };
    proof ??= await prove(withToken, "connector", nonces, PROTOCOL_VERSION);
    await stranger.writeMessage({ proof });
    const answer = await actor.read();
    // The first round is an honest one.
    assert.equal("proof" in answer!, round === 0);
    assert.equal("refused" in answer!, round === 1);
  }
  await log.waitFor("another than this side's");
});

Deno.test("an end's own messages sent back to it prove nothing", async () => {
  using _log = new LogLines();
  // To a listener: its challenge is ours as well, and it shows no proof before it has seen one.
  await using listener = await listenWith(withToken);
  using stranger = await Stranger.connect(listener.address);
  const actor = new Actor(stranger);
  const hello = await actor.read();
  await actor.hello(hello!.nonce as Uint8Array);
  const nonces = {
    connector: hello!.nonce as Uint8Array<ArrayBuffer>,
    listener: hello!.nonce as Uint8Array<ArrayBuffer>,
  };
  await stranger.writeMessage({
    proof: await prove(withToken, "listener", nonces, PROTOCOL_VERSION),
  });
  assert("refused" in (await actor.read())!);
  // To a connector: its challenge and its proof come back to it.
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const mirroring = (async () => {
    using conn = await server.accept();
    const buffer = new Uint8Array(65536);
    for (let count; (count = await conn.read(buffer).catch(() => null)) !== null;) {
      await conn.write(buffer.subarray(0, count));
    }
  })();
  const connecting = connect(`tcp://127.0.0.1:${server.addr.port}`, { security: withToken });
  await assert.rejects(connecting, /does not know this side's token/);
  await mirroring;
  server.close();
});

Deno.test("a listener shows no proof to one that has shown none", async () => {
  using _log = new LogLines();
  await using listener = await listenWith(withToken);
  for (const answer of [{}, { proof: "text" }, { proof: new Uint8Array(0) }, { refused: "you" }]) {
    using stranger = await Stranger.connect(listener.address);
    const actor = new Actor(stranger);
    await actor.hello(makeNonce());
    await actor.read();
    await stranger.writeMessage(answer);
    assert.deepEqual(Object.keys((await actor.read())!), ["refused"]);
    assert.equal(await actor.read(), null);
  }
});

Deno.test("a challenge of another length is no hello", async () => {
  using log = new LogLines();
  await using listener = await listenWith(withToken);
  using stranger = await Stranger.connect(listener.address);
  await new Actor(stranger).hello(new Uint8Array(0));
  await stranger.readToEnd();
  await log.waitFor("the challenge in its hello has not 32 bytes");
});

Deno.test("a proof holds for one side, both challenges and one version", async () => {
  const nonces = { connector: makeNonce(), listener: makeNonce() };
  const proof = await prove(withToken, "connector", nonces, 2);
  assert(await isProof(withToken, "connector", nonces, 2, proof));
  const other = { connector: nonces.listener, listener: nonces.connector };
  assert(!await isProof(withToken, "listener", nonces, 2, proof));
  assert(!await isProof(withToken, "connector", other, 2, proof));
  assert(!await isProof(withToken, "connector", nonces, 3, proof));
  assert(!await isProof(withAnother, "connector", nonces, 2, proof));
});

Deno.test("a refusal is shown without what a terminal would act on", async () => {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const conn = await server.accept();
    using stranger = Object.assign(Object.create(Stranger.prototype), { conn }) as Stranger;
    const refused = `\x1b[31mno\r\n${"x".repeat(10_000)}`;
    await stranger.writeMessage({ dusk: PROTOCOL_VERSION, compression: [], refused });
    await stranger.readToEnd();
  })();
  await assert.rejects(connect(`tcp://127.0.0.1:${server.addr.port}`), (error: Error) => {
    assert(error instanceof AuthenticationError);
    assert.match(error.message, /^could not connect to \S+: {2}\[31mno {2}x+$/);
    assert(error.message.length < 500);
    return true;
  });
  await serving;
  server.close();
});

Deno.test("many wrong tokens of a host fill no log, and an honest peer of it gets in", async () => {
  using log = new LogLines();
  await using listener = await listenWith(withToken);
  const attempts = Array.from(
    { length: 30 },
    () => connect(listener.address, { security: withAnother, timeout: 1 }).catch((error) => error),
  );
  const friend = await connect(listener.address, { security: withToken, timeout: 60 });
  friend.abort();
  for (const error of await Promise.all(attempts)) assert(error instanceof Error);
  assert.equal(log.lines.length, 1);
});

for (
  const [token, message] of [
    ["short", /has 5 characters and must have 16 at least.*openssl rand -hex 32/],
    ["x".repeat(5000), /has 5000 bytes and may have 4096 at most/],
    ["two lines\nof a text file", /a single line/],
    ["   \n", /has 0 characters/],
  ] as const
) {
  Deno.test(`a token such as ${JSON.stringify(token.slice(0, 24))} is refused`, () => {
    assert.throws(() => new Security({ token }), (error: Error) => {
      assert(error instanceof SecurityError);
      assert.match(error.message, message);
      if (token.length > 10) assert(!error.message.includes(token));
      return true;
    });
  });
}
