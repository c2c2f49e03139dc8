/** Connections that requests share, and their limits. */
import assert from "node:assert/strict";
import { type Comm, CommClosedError, ConnectTimeoutError, listen } from "../../comm/comm.ts";
import { ConnectionPool } from "../../comm/connection_pool.ts";
import { CallTimeoutError, RemoteError, rpc } from "../../comm/rpc.ts";
import { Server } from "../../comm/server.ts";
import { LogLines, until } from "./pair.ts";
import { Unwelcoming } from "./unwelcoming.ts";

/** A server whose `wait` answers when told to. */
class Gated {
  readonly waiting: ((value: unknown) => void)[] = [];
  readonly server: Server = new Server({
    handlers: {
      ping: () => "pong",
      "get-data": (_comm, { keys }) => ({ keys }),
      fail: () => {
        throw new RangeError("out of it");
      },
      wait: () => new Promise((resolve) => this.waiting.push(resolve)),
    },
  });

  static async listen(address: string): Promise<Gated> {
    const gated = new Gated();
    await gated.server.listen(address);
    return gated;
  }

  get address(): string {
    return this.server.address;
  }

  /** Answers the call that has waited for longest. */
  answer(value: unknown): void {
    this.waiting.shift()!(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.waiting.length > 0) this.answer(undefined);
    await this.server.close();
  }
}

