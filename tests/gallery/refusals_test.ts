/** Functions that cannot travel: refused at `submit`, with where, what, and what to do instead. */
import assert from "node:assert/strict";
import { Client, FreeNameError, FunctionError, Scheduler, SerializationError } from "../../mod.ts";
import { own } from "./fixtures/own_file.ts";

// deno-lint-ignore no-explicit-any
type AnyFunction = (...args: any[]) => unknown;
interface Refusal {
  fn: AnyFunction;
  args?: unknown[];
  /** All of them must be in the message: where, what, and what to do instead. */
  says: (string | RegExp)[];
  /** Class of the error. Default: FunctionError or SerializationError. */
  is?: new (...args: never[]) => Error;
}

const pipe = new TransformStream();
const proxy = new Proxy({ a: 1 }, {});
const callable = new Proxy(() => 1, {});
class Purse {
  #coins = 3;
  count() {
    return this.#coins;
  }
}
class Wallet extends Purse {
  label = "wallet";
}
const purse = new Purse();
const wallet = new Wallet();
const cache = new WeakMap<object, number>();
const weak = new WeakRef({});
const secret = Symbol("secret");
const sharedMemory = new SharedArrayBuffer(8);
const iterator = [1, 2].values();
const entries = new Map([[1, 2]]).entries();
function* count() {
  yield 1;
}
const running = count();
async function* countLater() {
  yield await Promise.resolve(1);
}
const runningLater = countLater();
const later = Promise.resolve(1);
const bound = count.bind(null);
const digest = crypto.subtle.digest;
const controller = new AbortController();
const request = new Request("http://example.com");
const scheduler = new Scheduler();
const helperOf = (value: unknown) => () => value;

const outer = {
  factor: 2,
  makeTask() {
    return () => this.factor;
  },
};

Deno.test("what cannot travel is refused at submit, by name", async (t) => {
  await using started = new AsyncDisposableStack();
  started.use(scheduler);
  await scheduler.start("inproc://");
  const client = started.use(await Client.connect(scheduler.address));
  const listener = started.adopt(Deno.listen({ hostname: "127.0.0.1", port: 0 }), (l) => l.close());
  const accepted = listener.accept();
  const conn = started.adopt(await Deno.connect({ port: listener.addr.port }), (c) => c.close());
  started.adopt(await accepted, (c) => c.close());
  const log = started.adopt(await Deno.open(new URL(import.meta.url)), (f) => f.close());
  const child = started.adopt(
    new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn(),
    async (c) => {
      await c.stdin.close();
      await c.status;
    },
  );
  const helper = () => conn;
  const outermost = () => helper();

  const refusals: Record<string, Refusal> = {
    "a socket, two helpers down": {
      fn: function fetchAll() {
        return outermost();
      },
      says: ["fetchAll → outermost → helper → conn", "TcpConn", /inside|in the task|instead/],
    },
    "a listener": { fn: () => listener, says: ["→ listener", "Listener"] },
    "an open file": {
      fn: function readLog() {
        return log.stat();
      },
      says: ["readLog → log", "FsFile", /open|path|inside|instead/],
    },
    "a child process, in an object": {
      fn: () => null,
      args: [{ jobs: [child] }],
      says: ["args[0].jobs[0]", "ChildProcess"],
    },
    "a native function": {
      fn: () => digest,
      says: ["→ digest", "part of Deno", "function of your own"],
    },
    "a native function as the task": { fn: Intl.Collator().compare, says: ["native", /=>/] },
    "a bound function": { fn: () => bound(), says: ["→ bound", /bind/, "arrow function"] },
    "a bound function as the task": { fn: helperOf(1).bind(null), says: [/bound/] },
    "a proxy": { fn: () => proxy.a, says: [/fn (→|uses) "?proxy/, "a Proxy"] },
    "a proxy of a function": { fn: callable, says: [/[Pp]roxy/] },
    "an instance with private state": {
      fn: () => purse.count(),
      says: ["→ purse", "Purse", "#coins", "registerSerialization"],
    },
    "an instance with private state of its superclass": {
      fn: (w: Wallet) => w.count(),
      args: [[wallet]],
      says: ["args[0][0]", "Wallet", "#coins", "registerSerialization"],
    },
    "a WeakMap": { fn: () => cache.get({}), says: ["→ cache", "WeakMap"] },
    "a WeakRef": { fn: () => weak.deref(), says: ["→ weak", "WeakRef"] },
    "a live iterator": {
      fn: () => [...iterator],
      says: ["→ iterator", /[Ii]terator/, /array|\[\.\.\./],
    },
    "a live iterator of a map": { fn: () => [...entries], says: ["→ entries", /[Ii]terator/] },
    "a generator that was started": { fn: () => [...running], says: ["→ running", /[Gg]enerator/] },
    "an async generator": { fn: () => runningLater, says: ["→ runningLater", /[Gg]enerator/] },
    "a generator function as the task": { fn: count, says: [/generator/, /array|\[\.\.\./] },
    "a captured promise": { fn: async () => await later, says: ["→ later", "Promise", "await"] },
    "a unique symbol": { fn: () => secret, says: ["→ secret", /[Ss]ymbol/, "Symbol.for"] },
    "shared memory": {
      fn: () => new Uint8Array(sharedMemory),
      says: ["→ sharedMemory", "SharedArrayBuffer"],
    },
    "a stream": { fn: () => pipe.readable, says: ["→ pipe", "Stream"] },
    "an AbortController": {
      fn: () => controller.abort(),
      says: ["→ controller", "AbortController"],
    },
    "a request": { fn: () => request.url, says: ["→ request", "Request"] },
    "a variable that has no value yet": {
      fn: () => notYet,
      says: ["notYet", /not initialized/],
    },
    "a name that is nowhere": {
      // @ts-expect-error: there is no such name
      fn: () => nowhere + 1,
      says: ["nowhere"],
      is: FreeNameError,
    },
    "this of its surroundings": { fn: outer.makeTask(), says: ["this"] },
    "import.meta": { fn: () => import.meta.url, says: ["import.meta"] },
    "a module that reads a file beside it": {
      fn: () => own(),
      says: ["own", "import.meta", "own_file.ts"],
    },
    "a native addon": {
      fn: async () => await import("./fixtures/addon.node"),
      says: ["addon.node", /native addon/],
    },
    "a dynamic import of what is not there": {
      fn: async () => await import("./fixtures/nowhere.ts" as string as "./fixtures/even.ts"),
      says: ["nowhere.ts"],
    },
    "the client itself": { fn: () => client.status, says: ["→ client"] },
    "a getter's class": {
      fn: () => null,
      args: [new Map([["key", purse]])],
      says: ["args[0]", "key", "Purse"],
    },
  };
  const submit = client.submit.bind(client) as (fn: AnyFunction, ...args: unknown[]) => unknown;
  for (const [name, { fn, args = [], says, is }] of Object.entries(refusals)) {
    await t.step(name, () => {
      assert.throws(() => submit(fn, ...args), (error: Error) => {
        if (is !== undefined) assert.ok(error instanceof is, error.stack);
        else {
          assert.ok(
            error instanceof FunctionError || error instanceof SerializationError,
            error.stack,
          );
        }
        for (const each of says) {
          const said = typeof each === "string"
            ? error.message.includes(each)
            : each.test(error.message);
          assert.ok(said, `no ${each} in: ${error.message}`);
        }
        return true;
      });
    });
  }
  const notYet = 1;
});
