/** What becomes of futures when a scheduler, whose messages are written here, tells of their tasks. */
import assert from "node:assert/strict";
import { asCompleted } from "../../client/as_completed.ts";
import { Client } from "../../client/client.ts";
import { TimeoutError } from "../../client/deadline.ts";
import { type Future, stateOf } from "../../client/future.ts";
import { CancelledError } from "../../client/future_state.ts";
import { GraphError } from "../../client/key_table.ts";
import { wait } from "../../client/wait.ts";
import { configureLogging, resetLogging } from "../../config/logging.ts";
import { serialize } from "../../protocol/values.ts";
import { until } from "../support/until.ts";
import { FakeScheduler, FakeWorker } from "./fake_scheduler.ts";

const inc = (x: number) => x + 1;

interface Setting {
  scheduler: FakeScheduler;
  worker: FakeWorker;
  client: Client;
  /** The task's result is in memory. */
  finish(future: Future<unknown>, value: unknown): void;
  /** The task failed. */
  err(future: Future<unknown>, error: unknown, blame?: string): void;
}

/** Run a test with a scheduler that says what the test has it say. */
function scripted(name: string, body: (setting: Setting) => Promise<void>): void {
  Deno.test(name, async () => {
    await using scheduler = await FakeScheduler.start();
    await using worker = await FakeWorker.start();
    await using client = await Client.connect(scheduler.address);
    await body({
      scheduler,
      worker,
      client,
      finish(future, value) {
        worker.put(future.key, value);
        const workers = [worker.address];
        scheduler.send({ op: "key-in-memory", key: future.key, workers, type: typeof value });
      },
      err(future, error, blame = future.key) {
        const traceback = String((error as Error).stack);
        const exception = serialize(error);
        scheduler.send({ op: "task-erred", key: future.key, exception, traceback, blame });
      },
    });
  });
}

scripted(
  "a future goes from pending to finished, and fetches its result from the worker",
  async ({ client, finish }) => {
    const future = client.submit(inc, 10);
    assert.equal(future.done(), false);
    assert.equal(Deno.inspect(future), `<Future: status: pending, key: ${future.key}>`);
    finish(future, 11);
    assert.equal(await future.result(), 11);
    assert.equal(future.status, "finished");
    assert.equal(future.done(), true);
    assert.equal(future.type, "number");
    assert.equal(await future.exception(), undefined);
    assert.equal(await future.traceback(), undefined);
    assert.equal(Deno.inspect(future), `<Future: status: finished, key: ${future.key}>`);
  },
);

scripted("an async function can return a future: it is not thenable", async ({ client }) => {
  const future = await (async () => await Promise.resolve(client.submit(inc, 1)))();
  assert.match(future.key, /^inc-/);
});

scripted(
  "results asked for together travel in one request, and one asked for twice travels once",
  async ({ client, worker, finish }) => {
    const futures = client.map(inc, [1, 2, 3]);
    futures.forEach((future, i) => finish(future, i));
    await wait(futures);
    const results = await Promise.all([...futures, futures[0]].map((future) => future.result()));
    assert.deepEqual(results, [0, 1, 2, 0]);
    assert.deepEqual(worker.requests, [futures.map((future) => future.key)]);
  },
);

scripted(
  "a failed task throws its own error, with the stack of the worker and its key, each time anew",
  async ({ client, err }) => {
    const div = (a: number, b: number) => a / b;
    const future = client.submit(div, 1, 0);
    const thrown = new RangeError("division by zero");
    thrown.stack = "RangeError: division by zero\n    at div (file:///main.ts:3:14)";
    err(future, thrown);
    const errors = await Promise.all([0, 1].map(() => future.result().then(() => null, (e) => e)));
    assert.notEqual(errors[0], errors[1]);
    for (const error of [...errors, await future.exception()]) {
      assert.ok(error instanceof RangeError);
      assert.equal(error.message, "division by zero");
      assert.equal(error.stack, `${thrown.stack}\n    … in task ${future.key}`);
    }
    const frame = { function: "div", file: "file:///main.ts", line: 3, column: 14 };
    assert.deepEqual(await future.traceback(), [frame]);
    assert.equal(future.status, "error");
  },
);

scripted(
  "a dependent of a failed task throws the same error and says whose it is",
  async ({ client, err }) => {
    const future = client.submit(inc, 1);
    err(future, new TypeError("no"), "div-1");
    await assert.rejects(future.result(), (error: Error) => {
      assert.match(error.stack!, new RegExp(`… in task div-1, which ${future.key} depends on`));
      return error instanceof TypeError;
    });
  },
);

