/**
 * What users get wrong, on a real cluster: one clear error each, and a cluster that works after it.
 */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { TimeoutError } from "../../client/deadline.ts";
import { FreeNameError } from "../../protocol/functions/function_error.ts";
import { CancelledError } from "../../client/future_state.ts";
import { getAddressHostPort } from "../../comm/addresses.ts";
import { connect } from "../../comm/comm.ts";
import { PROTOCOL_VERSION } from "../../comm/handshake.ts";
import { RemoteError } from "../../comm/remote.ts";
import { rpc } from "../../comm/rpc.ts";
import { configureLogging, resetLogging } from "../../config/logging.ts";
import { encodeFrames } from "../../protocol/frames.ts";
import { dumps } from "../../protocol/pack.ts";
import { serialize } from "../../protocol/values.ts";
import { type GenCluster, genCluster, type GenClusterOptions } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";

const inc = (x: number) => x + 1;
let number = 0;

/** Run a test on a cluster that must work after it as before. */
function mistake(
  name: string,
  body: (cluster: GenCluster) => Promise<void>,
  options: GenClusterOptions = {},
): void {
  Deno.test(name, async () => {
    await genCluster(options, async (cluster) => {
      await body(cluster);
      const items = Array.from({ length: 10 }, () => number++);
      assert.deepEqual(await cluster.client.gather(cluster.client.map(inc, items)), items.map(inc));
    });
  });
}

/** What a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => assert.fail("nothing was thrown"),
    (error) => error as Error,
  );
}

mistake("a result that cannot be serialized is the task's error", async ({ client }) => {
  const error = await errorOf(client.submit(() => ({ list: [() => 0] })).result());
  assert.equal(error.name, "SerializationError");
  assert.match(error.message, /list\[0\]/);
});

mistake(
  "a function that uses what is defined nowhere is refused when it is submitted",
  ({ client }) => {
    const misspelt = new Function("return nmuber + 1") as () => number;
    assert.throws(() => client.submit(misspelt), (error: Error) => {
      assert.ok(error instanceof FreeNameError);
      assert.match(error.message, /"?nmuber"?/);
      return true;
    });
    return Promise.resolve();
  },
);

mistake("what stays in its program is refused with what to do instead", ({ client }) => {
  const future = client.submit(inc, -3);
  assert.throws(() => client.submit(() => future), /fn → future: .*pass it as an argument/);
  assert.throws(() => client.submit(() => client.id), /fn → client: a client stays/);
  return Promise.resolve();
});

mistake("a cancelled future cannot be gathered", async ({ client }) => {
  const future = client.submit(inc, -1);
  future.cancel();
  const error = await errorOf(client.gather([future]));
  assert.ok(error instanceof CancelledError);
  assert.match(error.message, new RegExp(future.key));
});

mistake(
  "a task for an unknown worker waits, says so to who asks for it, and can be cancelled",
  async ({ client, scheduler }) => {
    const future = client.with({ workers: ["nobody"] }).submit(inc, -2);
    await until("the task", () => scheduler.core.tasks.get(future.key)?.state === "no-worker");
    const error = await errorOf(future.result({ timeout: 0.01 }));
    assert.match(error.message, /no worker of the cluster may run it; see its options "workers"/);
    assert.equal(future.status, "pending");
    future.cancel();
    await until("the end of the task", () => !scheduler.core.tasks.has(future.key));
  },
);

mistake("an endless loop ends with its time limit", async ({ client }) => {
  const spin = () => {
    for (;;);
  };
  const error = await errorOf(client.with({ timeout: 0.1 }).submit(spin).result());
  assert.match(error.message, /0\.1/);
});

mistake("an endless loop with a time limit can be cancelled", async ({ client }) => {
  const spin = () => {
    for (;;);
  };
  const future = client.with({ timeout: 0.5 }).submit(spin);
  await untilRunning(client, future.key);
  future.cancel();
  assert.ok(await errorOf(future.result()) instanceof CancelledError);
});

mistake("a task that waits for ever can be cancelled while it runs", async ({ client }) => {
  const future = client.submit(async () => await new Promise(() => {}));
  await untilRunning(client, future.key);
  client.cancel(future);
  assert.ok(await errorOf(future.result()) instanceof CancelledError);
});

mistake("data for an unknown worker is refused, naming it", async ({ client }) => {
  const error = await errorOf(client.scatter(1, { workers: "nobody", timeout: 0.05 }));
  assert.ok(error instanceof TimeoutError);
  assert.match(error.message, /had no workers nobody to put the data on/);
});

mistake("a circle of tasks is refused", async ({ scheduler }) => {
  // No client makes one; another program may.
  const comm = await connect(scheduler.address);
  await comm.write({ op: "register-client", client: "other", versions: {} });
  await comm.read();
  const name = `f${"0".repeat(32)}`;
  const args = serialize([]);
  await comm.write([{
    op: "update-graph",
    parts: { [name]: { code: serialize(null) } },
    groups: [{
      function: name,
      keys: ["a", "b"],
      args: [args, args],
      dependencies: [["b"], ["a"]],
    }],
  }]);
  const [, answer] = await comm.read() as { op: string; keys: string[]; message: string }[];
  assert.equal(answer.op, "graph-refused");
  assert.deepEqual(answer.keys, ["a", "b"]);
  await comm.close();
});

// What programs get wrong that talk to a cluster without a client

mistake(
  "an unknown operation is an error that names the known ones",
  async ({ scheduler, workers }) => {
    for (const address of [scheduler.address, workers[0].address]) {
      await using remote = rpc(address);
      const error = await errorOf(remote.makeCoffee());
      assert.ok(error instanceof RemoteError);
      assert.match(error.message, /make-coffee.*identity/s);
    }
  },
);

/** Unsigned 64-bit numbers, little-endian, as frames begin with. */
function u64(...numbers: bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(numbers).buffer);
}

