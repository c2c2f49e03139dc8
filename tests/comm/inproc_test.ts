/** Comms within a process. */
import assert from "node:assert/strict";
import { CommClosedError, connect, ConnectError, listen } from "../../comm/comm.ts";
import { AddressError } from "../../comm/addresses.ts";
import { openPair } from "./pair.ts";

Deno.test("a message passes by reference", async () => {
  await using pair = await openPair("inproc://");
  const message = { op: "put", data: new Uint8Array(3), undefined };
  await pair.here.write(message);
  assert.equal(await pair.there.read(), message);
  assert(pair.here.sharesMemory && pair.there.sharesMemory);
});

Deno.test("a message is never delivered before write has returned", async () => {
  await using pair = await openPair("inproc://");
  const order: string[] = [];
  const reading = pair.there.read().then(() => order.push("read"));
  void pair.here.write("x");
  order.push("written");
  await reading;
  assert.deepEqual(order, ["written", "read"]);
});

Deno.test("addresses are unique and name the process", async () => {
  const first = listen("inproc://", () => {});
  const second = listen("inproc://", () => {});
  assert.notEqual(first.listenAddress, second.listenAddress);
  assert(first.listenAddress.startsWith(`inproc://${Deno.pid}/`));
  assert.equal(first.listenAddress, first.contactAddress);
  await first.start();
  await assert.rejects(listen(first.listenAddress, () => {}).start(), AddressError);
  first.stop();
});

Deno.test("connecting to an address where nobody listens fails at once", async () => {
  await assert.rejects(connect("inproc://1/none", { timeout: 60 }), (error: Error) => {
    assert(error instanceof ConnectError);
    assert(error.message.includes("inproc://1/none"));
    return true;
  });
});

Deno.test("ends that chat without pause let timers run", async () => {
  await using pair = await openPair("inproc://");
  let stop = false;
  const timer = setTimeout(() => stop = true, 0);
  const echo = (async () => {
    try {
      while (true) await pair.there.write(await pair.there.read());
    } catch (error) {
      assert(error instanceof CommClosedError);
    }
  })();
  let rounds = 0;
  // Were the timer kept out, this would go on for a million rounds and the assertion fail.
  while (!stop && rounds < 1_000_000) {
    await pair.here.write(++rounds);
    assert.equal(await pair.here.read(), rounds);
  }
  clearTimeout(timer);
  assert.equal(stop, true);
  await pair.here.close();
  await echo;
});

Deno.test("a long backlog is delivered in order while more comes in", async () => {
  await using pair = await openPair("inproc://");
  let sent = 0;
  for (; sent < 5000; sent++) void pair.here.write(sent);
  for (let expected = 0; expected < sent; expected++) {
    if (sent < 10_000) void pair.here.write(sent++);
    assert.equal(await pair.there.read(), expected);
  }
});

Deno.test("a read is refused also while the one before waits for its turn", async () => {
  await using pair = await openPair("inproc://");
  // Far more than are delivered within one turn.
  const messages = Array.from({ length: 1000 }, (_, i) => i);
  for (const message of messages) await pair.there.write(message);
  const received: unknown[] = [];
  let refused = 0;
  while (received.length < messages.length) {
    const reads = messages.slice(received.length, received.length + 3).map(() => pair.here.read());
    for (const read of await Promise.allSettled(reads)) {
      if (read.status === "fulfilled") received.push(read.value);
      else refused++;
    }
  }
  assert.deepEqual(received, messages);
  assert(refused > 0);
});

Deno.test("after the peer has closed, what it wrote is read, and nothing can be written", async () => {
  await using pair = await openPair("inproc://");
  await pair.there.write("last words");
  await pair.there.close();
  await assert.rejects(pair.here.write("too late"), CommClosedError);
  assert.equal(await pair.here.read(), "last words");
  await assert.rejects(pair.here.read(), /the peer has closed/);
});
