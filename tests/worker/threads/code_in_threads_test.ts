/** Code that came as parts, in real threads: modules, classes, registrations, errors, results. */
import assert from "node:assert/strict";
import "../../../worker/threads/task_globals.ts";
import "../../support/worker_options.ts";
import type { AnyFunction, FunctionProperty } from "../../../protocol/functions/definition.ts";
import { ImportReference } from "../../../protocol/functions/definition.ts";
import type { CodePart } from "../../../protocol/messages.ts";
import { failureClass, TaskTimeoutError } from "../../../protocol/task_failures.ts";
import { tokenize } from "../../../protocol/tokenize.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import type { Outcome, ThreadPart } from "../../../worker/threads/thread_pool.ts";
import { FakeCode } from "../../protocol/fake_code.ts";
import { modulePart } from "../../support/function_part.ts";
import { makeTask, TestPool, threadPart, valueOf } from "./test_pool.ts";

// Names that functions of these tests close over; each test says what they are.
declare const get: () => unknown;
declare const later: () => unknown;
declare const getWorker: () => unknown;
// What `import` is called in texts that travel.
declare const ìmport: (specifier: string) => Promise<Record<string, unknown>>;

/** Runs functions with what a test says they close over. */
class Code {
  readonly code = new FakeCode();

  /** A part of a function or class, or of anything in particular. */
  part(letter: string, value: unknown, needs: ThreadPart[] = [], origin?: unknown): ThreadPart {
    const code = serialize(value, { code: this.code });
    const part: CodePart = { code };
    if (origin !== undefined) part.origin = serialize(origin);
    return threadPart({ name: `${letter}${tokenize(code)}`, part }, needs);
  }

  /** A class as a part; values refer to it from now on. */
  class(cls: AnyFunction, properties: FunctionProperty[] = []): ThreadPart {
    const part = this.part("c", this.code.inline(cls, { properties }));
    this.code.part(cls, part.name);
    return part;
  }

  /** Runs a function. */
  async run(
    pool: TestPool,
    key: string,
    fn: AnyFunction,
    { variables = {}, needs = [] as ThreadPart[], args = [] as unknown[], timeout = 60 } = {},
  ): Promise<Outcome> {
    const part = this.part("f", this.code.inline(fn, { variables }));
    const task = makeTask(key, () => {});
    const encoded = serialize(args, { code: this.code });
    pool.pool.execute({ ...task, function: part, needs, args: encoded, timeout });
    return await pool.outcome(key);
  }
}

const head = `(function($builtin, $meta){"use strict";`;

function library(body: string, isAsync = false): ThreadPart {
  const source = `${isAsync ? head.replace("(", "(async ") : head}${body}})`;
  return threadPart(modulePart(source, isAsync));
}

function imports(part: ThreadPart, name: string): ImportReference {
  return new ImportReference(part.name, name);
}

Deno.test("modules work in threads without permissions", async () => {
  await using pool = await TestPool.start({ permissions: "none" });
  const code = new Code();
  const lib = library(
    `const {createHash} = $builtin("node:crypto"); const events = $builtin("node:events");
     let n = 0; return {get: () => [createHash("sha1").update("x").digest("hex"), ++n, typeof events]};`,
  );
  const variables = { get: imports(lib, "get") };
  const sha = "11f6ad8ec52a2984abaafd7c3b516503785c2072";
  for (const n of [1, 2]) {
    const outcome = await code.run(pool, `x-${n}`, () => get(), { variables, needs: [lib] });
    assert.deepEqual(valueOf(outcome), [sha, n, "function"]);
  }
  const builtin = { get: new ImportReference("node:os", "EOL") };
  assert.equal(valueOf(await code.run(pool, "eol", () => get, { variables: builtin })), "\n");
  const dynamic = await code.run(
    pool,
    "dynamic",
    async () => typeof (await ìmport("node:zlib")).gzip,
  );
  assert.equal(valueOf(dynamic), "function");
});

Deno.test("a module that awaits is there before the first task that needs it", async () => {
  await using pool = await TestPool.start();
  const code = new Code();
  const body = "await new Promise((wake) => setTimeout(wake, 1)); return {get: () => 7};";
  const [a, b] = [library(body, true), library(`/* another */ ${body}`, true)];
  const variables = { get: imports(a, "get"), later: imports(b, "get") };
  const needs = [a, b];
  const sum = () => [get(), later()];
  assert.deepEqual(valueOf(await code.run(pool, "first", sum, { variables, needs })), [7, 7]);
  assert.deepEqual(valueOf(await code.run(pool, "second", sum, { variables, needs })), [7, 7]);
});

