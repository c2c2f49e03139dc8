/** Comms over TLS: who gets in, who does not, and what is said of it. */
import assert from "node:assert/strict";
import { type Comm, CommClosedError, connect, HandshakeError, listen } from "../../comm/comm.ts";
import type { ConnectionSecurity } from "../../comm/security.ts";
import { Serialized } from "../../protocol/serialized.ts";
import {
  authority,
  type Certificate,
  sign,
  tlsOptions,
  tlsSecurity,
} from "../support/certificates.ts";
import { LogLines, openPair, Stranger, until } from "./pair.ts";

const security = (await tlsSecurity()).connection("worker");

/** As of a peer that has this certificate, whatever the checks of files would say of it. */
async function securityOf(
  { cert, key }: Certificate,
  caFile?: string,
): Promise<ConnectionSecurity> {
  const { tlsCaFile } = await tlsOptions();
  const tls = {
    ca: await Deno.readTextFile(caFile ?? tlsCaFile!),
    cert: await Deno.readTextFile(cert),
    key: await Deno.readTextFile(key),
  };
  return { role: "client", tls, requireEncryption: false, insecure: false };
}

async function listenTls() {
  const comms: Comm[] = [];
  const listener = listen("tls://127.0.0.1:0", (comm) => void comms.push(comm), { security });
  await listener.start();
  return {
    address: listener.contactAddress,
    comms,
    async assertServes() {
      const before = comms.length;
      const comm = await connect(listener.contactAddress, { security });
      await until(() => comms.length > before);
      await comm.write("well");
      assert.equal(await comms.at(-1)!.read(), "well");
      comm.abort();
    },
    async [Symbol.asyncDispose]() {
      for (const comm of comms) comm.abort();
      await listener.stop();
    },
  };
}

Deno.test("messages of all sizes go over TLS, in both directions at once", async () => {
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  assert.match(pair.here.peerAddress, /^tls:\/\/127\.0\.0\.1:\d+$/);
  assert.match(pair.there.localAddress, /^tls:\/\/127\.0\.0\.1:\d+$/);
  for (const size of [0, 1, 16_384, 65_537, 1_000_000, 40_000_000]) {
    const bytes = new Uint8Array(size).map((_, i) => i * 7 + (i >> 12));
    const data = new Serialized([bytes]);
    const writes = [pair.here.write({ data }), pair.there.write({ data })];
    for (const comm of [pair.there, pair.here]) {
      const { data: got } = await comm.read() as { data: Serialized };
      assert.deepEqual(got.frames[0], bytes);
    }
    await Promise.all(writes);
  }
});

Deno.test("memory that is shared between threads goes over TLS", async () => {
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  const bytes = new Uint8Array(new SharedArrayBuffer(300_000)).fill(9);
  await pair.here.write({ data: new Serialized([bytes]) });
  const { data } = await pair.there.read() as { data: Serialized };
  assert.deepEqual([...data.frames[0].subarray(0, 3)], [9, 9, 9]);
  assert.equal(data.frames[0].length, 300_000);
});

for (
  const [what, make, words] of [
    ["another authority's certificate", async () => {
      return securityOf(await (await authority("other")).sign("stranger"));
    }, /not signed by the authority/],
    ["a certificate that it signed itself", async () => {
      return securityOf(await authority("loner"));
    }, /not signed by the authority/],
    ["a certificate that one of the cluster signed, who is no authority", async () => {
      const member = await (await authority()).sign("member");
      const friend = await sign(member, "friend");
      const chain = await Deno.readTextFile(friend.cert) + await Deno.readTextFile(member.cert);
      await Deno.writeTextFile(friend.cert, chain);
      return securityOf(friend);
    }, /not signed by the authority/],
    ["a certificate of version 1", async () => {
      return securityOf(await (await authority()).sign("old", { extensions: "" }));
    }, /not of version 3|not signed by the authority/],
    ["an expired certificate", async () => {
      return securityOf(await (await authority()).sign("late", { days: -1 }));
    }, /has expired/],
  ] as const
) {
  Deno.test(`a peer with ${what} is refused once, and told why`, async () => {
    const stranger = await make();
    using log = new LogLines();
    await using listener = await listenTls();
    // Not even by coming again, as with a ticket of the session before.
    for (let i = 0; i < 3; i++) {
      const connecting = connect(listener.address, { security: stranger, timeout: 60 });
      await assert.rejects(connecting, (error: Error) => {
        assert(error instanceof HandshakeError, String(error));
        assert.match(error.message, words);
        return true;
      });
    }
    assert.match(await log.waitFor("Dropped a connection from tls://127.0.0.1:"), words);
    assert.equal(log.lines.length, 1);
    assert.deepEqual(listener.comms, []);
    await listener.assertServes();
  });

  Deno.test(`a listener with ${what} is refused`, async () => {
    const stranger = await make();
    using log = new LogLines();
    const listener = listen("tls://127.0.0.1:0", () => assert.fail(), { security: stranger });
    await listener.start();
    for (let i = 0; i < 3; i++) {
      const connecting = connect(listener.contactAddress, { security, timeout: 60 });
      await assert.rejects(connecting, (error: Error) => {
        assert(error instanceof HandshakeError, String(error));
        assert.match(error.message, words);
        return true;
      });
    }
    // Of this one TLS itself thinks well, so that there is no alert: the connection just ends.
    if (!what.includes("version 1")) {
      await log.waitFor("the peer does not accept this side's certificate");
    }
    await listener.stop();
  });
}