/** A message as it travels. */
function packed(message: unknown): Uint8Array {
  const buffers = encodeFrames(dumps(message));
  return new Uint8Array(buffers.flatMap((buffer) => [...buffer]));
}

const hello = packed({ dusk: PROTOCOL_VERSION, compression: [] });
const whole = packed({ op: "identity" });
const strangers: [what: string, sent: Uint8Array[], words: RegExp | undefined][] = [
  ["a frame of 2^60 bytes", [u64(1n, 2n ** 60n)], /a frame of 11529215046068\d+ bytes/],
  [
    "a frame of 2^60 bytes after the greeting",
    [hello, u64(1n, 2n ** 60n)],
    /a frame of 11529215046068\d+ bytes/,
  ],
  ["another version of the protocol", [packed({ dusk: 999, compression: [] })], /version 999/],
  ["half a greeting", [hello.subarray(0, hello.length / 2)], undefined],
  ["half a message", [hello, whole.subarray(0, whole.length / 2)], /./],
];

for (const [what, sent, words] of strangers) {
  for (const whom of ["the scheduler", "a worker"]) {
    mistake(
      `a stranger that sends ${what} to ${whom} is dropped with at most one line in the log`,
      async ({
        scheduler,
        workers,
      }) => {
        const lines: string[] = [];
        configureLogging({ level: "warning", sink: (line) => lines.push(line) });
        try {
          const { address } = whom === "a worker" ? workers[0] : scheduler;
          const [hostname, port] = getAddressHostPort(address);
          using stranger = await Deno.connect({ hostname, port });
          for (const bytes of sent) await stranger.write(bytes);
          await stranger.closeWrite();
          const rest = new Uint8Array(1000);
          while (await stranger.read(rest).catch(() => null) !== null);
          if (words !== undefined) await until("the line", () => lines.length > 0);
          assert.ok(lines.length <= 1, lines.join("\n"));
          if (words !== undefined) assert.match(lines[0], words);
        } finally {
          resetLogging();
        }
      },
      { address: "tcp://127.0.0.1:0" },
    );
  }
}

Deno.test("a scheduler of another version is refused, naming both versions", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const answering = (async () => {
    using peer = await listener.accept();
    await peer.write(packed({ dusk: 999, compression: [] }));
    const rest = new Uint8Array(1000);
    while (await peer.read(rest).catch(() => null) !== null);
  })();
  const error = await errorOf(Client.connect(`127.0.0.1:${port}`));
  assert.match(
    error.message,
    new RegExp(`version 999 .*version ${PROTOCOL_VERSION}: run the same`),
  );
  await answering;
});

async function untilRunning(client: Client, key: string): Promise<void> {
  await until("the task to run", async () => {
    return Object.values(await client.processing()).flat().includes(key);
  });
}