for (const scheme of ["tcp://127.0.0.1:0", "inproc://"]) {
  Deno.test(`${scheme}: methods are operations, in kebab-case`, async () => {
    await using gated = await Gated.listen(scheme);
    const remote = rpc(gated.address);
    assert.deepEqual(await remote.getData({ keys: ["x"] }), { keys: ["x"] });
    assert.deepEqual(await remote["get-data"]({ keys: [] }), { keys: [] });
    assert.equal(await (async () => await remote.ping())(), "pong");
    await remote.closeComms();
    assert.equal(await remote.ping(), "pong");
    await remote[Symbol.asyncDispose]();
  });

  Deno.test(`${scheme}: an async function may return a remote`, async () => {
    await using gated = await Gated.listen(scheme);
    const remote = await (async () => await Promise.resolve(rpc(gated.address)))();
    assert.equal(await remote.ping(), "pong");
    await remote.closeComms();
  });

  Deno.test(`${scheme}: a failed operation throws, and its comm is used again`, async () => {
    using _log = new LogLines();
    await using gated = await Gated.listen(scheme);
    const pool = new ConnectionPool();
    await assert.rejects(pool.rpc(gated.address).fail(), (error: Error) => {
      assert(error instanceof RemoteError);
      assert.equal(error.remoteName, "RangeError");
      assert.equal(error.op, "fail");
      assert.equal(error.address, gated.address);
      assert.match(error.message, /"fail" at .* RangeError: out of it/);
      return true;
    });
    assert.equal(pool.idle, 1);
    await pool.close();
  });

  Deno.test(`${scheme}: calls one after the other share a comm, overlapping ones do not`, async () => {
    await using gated = await Gated.listen(scheme);
    const pool = new ConnectionPool();
    const remote = pool.rpc(gated.address);
    for (let i = 0; i < 5; i++) assert.equal(await remote.ping(), "pong");
    assert.equal(pool.open, 1);
    const calls = [remote.wait(), remote.wait(), remote.ping()];
    assert.equal(await calls[2], "pong");
    await until(() => gated.waiting.length === 2);
    assert.equal(pool.open, 3);
    gated.answer("first");
    gated.answer("second");
    assert.deepEqual((await Promise.all(calls)).sort(), ["first", "pong", "second"]);
    assert.equal(pool.idle, 3);
    await pool.close();
    assert.equal(pool.open, 0);
  });

  Deno.test(`${scheme}: no more comms than the limit; calls wait in the order they came`, async () => {
    await using gated = await Gated.listen(scheme);
    await using other = await Gated.listen(scheme);
    const pool = new ConnectionPool({ limit: 2 });
    const order: string[] = [];
    const call = (to: Gated, name: string) =>
      pool.call(to.address, "wait").then(() => order.push(name));
    const calls = [
      call(gated, "a"),
      call(gated, "b"),
      call(other, "c"),
      call(gated, "d"),
      call(gated, "e"),
    ];
    await until(() => gated.waiting.length === 2);
    assert.equal(pool.open, 2);
    gated.answer(0); // its place, not its comm, goes to c
    await until(() => other.waiting.length === 1);
    assert.equal(pool.open, 2);
    gated.answer(0); // its comm goes to d
    await until(() => order.length === 2 && gated.waiting.length === 1);
    gated.answer(0); // and then to e
    await until(() => order.length === 3 && gated.waiting.length === 1);
    gated.answer(0);
    other.answer(0);
    await Promise.all(calls);
    assert.deepEqual(order.slice(0, 3), ["a", "b", "d"]);
    assert.deepEqual(order.slice(3).sort(), ["c", "e"]);
    await pool.close();
  });

  Deno.test(`${scheme}: an idle comm to another server makes room`, async () => {
    await using first = await Gated.listen(scheme);
    await using second = await Gated.listen(scheme);
    const pool = new ConnectionPool({ limit: 1 });
    for (const server of [first, second, first]) {
      assert.equal(await pool.rpc(server.address).ping(), "pong");
      assert.equal(pool.open, 1);
    }
    await until(() => second.server.connections.requests === 0);
    await pool.close();
  });

  Deno.test(`${scheme}: an idle comm that the server closed is replaced`, async () => {
    const gated = await Gated.listen(scheme);
    const pool = new ConnectionPool();
    const remote = pool.rpc(gated.address);
    assert.equal(await remote.ping(), "pong");
    await gated.server.close();
    await until(() => pool.open === 0);
    if (scheme !== "inproc://") {
      const again = new Server({ handlers: { ping: () => "pong again" } });
      await again.listen(gated.address);
      assert.equal(await remote.ping(), "pong again");
      await again.close();
    }
    await pool.close();
  });

  Deno.test(`${scheme}: a comm that breaks during a call names address and operation`, async () => {
    const listener = listen(scheme, async (comm) => {
      await comm.read();
      comm.abort();
    });
    await listener.start();
    const pool = new ConnectionPool();
    await assert.rejects(pool.rpc(listener.contactAddress).getData(), (error: Error) => {
      assert(error instanceof CommClosedError);
      assert(error.message.includes(listener.contactAddress), error.message);
      assert(error.message.includes('"get-data"'));
      return true;
    });
    assert.equal(pool.open, 0);
    listener.stop();
    await pool.close();
  });

  Deno.test(`${scheme}: a call is never repeated once its request was written`, async () => {
    let requests = 0;
    const listener = listen(scheme, async (comm) => {
      await comm.read();
      await comm.write("first");
      await comm.read();
      requests++;
      comm.abort();
    });
    await listener.start();
    const pool = new ConnectionPool();
    const remote = pool.rpc(listener.contactAddress);
    assert.equal(await remote.ping(), "first");
    await assert.rejects(remote.ping(), CommClosedError);
    assert.equal(requests, 1);
    listener.stop();
    await pool.close();
  });

  Deno.test(`${scheme}: a server that speaks unasked loses its comm`, async () => {
    const accepted = Promise.withResolvers<Comm>();
    const listener = listen(scheme, async (comm) => {
      await comm.read();
      await comm.write("reply");
      accepted.resolve(comm);
    });
    await listener.start();
    const pool = new ConnectionPool();
    assert.equal(await pool.rpc(listener.contactAddress).ping(), "reply");
    assert.equal(pool.idle, 1);
    const comm = await accepted.promise;
    await comm.write("another");
    await assert.rejects(comm.read(), CommClosedError);
    assert.equal(pool.open, 0);
    listener.stop();
    await pool.close();
  });

  Deno.test(`${scheme}: a call that waits for a place honours timeout and signal`, async () => {
    await using gated = await Gated.listen(scheme);
    const pool = new ConnectionPool({ limit: 1 });
    const first = pool.call(gated.address, "wait");
    await until(() => gated.waiting.length === 1);
    await assert.rejects(
      pool.call(gated.address, "ping", {}, { timeout: 0.01 }),
      (error: Error) => {
        assert(error instanceof CallTimeoutError);
        assert.match(error.message, /all 1 comms were busy/);
        return true;
      },
    );
    const controller = new AbortController();
    const waiting = pool.call(gated.address, "ping", {}, { signal: controller.signal });
    const last = pool.call(gated.address, "ping");
    controller.abort(new Error("never mind"));
    await assert.rejects(waiting, /never mind/);
    gated.answer("done");
    assert.equal(await first, "done");
    assert.equal(await last, "pong");
    await pool.close();
  });

  Deno.test(`${scheme}: a running call ends when its caller gives up`, async () => {
    await using gated = await Gated.listen(scheme);
    const pool = new ConnectionPool();
    const controller = new AbortController();
    const call = pool.call(gated.address, "wait", {}, { signal: controller.signal });
    await until(() => gated.waiting.length === 1);
    controller.abort(new Error("never mind"));
    await assert.rejects(call, /never mind/);
    assert.equal(pool.open, 0);
    await pool.close();
  });

  Deno.test(`${scheme}: close fails the calls that run or wait, and all later ones`, async () => {
    await using gated = await Gated.listen(scheme);
    const pool = new ConnectionPool({ limit: 1 });
    const calls = [pool.call(gated.address, "wait"), pool.call(gated.address, "wait")];
    const ends = calls.map((call) => assert.rejects(call, CommClosedError));
    await until(() => gated.waiting.length === 1);
    await pool.close();
    await Promise.all(ends);
    await assert.rejects(pool.call(gated.address, "ping"), CommClosedError);
    assert.equal(pool.open, 0);
  });

  Deno.test(`${scheme}: closing while connecting leaves nothing open`, async () => {
    await using gated = await Gated.listen(scheme);
    const pool = new ConnectionPool();
    const call = assert.rejects(pool.call(gated.address, "wait"), CommClosedError);
    await pool.close();
    await call;
    assert.equal(pool.open, 0);
  });
}

