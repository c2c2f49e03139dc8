/** Connecting: how long is tried, and what is given up. */
import assert from "node:assert/strict";
import {
  CommClosedError,
  connect,
  ConnectError,
  ConnectTimeoutError,
  listen,
  type Listener,
} from "../../comm/comm.ts";
import { AddressError, getAddressHostPort } from "../../comm/addresses.ts";
import { awakeTimer } from "../../comm/awake_timer.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { LogLines, openPair, until } from "./pair.ts";
import { Unwelcoming } from "./unwelcoming.ts";

for (const address of ["tcp://127.0.0.1:0", "tcp://[::1]:0", "inproc://"]) {
  Deno.test(`${address}: messages arrive whole and in order, both ways`, async () => {
    await using pair = await openPair(address);
    const { here, there } = pair;
    for (let i = 0; i < 100; i++) await here.write({ op: "count", i });
    for (let i = 0; i < 100; i++) assert.deepEqual(await there.read(), { op: "count", i });
    await there.write([1, "two", null, { three: [3.5] }]);
    assert.deepEqual(await here.read(), [1, "two", null, { three: [3.5] }]);
  });

  Deno.test(`${address}: values of users arrive as they were`, async () => {
    await using pair = await openPair(address);
    const small = new Serialized([new Uint8Array([1, 2, 3])]);
    const large = new Serialized([new Uint8Array([4]), new Uint8Array(3_000_000).fill(7)]);
    const written = pair.here.write({ op: "put", small, large });
    const message = await pair.there.read() as { small: Serialized; large: Serialized };
    await written;
    assert(message.small instanceof Serialized);
    assert.deepEqual([...message.small.frames[0]], [1, 2, 3]);
    assert.equal(message.large.nbytes, 3_000_001);
    assert.deepEqual(message.large.frames[1], large.frames[1]);
  });

  Deno.test(`${address}: writes that overlap queue and do not mix`, async () => {
    await using pair = await openPair(address);
    const sizes = [3_000_000, 10, 200_000, 0, 70_000];
    const writes = sizes.map((size, i) =>
      pair.here.write({ i, data: new Serialized([new Uint8Array(size).fill(i)]) })
    );
    for (const [i, size] of sizes.entries()) {
      const message = await pair.there.read() as { i: number; data: Serialized };
      assert.equal(message.i, i);
      assert.deepEqual(message.data.frames[0], new Uint8Array(size).fill(i));
    }
    await Promise.all(writes);
    assert.equal(pair.here.pendingBytes, 0);
  });

  for (const ends of [["here", "there"], ["there", "here"]] as const) {
    const [closing, other] = ends;

    Deno.test(`${address}: closed by ${closing}, what was written still arrives`, async () => {
      await using pair = await openPair(address);
      await pair[closing].write("one");
      void pair[closing].write("two");
      const closed = pair[closing].close();
      assert.equal(pair[closing].closed, true);
      assert.equal(await pair[other].read(), "one");
      assert.equal(await pair[other].read(), "two");
      await assert.rejects(pair[other].read(), CommClosedError);
      assert.equal(pair[other].closed, true);
      await closed;
      await assert.rejects(pair[closing].read(), CommClosedError);
      await assert.rejects(pair[closing].write("three"), CommClosedError);
      await assert.rejects(pair[other].write("three"), CommClosedError);
    });

    Deno.test(`${address}: closed by ${closing}, reads that wait on both ends end`, async () => {
      await using pair = await openPair(address);
      const reads = [pair[closing].read(), pair[other].read()].map((read) =>
        assert.rejects(read, CommClosedError)
      );
      await pair[closing].close();
      await Promise.all(reads);
    });

    Deno.test(`${address}: aborted by ${closing}, reads that wait on both ends end`, async () => {
      await using pair = await openPair(address);
      const reads = [pair[closing].read(), pair[other].read()].map((read) =>
        assert.rejects(read, CommClosedError)
      );
      pair[closing].abort();
      assert.equal(pair[closing].closed, true);
      await Promise.all(reads);
      assert.equal(pair[other].closed, true);
    });
  }

  Deno.test(`${address}: both ends may close at once, and twice`, async () => {
    await using pair = await openPair(address);
    await Promise.all([pair.here.close(), pair.there.close(), pair.here.close()]);
    await pair.here.close();
    pair.here.abort();
    assert(pair.here.closed && pair.there.closed);
  });

  Deno.test(`${address}: writing to a peer that has gone fails as a closed comm`, async () => {
    await using pair = await openPair(address);
    pair.there.abort();
    await assert.rejects(async () => {
      // The first write may still go into the void.
      for (let i = 0; i < 1000; i++) await pair.here.write(new Array(1000).fill(i));
    }, CommClosedError);
  });

  Deno.test(`${address}: a second read while one waits is refused`, async () => {
    await using pair = await openPair(address);
    const first = pair.here.read();
    await assert.rejects(pair.here.read(), /under way/);
    await pair.there.write("for the first");
    assert.equal(await first, "for the first");
  });

  Deno.test(`${address}: each end knows the other's address`, async () => {
    await using pair = await openPair(address);
    const { here, there, listener } = pair;
    assert.equal(here.peerAddress, listener.contactAddress);
    assert.equal(there.localAddress, listener.contactAddress);
    assert.equal(there.peerAddress, here.localAddress);
  });

  Deno.test(`${address}: a stopped listener keeps its comms`, async () => {
    await using pair = await openPair(address);
    pair.listener.stop();
    await pair.here.write("still here");
    assert.equal(await pair.there.read(), "still here");
    await assert.rejects(connect(pair.listener.contactAddress, { timeout: 0.03 }));
  });

  Deno.test(`${address}: a handler that throws ends its comm, not the listener`, async () => {
    using log = new LogLines();
    const listener = listen(address, () => {
      throw new Error("the handler is broken");
    });
    await listener.start();
    for (let i = 0; i < 2; i++) {
      const comm = await connect(listener.contactAddress);
      await assert.rejects(comm.read(), CommClosedError);
    }
    listener.stop();
    assert.match(await log.waitFor("handler is broken"), /distributed\.comm ERROR/);
  });
}