scripted("a task may throw what is no error", async ({ client, err }) => {
  const future = client.submit(inc, 1);
  err(future, "just text");
  await assert.rejects(future.result(), (error) => (error as unknown) === "just text");
  assert.equal(await future.exception(), "just text");
});

scripted(
  "waiting for a result ends with TimeoutError, and the future lives on",
  async ({ client, finish }) => {
    const future = client.submit(inc, 1);
    await assert.rejects(future.result({ timeout: 0.01 }), TimeoutError);
    await assert.rejects(future.exception({ timeout: 0.01 }), TimeoutError);
    await assert.rejects(wait(future, { timeout: 0.01 }), TimeoutError);
    finish(future, 2);
    assert.equal(await future.result(), 2);
  },
);

scripted(
  "a wait that was given up leaves nothing behind: the result is fetched once, for who still waits",
  async ({ client, finish }) => {
    const future = client.submit((x: number) => new Map([[x, x]]), 1);
    for (let i = 0; i < 3; i++) {
      await assert.rejects(future.result({ timeout: 0.001 }), (error: Error) => {
        assert.ok(error instanceof TimeoutError);
        assert.equal(error.message, `${future.key} was not done within 0.001 s`);
        return true;
      });
    }
    const state = stateOf(future);
    let listeners = 0;
    const { listen, unlisten } = state;
    state.listen = (listener) => (listeners++, listen.call(state, listener));
    state.unlisten = (listener) => (listeners--, unlisten.call(state, listener));
    await assert.rejects(future.result({ timeout: 0.001 }), TimeoutError);
    assert.equal(listeners, 0);
    finish(future, new Map([[1, 1]]));
    assert.deepEqual(await future.result({ timeout: 60 }), new Map([[1, 1]]));
  },
);

scripted("a time-out that makes no sense is refused", async ({ client }) => {
  const future = client.submit(inc, 1);
  await assert.rejects(future.result({ timeout: -1 }), /option "timeout" is -1/);
  await assert.rejects(future.exception({ timeout: "1" as never }), /option "timeout" is "1"/);
  await assert.rejects(future.traceback({ timout: 1 } as never), /no option "timout"/);
});

scripted("what is no future is refused", async ({ client }) => {
  const promise = Promise.resolve(client.submit(inc, 1));
  await assert.rejects(wait([promise as never]), /a promise of futures has to be awaited first/);
  assert.throws(() => asCompleted([undefined as never]), /a future is wanted.*there is undefined/);
});

scripted("cancel refuses what cannot hold futures", ({ client }) => {
  for (const wrong of ["key", 5, null, Promise.resolve([])]) {
    assert.throws(
      () => client.cancel(wrong as never),
      /cancel\(\): futures is .* must be a future/,
    );
  }
  return Promise.resolve();
});

scripted("whoever waits for a future that is released is told", async ({ client }) => {
  const [before, during] = client.map(inc, [1, 2]);
  before.release();
  await assert.rejects(client.gather([before]), /futures were released before it was done/);
  assert.deepEqual((await wait(before)).done, new Set([before]));
  const gathered = assert.rejects(client.gather({ during }), CancelledError);
  during.release();
  await gathered;
});

scripted(
  "a cancelled future says so, and a new submit of the same call starts afresh",
  async ({ client, scheduler, finish }) => {
    const future = client.submit(inc, 1);
    const waiting = assert.rejects(future.result(), (error: Error) => {
      assert.ok(error instanceof CancelledError);
      assert.equal(error.key, future.key);
      assert.equal(error.message, `${future.key} was cancelled: this client cancelled it`);
      return true;
    });
    client.cancel({ nested: [[future]] });
    await waiting;
    assert.ok(future.cancelled() && future.done());
    await assert.rejects(client.gather([future]), CancelledError);
    const [{ keys }] = await scheduler.heard("cancel-keys");
    assert.deepEqual(keys, [future.key]);
    const again = client.submit(inc, 1);
    assert.equal(again.key, future.key);
    finish(again, 2);
    assert.equal(await again.result(), 2);
    assert.equal(future.status, "cancelled");
  },
);

scripted(
  "news of a task that was given up and submitted again is not taken for news of the new one",
  async ({ client, scheduler, finish, err }) => {
    const first = client.submit(inc, 1);
    await scheduler.heard("update-graph");
    client.cancel([first]);
    const second = client.submit(inc, 1);
    second.release();
    const third = client.submit(inc, 1);
    scheduler.send({ op: "heard", updates: 1 });
    finish(third, "old");
    scheduler.send({ op: "heard", updates: 2 });
    err(third, new Error("of the second"));
    scheduler.send({ op: "cancelled-key", key: third.key });
    scheduler.send({ op: "graph-refused", keys: [third.key], message: "the second" });
    scheduler.send({ op: "heard", updates: 3 });
    finish(third, "new");
    assert.equal(await third.result(), "new" as never);
    assert.deepEqual([first.status, second.status], ["cancelled", "cancelled"]);
  },
);

