/** Messages of one turn that go out together, and what becomes of them when that fails. */
import assert from "node:assert/strict";
import { BacklogError, BatchedSend } from "../../comm/batched_send.ts";
import { CommClosedError } from "../../comm/comm.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { block } from "./block.ts";
import { LogLines, openPair, until } from "./pair.ts";

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

Deno.test("a great many messages go out in several batches, in order", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const stream = new BatchedSend();
  stream.start(pair.here);
  const count = 40_000;
  for (let i = 0; i < count; i++) stream.send(i);
  assert.equal(stream.pending, count);
  const received: unknown[] = [];
  let batches = 0;
  while (received.length < count) {
    received.push(...await pair.there.read() as unknown[]);
    batches++;
  }
  assert.deepEqual(received, Array.from({ length: count }, (_, i) => i));
  assert.equal(batches, 3);
  await until(() => stream.pending === 0);
  await stream.close();
});

/** More than the sockets hold: its write lasts until it is read. */
const LARGE = new Serialized([new Uint8Array(50_000_000)]);

Deno.test("close gives up on a peer that takes nothing, and says so", async () => {
  using _log = new LogLines();
  await using pair = await openPair("tcp://127.0.0.1:0", { closeTimeout: 0.02 });
  const errors: unknown[] = [];
  const stream = new BatchedSend({ onError: (error) => errors.push(error) });
  stream.start(pair.here);
  stream.send(LARGE);
  await Promise.resolve();
  stream.send("behind it");
  await stream.close();
  assert.equal(pair.here.closed, true);
  assert.equal(errors.length, 1);
  assert(errors[0] instanceof CommClosedError);
  assert.equal(stream.pending, 0);
});

Deno.test("more messages than may wait for a peer that does not read break the stream", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const errors: unknown[] = [];
  const stream = new BatchedSend({ maxPending: 100, onError: (error) => errors.push(error) });
  stream.start(pair.here);
  stream.send(LARGE);
  await Promise.resolve();
  for (let i = 0; i < 99; i++) stream.send(i);
  assert.deepEqual([stream.pending, stream.closed], [100, false]);
  stream.send("one too many");
  assert.equal(errors.length, 1);
  assert(errors[0] instanceof BacklogError);
  assert.match(errors[0].message, /101 messages wait .* at most 100 may/);
  assert.equal(stream.pending, 0);
  stream.send("dropped");
  assert.equal(stream.pending, 0);
  await assert.rejects(pair.here.read(), CommClosedError);
  await stream.close();
  assert.equal(errors.length, 1);
});

Deno.test("more bytes than may wait for a peer that has stopped reading break the stream", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const errors: unknown[] = [];
  const stream = new BatchedSend({
    maxPendingBytes: 60_000_000,
    patience: 1e-6,
    onError: (error) => errors.push(error),
  });
  stream.start(pair.here);
  stream.send(LARGE);
  await Promise.resolve();
  // The first look finds what is left, the next ones that it stays so.
  stream.send({ op: "x", list: [{ text: "y".repeat(1000) }] });
  block(1e-4);
  stream.send({ op: "x", data: new Uint8Array(9_000_000) });
  assert.equal(errors.length, 0);
  stream.send({ op: "x", nested: { value: new Serialized([new Uint8Array(2_000_000)]) } });
  assert.equal(errors.length, 1);
  assert(errors[0] instanceof BacklogError);
  assert.match(errors[0].message, /about 6\d{7} bytes wait .* at most 60000000 may/);
  await stream.close();
});

Deno.test("however much waits, a peer that goes on reading is not cut off", async () => {
  await using pair = await openPair("tcp://127.0.0.1:0");
  const stream = new BatchedSend({
    maxPendingBytes: 1,
    patience: 1e-6,
    onError: (error) => assert.fail(String(error)),
  });
  stream.start(pair.here);
  for (let i = 0; i < 5; i++) {
    stream.send(LARGE);
    await Promise.resolve();
    assert.equal((await pair.there.read() as unknown[]).length, 1);
    block(1e-4);
  }
  await stream.close();
});

Deno.test("what waits for a stream that does not start is bounded too", async () => {
  await using pair = await openPair("inproc://");
  const errors: unknown[] = [];
  const stream = new BatchedSend({ maxPending: 2, onError: (error) => errors.push(error) });
  stream.send(1, 2);
  assert.equal(errors.length, 0);
  stream.send(3);
  assert.equal(errors.length, 1);
  stream.start(pair.here);
  assert.equal(pair.here.closed, true);
  await stream.close();
});

Deno.test("limits of what may wait must be above 0", () => {
  assert.throws(() => new BatchedSend({ maxPending: 0 }), /maxPending must be .* above 0, got 0/);
  assert.throws(() => new BatchedSend({ maxPendingBytes: NaN }), RangeError);
  assert.throws(() => new BatchedSend({ patience: -1 }), RangeError);
});

Deno.test("a stream that was never started closes", async () => {
  const stream = new BatchedSend();
  stream.send("nowhere");
  await stream.close();
  assert.equal(stream.closed, true);
  assert.equal(stream.pending, 0);
});
