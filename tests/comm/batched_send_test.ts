import assert from "node:assert/strict";
import { BatchedSend } from "../../comm/batched_send.ts";
import { CommClosedError } from "../../comm/comm.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { openPair, until } from "./pair.ts";

for (const address of ["tcp://127.0.0.1:0", "inproc://"]) {
  Deno.test(`${address}: what is sent in one turn is one batch`, async () => {
    await using pair = await openPair(address);
    const stream = new BatchedSend();
    stream.start(pair.here);
    stream.send("a");
    stream.send("b", "c");
    assert.equal(stream.pending, 3);
    assert.deepEqual(await pair.there.read(), ["a", "b", "c"]);
    stream.send("d");
    assert.deepEqual(await pair.there.read(), ["d"]);
    await until(() => stream.pending === 0);
    await stream.close();
  });

  Deno.test(`${address}: what is sent before the start goes out with it`, async () => {
    await using pair = await openPair(address);
    const stream = new BatchedSend();
    stream.send(1);
    await Promise.resolve();
    stream.send(2);
    stream.start(pair.here);
    assert.throws(() => stream.start(pair.here), /started already/);
    assert.deepEqual(await pair.there.read(), [1, 2]);
    await stream.close();
  });

  Deno.test(`${address}: close sends what is pending, then closes the comm`, async () => {
    await using pair = await openPair(address);
    const stream = new BatchedSend();
    stream.start(pair.here);
    stream.send("one");
    await Promise.resolve();
    stream.send("two");
    const closed = stream.close();
    assert.throws(() => stream.send("three"), CommClosedError);
    const received: unknown[] = [];
    try {
      while (true) received.push(...await pair.there.read() as unknown[]);
    } catch (error) {
      assert(error instanceof CommClosedError);
    }
    assert.deepEqual(received, ["one", "two"]);
    await closed;
    await stream.close();
    assert.equal(pair.here.closed, true);
  });

  Deno.test(`${address}: abort drops what is pending`, async () => {
    await using pair = await openPair(address);
    const errors: unknown[] = [];
    const stream = new BatchedSend({ onError: (error) => errors.push(error) });
    stream.start(pair.here);
    stream.send("never");
    stream.abort();
    assert.throws(() => stream.send("more"), CommClosedError);
    await assert.rejects(pair.there.read(), CommClosedError);
    await stream.close();
    assert.equal(stream.pending, 0);
    assert.deepEqual(errors, []);
  });

  Deno.test(`${address}: a peer that has gone is told of once, the rest is dropped`, async () => {
    await using pair = await openPair(address);
    const errors: unknown[] = [];
    const stream = new BatchedSend({ onError: (error) => errors.push(error) });
    stream.start(pair.here);
    pair.there.abort();
    while (errors.length === 0) {
      stream.send("x");
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert(errors[0] instanceof CommClosedError);
    assert.equal(stream.closed, true);
    stream.send("y");
    assert.equal(stream.pending, 0);
    await stream.close();
    assert.equal(errors.length, 1);
  });
}

Deno.test("what is sent during a write goes out together as the next one", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const stream = new BatchedSend();
  stream.start(pair.here);
  // More than the sockets hold, so that the write lasts until it is read.
  stream.send(new Serialized([new Uint8Array(50_000_000)]));
  await Promise.resolve();
  for (let i = 0; i < 3; i++) {
    stream.send(i);
    await Promise.resolve();
  }
  assert.equal(stream.pending, 4);
  assert(stream.pendingBytes > 0);
  assert.equal((await pair.there.read() as unknown[]).length, 1);
  assert.deepEqual(await pair.there.read(), [0, 1, 2]);
  await stream.close();
});

Deno.test("a message that cannot be sent breaks the stream, for others may be lost with it", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const errors: unknown[] = [];
  const stream = new BatchedSend({ onError: (error) => errors.push(error) });
  stream.start(pair.here);
  stream.send({ op: "x", callback() {} });
  await assert.rejects(pair.there.read(), CommClosedError);
  assert.equal(errors.length, 1);
  assert(!(errors[0] instanceof CommClosedError));
  await stream.close();
});

Deno.test("a stream that was never started closes", async () => {
  const stream = new BatchedSend();
  stream.send("nowhere");
  await stream.close();
  assert.equal(stream.closed, true);
  assert.equal(stream.pending, 0);
});