Deno.test("a module that fails, or never ends, fails the tasks that need it", async () => {
  await using pool = await TestPool.start();
  const code = new Code();
  const run = (key: string, lib: ThreadPart, timeout?: number) =>
    code.run(pool, key, () => get(), {
      variables: { get: imports(lib, "get") },
      needs: [lib],
      timeout,
    });
  const fails = library("throw new RangeError('no data');");
  const rejects = library("await 0; throw new RangeError('no data');", true);
  for (const [key, lib] of [["fails", fails], ["rejects", rejects]] as const) {
    const outcome = await run(key, lib);
    assert.throws(() => valueOf(outcome), { name: "RangeError", message: "no data" });
  }
  const endless = library("await new Promise(() => {}); return {};", true);
  const outcome = await run("endless", endless, 0.05);
  assert.throws(() => valueOf(outcome), { name: "TaskTimeoutError" });
  assert.equal(await pool.run("after", () => 1), 1);
});

Deno.test("uploaded modules are imported by name, the newest version of each", async () => {
  await using pool = await TestPool.start();
  const code = new Code();
  const load = async () => (await ìmport("table.ts")).version;
  for (const version of [1, 2]) {
    const lib = library(`return {version: ${version}};`);
    pool.pool.setUploads(new Map([["table", lib], ["table.ts", lib]]));
    const outcome = await code.run(pool, `load-${version}`, load);
    assert.equal(valueOf(outcome), version);
  }
});

Deno.test("instances travel in and out, and the result says what it needs", async () => {
  await using pool = await TestPool.start();
  const code = new Code();
  class Point {
    constructor(readonly x: number) {}
    twice() {
      return new (this.constructor as typeof Point)(this.x * 2);
    }
  }
  const part = code.class(Point);
  const outcome = await code.run(pool, "x", (point: Point) => [point.twice(), point], {
    args: [new Point(4)],
    needs: [part],
  });
  assert.ok(outcome.status === "finished");
  assert.deepEqual(outcome.needs, [part.name]);
  const value = deserialize(outcome.value, { code: code.code }) as Point[];
  assert.deepEqual(value, [new Point(8), new Point(4)]);
  const plain = await code.run(pool, "y", (point: Point) => point.x, {
    args: [new Point(4)],
    needs: [part],
  });
  assert.ok(plain.status === "finished");
  assert.equal(plain.needs, undefined);
});

Deno.test("registered serializations that came with a task are used for its arguments and result", async () => {
  await using pool = await TestPool.start();
  const code = new Code();
  class Money {
    constructor(readonly cents: bigint) {}
  }
  const cls = code.class(Money);
  const write = code.code.inline((money: Money) => [String(money.cents), []]);
  const read = code.code.inline((cents: string) => new Money(BigInt(cents)), {
    variables: { Money },
  });
  const registration = code.part("r", [Money, write, read], [cls]);
  const outcome = await code.run(pool, "x", () => get(), {
    variables: { get: code.code.inline(() => new Money(5n), { variables: { Money } }) },
    needs: [registration],
  });
  assert.ok(outcome.status === "finished");
  assert.deepEqual(outcome.needs, [registration.name]);
});

Deno.test("a result with Blobs is sent once they are read", async () => {
  await using pool = await TestPool.start();
  const value = await pool.run("x", () => ({ blobs: [new Blob(["abc"]), new Blob(["d"])] }));
  const { blobs } = value as { blobs: Blob[] };
  assert.deepEqual(await Promise.all(blobs.map((blob) => blob.text())), ["abc", "d"]);
  await assert.rejects(
    pool.run("endless", () => ({
      get blob() {
        return new Blob(["new each time"]);
      },
    })),
    { name: "SerializationError", message: /send await blob\.bytes\(\) instead/ },
  );
  const limited = await pool.run("limited", () => Promise.resolve(new Blob(["l"])), [], {
    timeout: 60,
  });
  assert.equal(await (limited as Blob).text(), "l");
});

Deno.test("iterators of all kinds are refused, with the advice to collect them", async () => {
  await using pool = await TestPool.start();
  const refused: [string, string, RegExp][] = [
    ["generator", "function*() { yield 1 }", /\[\.\.\.generator\]/],
    ["async generator", "async function*() { yield 1 }", /await Array\.fromAsync\(generator\)/],
    ["iterator", "() => [1].values()", /\[\.\.\.iterator\]/],
    ["helper", "() => [1].values().map((x) => x)", /\[\.\.\.iterator\]/],
    ["stream", "() => new ReadableStream()", /await Array\.fromAsync\(stream\)/],
    ["nested", "() => ({ lines: new Map().keys() })", /result\.lines.*\[\.\.\.iterator\]/],
  ];
  for (const [key, source, message] of refused) {
    const name = "SerializationError";
    await assert.rejects(pool.run(key, undefined, [], { source }), { name, message }, key);
  }
  assert.equal(await pool.run("undefined", () => undefined), undefined);
});

