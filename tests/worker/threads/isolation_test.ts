/** What tasks can't do to their thread, their worker and each other; errors; console. */
import assert from "node:assert/strict";
import "../../../worker/threads/task_globals.ts";
import "../../support/worker_options.ts";
import { deserialize } from "../../../protocol/values.ts";
import { TestPool, valueOf } from "./test_pool.ts";

async function erred(pool: TestPool, key: string): Promise<{ error: Error; traceback: string }> {
  const outcome = await pool.outcome(key);
  assert.equal(outcome.status, "erred");
  if (outcome.status !== "erred") throw new Error("unreachable");
  return { error: deserialize(outcome.exception) as Error, traceback: outcome.traceback };
}

Deno.test("permissions: a task without any can't read files, and runs", async () => {
  await using pool = await TestPool.start({ permissions: "none" });
  await assert.rejects(pool.run("x", () => Deno.readTextFileSync("/etc/hostname")), {
    name: "NotCapable",
  });
  assert.equal(await pool.run("y", (x: number) => x, [1], { timeout: 60 }), 1);
  pool.execute("z", () => console.log("%s", "it writes"));
  await pool.wrote("it writes");
});

Deno.test("permissions: a task has those that were granted, and no more", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "content");
    await using pool = await TestPool.start({ permissions: { read: [file] } });
    assert.equal(
      await pool.run("x", (file: string) => Deno.readTextFileSync(file), [file]),
      "content",
    );
    await assert.rejects(pool.run("y", () => Deno.env.get("HOME")), { name: "NotCapable" });
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("permissions: what a task lacks is told with the place where it is given", async () => {
  await using pool = await TestPool.start({ permissions: "none" });
  const advice =
    /run again with the --allow-env flag\. In a task that takes more: .*permissions.*\{ env: true \}/;
  for (const key of ["first", "second"]) {
    pool.execute(key, () => Deno.env.get("HOME"));
    const { error, traceback } = await erred(pool, key);
    assert.ok(error instanceof Deno.errors.NotCapable);
    assert.match(error.message, advice);
    assert.equal(error.message.match(/In a task/g)!.length, 1);
    assert.match(traceback.split("\n")[0], advice);
  }
  pool.execute("caught", async () => {
    try {
      await Deno.readTextFile("/etc/hostname");
    } catch (error) {
      throw new Error("no settings", { cause: error });
    }
  });
  const { error } = await erred(pool, "caught");
  assert.equal(error.message, "no settings");
  assert.match((error.cause as Error).message, /\{ read: true \}/);
});

Deno.test("errors: a task's error arrives with class, cause and a stack without the machinery", async () => {
  await using pool = await TestPool.start();
  pool.execute("x", function divide(a: number, b: number) {
    const check = (n: number) => {
      if (n === 0) throw new RangeError("by zero", { cause: new Error("why") });
      return a / n;
    };
    return [b].map(check);
  }, [1, 0]);
  const { error, traceback } = await erred(pool, "x");
  assert.ok(error instanceof RangeError);
  assert.equal(error.message, "by zero");
  assert.equal((error.cause as Error).message, "why");
  const lines = traceback.split("\n");
  assert.equal(lines[0], "RangeError: by zero");
  assert.match(lines[1], /at check \(dusk:\/\/\/divide:3:\d+\)/);
  assert.match(lines.at(-2)!, /at divide \(dusk:\/\/\/divide:\d+:\d+\)/);
  assert.equal(lines.at(-1), "    … in task x");
  assert.doesNotMatch(traceback, /threads|node:|ext:/);
  assert.equal(error.stack, traceback);
});