Deno.test("connect keeps trying until somebody listens", async () => {
  const reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = reserved.addr;
  reserved.close();
  const connecting = connect(`tcp://127.0.0.1:${port}`, { timeout: 60 });
  // A connection refused at least once: another attempt of our own was.
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
  const accepted = Promise.withResolvers<void>();
  const listener = listen(`tcp://127.0.0.1:${port}`, async (comm) => {
    accepted.resolve();
    await comm.close();
  });
  await listener.start();
  const comm = await connecting;
  await accepted.promise;
  await comm.close();
  listener.stop();
});

Deno.test("connect gives up after its timeout, and says why", async () => {
  const reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${reserved.addr.port}`;
  reserved.close();
  await assert.rejects(connect(address, { timeout: 0.05 }), (error: Error) => {
    assert(error instanceof ConnectTimeoutError);
    assert(error.message.includes(address) && error.message.includes("0.05 s"), error.message);
    assert.match(error.message, /refused/i);
    assert(error.cause instanceof Deno.errors.ConnectionRefused);
    return true;
  });
});

Deno.test("with a time to reach the peer, one that refuses is given up at once", async () => {
  const reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${reserved.addr.port}`;
  reserved.close();
  const connecting = connect(address, { timeout: Infinity, reachTimeout: 60 });
  await assert.rejects(connecting, (error: Error) => {
    assert(error instanceof ConnectError && !(error instanceof ConnectTimeoutError));
    assert(error.message.includes(address), error.message);
    assert.match(error.message, /refused/i);
    return true;
  });
});

Deno.test("with a time to reach the peer, one that does not answer is given up after it", async () => {
  await using closed = await Unwelcoming.listen();
  const connecting = connect(closed.address, { timeout: Infinity, reachTimeout: 0.02 });
  await assert.rejects(connecting, (error: Error) => {
    assert(error instanceof ConnectError);
    assert(error.message.includes(closed.address), error.message);
    assert.match(error.message, /does not take the connection within 0\.02 s/);
    return true;
  });
  const controller = new AbortController();
  const called = connect(closed.address, { reachTimeout: 60, signal: controller.signal });
  controller.abort(new Error("never mind"));
  await assert.rejects(called, /never mind/);
});

