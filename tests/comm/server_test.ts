/** Servers: listening, replies, strangers, closing. */
import assert from "node:assert/strict";
import { type Comm, CommClosedError, connect } from "../../comm/comm.ts";
import { CallTimeoutError, RemoteError, rpc } from "../../comm/rpc.ts";
import { getBackend, registerBackend } from "../../comm/registry.ts";
import { Server, type ServerOptions } from "../../comm/server.ts";
import { LogLines, Stranger, until } from "./pair.ts";

/** A server that listens, closed when disposed. */
async function serve(address: string, options: ServerOptions) {
  const server = new Server(options);
  await server.listen(address);
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

/** Writes a request and reads the reply, over a comm of its own. */
async function ask(address: string, request: unknown): Promise<Record<string, unknown>> {
  const comm = await connect(address);
  await comm.write(request);
  const reply = await comm.read();
  await comm.close();
  return reply as Record<string, unknown>;
}

// The server of the Foundations chapter.
const handlers = {
  ping: () => "pong",
  add: (_comm: Comm, { x, y }: { x: number; y: number }) => x + y,
  "stream-data": async (comm: Comm, { interval }: { interval: number }) => {
    let data = 0;
    while (true) {
      await new Promise((resolve) => setTimeout(resolve, interval * 1000));
      await comm.write(++data);
    }
  },
};

for (const address of ["tcp://127.0.0.1:0", "inproc://"]) {
  Deno.test(`${address}: requests over a comm are answered`, async () => {
    await using server = await serve(address, { handlers });
    const comm = await connect(server.address);
    await comm.write({ op: "add", x: 1, y: 2 });
    assert.equal(await comm.read(), 3);
    await comm.write({ op: "ping" });
    assert.equal(await comm.read(), "pong");
    await comm.close();
  });

  Deno.test(`${address}: a handler may write many replies, until the peer closes`, async () => {
    using log = new LogLines();
    await using server = await serve(address, { handlers });
    const comm = await connect(server.address);
    await comm.write({ op: "stream-data", interval: 0 });
    for (const expected of [1, 2, 3]) assert.equal(await comm.read(), expected);
    await comm.close();
    await until(() => server.connections.requests === 0);
    assert.deepEqual(log.lines, []);
  });

  Deno.test(`${address}: requests on different comms overlap`, async () => {
    const gate = Promise.withResolvers<string>();
    await using server = await serve(address, {
      handlers: { wait: () => gate.promise, open: () => gate.resolve("opened") },
    });
    const remote = rpc(server.address);
    const waiting = [remote.wait(), remote.wait(), remote.wait()];
    assert.equal(await remote.open(), null);
    assert.deepEqual(await Promise.all(waiting), ["opened", "opened", "opened"]);
    await remote.closeComms();
  });

  Deno.test(`${address}: a request may ask for no reply`, async () => {
    const seen: unknown[] = [];
    await using server = await serve(address, {
      handlers: {
        note: (_comm, { x }) => {
          seen.push(x);
          if (x === 2) throw new Error("not two");
          return "a reply";
        },
      },
    });
    using _log = new LogLines();
    const comm = await connect(server.address);
    for (const x of [1, 2]) await comm.write({ op: "note", x, reply: false });
    await comm.write({ op: "nothing", reply: false });
    await comm.write({ op: "note", x: 3 });
    assert.equal(await comm.read(), "a reply");
    assert.deepEqual(seen, [1, 2, 3]);
    await comm.close();
  });

  Deno.test(`${address}: a handler that throws is an error for its caller, who may go on`, async () => {
    using log = new LogLines();
    const failures: [unknown, string][] = [];
    const error = new TypeError("no such thing");
    await using server = await serve(address, {
      handlers: {
        ...handlers,
        fail: () => {
          throw error;
        },
        reject: () => Promise.reject("a string"),
      },
      onHandlerError: (error, op) => failures.push([error, op]),
    });
    const comm = await connect(server.address);
    await comm.write({ op: "fail" });
    assert.deepEqual(await comm.read(), {
      status: "uncaught-error",
      name: "TypeError",
      message: "no such thing",
    });
    await comm.write({ op: "reject" });
    assert.equal((await comm.read() as Error).message, "a string");
    await comm.write({ op: "ping" });
    assert.equal(await comm.read(), "pong");
    await comm.close();
    assert.deepEqual(failures, [[error, "fail"], ["a string", "reject"]]);
    assert.match(log.lines[0], /distributed\.core ERROR Operation "fail".*no such thing/);
  });

  Deno.test(`${address}: whatever a handler throws, its caller hears of it`, async () => {
    using _log = new LogLines();
    const thrown: [error: unknown, name: string, message: string][] = [
      [Object.create(null), "Error", "Object"],
      [Symbol("lost"), "Error", "Symbol(lost)"],
      [Object.assign(new Error("no"), { name: Symbol("mine") }), "Symbol(mine)", "no"],
      [Object.assign(new Error(), { message: 5n }), "Error", "5"],
    ];
    await using server = await serve(address, {
      handlers: { fail: (_comm, { at }) => Promise.reject(thrown[at][0]) },
    });
    const comm = await connect(server.address);
    for (const [at, [, name, message]] of thrown.entries()) {
      await comm.write({ op: "fail", at });
      assert.deepEqual(await comm.read(), { status: "uncaught-error", name, message });
    }
    await comm.close();
  });

  Deno.test(`${address}: an unknown operation is an error that names it and the known ones`, async () => {
    using log = new LogLines();
    await using server = await serve(address, { handlers });
    for (const op of ["fly", "constructor", "__proto__", ""]) {
      const reply = await ask(server.address, { op });
      assert.equal(reply.status, "uncaught-error");
      assert.equal(reply.name, "UnknownOperationError");
      assert.equal(
        reply.message,
        `unknown operation "${op}": known are add, ping, stream-data`,
      );
    }
    const long = await ask(server.address, { op: "x".repeat(100_000) });
    assert(String(long.message).length < 200);
    assert.equal(await rpc(server.address).ping().finally(), "pong");
    assert.equal(log.lines.length, 5);
  });

  for (const request of [1, "ping", null, ["ping"], { x: 1 }, { op: 7 }]) {
    Deno.test(`${address}: the request ${JSON.stringify(request)} is an error and closes`, async () => {
      using log = new LogLines();
      await using server = await serve(address, { handlers });
      const comm = await connect(server.address);
      await comm.write(request);
      const reply = await comm.read() as Record<string, string>;
      assert.equal(reply.status, "uncaught-error");
      assert.match(reply.message, /must be a map with a string "op", got/);
      await assert.rejects(comm.read(), CommClosedError);
      assert.equal(log.lines.length, 1);
    });
  }

  Deno.test(`${address}: more comms than the limit are told so and closed`, async () => {
    using log = new LogLines();
    await using server = await serve(address, { handlers, connectionLimit: 2 });
    const comms = [];
    for (let i = 0; i < 2; i++) {
      const comm = await connect(server.address);
      await comm.write({ op: "ping" });
      assert.equal(await comm.read(), "pong");
      comms.push(comm);
    }
    const remote = rpc(server.address);
    await assert.rejects(remote.ping(), (error: Error) => {
      assert(error instanceof RemoteError);
      assert.equal(error.remoteName, "ConnectionLimitError");
      return true;
    });
    assert.match(log.lines[0], /Refused a connection .* limit of 2 connections/);
    await comms[0].close();
    await until(() => server.connections.requests === 1);
    assert.equal(await remote.ping(), "pong");
    await remote.closeComms();
    await comms[1].close();
  });

  Deno.test(`${address}: streams take batches, one message after the other, and do not count`, async () => {
    const seen: unknown[] = [];
    const ended = Promise.withResolvers<void>();
    await using server: Server & AsyncDisposable = await serve(address, {
      handlers: {
        ...handlers,
        "register-worker": async (comm, { name }): Promise<unknown> => {
          await comm.write({ status: "OK" });
          await server.handleStream(comm, { name });
          ended.resolve();
          return Server.noReply;
        },
      },
      streamHandlers: {
        done: ({ key }, { name }) => seen.push([name, key]),
      },
      afterBatch: ({ name }) => seen.push([name, "after"]),
      connectionLimit: 1,
    });
    const stream = await connect(server.address);
    await stream.write({ op: "register-worker", name: "alice" });
    assert.deepEqual(await stream.read(), { status: "OK" });
    await until(() => server.connections.streams === 1);
    assert.equal(server.connections.requests, 0);
    assert.deepEqual(await ask(server.address, { op: "ping" }), "pong");
    await stream.write([{ op: "done", key: "x" }, { op: "done", key: "y" }]);
    await stream.write([]);
    await stream.write([{ op: "done", key: "z" }]);
    await stream.close();
    await ended.promise;
    assert.deepEqual(seen, [
      ["alice", "x"],
      ["alice", "y"],
      ["alice", "after"],
      ["alice", "after"],
      ["alice", "z"],
      ["alice", "after"],
    ]);
    await until(() => server.connections.streams === 0);
  });

  Deno.test(`${address}: an unknown or failing message of a stream is logged, the next one taken`, async () => {
    using log = new LogLines();
    const failed: string[] = [];
    const done = Promise.withResolvers<void>();
    await using server: Server & AsyncDisposable = await serve(address, {
      handlers: {
        stream: async (comm): Promise<unknown> => {
          await server.handleStream(comm, undefined, {
            handlers: {
              fail: () => {
                throw new Error("broken");
              },
              done: () => done.resolve(),
            },
            afterBatch: () => {
              throw new Error("broken as well");
            },
          });
          return Server.noReply;
        },
      },
      onHandlerError: (_error, op) => failed.push(op),
    });
    const comm = await connect(server.address);
    await comm.write({ op: "stream" });
    await comm.write([{ op: "fly" }, { op: "fail" }]);
    await comm.write([{ op: "done" }]);
    await done.promise;
    await comm.close();
    assert.match(log.lines[0], /Unknown operation "fly"/);
    assert.match(log.lines[1], /"fail" on the stream .* broken/);
    assert.deepEqual(failed.slice(0, 2), ["fail", "after-batch"]);
  });

  for (const batch of [{ op: "done" }, [7], ["done"], [{ key: "x" }]]) {
    Deno.test(`${address}: a stream ends over the batch ${JSON.stringify(batch)}`, async () => {
      using log = new LogLines();
      await using server: Server & AsyncDisposable = await serve(address, {
        handlers: {
          stream: async (comm): Promise<unknown> => {
            await server.handleStream(comm, undefined);
            return Server.noReply;
          },
        },
      });
      const comm = await connect(server.address);
      await comm.write({ op: "stream" });
      await comm.write(batch);
      await assert.rejects(comm.read(), CommClosedError);
      assert.match(log.lines[0], /Closed the stream/);
      assert.equal(log.lines.length, 1);
    });
  }

  Deno.test(`${address}: close ends idle comms and streams at the other end too`, async () => {
    const server: Server = new Server({
      handlers: {
        ...handlers,
        stream: async (comm): Promise<unknown> => {
          await server.handleStream(comm, undefined);
          return Server.noReply;
        },
      },
    });
    await server.listen(address);
    const idle = await connect(server.address);
    const stream = await connect(server.address);
    await stream.write({ op: "stream" });
    await until(() => server.connections.streams === 1);
    const ends = [idle, stream].map((comm) => assert.rejects(comm.read(), CommClosedError));
    await server.close();
    await Promise.all(ends);
    assert.deepEqual(server.connections, { requests: 0, streams: 0 });
    await server.close();
    await assert.rejects(server.listen(address), /closed/);
  });

  Deno.test(`${address}: close waits for handlers that run`, async () => {
    const gate = Promise.withResolvers<void>();
    let started = false;
    let finished = false;
    const server: Server = new Server({
      handlers: {
        slow: async () => {
          started = true;
          await new Promise((resolve) => server.closing.addEventListener("abort", resolve));
          await gate.promise;
          finished = true;
        },
      },
    });
    await server.listen(address);
    const comm = await connect(server.address);
    await comm.write({ op: "slow" });
    await until(() => started);
    const read = assert.rejects(comm.read(), CommClosedError);
    const closed = server.close();
    await read;
    assert.equal(finished, false);
    gate.resolve();
    await closed;
    assert.equal(finished, true);
  });

  Deno.test(`${address}: close names the handlers that do not end`, async () => {
    using log = new LogLines();
    const gate = Promise.withResolvers<void>();
    let started = false;
    const server = new Server({
      handlers: {
        "stay-for-ever": () => {
          started = true;
          return gate.promise;
        },
      },
    });
    await server.listen(address);
    const comm = await connect(server.address);
    await comm.write({ op: "stay-for-ever" });
    await until(() => started);
    const read = assert.rejects(comm.read(), CommClosedError);
    await server.close({ timeout: 0.01 });
    await read;
    assert.match(log.lines[0], /WARNING .*stay-for-ever/);
    gate.resolve();
  });
}

Deno.test("a reply that cannot be sent is an error for the caller", async () => {
  using _log = new LogLines();
  await using server = await serve("tcp://127.0.0.1:0", {
    handlers: { ...handlers, bad: () => ({ callback() {} }) },
  });
  const comm = await connect(server.address);
  await comm.write({ op: "bad" });
  assert.equal((await comm.read() as { status: string }).status, "uncaught-error");
  await comm.write({ op: "ping" });
  assert.equal(await comm.read(), "pong");
  await comm.close();
});

Deno.test("a server listens on several addresses at once", async () => {
  const server = new Server({ handlers });
  assert.throws(() => server.address, /does not listen/);
  for (const address of ["inproc://", "tcp://127.0.0.1:0", "tcp://[::1]:0"]) {
    await server.listen(address);
  }
  assert.equal(server.addresses.length, 3);
  assert.equal(server.address, server.addresses[0]);
  for (const address of server.addresses) {
    assert.equal(await ask(address, { op: "add", x: 1, y: 2 }), 3);
  }
  await server.close();
});

Deno.test("a server goes on after strangers, garbage and peers that vanish", async () => {
  using log = new LogLines();
  await using server = await serve("tcp://127.0.0.1:0", { handlers });
  for (let i = 0; i < 3; i++) {
    using stranger = await Stranger.connect(server.address);
    await stranger.write("GET / HTTP/1.1\r\n\r\n");
    await stranger.readToEnd();
    (await connect(server.address)).abort();
  }
  assert.equal(await ask(server.address, { op: "add", x: 1, y: 2 }), 3);
  assert.equal(log.lines.length, 3);
});

Deno.test("a server that is closed while it begins to listen does not listen", async () => {
  const started = Promise.withResolvers<void>();
  let stopped = false;
  registerBackend("slow-start", {
    ...getBackend("inproc"),
    listen: () => ({
      start: () => started.promise,
      stop: () => void (stopped = true),
      listenAddress: "slow-start://x",
      contactAddress: "slow-start://x",
    }),
  });
  const server = new Server({ handlers });
  const listening = server.listen("slow-start://x");
  await server.close();
  started.resolve();
  await assert.rejects(listening, /closed while it began to listen/);
  assert.equal(stopped, true);
  assert.deepEqual(server.addresses, []);
});

Deno.test("a limit on connections must be above 0", () => {
  assert.throws(() => new Server({ handlers, connectionLimit: 0 }), RangeError);
});

Deno.test("a call with a timeout ends, and the server goes on", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = await serve("tcp://127.0.0.1:0", {
    handlers: { ...handlers, slow: () => gate.promise },
  });
  const remote = rpc(server.address);
  await assert.rejects(remote.slow({}, { timeout: 0.02 }), (error: Error) => {
    assert(error instanceof CallTimeoutError);
    assert(error.message.includes(server.address) && error.message.includes('"slow"'));
    assert(error.message.includes("0.02 s"), error.message);
    return true;
  });
  assert.equal(await remote.ping({}, { timeout: 60 }), "pong");
  gate.resolve();
  await remote.closeComms();
});