Deno.test("errors: stacks of async and limited tasks are clean too", async () => {
  await using pool = await TestPool.start();
  pool.execute("async", async function later() {
    await new Promise((wake) => setTimeout(wake, 1));
    throw new Error("late");
  });
  pool.execute(
    "limited",
    function limited() {
      throw new Error("limited");
    },
    [],
    { timeout: 60 },
  );
  for (const key of ["async", "limited"]) {
    const { traceback } = await erred(pool, key);
    assert.match(traceback, /dusk:\/\/\//);
    assert.doesNotMatch(traceback, /worker\/threads|node:|ext:|dusk:limit/);
  }
});

Deno.test("errors: whatever is thrown gives an error", async () => {
  await using pool = await TestPool.start();
  const cases: Record<string, string> = {
    text: `() => { throw "text"; }`,
    undefined: `() => { throw undefined; }`,
    object: `() => { throw { code: 7 }; }`,
    function: `() => { throw () => 1; }`,
    symbol: `() => { throw Symbol("s"); }`,
    getter:
      `() => { const e = new Error("m"); Object.defineProperty(e, "message", { get() { throw 1; }, enumerable: true }); throw e; }`,
    own: `() => { throw Object.assign(new Error("with socket"), { socket: () => 1 }); }`,
    frozen: `() => { throw Object.freeze(new Error("frozen")); }`,
    proxy:
      `() => { throw new Proxy({}, { get() { throw new Error("trap"); }, getPrototypeOf() { throw 1; }, ownKeys() { throw 2; } }); }`,
    revoked: `() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy; }`,
    overflow: `function f() { return f(); }`,
    stack: `() => { const e = new Error("s"); e.stack = 5; throw e; }`,
    deep:
      `() => { let e = new Error("0"); for (let i = 0; i < 100000; i++) e = new Error(String(i), { cause: e }); throw e; }`,
  };
  for (const [key, source] of Object.entries(cases)) pool.execute(key, undefined, [], { source });
  await pool.until(() => pool.outcomes.length === Object.keys(cases).length);
  const thrown = Object.fromEntries(pool.outcomes.map((outcome) => {
    assert.equal(outcome.status, "erred", outcome.key);
    if (outcome.status !== "erred") throw new Error("unreachable");
    assert.equal(typeof outcome.traceback, "string");
    return [outcome.key, deserialize(outcome.exception)];
  }));
  assert.equal(thrown.text, "text");
  assert.equal(thrown.undefined, undefined);
  assert.deepEqual(thrown.object, { code: 7 });
  assert.match((thrown.function as Error).message, /threw a value that can't travel/);
  assert.match((thrown.symbol as Error).message, /threw a value that can't travel: Symbol\(s\)/);
  assert.equal((thrown.own as Error).message, "with socket");
  assert.equal((thrown.frozen as Error).message, "frozen");
  assert.ok(thrown.proxy instanceof Error);
  assert.ok(thrown.revoked instanceof Error);
  assert.ok(thrown.overflow instanceof RangeError);
  assert.equal((thrown.stack as Error).message, "s");
  assert.ok(thrown.deep instanceof Error);
  assert.equal(await pool.run("after", () => 1), 1);
});

Deno.test("results that can't travel are errors that name the place and the task", async () => {
  await using pool = await TestPool.start();
  await assert.rejects(pool.run("x", () => ({ conn: { send: () => 1 } })), {
    name: "SerializationError",
    message: /result of task 'x': .*result\.conn\.send/,
  });
  await assert.rejects(
    pool.run("g", function* () {
      yield 1;
    }),
    { name: "SerializationError" },
  );
  await assert.rejects(pool.run("p", () => ({ then: 1, p: Promise.resolve() })), {
    name: "SerializationError",
  });
  assert.equal(await pool.run("after", () => 1), 1);
});

Deno.test("exits are refused as errors of the task", async () => {
  await using pool = await TestPool.start();
  await assert.rejects(pool.run("a", () => Deno.exit(1)), {
    name: "TaskExitError",
    message: "A task called Deno.exit(), which is not allowed in a task: return or throw instead",
  });
  await assert.rejects(pool.run("b", () => self.close()), { name: "TaskExitError" });
  await assert.rejects(pool.run("c", undefined, [], { source: "() => process.exit(1)" }), {
    name: "TaskExitError",
  });
  assert.equal(await pool.run("after", () => dusk.thread), 0);
});

Deno.test("errors that nobody catches are reported, and the thread goes on", async () => {
  await using pool = await TestPool.start();
  await pool.run("stray", () => {
    setTimeout(() => {
      throw new Error("from a timer");
    }, 1);
    Promise.reject(new Error("from a promise"));
    queueMicrotask(() => {
      throw new Error("from a microtask");
    });
  });
  await pool.until(() => pool.console.length >= 3);
  const texts = pool.console.map(({ level, text }) => `${level}: ${text.split("\n")[0]}`).sort();
  assert.deepEqual(texts, [
    "error: Uncaught error, left behind by a task: Error: from a microtask",
    "error: Uncaught error, left behind by a task: Error: from a promise",
    "error: Uncaught error, left behind by a task: Error: from a timer",
  ]);
  assert.equal(await pool.run("after", () => dusk.thread), 0);
});

Deno.test("messages that a task sends or listens for in the worker's scope go nowhere", async () => {
  await using pool = await TestPool.start();
  await pool.run("x", () => {
    const scope = self as unknown as { postMessage(message: unknown): void; onmessage: unknown };
    scope.postMessage({ kind: "ready" });
    scope.postMessage(null);
    scope.onmessage = () => {};
  });
  assert.equal(await pool.run("y", () => 1), 1);
});

// A thread that dies, whatever its tasks do, when one calls this.
const mortal = new URL("./mortal_thread.ts", import.meta.url);
const die = () => {
  (globalThis as unknown as { die(): void }).die();
  return new Promise(() => {});
};

Deno.test("a dead thread is replaced: its task is lost, those behind it run", async () => {
  await using pool = await TestPool.start({ threadModule: mortal });
  for (let round = 0; round < 5; round++) {
    pool.execute(`die-${round}`, die);
    for (let i = 0; i < 20; i++) pool.execute(`x-${round}-${i}`, (x: number) => x, [i]);
  }
  await pool.until(() => pool.outcomes.length === 105);
  for (const outcome of pool.outcomes) {
    if (outcome.key.startsWith("die")) {
      assert.equal(outcome.status, "lost");
      assert.match(
        outcome.status === "lost" ? outcome.message : "",
        /Thread \d+ died while task 'die-\d' was running: .*struck down/,
      );
    } else {
      assert.equal(outcome.status, "finished");
    }
  }
  assert.equal(pool.pool.nthreads, 1);
});

Deno.test("a thread whose records make no sense is replaced", async () => {
  await using pool = await TestPool.start();
  pool.execute("evil", () => {
    const set = DataView.prototype.setUint32;
    DataView.prototype.setUint32 = function (offset: number, _value: number, little?: boolean) {
      set.call(this, offset, 0xffff_fff0, little);
    };
  });
  pool.execute("behind", () => 1);
  const outcome = await pool.outcome("evil");
  assert.ok(outcome.status === "lost");
  assert.match(outcome.message, /Thread 0 died .* sent a record that makes no sense/);
  pool.execute("after", () => dusk.thread);
  assert.equal(valueOf(await pool.outcome("after")), 1);
});

Deno.test("times that make no sense, and names that are none, cost the thread", async () => {
  for (const time of ["NaN", "Infinity", "-Infinity"]) {
    await using pool = await TestPool.start();
    const source = `() => {
      const set = DataView.prototype.setFloat64;
      DataView.prototype.setFloat64 = function (offset, value, little) {
        set.call(this, offset, ${time}, little);
      };
    }`;
    pool.execute("evil", undefined, [], { source });
    const outcome = await pool.outcome("evil");
    assert.ok(outcome.status === "lost", `${time}: ${outcome.status}`);
    assert.match(outcome.message, /a record that makes no sense .*from .* to /);
    assert.equal(await pool.run("after", () => dusk.thread), 1);
  }
  await using pool = await TestPool.start();
  const key = "evil".repeat(20);
  pool.execute(key, () => {
    const encode = TextEncoder.prototype.encodeInto;
    TextEncoder.prototype.encodeInto = () => ({ read: 0, written: 0 });
    console.log("mine");
    TextEncoder.prototype.encodeInto = encode;
  });
  const outcome = await pool.outcome(key);
  assert.ok(outcome.status === "lost", outcome.status);
  assert.match(outcome.message, /a record that makes no sense .*name/);
  assert.deepEqual(pool.console, []);
  assert.equal(await pool.run("after", () => dusk.thread), 1);
});

Deno.test("when no thread can be replaced, tasks are lost, not stuck", async () => {
  await using pool = await TestPool.start({
    threadModule: new URL("./mortal_thread.ts?once", import.meta.url),
  });
  pool.execute("die", die);
  pool.execute("behind", () => 1);
  assert.equal((await pool.outcome("die")).status, "lost");
  const behind = await pool.outcome("behind");
  assert.ok(behind.status === "lost");
  assert.match(behind.message, /no thread to run it: A thread did not start .*started again/);
  assert.equal(pool.failures.length, 1);
  assert.deepEqual(pool.threadsChanged, [{ lost: 0, nthreads: 0 }]);
  pool.execute("later", () => 1);
  assert.equal((await pool.outcome("later")).status, "lost");
});

Deno.test("console: output arrives formatted, with level and task, in order and before the outcome", async () => {
  await using pool = await TestPool.start();
  await pool.run("x", async () => {
    console.log("a %s of %d", "list", 3, { nested: [1, 2] });
    console.debug("quiet");
    console.info(new Map([["k", 1]]));
    await new Promise((wake) => setTimeout(wake, 1));
    console.warn("careful");
    console.error(new Error("printed").message);
    console.group("group");
    console.log("inside\nof it");
    console.groupEnd();
    console.table([{ a: 1 }]);
    console.assert(false, "wrong");
    console.clear();
  });
  const table = pool.console[7].text;
  assert.match(table, /│ 0 +│ 1 │/);
  pool.console.splice(7, 1);
  assert.deepEqual(pool.console, [
    { key: "x", level: "log", text: "a list of 3 { nested: [ 1, 2 ] }" },
    { key: "x", level: "debug", text: "quiet" },
    { key: "x", level: "info", text: "Map(1) { 'k' => 1 }" },
    { key: "x", level: "warn", text: "careful" },
    { key: "x", level: "error", text: "printed" },
    { key: "x", level: "log", text: "group" },
    { key: "x", level: "log", text: "  inside\n  of it" },
    { key: "x", level: "error", text: "Assertion failed: wrong" },
  ]);
});

Deno.test("console: what is written when no task runs has no key", async () => {
  await using pool = await TestPool.start();
  await pool.run("x", () => {
    setTimeout(() => console.log("left behind"), 5);
  });
  await pool.wrote("left behind");
  assert.deepEqual(pool.console, [{ key: null, level: "log", text: "left behind" }]);
});

Deno.test("console: a flood is cut, not queued without end, and says so", async () => {
  await using pool = await TestPool.start();
  await pool.run("x", () => {
    console.log("x".repeat(1_000_000));
    for (let i = 0; i < 20_000; i++) console.log("line", i, "y".repeat(100));
  });
  assert.equal(await pool.run("y", () => 1), 1);
  assert.match(pool.console[0].text, /^x{20000}… \(980000 more characters\)$/);
  let lines = 0;
  let dropped = 0;
  for (const { text, level } of pool.console.slice(1)) {
    const match = /^\((\d+) pieces of console output were dropped/.exec(text);
    if (match === null) lines++;
    else {
      dropped += Number(match[1]);
      assert.equal(level, "warn");
    }
  }
  assert.equal(lines + dropped, 20_000);
});

Deno.test("console: output of a busy loop arrives while it runs", async () => {
  await using pool = await TestPool.start({ grace: 60 });
  pool.execute("x", () => {
    console.log("begin");
    while (!dusk.signal.aborted);
  });
  await pool.wrote("begin");
  pool.pool.cancel("x");
  await pool.outcome("x");
});

Deno.test("a callback of the pool's owner that throws does not take the pool down", async () => {
  const reported: unknown[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", listener);
  try {
    let thrown = 0;
    const outcomes: string[] = [];
    await using pool = await TestPool.start({
      onOutcome: (outcome) => {
        outcomes.push(outcome.key);
        if (thrown++ === 0) throw new Error("mine");
        if (outcome.key === "second") pool.console.push({ key: "second", level: "", text: "" });
      },
    });
    pool.execute("first", () => 1);
    pool.execute("second", () => console.log("done"));
    pool.execute("third", () => console.log("third"));
    await pool.wrote("third");
    assert.deepEqual(outcomes.slice(0, 2), ["first", "second"]);
    assert.deepEqual(reported.map((error) => (error as Error).message), ["mine"]);
  } finally {
    globalThis.removeEventListener("error", listener);
  }
});

Deno.test("values of outcomes do not share memory with the thread", async () => {
  await using pool = await TestPool.start();
  pool.execute("x", () => {
    const array = new Uint8Array(20_000).fill(1);
    (globalThis as unknown as { keep: Uint8Array }).keep = array;
    return array;
  });
  const first = await pool.outcome("x");
  await pool.run("y", () => {
    (globalThis as unknown as { keep: Uint8Array }).keep.fill(2);
  });
  assert.equal((valueOf(first) as Uint8Array)[0], 1);
});
