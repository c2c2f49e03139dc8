/** Errors: class, message, stack, causes, members and own properties. */
import assert from "node:assert/strict";
import { deserialize, type DeserializeOptions, serialize } from "../../protocol/values.ts";
import { assertSame } from "./same.ts";

function roundTrip<T>(value: T, options?: DeserializeOptions): T {
  return deserialize(serialize(value), options) as T;
}

Deno.test("standard errors keep class, message, stack and whether these are enumerable", () => {
  for (
    const Class of [Error, TypeError, RangeError, SyntaxError, EvalError, URIError, ReferenceError]
  ) {
    const error = new Class("message");
    const copy = roundTrip(error);
    assertSame(copy, error);
    assert.ok(copy instanceof Class);
    assert.deepEqual(Object.keys(copy), []);
    assert.equal(String(copy), String(error));
  }
  assert.ok(!Object.hasOwn(roundTrip(new Error()), "message"));
});

Deno.test("causes, members and own properties travel", () => {
  const error = new AggregateError([new TypeError("1"), "2", { three: 3 }], "all", {
    cause: new RangeError("why", { cause: "deep" }),
  });
  Object.assign(error, { code: "E_ALL", data: new Map([[1, error]]) });
  const copy = roundTrip(error) as AggregateError & { data: Map<number, unknown> };
  assertSame(copy, error as typeof copy);
  assert.ok(copy.errors[0] instanceof TypeError);
  assert.equal(copy.data.get(1), copy);
  assert.deepEqual(Object.keys(copy), ["code", "data"]);
});

Deno.test("a DOMException keeps name, code and message", () => {
  const copy = roundTrip(new DOMException("stopped", "AbortError"));
  assert.ok(copy instanceof DOMException);
  assert.equal(copy.name, "AbortError");
  assert.equal(copy.code, DOMException.ABORT_ERR);
  assert.equal(copy.message, "stopped");
});

Deno.test("Deno's own errors keep their class, a user's of the same name does not become one", () => {
  assert.ok(roundTrip(new Deno.errors.NotFound("gone")) instanceof Deno.errors.NotFound);
  class NotFound extends Error {}
  const copy = roundTrip(new NotFound("mine"));
  assert.ok(!(copy instanceof Deno.errors.NotFound));
  assert.equal(copy.name, "NotFound");
});

Deno.test("an error class is found by name, and its constructor does not run", () => {
  class HttpError extends TypeError {
    status: number;
    constructor(status: number) {
      super(`status ${status.toFixed()}`);
      this.status = status;
    }
    get retry(): boolean {
      return this.status >= 500;
    }
  }
  const asked: string[] = [];
  const copy = roundTrip(new HttpError(503), {
    errorClass: (name) => {
      asked.push(name);
      return HttpError as unknown as ErrorConstructor;
    },
  });
  assert.deepEqual(asked, ["HttpError"]);
  assert.ok(copy instanceof HttpError);
  assert.equal(copy.status, 503);
  assert.equal(copy.retry, true);
  assert.equal(copy.message, "status 503");
});

Deno.test("an error whose class is not known is of its standard base, with its name", () => {
  class HttpError extends TypeError {}
  const copy = roundTrip(new HttpError("no"));
  assert.equal(Object.getPrototypeOf(copy), TypeError.prototype);
  assert.equal(copy.name, "HttpError");
  assert.deepEqual(Object.keys(copy), []);
  // On its way through a program that does not know the class, the name is kept.
  const back = roundTrip(copy, {
    errorClass: (name) => name === "HttpError" ? HttpError as ErrorConstructor : undefined,
  });
  assert.ok(back instanceof HttpError);
});

Deno.test("data that is not enumerable travels with errors of any class, getters do not", () => {
  class InvalidInput extends Error {}
  for (const error of [new Error("plain"), new InvalidInput("of a class")]) {
    Object.defineProperties(error, {
      issues: { value: [{ path: ["a"] }] },
      format: { value: () => "a function" },
      shown: { get: () => assert.fail("a hidden getter ran") },
    });
    const copy = roundTrip(error) as Error & { issues: unknown };
    assert.deepEqual(copy.issues, [{ path: ["a"] }]);
    assert.deepEqual(Object.keys(copy), []);
    assert.ok(!Object.hasOwn(copy, "format"));
    assert.ok(!Object.hasOwn(copy, "shown"));
  }
});

Deno.test("an error with a name of its own keeps it", () => {
  const error = new Error("late");
  error.name = "TimeoutError";
  const copy = roundTrip(error);
  assert.equal(copy.name, "TimeoutError");
  assert.equal(String(copy), "TimeoutError: late");
});

Deno.test("a name from a class's getter is kept when the class is not known", () => {
  class Odd extends Error {
    override get name() {
      return "Strange";
    }
    override get message() {
      return "computed";
    }
  }
  const copy = roundTrip(new Odd());
  assert.equal(copy.name, "Strange");
  assert.equal(copy.message, "computed");
});

Deno.test("getters that throw and fields that cannot travel do not stop an error", () => {
  const error = new Error("what went wrong", { cause: () => "not data" });
  Object.defineProperty(error, "boom", {
    enumerable: true,
    get() {
      throw new Error("getter");
    },
  });
  Object.assign(error, {
    socket: new WeakMap(),
    code: 7,
    partial: [1, { deep: () => 1 }],
    tail: 8,
  });
  Object.defineProperty(error, "stack", { value: { not: "a string" } });
  const copy = roundTrip({ error, after: [1] }) as unknown as {
    error: Error & { code: number };
    after: number[];
  };
  assert.equal(copy.error.message, "what went wrong");
  assert.match(String(copy.error.cause), /not data/);
  assert.deepEqual({ ...copy.error }, { code: 7, tail: 8 });
  assert.equal(copy.error.stack, undefined);
  assert.deepEqual(copy.after, [1]);
});

Deno.test("a field that fails takes back what it had begun, references included", () => {
  const shared = { s: 1 };
  const objects = Array.from({ length: 20 }, (_, i) => ({ [`k${i}`]: i }));
  const error = Object.assign(new Error("x"), {
    bad: [...objects, shared, new Float64Array(9000), () => 1],
    good: [shared, objects[19], new Float64Array([1])] as unknown[],
  });
  const copy = roundTrip<unknown[]>([error, shared, objects[19]]);
  const { good } = copy[0] as typeof error;
  assert.ok(!Object.hasOwn(copy[0] as object, "bad"));
  assert.equal(good[0], copy[1]);
  assert.equal(good[1], copy[2]);
  assert.deepEqual(good, [shared, { k19: 19 }, new Float64Array([1])]);
});

Deno.test("a chain of causes beyond the depth limit is cut, and the error travels", () => {
  let error = new Error("first");
  for (let i = 0; i < 3000; i++) error = new Error(`level ${i}`, { cause: error });
  const copy = roundTrip(error);
  assert.equal(copy.message, "level 2999");
});

Deno.test("errors made without a constructor are errors still", () => {
  function Old(this: Error, message: string) {
    this.message = message;
  }
  Old.prototype = Object.create(Error.prototype, { constructor: { value: Old } });
  const old = new (Old as unknown as ErrorConstructor)("legacy");
  const copy = roundTrip(old);
  assert.ok(copy instanceof Error);
  assert.equal(copy.name, "Old");
  assert.equal(copy.message, "legacy");
});