Deno.test("a peer that is there has longer for its handshake than to be reached", async () => {
  const socket = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${socket.addr.port}`;
  const connecting = connect(address, { timeout: 60, reachTimeout: 0.01 });
  const conn = await socket.accept();
  // It says nothing for longer than it had to be reached.
  await new Promise<void>((resolve) => awakeTimer(0.02, resolve));
  conn.close();
  // And not given up either, as it closed without refusing: tried again.
  (await socket.accept()).close();
  socket.close();
  await assert.rejects(connecting, ConnectError);
});

Deno.test("options that make no sense are refused before anything is opened", async () => {
  const address = "tcp://127.0.0.1:0";
  const bad: [Record<string, unknown>, RegExp][] = [
    [{ handshakeTimeout: 0 }, /handshakeTimeout must be a number of seconds above 0, got 0/],
    [{ closeTimeout: NaN }, /closeTimeout .* got NaN/],
    [{ reachTimeout: "2" }, /reachTimeout .* got 2/],
    [{ handshakeLimit: -1 }, /handshakeLimit must be a number above 0, got -1/],
    [{ limits: { frames: undefined } }, /limits.frames/],
    [{ limits: { messageBytes: -5 } }, /limits.messageBytes must be a number above 0, got -5/],
    [{ compression: "gzip" }, /compression must be "auto", null or one of "lz4", got "gzip"/],
  ];
  for (const [options, message] of bad) {
    assert.throws(() => listen(address, () => {}, options), message);
    await assert.rejects(connect(address, options), message);
  }
});

Deno.test("connect gives up when told to", async () => {
  const reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${reserved.addr.port}`;
  reserved.close();
  const controller = new AbortController();
  const connecting = connect(address, { timeout: Infinity, signal: controller.signal });
  controller.abort(new Error("never mind"));
  await assert.rejects(connecting, /never mind/);
  await assert.rejects(connect(address, { signal: controller.signal }), /never mind/);
});

for (const timeout of [0, -1, NaN, "5" as unknown as number]) {
  Deno.test(`connect refuses a timeout of ${JSON.stringify(timeout)} (${timeout})`, async () => {
    await assert.rejects(connect("tcp://127.0.0.1:1", { timeout }), RangeError);
  });
}

for (const address of ["tcp://", "tcp://:8786", "tcp://127.0.0.1", "tcp://127.0.0.1:0"]) {
  Deno.test(`connect to ${address} is refused at once: it is for listening`, async () => {
    await assert.rejects(connect(address), AddressError);
  });
}

for (const address of ["tcp://", "tcp://:0", "tcp://[::]:0", "tcp://0.0.0.0:0"]) {
  Deno.test(`listening on ${address} is reached on every interface`, async () => {
    let accepted = 0;
    const listener = listen(address, async (comm) => {
      accepted++;
      await comm.close();
    });
    await listener.start();
    const [host, port] = getAddressHostPort(listener.contactAddress);
    assert(port > 0);
    assert(!["", "::", "0.0.0.0"].includes(host));
    assert.notEqual(listener.listenAddress, listener.contactAddress);
    const targets = [listener.contactAddress, `tcp://127.0.0.1:${port}`];
    if (address !== "tcp://0.0.0.0:0") targets.push(`tcp://[::1]:${port}`);
    for (const target of targets) {
      const comm = await connect(target);
      await comm.close();
    }
    await until(() => accepted === targets.length);
    listener.stop();
  });
}

Deno.test("a listener on one interface is contacted where it listens", async () => {
  const listener = listen("tcp://127.0.0.1:0", () => {});
  await listener.start();
  assert.equal(listener.listenAddress, listener.contactAddress);
  assert.match(listener.listenAddress, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  await assert.rejects(listener.start(), /started already/);
  listener.stop();
  listener.stop();
});

for (const wildcard of [false, true]) {
  Deno.test(`a port that is taken${wildcard ? " on a wildcard" : ""} is one clear error`, async () => {
    const first = listen(wildcard ? "tcp://" : "tcp://127.0.0.1:0", () => {});
    await first.start();
    const second: Listener = listen(first.listenAddress, () => {});
    await assert.rejects(second.start(), (error: Error) => {
      assert(error instanceof AddressError);
      assert(error.message.includes(String(getAddressHostPort(first.listenAddress)[1])));
      return true;
    });
    first.stop();
  });
}
