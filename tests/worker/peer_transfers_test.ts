/** Data that other workers ask for. */
import assert from "node:assert/strict";
import { type Comm, CommClosedError } from "../../comm/comm.ts";
import { Server } from "../../comm/server.ts";
import { serialize } from "../../protocol/values.ts";
import { PeerTransfers } from "../../worker/peer_transfers.ts";
import { ResultStore } from "../../worker/store.ts";
import { LogLines, until } from "../comm/pair.ts";

Deno.test("data goes out to so many at once, and the others are told to come back", async () => {
  const store = new ResultStore();
  store.set("x", serialize(5));
  const transfers = new PeerTransfers(store, 1, 1);
  const writing = Promise.withResolvers<void>();
  const slow = { write: () => writing.promise } as unknown as Comm;
  const request = { op: "get-data", keys: ["x"], mayBeBusy: true };
  const first = transfers.serve(slow, request);
  assert.equal(transfers.outgoing, 1);
  assert.deepEqual(await transfers.serve(slow, request), { status: "busy" });
  // Who would not come back, such as a client, is served in any case.
  const client = transfers.serve(slow, { op: "get-data", keys: ["x"] });
  assert.equal(transfers.outgoing, 2);
  writing.resolve();
  assert.equal(await first, Server.noReply);
  assert.equal(await client, Server.noReply);
  assert.equal(transfers.outgoing, 0);
  assert.equal(await transfers.serve(slow, request), Server.noReply);
  await transfers.close();
});

Deno.test("a transfer that breaks off is not counted any more", async () => {
  const transfers = new PeerTransfers(new ResultStore(), 1, 1);
  const broken = { write: () => Promise.reject(new Error("broken")) } as unknown as Comm;
  await assert.rejects(transfers.serve(broken, { op: "get-data", keys: [] }), /broken/);
  assert.equal(transfers.outgoing, 0);
  await transfers.close();
});

Deno.test("a peer that does not take what it asked for is cut off, a slow one is not", async () => {
  using log = new LogLines();
  const transfers = new PeerTransfers(new ResultStore(), 1, 1, { patience: 0.01 });
  const writing = Promise.withResolvers<void>();
  let looks = 0;
  const comm = {
    write: () => writing.promise,
    // It takes some between the first looks.
    get pendingBytes() {
      looks++;
      return looks < 10 ? 100 - looks : 1;
    },
    abort: () => writing.reject(new CommClosedError("aborted")),
    peerAddress: "tcp://10.0.0.7:9",
  } as unknown as Comm;
  await assert.rejects(transfers.serve(comm, { op: "get-data", keys: [] }), CommClosedError);
  assert(looks > 10);
  assert.equal(transfers.outgoing, 0);
  assert.match(log.lines[0], /tcp:\/\/10\.0\.0\.7:9 asked for data and has taken none of it/);
  await transfers.close();
});

Deno.test("what is sent are the stored frames themselves", async () => {
  const store = new ResultStore();
  const value = serialize(new Float64Array(1e5));
  store.set("x", value);
  const transfers = new PeerTransfers(store, 1, 1);
  let sent: unknown;
  const comm = {
    write: (message: unknown) => {
      sent = message;
      return Promise.resolve();
    },
  } as unknown as Comm;
  await transfers.serve(comm, { op: "get-data", keys: ["x", "y"] });
  assert.deepEqual(sent, { status: "OK", data: { x: value } });
  assert.equal((sent as { data: Record<string, unknown> }).data.x, value);
  await transfers.close();
});

Deno.test("a peer that has ended is not waited for", async () => {
  const reserved = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${reserved.addr.port}`;
  reserved.close();
  const transfers = new PeerTransfers(new ResultStore(), 1, 1);
  await assert.rejects(transfers.fetch(address, ["x"], 1), (error: Error) => {
    // One that had been tried again until a timeout would be a ConnectTimeoutError.
    assert.equal(error.name, "ConnectError");
    assert.match(error.message, /refused/i);
    return true;
  });
  await transfers.close();
});

Deno.test("a peer that takes no more connections is busy, not gone", async () => {
  using _log = new LogLines();
  const server = new Server({
    handlers: { "get-data": () => ({ status: "OK", data: { x: serialize(5) } }) },
    connectionLimit: 1,
  });
  await server.listen("inproc://");
  const transfers = [1, 2].map(() => new PeerTransfers(new ResultStore(), 1, 1));
  assert.notEqual(await transfers[0].fetch(server.address, ["x"], 1), "busy");
  // The first one keeps its connection for the next time.
  assert.equal(await transfers[1].fetch(server.address, ["x"], 1), "busy");
  await transfers[0].close();
  await until(() => server.connections.requests === 0);
  assert.notEqual(await transfers[1].fetch(server.address, ["x"], 1), "busy");
  await transfers[1].close();
  await server.close();
});

Deno.test("closing breaks off what is being fetched", async () => {
  const server = new Server({
    handlers: {
      "get-data": () => new Promise((resolve) => server.closing.addEventListener("abort", resolve)),
    },
  });
  await server.listen("inproc://");
  const transfers = new PeerTransfers(new ResultStore(), 1, 1);
  const fetching = transfers.fetch(server.address, ["x"], 1);
  const rejected = assert.rejects(fetching);
  await transfers.close();
  await rejected;
  await server.close();
});