Deno.test("a peer with no certificate is refused with one log line", async () => {
  using log = new LogLines();
  await using listener = await listenTls();
  const { hostname, port } = new URL(listener.address.replace("tls:", "http:"));
  const conn = await Deno.connectTls({
    hostname,
    port: Number(port),
    caCerts: [security.tls!.ca],
    unsafelyDisableHostnameVerification: true,
  });
  await conn.write(new Uint8Array(16));
  const buffer = new Uint8Array(1024);
  while (await conn.read(buffer).catch(() => null) !== null);
  conn.close();
  const line = await log.waitFor("Dropped a connection");
  assert.match(line, /certificate is missing|does not speak Dusk/);
  assert.equal(log.lines.length, 1);
  await listener.assertServes();
});

for (
  const [what, bytes] of [
    ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["ones", new Uint8Array(64).fill(1)],
    ["zeros", new Uint8Array(64)],
    ["the head of a TLS record", new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 9, 9, 9, 9])],
  ] as const
) {
  Deno.test(`a stranger that sends ${what} to a TLS port is dropped with one log line`, async () => {
    using log = new LogLines("debug");
    await using listener = await listenTls();
    {
      using stranger = await Stranger.connect(listener.address);
      await stranger.write(bytes);
      await stranger.conn.closeWrite();
      await stranger.readToEnd();
    }
    await log.waitFor("Dropped a connection from tls://127.0.0.1:");
    assert.equal(log.lines.length, 1);
    await listener.assertServes();
  });
}

Deno.test("a stranger that says nothing to a TLS port is dropped after its time", async () => {
  using log = new LogLines();
  const options = { security, handshakeTimeout: 0.05 };
  const listener = listen("tls://127.0.0.1:0", () => assert.fail(), options);
  await listener.start();
  using stranger = await Stranger.connect(listener.contactAddress);
  await stranger.readToEnd();
  assert.match(await log.waitFor("Dropped"), /no handshake within 0\.05 s/);
  assert.equal(log.lines.length, 1);
  await listener.stop();
});

Deno.test("a plain peer on a TLS port and a TLS peer on a plain port are refused", async () => {
  using log = new LogLines();
  await using listener = await listenTls();
  const plain = connect(listener.address.replace("tls:", "tcp:"), { timeout: 60 });
  await assert.rejects(plain, (error: Error) => {
    assert(error instanceof HandshakeError, String(error));
    assert.match(error.message, /could not connect to tcp:.*write tls:\/\/ in place of tcp:\/\//);
    return true;
  });
  assert.match(await log.waitFor("Dropped"), /the peer does not speak TLS/);

  const tcp = listen("tcp://127.0.0.1:0", () => assert.fail(), {});
  await tcp.start();
  const encrypted = connect(tcp.contactAddress.replace("tcp:", "tls:"), { security, timeout: 60 });
  await assert.rejects(encrypted, /could not connect to tls:.*the peer does not speak TLS/);
  assert.match(await log.waitFor("from tcp:"), /does not speak Dusk's protocol/);
  await tcp.stop();
  assert.equal(log.lines.length, 2);
  await listener.assertServes();
});

Deno.test("certificates and a token together let in only who has both", async () => {
  using _log = new LogLines();
  const both = (await tlsSecurity({ token: "a secret of some length" })).connection("scheduler");
  await using pair = await openPair("tls://127.0.0.1:0", { security: both });
  await pair.here.write(1);
  assert.equal(await pair.there.read(), 1);
  await assert.rejects(connect(pair.listener.contactAddress, { security }), /wants a token/);
});

Deno.test("authorities that the system trusts count for nothing", async () => {
  const other = await authority("other");
  const stranger = await securityOf(await other.sign("stranger"));
  using _log = new LogLines();
  const listener = listen("tls://127.0.0.1:0", () => assert.fail(), { security: stranger });
  await listener.start();
  const program = `
    import { connect } from ${JSON.stringify(import.meta.resolve("../../comm/comm.ts"))};
    const security = ${JSON.stringify(security)};
    await connect("${listener.contactAddress}", { security }).then(
      () => console.log("connected"),
      (error) => console.log(error.message),
    );
    Deno.exit();`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--no-check",
      `data:text/typescript,${encodeURIComponent(program)}`,
    ],
    env: { DENO_CERT: other.cert, NODE_EXTRA_CA_CERTS: other.cert, NO_COLOR: "1" },
    stderr: "inherit",
  }).output();
  assert.match(new TextDecoder().decode(stdout), /not signed by the authority/);
  await listener.stop();
});

