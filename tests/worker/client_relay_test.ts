/** What the client of a task reaches through its worker, and what it does not. */
import assert from "node:assert/strict";
import { type Comm, CommClosedError, connect, listen } from "../../comm/comm.ts";
import { RemoteError } from "../../comm/remote.ts";
import { PartReference } from "../../protocol/part_reference.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { ClientRelay, type RelayHost } from "../../worker/client_relay.ts";
import { ClientRelays } from "../../worker/client_relays.ts";
import { PartState } from "../../worker/code_parts.ts";
import { ClientLine } from "../../worker/threads/client_line.ts";
import type { FromClient, ToClient } from "../../worker/threads/client_messages.ts";

const SCHEDULER = "tcp://scheduler:1";
const WORKER = "tcp://worker:1";

interface Calls {
  calls: [address: string, op: string, args: unknown][];
  /** The scheduler's ends of the streams. */
  streams: Comm[];
}

/** A client's line to a relay whose cluster is a record of what was asked of it. */
async function withLine(
  body: (line: ClientLine, cluster: Calls, relay: ClientRelay) => Promise<void>,
  answer: (op: string) => unknown = () => "answer",
): Promise<void> {
  const cluster: Calls = { calls: [], streams: [] };
  const listener = listen("inproc://", (comm) => void cluster.streams.push(comm));
  await listener.start();
  const needed = new PartState("m1", { code: bytes(1) }, []);
  const host: RelayHost = {
    schedulerAddress: SCHEDULER,
    connect: () => connect(listener.contactAddress),
    call: (address, op, args) => {
      cluster.calls.push([address, op, args]);
      return Promise.resolve(answer(op));
    },
    isWorker: (address) => Promise.resolve(address === WORKER),
    part: (name) => name === "f1" ? new PartState("f1", { code: bytes(2) }, [needed]) : undefined,
  };
  const { port1, port2 } = new MessageChannel();
  const relay = new ClientRelay(port1, host, () => {});
  const line = new ClientLine(port2);
  try {
    assert.equal(await line.ready(), SCHEDULER);
    await body(line, cluster, relay);
  } finally {
    line.close();
    relay.close();
    for (const comm of cluster.streams) comm.abort();
    await listener.stop();
  }
}

function bytes(...numbers: number[]): Serialized {
  return new Serialized([new Uint8Array(numbers)]);
}

Deno.test("a client calls its scheduler and the workers of its cluster", async () => {
  const large = new Uint8Array(100_000).fill(7);
  await withLine(async (line, { calls }) => {
    assert.equal(await line.call(SCHEDULER, "who-has", { keys: ["x"] }), "answer");
    const data = { ["__proto__"]: bytes(1), x: new Serialized([new Uint8Array([1]), large]) };
    const reply = await line.call<{ x: Serialized }>(WORKER, "update-data", { data });
    assert.equal(reply, "answer");
    assert.deepEqual(calls, [[SCHEDULER, "who-has", { keys: ["x"] }], [WORKER, "update-data", {
      data,
    }]]);
    assert.equal(large.length, 100_000, "what was sent stays where it is");
  });
});

Deno.test("data that a call gives comes whole", async () => {
  const large = new Uint8Array(100_000).fill(7);
  const data = { x: new Serialized([new Uint8Array([1, 2]), large]), y: bytes(3) };
  await withLine(async (line) => {
    assert.deepEqual(await line.call(WORKER, "get-data", { keys: ["x", "y"] }), { data });
    assert.equal(large.length, 100_000);
  }, () => ({ data }));
});

Deno.test("a client reaches nobody else", async () => {
  await withLine(async (line, { calls }) => {
    for (const address of ["tcp://10.0.0.1:22", "inproc://1/1", "", "tcp://worker:2"]) {
      await assert.rejects(line.call(address, "get-data", { keys: [] }), {
        name: "RemoteError",
        message: `the client of a task reaches its scheduler and the workers of its cluster, and ` +
          `${JSON.stringify(address)} is none of them`,
      });
    }
    assert.deepEqual(calls, []);
  });
});

Deno.test("a client does what clients do, and nothing that ends workers or makes them", async () => {
  await withLine(async (line, { calls }) => {
    for (const op of ["terminate", "restart", "register-worker", "unregister-worker", "toString"]) {
      await assert.rejects(line.call(SCHEDULER, op), /may not call ".+" of a scheduler/);
    }
    for (const op of ["terminate", "delete-data", "who-has"]) {
      await assert.rejects(line.call(WORKER, op), /may not call ".+" of a worker/);
    }
    assert.deepEqual(calls, []);
  });
});

