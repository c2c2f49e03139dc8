/**
 * What holds for every transport that carries comms as bytes: strangers, limits, closing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Comm, CommClosedError, connect, HandshakeError, listen } from "../../comm/comm.ts";
import { PROTOCOL_VERSION } from "../../comm/handshake.ts";
import type { ConnectionSecurity } from "../../comm/security.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { block } from "./block.ts";
import { LogLines, openPair, Stranger, until, words } from "./pair.ts";

/** A transport, and its strangers. */
export interface Wire {
  readonly scheme: string;
  /** What its endpoints need. */
  readonly security?: ConnectionSecurity;
  /** Connects one that knows nothing of comms. */
  stranger(address: string): Promise<Stranger>;
  /** Listens for connections that know nothing of comms. */
  serve(): Deno.TcpListener | Deno.TlsListener;
}

const HELLO = { dusk: PROTOCOL_VERSION, compression: ["lz4"] };

/** Registers the tests of a transport. */
export function streamTests(wire: Wire): void {
  const { scheme, security } = wire;

  /** A listener that reads one message from each comm, and notes what came of it. */
  async function listenForOne(options: Parameters<typeof listen>[2] = {}) {
    const reads: Promise<unknown>[] = [];
    const accepted = Promise.withResolvers<Comm>();
    const listener = listen(`${scheme}://127.0.0.1:0`, async (comm) => {
      accepted.resolve(comm);
      const read = comm.read().catch((error) => error);
      reads.push(read);
      await read;
      await comm.close();
    }, { ...options, security });
    await listener.start();
    return { listener, reads, accepted: accepted.promise };
  }

  /** A comm still gets through to the listener. */
  async function assertStillServes(
    listener: { contactAddress: string },
    reads: Promise<unknown>[],
  ) {
    const comm = await connect(listener.contactAddress, { security });
    await comm.write("well");
    await until(() => reads.length > 0);
    assert.equal(await reads.at(-1), "well");
    await comm.close();
  }

  for (
    const [what, bytes] of [
      ["HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
      ["TLS", new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 9, 9, 9, 9])],
      ["ones", new Uint8Array(64).fill(1)],
      ["a frame of 2^60 bytes", words(1, 2n ** 60n)],
      ["2^60 frames", words(2n ** 60n)],
      ["many small frames", words(9, 1, 1, 1, 1, 1, 1, 1, 1, 1)],
      ["a hello of a megabyte", words(2, 1, 1_000_000)],
      ["frames that are no message", new Uint8Array([...words(2, 1, 3), 0x80, 0xc1, 0xc1, 0xc1])],
      ["no frames", words(0)],
    ] as const
  ) {
    Deno.test(`${scheme}: a stranger that sends ${what} is dropped with one log line`, async () => {
      using log = new LogLines();
      const { listener, reads } = await listenForOne();
      {
        using stranger = await wire.stranger(listener.contactAddress);
        await stranger.write(bytes);
        const answer = await stranger.readToEnd();
        assert(answer < 200, `got ${answer} bytes`);
      }
      const line = await log.waitFor("Dropped a connection");
      assert.match(line, /distributed\.comm WARNING .*does not speak Dusk's protocol/);
      assert.equal(reads.length, 0);
      await assertStillServes(listener, reads);
      listener.stop();
      assert.equal(log.lines.length, 1);
    });
  }

  Deno.test(`${scheme}: a stranger that says nothing is dropped after the time for its handshake`, async () => {
    using log = new LogLines();
    const { listener, reads } = await listenForOne({ handshakeTimeout: 0.01 });
    using stranger = await wire.stranger(listener.contactAddress);
    await stranger.readToEnd();
    assert.match(await log.waitFor("Dropped"), /no handshake within 0\.01 s/);
    assert.equal(reads.length, 0);
    listener.stop();
    assert.equal(log.lines.length, 1);
  });

  Deno.test(`${scheme}: a stranger that only opens and closes is no news`, async () => {
    using log = new LogLines("debug");
    const { listener } = await listenForOne();
    (await wire.stranger(listener.contactAddress))[Symbol.dispose]();
    assert.match(await log.waitFor("Dropped"), /DEBUG/);
    listener.stop();
  });

  Deno.test(`${scheme}: of peers that come all at once, none is dropped`, async () => {
    using log = new LogLines("debug");
    const comms: Comm[] = [];
    const listener = listen(`${scheme}://127.0.0.1:0`, (comm) => void comms.push(comm), {
      handshakeLimit: 2,
      security,
    });
    await listener.start();
    const connecting = Array.from(
      { length: 100 },
      () => connect(listener.contactAddress, { security }),
    );
    // They all wait at the door when this process looks up again.
    block(0.05);
    const own = await Promise.all(connecting);
    await until(() => comms.length === own.length);
    assert.deepEqual(log.lines, []);
    for (const comm of [...own, ...comms]) comm.abort();
    listener.stop();
  });

  Deno.test(`${scheme}: stopping does not wait for room for another handshake`, async () => {
    const { listener } = await listenForOne({ handshakeLimit: 1 });
    using first = await wire.stranger(listener.contactAddress);
    using second = await wire.stranger(listener.contactAddress);
    await new Promise((resolve) => setTimeout(resolve, 0));
    listener.stop();
    await Promise.all([first.readToEnd(), second.readToEnd()]);
  });

  Deno.test(`${scheme}: too many silent strangers are dropped, and peers get through`, async () => {
    using log = new LogLines();
    const { listener, reads } = await listenForOne({ handshakeLimit: 2 });
    using first = await wire.stranger(listener.contactAddress);
    using _second = await wire.stranger(listener.contactAddress);
    using _third = await wire.stranger(listener.contactAddress);
    await first.readToEnd();
    assert.match(await log.waitFor("Dropped"), /more than 2 handshakes at once/);
    await assertStillServes(listener, reads);
    listener.stop();
  });

  Deno.test(`${scheme}: stopping drops the connections that are in their handshake`, async () => {
    using log = new LogLines("debug");
    const { listener } = await listenForOne();
    using stranger = await wire.stranger(listener.contactAddress);
    await stranger.conn.read(new Uint8Array(1)); // it is being greeted
    listener.stop();
    await stranger.readToEnd();
    assert.deepEqual(log.lines, []);
  });

  Deno.test(`${scheme}: a peer of another version is refused by the listener, which names both`, async () => {
    using log = new LogLines();
    const { listener, reads } = await listenForOne();
    using stranger = await wire.stranger(listener.contactAddress);
    await stranger.writeMessage({ ...HELLO, dusk: 999 });
    assert(await stranger.readToEnd() > 0, "it is told this side's version");
    assert.match(
      await log.waitFor("Dropped"),
      new RegExp(`version 999 of the protocol, this side version ${PROTOCOL_VERSION}:`),
    );
    assert.equal(reads.length, 0);
    listener.stop();
  });

  for (
    const [what, answer, part] of [
      ["of another version", { ...HELLO, dusk: 999 }, "version 999"],
      ["whose hello is none", { hello: "there" }, "no hello"],
      ["that speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak Dusk's protocol"],
    ] as const
  ) {
    Deno.test(`${scheme}: connect refuses a peer ${what} without trying again`, async () => {
      const server = wire.serve();
      let connections = 0;
      const serving = (async () => {
        for await (const conn of server) {
          connections++;
          using stranger = new Stranger(conn);
          if (typeof answer === "string") await stranger.write(answer);
          else await stranger.writeMessage(answer);
          await stranger.readToEnd();
        }
      })();
      const connecting = connect(`${scheme}://127.0.0.1:${server.addr.port}`, {
        timeout: 60,
        security,
      });
      await assert.rejects(connecting, (error: Error) => {
        assert(error instanceof HandshakeError, String(error));
        assert(error.message.includes(part), error.message);
        return true;
      });
      server.close();
      await serving;
      assert.equal(connections, 1);
    });
  }

  Deno.test(`${scheme}: connect gives up on a peer that accepts and says nothing`, async () => {
    const server = wire.serve();
    const accepted = server.accept();
    const connecting = connect(`${scheme}://127.0.0.1:${server.addr.port}`, {
      timeout: 0.03,
      security,
    });
    await assert.rejects(
      connecting,
      /could not connect .* within 0\.03 s: the peer does not answer/,
    );
    (await accepted).close();
    server.close();
  });

  Deno.test(`${scheme}: connect tries again when the peer closes during the handshake`, async () => {
    const server = wire.serve();
    const serving = (async () => {
      (await server.accept()).close();
      const conn = await server.accept();
      using stranger = new Stranger(conn);
      await stranger.writeMessage(HELLO);
      await stranger.readToEnd();
    })();
    const comm = await connect(`${scheme}://127.0.0.1:${server.addr.port}`, {
      timeout: 60,
      security,
    });
    await comm.close();
    await serving;
    server.close();
  });

  /** A message with this body, as it goes over the wire. */
  function message(...body: number[]): Uint8Array {
    return new Uint8Array([...words(2, 1, body.length), 0x80, ...body]);
  }

  function ascii(text: string): Uint8Array {
    return new TextEncoder().encode(text);
  }

  for (
    const [what, bytes, part] of [
      ["a frame of 2^60 bytes", words(1, 2n ** 60n), "a frame of 115292150460684"],
      ["2^60 frames", words(2n ** 60n), "a message of 115292150460684"],
      ["a truncated header", words(2, 5).subarray(0, 12), "ended"],
      ["a truncated frame", new Uint8Array([...words(2, 1, 100), 0x80, 1, 2, 3]), "ended after"],
      ["a truncated large frame", new Uint8Array([...words(1, 1_000_000), 1, 2]), "of the 1000000"],
      ["a message that is none", message(0xc1), ""],
      ["a list of 2^32 that is empty", message(0xdd, 255, 255, 255, 255), "ends too early"],
      ["a map of 2^32 that is empty", message(0xdf, 255, 255, 255, 255), "ends too early"],
      ["lists of lists without end", message(...new Array(10_000).fill(0x91)), "nested more than"],
      ["maps of maps without end", message(...new Array(10_000).fill([0x81, 0]).flat()), "nested"],
      ["a text of 2^32 bytes that is empty", message(0xdb, 255, 255, 255, 255), ""],
      ["bytes of 2^32 that are none", message(0xc6, 255, 255, 255, 255), ""],
      ["a field called __proto__", message(0x81, 0xa9, ...ascii("__proto__"), 0x80), "__proto__"],
      ["a payload that is not there", message(0xd6, 2, 9, 0, 0, 0), "there is no payload 9"],
    ] as [string, Uint8Array, string][]
  ) {
    Deno.test(`${scheme}: a peer that sends ${what} is cut off with one log line`, async () => {
      using log = new LogLines();
      const { listener, reads } = await listenForOne();
      {
        using stranger = await wire.stranger(listener.contactAddress);
        await stranger.writeMessage(HELLO);
        await stranger.write(bytes);
        await stranger.conn.closeWrite();
        await stranger.readToEnd();
      }
      const error = await reads[0] as Error;
      assert(error instanceof CommClosedError, String(error));
      assert(error.message.includes(part), error.message);
      assert(error.cause instanceof Error);
      assert.match(log.lines[0], /distributed\.comm WARNING Closed the comm to t(cp|ls):/);
      await assertStillServes(listener, reads);
      listener.stop();
      assert.equal(log.lines.length, 1);
    });
  }

  Deno.test(`${scheme}: limits on what comes in may be set tighter`, async () => {
    using log = new LogLines();
    await using pair = await openPair(`${scheme}://127.0.0.1:0`, {
      limits: { messageBytes: 1000 },
      security,
    });
    await pair.here.write("x".repeat(100));
    assert.equal(await pair.there.read(), "x".repeat(100));
    await pair.here.write("x".repeat(2000));
    await assert.rejects(pair.there.read(), CommClosedError);
    assert.match(log.lines[0], /more than 1000 bytes/);
  });

  Deno.test(`${scheme}: what is small when compressed is held to the limits at its real size`, async () => {
    using log = new LogLines();
    const options = { limits: { messageBytes: 100_000 }, compression: "lz4", security } as const;
    await using pair = await openPair(`${scheme}://127.0.0.1:0`, options);
    const bomb = { op: "x", data: new Serialized([new Uint8Array(1), new Uint8Array(10_000_000)]) };
    await pair.here.write(bomb);
    await assert.rejects(pair.there.read(), CommClosedError);
    assert.match(log.lines[0], /more bytes than are accepted/);
  });

  Deno.test(`${scheme}: a peer that resets the connection in the middle of a frame closes the comm`, async () => {
    using _log = new LogLines();
    const { listener, accepted, reads } = await listenForOne();
    const stranger = await wire.stranger(listener.contactAddress);
    await stranger.writeMessage(HELLO);
    const comm = await accepted;
    await stranger.write(new Uint8Array([...words(1, 1_000_000), 1, 2]));
    await comm.write("something that is not read");
    await stranger.conn.read(new Uint8Array(1)); // some is there, the rest stays unread: a reset
    stranger[Symbol.dispose]();
    assert(await reads[0] instanceof CommClosedError);
    await assert.rejects(comm.write("more"), CommClosedError);
    assert.equal(comm.closed, true);
    listener.stop();
  });

  Deno.test(`${scheme}: close does not wait for ever for a peer that takes nothing`, async () => {
    using log = new LogLines();
    const { listener, accepted, reads } = await listenForOne({ closeTimeout: 0.02 });
    using stranger = await wire.stranger(listener.contactAddress);
    await stranger.writeMessage(HELLO);
    const comm = await accepted;
    const data = new Serialized([new Uint8Array(64_000_000)]);
    const written = assert.rejects(comm.write({ data }), CommClosedError);
    assert(comm.pendingBytes > 60_000_000);
    await comm.close();
    await written;
    assert(await reads[0] instanceof CommClosedError);
    assert.match(log.lines[0], /Gave up on sending \d+ bytes/);
    listener.stop();
  });

  Deno.test(`${scheme}: abort ends a write that is under way, and those that wait`, async () => {
    await using pair = await openPair(`${scheme}://127.0.0.1:0`, { security });
    const data = new Serialized([new Uint8Array(64_000_000)]);
    const writes = [pair.here.write({ data }), pair.here.write("next")];
    const rejected = writes.map((write) => assert.rejects(write, CommClosedError));
    pair.here.abort();
    await Promise.all(rejected);
  });

  Deno.test(`${scheme}: a comm that is closed has nothing pending`, async () => {
    await using pair = await openPair(`${scheme}://127.0.0.1:0`, { security });
    const write = pair.here.write(new Serialized([new Uint8Array(50_000_000)]));
    assert(pair.here.pendingBytes > 0);
    pair.here.abort();
    assert.equal(pair.here.pendingBytes, 0);
    await assert.rejects(write, CommClosedError);
    assert.equal(pair.here.pendingBytes, 0);
  });

  Deno.test(`${scheme}: a message that cannot be sent leaves the comm as it was`, async () => {
    await using pair = await openPair(`${scheme}://127.0.0.1:0`, { security });
    await assert.rejects(pair.here.write({ op: "x", callback() {} }), (error) => {
      assert(!(error instanceof CommClosedError));
      return true;
    });
    await pair.here.write("fine");
    assert.equal(await pair.there.read(), "fine");
  });

  for (
    const [compression, expected] of [["auto", null], ["lz4", "lz4"], [null, null]] as const
  ) {
    Deno.test(`${scheme}: compression ${JSON.stringify(compression)} on one machine is ${expected}`, async () => {
      await using pair = await openPair(`${scheme}://127.0.0.1:0`, { compression, security });
      assert.equal(pair.here.extraInfo.compression, expected);
      assert.equal(pair.there.extraInfo.compression, expected);
      const data = new Serialized([new Uint8Array(1_000_000).fill(65)]);
      const written = pair.here.write({ data });
      const message = await pair.there.read() as { data: Serialized };
      await written;
      assert.deepEqual(message.data.frames[0], data.frames[0]);
    });
  }

  Deno.test(`${scheme}: a comm to another address of this machine is one within the machine`, async () => {
    await using pair = await openPair(`${scheme}://`, { security });
    assert.equal(pair.here.extraInfo.compression, null);
  });

  Deno.test(`${scheme}: messages to a peer without lz4 are not compressed`, async () => {
    const { listener, accepted } = await listenForOne({ compression: "lz4" });
    using stranger = await wire.stranger(listener.contactAddress);
    await stranger.writeMessage({ dusk: PROTOCOL_VERSION, compression: ["snappy", 7] });
    const comm = await accepted;
    assert.equal(comm.extraInfo.compression, null);
    comm.abort();
    listener.stop();
  });
}