Deno.test("a place is given on when connecting fails", async () => {
  await using gated = await Gated.listen("inproc://");
  const pool = new ConnectionPool({ limit: 1 });
  const lost = assert.rejects(pool.call("inproc://0/nobody", "ping"), /nobody listens/);
  assert.equal(await pool.call(gated.address, "ping"), "pong");
  await lost;
  await pool.close();
});

Deno.test("the pool's time to connect bounds calls that have longer, or no limit", async () => {
  await using closed = await Unwelcoming.listen();
  const pool = new ConnectionPool({ connectTimeout: 0.02 });
  for (const options of [{}, { timeout: 60 }]) {
    await assert.rejects(pool.call(closed.address, "ping", {}, options), (error: Error) => {
      assert(error instanceof ConnectTimeoutError);
      assert.match(error.message, /within 0\.02 s/);
      return true;
    });
  }
  const patient = new ConnectionPool({ connectTimeout: 60 });
  await assert.rejects(
    patient.call(closed.address, "ping", {}, { timeout: 0.02 }),
    ConnectTimeoutError,
  );
  await Promise.all([pool.close(), patient.close()]);
});

Deno.test("a request that cannot be sent leaves its comm for others", async () => {
  await using gated = await Gated.listen("tcp://127.0.0.1:0");
  const pool = new ConnectionPool();
  const remote = pool.rpc(gated.address);
  await assert.rejects(remote.ping({ callback() {} }), (error) => {
    assert(!(error instanceof CommClosedError));
    return true;
  });
  assert.equal(pool.idle, 1);
  assert.equal(await remote.ping(), "pong");
  assert.equal(pool.open, 1);
  await pool.close();
});

Deno.test("limit and timeout must be numbers that make sense", async () => {
  assert.throws(() => new ConnectionPool({ limit: 0 }), RangeError);
  assert.throws(() => new ConnectionPool({ connectTimeout: 0 }), /connectTimeout .* got 0/);
  assert.throws(() => new ConnectionPool({ connect: { reachTimeout: -1 } }), /reachTimeout/);
  const pool = new ConnectionPool();
  await assert.rejects(pool.call("inproc://1/2", "ping", {}, { timeout: 0 }), RangeError);
  await pool.close();
});