Deno.test("a listener that stops leaves the comms that it has accepted, and drops strangers", async () => {
  using _log = new LogLines();
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  using stranger = await Stranger.connect(pair.listener.contactAddress);
  await pair.listener.stop();
  await stranger.readToEnd();
  await pair.here.write("still here");
  assert.equal(await pair.there.read(), "still here");
  await assert.rejects(connect(pair.listener.contactAddress, { security, timeout: 0.05 }));
});

Deno.test("a port that is taken is told so", async () => {
  await using listener = await listenTls();
  const second = listen(listener.address, () => {}, { security });
  await assert.rejects(
    async () => await second.start(),
    /cannot listen on tls:\/\/127\.0\.0\.1:\d+/,
  );
});

Deno.test("who reads late gets all that was sent, and then the end", async () => {
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  const data = new Serialized([new Uint8Array(1_000_000)]);
  for (let i = 0; i < 5; i++) void pair.here.write({ i, data });
  await pair.here.close();
  for (let i = 0; i < 5; i++) assert.equal((await pair.there.read() as { i: number }).i, i);
  await assert.rejects(pair.there.read(), /the peer has closed it/);
});

Deno.test("aborting in the middle of a large message ends both sides of it", async () => {
  using _log = new LogLines();
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  const data = new Serialized([new Uint8Array(200_000_000)]);
  const written = assert.rejects(pair.here.write({ data }), CommClosedError);
  await until(() => pair.here.pendingBytes < 200_000_000);
  assert(pair.here.pendingBytes > 100_000_000);
  pair.here.abort();
  await written;
  await assert.rejects(pair.there.read(), CommClosedError);
});

/** What a peer of this version begins TLS with. */
async function firstWords(): Promise<Uint8Array> {
  using socket = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stopping = new AbortController();
  const options = { security, timeout: 60, signal: stopping.signal };
  const rejected = assert.rejects(connect(`tls://127.0.0.1:${socket.addr.port}`, options));
  using conn = await socket.accept();
  const buffer = new Uint8Array(16 * 1024);
  const count = await conn.read(buffer);
  stopping.abort();
  await rejected;
  return buffer.subarray(0, count!);
}

for (const how of ["ends", "resets"] as const) {
  Deno.test(`a peer that ${how} the connection in the middle of TLS's handshake is no news`, async () => {
    using log = new LogLines("debug");
    const words = await firstWords();
    await using listener = await listenTls();
    {
      using stranger = await Stranger.connect(listener.address);
      await stranger.write(words);
      if (how === "ends") {
        await stranger.conn.closeWrite();
        await stranger.readToEnd();
      } else {
        // With the rest of the answer unread, closing resets the connection.
        await stranger.conn.read(new Uint8Array(1));
      }
    }
    const line = await log.waitFor("Dropped a connection from tls://127.0.0.1:");
    assert.match(line, / DEBUG .*(the peer closed it during TLS|ECONNRESET)/i);
    assert.equal(log.lines.length, 1);
    await listener.assertServes();
  });
}

Deno.test("one that resets the connection at the first word of TLS is tried again", async () => {
  using socket = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = connect(`tls://127.0.0.1:${socket.addr.port}`, { security, timeout: 60 });
  const rejected = assert.rejects(connecting, /does not speak TLS/);
  for (let i = 0; i < 2; i++) {
    using conn = await socket.accept();
    await conn.read(new Uint8Array(1));
  }
  using conn = await socket.accept();
  await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await rejected;
});