Deno.test("Dusk in a task is the worker that runs it", async () => {
  await using pool = await TestPool.start({ address: "tcp://127.0.0.1:1", name: "alice" });
  const code = new Code();
  const outcome = await code.run(pool, "x", () => getWorker(), {
    variables: { getWorker: new ImportReference("dusk:", "getWorker") },
  });
  const { thread, ...worker } = valueOf(outcome) as Record<string, unknown>;
  assert.deepEqual(worker, { address: "tcp://127.0.0.1:1", name: "alice" });
  assert.equal(typeof thread, "number");
});

Deno.test("errors: the stack leads to the user's file, and says which task and worker it was", async () => {
  await using pool = await TestPool.start({ address: "tcp://127.0.0.1:1" });
  const code = new Code();
  const source = "function fail() {\n  throw new Error('here');\n}";
  code.code.inline(fail, { definition: { source } });
  function fail() {}
  const call = code.code.inline(() => get(), {
    variables: { get: fail },
    definition: { name: "call" },
  });
  const url = "file:///home/me/main.ts";
  const origin = [
    { url, lines: new Int32Array([0, 0, 19, 13]) },
    { url, lines: new Int32Array([1, 2, 40, 6]) },
  ];
  const task = makeTask("x", () => {});
  pool.pool.execute({ ...task, function: code.part("f", call, [], origin) });
  const outcome = await pool.outcome("x");
  assert.ok(outcome.status === "erred");
  const lines = [
    "Error: here",
    `    at fail (${url}:41:7)`,
    `    at call (${url}:20:14)`,
    "    … in task x on tcp://127.0.0.1:1",
  ];
  assert.deepEqual(outcome.traceback.split("\n"), lines);
  assert.equal((deserialize(outcome.exception) as Error).stack, outcome.traceback);
});

Deno.test("errors: causes and members have clean stacks, async frames are kept", async () => {
  await using pool = await TestPool.start();
  pool.execute("x", async function outer() {
    const inner = async (text: string) => {
      await new Promise((wake) => setTimeout(wake, 1));
      throw new TypeError(text);
    };
    const failed = await Promise.allSettled([inner("a"), inner("b")]);
    const errors = failed.map((result) => (result as PromiseRejectedResult).reason);
    throw new AggregateError(errors, "both", { cause: new RangeError("why", { cause: "text" }) });
  });
  const outcome = await pool.outcome("x");
  assert.ok(outcome.status === "erred");
  const error = deserialize(outcome.exception) as AggregateError;
  assert.ok(error instanceof AggregateError);
  const cause = error.cause as Error;
  assert.equal(cause.cause, "text");
  assert.deepEqual(error.errors.map((error) => error.message), ["a", "b"]);
  for (const { stack } of [error, cause, ...error.errors] as Error[]) {
    assert.match(stack!, /at .*\(dusk:\/\/\/outer:\d+:\d+\)/);
    assert.doesNotMatch(stack!, /worker\/threads|protocol\/|node:|ext:|, <anonymous>/);
  }
  assert.match(error.errors[0].stack, /at async /);
});

Deno.test("errors: of a class that came, with own properties, are instances of it", async () => {
  await using pool = await TestPool.start();
  const code = new Code();
  class HttpError extends Error {
    override name = "HttpError";
    constructor(readonly status: number, message: string) {
      super(message);
    }
  }
  const cls = code.class(HttpError);
  const outcome = await code.run(pool, "x", () => {
    throw new (get as unknown as typeof HttpError)(404, "gone");
  }, { variables: { get: HttpError }, needs: [cls] });
  assert.ok(outcome.status === "erred");
  const error = deserialize(outcome.exception, { code: code.code }) as HttpError;
  assert.ok(error instanceof HttpError);
  assert.deepEqual([error.status, error.message], [404, "gone"]);
  // Where the class is not known.
  const stranger = deserialize(outcome.exception, { code: new FakeCode() }) as HttpError;
  assert.ok(stranger instanceof Error);
  assert.deepEqual([stranger.name, stranger.status], ["HttpError", 404]);
});