scripted(
  "the scheduler can cancel a key, refuse a graph, and flush everything",
  async ({ client, scheduler }) => {
    const [a, b, c] = client.map(inc, [1, 2, 3]);
    scheduler.send(
      { op: "cancelled-key", key: a.key, reason: "its data is gone" },
      { op: "graph-refused", keys: [b.key], message: "a cycle" },
      { op: "restart" },
    );
    await assert.rejects(a.result(), { message: `${a.key} was cancelled: its data is gone` });
    await assert.rejects(b.result(), (error: Error) => {
      assert.ok(error instanceof GraphError);
      assert.equal(error.message, `${b.key} was refused: a cycle`);
      return true;
    });
    await assert.rejects(c.result(), /the cluster was restarted/);
    assert.deepEqual([a.status, b.status, c.status], ["cancelled", "error", "cancelled"]);
    const [{ keys }] = await scheduler.heard("client-releases-keys");
    assert.deepEqual(keys, [c.key]);
    assert.equal(client.futures.size, 0);
  },
);

scripted("a key is released when its last future is", async ({ client, scheduler }) => {
  const first = client.submit(inc, 1);
  {
    using second = client.submit(inc, 1);
    assert.equal(second.key, first.key);
  }
  assert.ok(client.futures.has(first.key));
  first.release();
  first.release();
  assert.ok(!client.futures.has(first.key));
  const [{ keys }] = await scheduler.heard("client-releases-keys");
  assert.deepEqual(keys, [first.key]);
  await assert.rejects(first.result(), /released/);
});

scripted("the garbage collector releases futures", async ({ client, scheduler }) => {
  const make = () => client.map(inc, [1, 2, 3]).map((future) => future.key);
  const keys = make();
  await until("release of forgotten futures", () => {
    // Fills the young generation until the collector comes round.
    for (let i = 0; i < 50; i++) new Array(100_000).fill(i);
    const released = scheduler.messages.filter((message) => message.op === "client-releases-keys");
    return released.flatMap((message) => message.keys).length === keys.length;
  });
  assert.equal(client.futures.size, 0);
});

scripted(
  "done callbacks run once, also when the future is done already; what they throw is logged",
  async ({ client, finish }) => {
    const lines: string[] = [];
    configureLogging({ level: "error", sink: (line) => lines.push(line) });
    try {
      const future = client.submit(inc, 1);
      const calls: string[] = [];
      future.addDoneCallback((done) => calls.push(`early ${done.status}`));
      future.addDoneCallback(() => {
        throw new Error("of the callback");
      });
      finish(future, 2);
      await future.result();
      future.addDoneCallback((done) => calls.push(`late ${done.status}`));
      assert.deepEqual(calls, ["early finished"]);
      await until("the late callback", () => calls.length === 2);
      assert.deepEqual(calls, ["early finished", "late finished"]);
      assert.equal(lines.filter((line) => line.includes("of the callback")).length, 1);
    } finally {
      resetLogging();
    }
  },
);

scripted("a lost result is waited for again", async ({ client, scheduler, worker, finish }) => {
  const future = client.submit(inc, 1);
  finish(future, 2);
  await wait(future);
  scheduler.send({ op: "lost-data", key: future.key });
  await until("loss", () => future.status === "lost");
  assert.equal(future.done(), false);
  const result = future.result();
  finish(future, 2);
  assert.equal(await result, 2);
  assert.equal(worker.requests.length, 1);
});

// wait

scripted(
  "wait waits for all or for the first, and tells which are done",
  async ({ client, finish, err }) => {
    const [a, b, c] = client.map(inc, [1, 2, 3]);
    finish(b, 3);
    const first = await wait([a, b, c], { returnWhen: "FIRST_COMPLETED" });
    assert.deepEqual([[...first.done], [...first.notDone]], [[b], [a, c]]);
    err(a, new Error("no"));
    finish(c, 4);
    const all = await wait(new Set([a, b, c]));
    assert.deepEqual([[...all.done], [...all.notDone]], [[a, b, c], []]);
    assert.deepEqual((await wait([])).done, new Set());
    assert.deepEqual((await wait(a)).done, new Set([a]));
    await assert.rejects(wait([a], { returnWhen: "SOME" as never }), /returnWhen/);
  },
);

// asCompleted