Deno.test("an error of the other side is that error here", async () => {
  await withLine(async (line) => {
    await assert.rejects(line.call(SCHEDULER, "gather", {}), (error) => {
      return error instanceof RemoteError && error.remoteName === "KeyError" &&
        error.message === `"gather" at ${SCHEDULER} failed with KeyError: no x`;
    });
  }, (op) => {
    throw new RemoteError("KeyError", "no x", op, SCHEDULER);
  });
});

Deno.test("the stream is for a client that registers", async () => {
  await withLine(async (line, { streams }) => {
    const stream = await line.connect(SCHEDULER);
    await assert.rejects(stream.write({ op: "register-worker" }), /a client registers first/);
    assert(stream.closed);
    const other = await line.connect(SCHEDULER);
    await other.write({ op: "register-client", client: "c" });
    const [, there] = streams;
    assert.deepEqual(await there.read(), { op: "register-client", client: "c" });
    await there.write({ status: "OK" });
    assert.deepEqual(await other.read(), { status: "OK" });
    await there.close();
    await assert.rejects(other.read(), CommClosedError);
  });
});

Deno.test("code that came by the worker is named by the client, and put in on the way", async () => {
  await withLine(async (line, { streams }) => {
    const stream = await line.connect(SCHEDULER);
    await stream.write({ op: "register-client", client: "c" });
    const own = { code: bytes(9), needs: ["f1"] };
    await stream.write([{
      op: "update-graph",
      parts: { f1: { code: new PartReference("f1") }, f2: own },
      groups: [],
    }]);
    await streams[0].read();
    const [graph] = await streams[0].read() as [{ parts: object }];
    assert.deepEqual(Object.entries(graph.parts), [
      ["m1", { code: bytes(1) }],
      ["f1", { code: bytes(2), needs: ["m1"] }],
      ["f2", own],
    ]);
    const unknown = { op: "update-graph", parts: { x: { code: new PartReference("x") } } };
    await assert.rejects(stream.write([unknown]), /has no code x any more/);
  });
});

Deno.test("when the worker ends the line, streams and calls end, and the scheduler sees the client go", async () => {
  await withLine(async (line, { streams }, relay) => {
    const stream = await line.connect(SCHEDULER);
    await stream.write({ op: "register-client", client: "c" });
    await streams[0].read();
    relay.close();
    await assert.rejects(streams[0].read(), CommClosedError);
  });
});

Deno.test("a client that does not wait its turn is cut off", async () => {
  const { port1, port2 } = new MessageChannel();
  const host = {
    schedulerAddress: SCHEDULER,
    connect: () => new Promise<Comm>(() => {}),
    call: () => new Promise(() => {}),
    isWorker: () => Promise.resolve(true),
    part: () => undefined,
  };
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const relay = new ClientRelay(port1, host, () => end());
  const answers: ToClient[] = [];
  const { promise: refused, resolve: refuse } = Promise.withResolvers<void>();
  port2.onmessage = ({ data }) => {
    answers.push(data);
    if (data.kind === "failed") refuse();
  };
  for (let id = 1; id <= 65; id++) {
    const call: FromClient = {
      ...{ kind: "call", id, address: SCHEDULER, op: "who-has", args: {}, timeout: undefined },
    };
    port2.postMessage(call);
  }
  await refused;
  assert.match(JSON.stringify(answers.at(-1)), /may have 64 calls under way/);
  // Nonsense ends the line.
  port2.postMessage({ kind: "nonsense" });
  await ended;
  relay.close();
  port2.close();
});

Deno.test("a task has so many clients and no more, until it is over", async () => {
  const relays = new ClientRelays({
    schedulerAddress: SCHEDULER,
    connectTimeout: 1,
    part: () => undefined,
  });
  const open = () => {
    const { port1, port2 } = new MessageChannel();
    relays.open("x", port1);
    return new ClientLine(port2);
  };
  const lines = Array.from({ length: 32 }, open);
  for (const line of lines) await line.ready();
  const tooMany = open();
  await assert.rejects(tooMany.ready(), /task 'x' has 32 clients open/);
  relays.end("x");
  const again = open();
  await again.ready();
  for (const line of [...lines, tooMany, again]) line.close();
  await relays.close();
});