Deno.test("errors: what can travel of one arrives, whatever else is in it", async () => {
  await using pool = await TestPool.start();
  const source = `() => {
    const cause = Object.assign(new TypeError("inner"), { socket: () => 1, port: 80 });
    const members = [Object.assign(new Error("member"), { call() {} }), () => 1, 5];
    const error = new AggregateError(members, "outer", { cause });
    throw Object.assign(error, { status: 500, request: { send() {} }, blob: new Blob() });
  }`;
  pool.execute("x", undefined, [], { source });
  const outcome = await pool.outcome("x");
  assert.ok(outcome.status === "erred");
  const error = deserialize(outcome.exception) as AggregateError & Record<string, unknown>;
  assert.ok(error instanceof AggregateError);
  assert.equal(error.message, "outer");
  assert.deepEqual([error.status, error.request], [500, undefined]);
  const cause = error.cause as TypeError & Record<string, unknown>;
  assert.ok(cause instanceof TypeError);
  assert.deepEqual([cause.message, cause.port, cause.socket], ["inner", 80, undefined]);
  assert.equal(error.errors[0].message, "member");
  assert.deepEqual(error.errors.slice(1), [undefined, 5]);
  assert.match(error.stack!, /… in task x$/);
});

Deno.test("errors: what refers to itself, or twice to another, arrives as it is", async () => {
  await using pool = await TestPool.start();
  const source = `() => {
    let cause = new Error("innermost");
    for (let i = 0; i < 15; i++) cause = Object.assign(new Error(String(i), { cause }), { error: cause });
    const error = Object.assign(new Error("outer", { cause }), { blob: new Blob() });
    error.errors = new Array(1000).fill(error);
    throw error;
  }`;
  pool.execute("x", undefined, [], { source });
  const outcome = await pool.outcome("x");
  assert.ok(outcome.status === "erred");
  const error = deserialize(outcome.exception) as AggregateError;
  assert.deepEqual(new Set(error.errors), new Set([error]));
  let at = error.cause as AggregateError & { error: unknown };
  for (let depth = 14; depth >= 0; depth--, at = at.cause as typeof at) {
    assert.equal(at.message, String(depth));
    assert.equal(at.error, at.cause);
  }
  assert.equal(at.message, "innermost");
});

Deno.test("errors: one that is thrown by task after task says each time which it was", async () => {
  await using pool = await TestPool.start({ nthreads: 1 });
  const code = new Code();
  const fn = () => {
    const again = (globalThis as { failure?: Error }).failure ??= new Error("again");
    throw again;
  };
  const stacks: string[] = [];
  for (const key of ["first", "second"]) {
    const outcome = await code.run(pool, key, fn);
    assert.ok(outcome.status === "erred");
    stacks.push(outcome.traceback);
  }
  assert.equal(stacks[0].replace("first", "second"), stacks[1]);
  assert.match(stacks[0], /^Error: again\n {4}at fn /, "without lines of what watches its time");
});

Deno.test("errors: rejections and what is no error arrive too", async () => {
  await using pool = await TestPool.start();
  const thrown = async (key: string, source: string) => {
    pool.execute(key, undefined, [], { source });
    const outcome = await pool.outcome(key);
    assert.ok(outcome.status === "erred", key);
    return [deserialize(outcome.exception), outcome.traceback.split("\n")[0]];
  };
  assert.deepEqual(await thrown("undefined", "() => Promise.reject()"), [
    undefined,
    "Uncaught undefined",
  ]);
  assert.deepEqual(await thrown("object", "async () => { throw { a: [1] } }"), [
    { a: [1] },
    "Uncaught { a: [ 1 ] }",
  ]);
  const [huge, first] = await thrown(
    "huge",
    "function f() { Error.stackTraceLimit = Infinity; const g = (n) => n ? g(n - 1) : h(); const h = () => { throw new Error('deep') }; g(5000) }",
  );
  assert.equal(first, "Error: deep");
  assert.ok((huge as Error).stack!.length < 40_000);
  assert.ok((huge as Error).stack!.endsWith("\n    …\n    … in task huge"));
});

Deno.test("errors: Dusk's own arrive as instances of their classes", async () => {
  await using pool = await TestPool.start();
  pool.execute("x", () => new Promise(() => {}), [], { timeout: 0.01 });
  const outcome = await pool.outcome("x");
  assert.ok(outcome.status === "erred");
  const error = deserialize(outcome.exception, { errorClass: failureClass });
  assert.ok(error instanceof TaskTimeoutError);
  assert.equal(failureClass("toString"), undefined);
});
