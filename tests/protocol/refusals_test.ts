/** Values that cannot travel, and what is said of them. */
import assert from "node:assert/strict";
import { SerializationError, serialize } from "../../protocol/values.ts";
import { handleRefusal } from "../../protocol/values_refusals.ts";

/** The error of serializing a value as `args`. */
function refusalOf(value: unknown): SerializationError {
  try {
    serialize(value, { name: "args" });
  } catch (error) {
    assert.ok(error instanceof SerializationError);
    return error;
  }
  assert.fail("the value was taken");
}

Deno.test("an instance of a class is refused with its path, its class and a remedy", () => {
  class TcpConn {}
  const error = refusalOf([{ conn: new TcpConn() }]);
  assert.equal(error.path, "args[0].conn");
  assert.equal(
    error.message,
    "cannot serialize args[0].conn: instances of class TcpConn do not travel; send plain data instead",
  );
});

function* numbers() {
  yield 1;
}

async function* asyncNumbers() {
  yield await 1;
}

Deno.test("what is not data is refused by kind", () => {
  const refused: [unknown, RegExp][] = [
    [() => 1, /functions/],
    [function named() {}, /functions \(named\)/],
    [Symbol("s"), /Symbol\(s\) .* use Symbol\.for/],
    [Object(Symbol("s")), /symbols/],
    [new WeakMap(), /a WeakMap .* send a Map instead/],
    [new WeakSet(), /a WeakSet .* send a Set instead/],
    [new WeakRef({}), /a WeakRef/],
    [Promise.resolve(1), /await it/],
    [[1].values(), /live Array Iterator .* \[\.\.\.iterator\]/],
    [new Map().entries(), /live Map Iterator .* \[\.\.\.iterator\]/],
    [[1].values().map((x) => x), /live Iterator Helper .* \[\.\.\.iterator\]/],
    [numbers(), /a generator .* \[\.\.\.generator\]/],
    [asyncNumbers(), /an async generator .* await Array\.fromAsync\(generator\)/],
    [new Response("x").body, /a ReadableStream .* await Array\.fromAsync\(stream\)/],
    [new WritableStream(), /a WritableStream .* open it in the task/],
    [new Response("x"), /a Response .* await response\.bytes\(\)/],
    [new Request("http://x/"), /a Request .* await request\.bytes\(\)/],
    [new SharedArrayBuffer(8), /SharedArrayBuffer/],
    [new Uint8Array(new SharedArrayBuffer(8)), /SharedArrayBuffer/],
    [new AbortController().signal, /an AbortSignal .* cancel its future/],
    [new DisposableStack(), /class DisposableStack/],
    [Object.create({}), /class Object/],
    [Object.create({ constructor: undefined }), /class Object/],
    [Object.create({ [Symbol.toStringTag]: "Number" }), /reading it failed|class/],
  ];
  for (const [value, reason] of refused) {
    const error = refusalOf([value]);
    assert.match(error.message, reason);
    assert.equal(error.path, "args[0]");
  }
});

Deno.test("open files and processes are refused with a remedy", async () => {
  const path = await Deno.makeTempFile();
  using file = await Deno.open(path);
  assert.match(refusalOf(file).reason, /an open file \(FsFile\) .* send its path/);
  await Deno.remove(path);
});

Deno.test("names of Deno's own classes say what they stand for", () => {
  assert.match(handleRefusal("TcpConn")!, /an open connection \(TcpConn\) .* send the address/);
  assert.match(handleRefusal("TlsListener")!, /a listening socket/);
  assert.match(handleRefusal("ChildProcess")!, /a running process/);
  assert.equal(handleRefusal("Account"), undefined);
});

Deno.test("a detached buffer is refused", () => {
  const array = new Float64Array(10);
  structuredClone(array, { transfer: [array.buffer] });
  assert.match(refusalOf({ array }).message, /args\.array: its ArrayBuffer is detached/);
});

Deno.test("paths lead through every kind of container", () => {
  const bad = () => 1;
  const cases: [unknown, string][] = [
    [bad, "args"],
    [[0, [1, bad]], "args[1][1]"],
    [{ "odd key": { ok: 1, bad } }, 'args["odd key"].bad'],
    [new Map([["k", [bad]]]), 'args.get("k")[0]'],
    [new Map([[7, bad]]), "args.get(7)"],
    [new Map([[{}, bad]]), "args.get(…)"],
    [new Map([["a", 1], [bad, 1]] as [unknown, number][]), "args.keys[1]"],
    [new Set([1, bad]), "args.values[1]"],
    [Object.assign([1], { extra: bad }), "args.extra"],
    // deno-lint-ignore no-sparse-arrays
    [[, , bad], "args[2]"],
  ];
  for (const [value, path] of cases) assert.equal(refusalOf(value).path, path);
});

Deno.test("a getter that throws is named, and its error is the cause", () => {
  const failure = new Error("broken getter");
  const error = refusalOf([{
    get x() {
      throw failure;
    },
  }]);
  assert.equal(error.path, "args[0].x");
  assert.equal(error.cause, failure);
  assert.match(error.message, /broken getter/);
});

Deno.test("a map that changes while it is read is refused", () => {
  const map = new Map<number, unknown>();
  map.set(0, {
    get grow() {
      map.set(map.size, this);
      return 1;
    },
  });
  assert.match(refusalOf([map]).message, /args\[0\]: it changed/);
  const set = new Set<unknown>();
  set.add({
    get shrink() {
      set.clear();
      return 1;
    },
  });
  set.add(2);
  assert.match(refusalOf([set]).message, /args\[0\]: it changed/);
});

Deno.test("nesting beyond the limit is one clear error, not a stack overflow", () => {
  let list: unknown = null;
  for (let i = 0; i < 20_000; i++) list = { next: list };
  assert.match(refusalOf(list).message, /nested more than 1000 levels deep; send a flatter/);
  let deepest: unknown = 1;
  for (let i = 0; i < 1000; i++) deepest = [deepest];
  serialize(deepest);
});
