/** What tasks return and throw. */
import assert from "node:assert/strict";
import type { Client } from "../../mod.ts";
import { check, QuotaError } from "./fixtures/failures.ts";
import { withSandbox } from "../support/sandbox.ts";
import { gallery } from "./gallery.ts";

class Temperature {
  constructor(readonly degrees: number) {}
  get warm() {
    return this.degrees > 20;
  }
}
class SensorError extends Error {
  override readonly name = "SensorError";
  readonly reading: Temperature;
  constructor(message: string, reading: Temperature, options?: ErrorOptions) {
    super(message, options);
    this.reading = reading;
  }
}
const inner = () => new TypeError("inner", { cause: { code: 5, nested: new RangeError("deep") } });

gallery("results", {
  "undefined": () => undefined,
  "nothing": () => {},
  "null, NaN and minus zero": () => [null, NaN, -0],
  "a symbol": () => Symbol.for("gallery.result"),
  "a bigint and a long text": () => [2n ** 200n, "x".repeat(100_000)],
  "a promise": () => Promise.resolve(5),
  "a promise of a promise": async () => await Promise.resolve(Promise.resolve(new Temperature(5))),
  "something with a then": () => ({ then: (done: (value: string) => void) => done("thenable") }),
  "instances in containers": () => ({
    list: [new Temperature(1)],
    map: new Map([["a", new Temperature(2)]]),
    set: new Set([new Temperature(3)]),
  }),
  "one object in two places": () => {
    const one = new Temperature(5);
    return { one, again: one, list: [one] };
  },
  "typed arrays of one buffer": () => {
    const buffer = new ArrayBuffer(16);
    return [new Uint8Array(buffer, 4, 4).fill(7), new Float32Array(buffer), buffer];
  },
  "a large array": () => Float64Array.from({ length: 100_000 }, (_, i) => i),
  "dates, expressions, boxes": () => [new Date(5), /x/gi, Object(5), new Date(NaN)],
  "a URL": () => new URL("http://example.com/?a=1"),
  "headers": () => new Headers({ a: "1" }),
  "search parameters": () => new URLSearchParams({ a: "1" }),
  "a blob": () => new Blob(["text"], { type: "text/plain" }),
  "a file": () => new File(["text"], "name.txt", { type: "text/plain" }),
});

gallery("errors", {
  "an error of JavaScript's own": () => null!["property"],
  "an error of the program, with properties": (degrees = 50) => {
    throw new SensorError("too warm", new Temperature(degrees));
  },
  "an error of a module": () => {
    throw new QuotaError(5, 3, { cause: new Error("cause") });
  },
  "a chain of causes": () => {
    throw new SensorError("outer", new Temperature(1), { cause: inner() });
  },
  "an AggregateError of the program's errors": () => {
    throw new AggregateError([new QuotaError(1, 0), inner(), "text"], "several");
  },
  "a rejected promise": () => Promise.reject(new QuotaError(2, 1)),
  "an error of a helper's helper": () => {
    const check = (x: number) => {
      if (x > 0) throw inner();
    };
    [1].forEach(check);
  },
  "an error as a result": () => [new QuotaError(9, 8), inner()],
  "a text that is thrown": () => {
    throw "only a text";
  },
  "an object that is thrown": () => {
    throw { code: 5, at: new Temperature(1) };
  },
  "undefined that is thrown": () => {
    throw undefined;
  },
  "a DOMException": () => atob("*"),
});

async function failure(client: Client, fn: () => unknown): Promise<Error> {
  return await client.submit(fn).result().then(
    () => assert.fail("the task should have failed"),
    (error) => error as Error,
  );
}

/** Where a source file has a text: "file:///…:12:". */
async function placeOf(text: string, url: string): Promise<string> {
  const lines = (await Deno.readTextFile(new URL(url))).split("\n");
  return `${url}:${lines.findIndex((line) => line.includes(text)) + 1}:`;
}

Deno.test("an error keeps its class, getters and own properties, and shows the user's lines", async () => {
  await withSandbox(async (client) => {
    const measure = () => {
      throw new SensorError("too warm", new Temperature(50)); // line of the throw
    };
    const error = await failure(client, () => measure());
    assert.ok(error instanceof SensorError);
    assert.ok(error.reading.warm);
    const [top, ...frames] = error.stack!.split("\n").slice(1);
    assert.match(top, /at measure /, error.stack);
    assert.ok(top.includes(await placeOf("// line of the throw", import.meta.url)), error.stack);
    assert.match(frames.at(-1)!, /in task lambda-\w+ on tcp:/);
  });
});

Deno.test("an error of an imported module shows that module's lines, then the program's", async () => {
  await withSandbox(async (client) => {
    const error = await failure(client, () => check(2, 1)); // line of the call
    assert.ok(error instanceof QuotaError);
    assert.equal(error.over, 1);
    const fixture = new URL("fixtures/failures.ts", import.meta.url).href;
    const [top, next] = error.stack!.split("\n").slice(1);
    assert.match(top, /at check /, error.stack);
    assert.ok(top.includes(await placeOf("// line of the error", fixture)), error.stack);
    assert.ok(next.includes(await placeOf("// line of the call", import.meta.url)), error.stack);
  });
});

Deno.test("an error whose getters throw arrives all the same", async () => {
  await withSandbox(async (client) => {
    const error = await failure(client, () => {
      const error = new Error("odd one");
      const trap = {
        get: () => {
          throw new Error("trapped");
        },
        enumerable: true,
      };
      throw Object.defineProperties(error, { stack: trap, detail: trap, cause: trap });
    });
    assert.ok(error instanceof Error);
    assert.match(`${error.message}${error.stack}`, /odd one/);
  });
});

Deno.test("results that are iterators, functions or classes of the task are refused", async () => {
  await withSandbox(async (client) => {
    const refused: [() => unknown, RegExp][] = [
      [() => [1, 2].values(), /Array Iterator.*(collect|\[\.\.\.)/s],
      [() => new Map().entries(), /Map Iterator/],
      [
        () => {
          function* numbers() {
            yield 1;
          }
          return numbers();
        },
        /generator.*(collect|\[\.\.\.|Array)/is,
      ],
      [
        () => {
          async function* numbers() {
            yield await Promise.resolve(1);
          }
          return numbers();
        },
        /async generator.*(collect|Array\.fromAsync)/is,
      ],
      [() => () => 5, /function/],
      [() => class Local {}, /class|function/],
      [
        () => {
          class Local {}
          return new Local();
        },
        /Local/,
      ],
      [() => new WeakMap(), /WeakMap/],
      [
        () => ({ list: [new ReadableStream()] }),
        /list\[0\].*ReadableStream|ReadableStream.*list\[0\]/,
      ],
    ];
    for (const [fn, message] of refused) {
      const error = await failure(client, fn);
      assert.match(error.message, message, String(fn));
    }
  });
});