scripted(
  "asCompleted gives futures in the order in which they are done, added ones too",
  async ({ client, finish }) => {
    const [a, b, c] = client.map(inc, [1, 2, 3]);
    const completed = asCompleted([a, b]);
    assert.equal(completed.count(), 2);
    assert.equal(completed.hasReady(), false);
    finish(b, 0);
    const seen: Future<number>[] = [];
    for await (const future of completed) {
      seen.push(future);
      if (future === b) {
        completed.add(c);
        finish(c, 0);
      }
      if (future === c) finish(a, 0);
    }
    assert.deepEqual(seen, [b, c, a]);
    assert.ok(completed.isEmpty());
    completed.add(b);
    assert.equal((await completed.next()).value, b);
    assert.equal((await completed.next()).done, true);
  },
);

scripted(
  "asCompleted gives a future's own handle, also when two share a key",
  async ({ client, finish }) => {
    const first = client.submit(inc, 1);
    const second = client.submit(inc, 1);
    finish(first, 2);
    assert.deepEqual(await Array.fromAsync(asCompleted([first, second])), [first, second]);
  },
);

scripted(
  "asCompleted fetches results, and raises errors or hands them over",
  async ({ client, finish, err }) => {
    const [a, b] = client.map(inc, [1, 2]);
    finish(a, "A");
    err(b, new RangeError("no"));
    await wait([a, b]);
    const found: unknown[] = [];
    const options = { withResults: true, raiseErrors: false } as const;
    for await (const [future, result] of asCompleted([a, b], options)) found.push([future, result]);
    assert.equal(found.length, 2);
    const errors = found.filter((pair) => (pair as unknown[])[1] instanceof RangeError);
    assert.equal(errors.length, 1);
    await assert.rejects(Array.fromAsync(asCompleted([b], { withResults: true })), RangeError);
  },
);

scripted("batches of asCompleted have all that is ready", async ({ client, finish }) => {
  const futures = client.map(inc, [1, 2, 3, 4]);
  futures.slice(0, 3).forEach((future) => finish(future, 0));
  await wait(futures.slice(0, 3));
  const batches: Future<number>[][] = [];
  for await (const batch of asCompleted(futures).batches()) {
    batches.push(batch);
    if (batches.length === 1) finish(futures[3], 0);
  }
  assert.deepEqual(batches, [futures.slice(0, 3), [futures[3]]]);
});

// console

scripted("what tasks write is printed with key and worker", async ({ client, scheduler }) => {
  assert.ok(client.id.startsWith("Client-"));
  const lines: [string, string][] = [];
  const { log, warn } = console;
  console.log = (line) => lines.push(["log", line]);
  console.warn = (line) => lines.push(["warn", line]);
  try {
    const message = { op: "task-console", key: "f-1", worker: "tcp://a:1", text: "hello" } as const;
    scheduler.send({ ...message, level: "log" }, { ...message, level: "warn" }, {
      ...message,
      level: "table",
    });
    await until("output", () => lines.length === 3);
  } finally {
    Object.assign(console, { log, warn });
  }
  const line = "[f-1 on tcp://a:1] hello";
  assert.deepEqual(lines, [["log", line], ["warn", line], ["log", line]]);
});

Deno.test("what goes wrong where console output is taken is logged, at once or later", async () => {
  await using scheduler = await FakeScheduler.start();
  const lines: string[] = [];
  configureLogging({ level: "error", sink: (line) => lines.push(line) });
  try {
    let calls = 0;
    await using client = await Client.connect(scheduler.address, {
      onConsole: () => {
        calls++;
        if (calls === 1) throw new Error("at once");
        return Promise.reject(new Error("later"));
      },
    });
    assert.equal(client.status, "running");
    const message = { op: "task-console", key: "f", worker: "w", level: "log", text: "" } as const;
    scheduler.send(message, message);
    await until("both", () => ["at once", "later"].every((what) => lines.join().includes(what)));
  } finally {
    resetLogging();
  }
});

Deno.test("console output can be taken elsewhere or turned off", async () => {
  await using scheduler = await FakeScheduler.start();
  const messages: unknown[] = [];
  const message = { key: "f-1", worker: "tcp://a:1", level: "log", text: "hello" };
  {
    await using client = await Client.connect(scheduler.address, {
      onConsole: (said) => messages.push(said),
    });
    assert.equal(client.status, "running");
    scheduler.send({ op: "task-console", ...message });
    await until("message", () => messages.length === 1);
  }
  assert.deepEqual(messages, [message]);
  await using silent = await Client.connect(scheduler.address, { console: false });
  const { log } = console;
  console.log = () => assert.fail("printed");
  try {
    scheduler.send({ op: "task-console", ...message }, { op: "cancelled-key", key: "none" });
    const future = silent.submit(inc, 1);
    scheduler.send({ op: "cancelled-key", key: future.key });
    await wait(future);
  } finally {
    console.log = log;
  }
});
