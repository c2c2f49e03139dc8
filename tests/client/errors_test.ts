/** What a task throws, as the client sees it: class, properties, stack, frames; whatever it throws. */
import assert from "node:assert/strict";
import {
  KilledWorkerError,
  TaskExitError,
  TaskTimeoutError,
} from "../../protocol/task_failures.ts";
import { serialize } from "../../protocol/values.ts";
import { SerializationError } from "../../protocol/values_format.ts";
import { Client } from "../../client/client.ts";
import type { Future } from "../../client/future.ts";
import { wait } from "../../client/wait.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { withCluster } from "../support/with_cluster.ts";
import { FakeScheduler } from "./fake_scheduler.ts";
import { ItemError, total } from "./fixtures/failing.ts";

class HttpError extends Error {
  override name = "HttpError";
  constructor(readonly status: number, options?: ErrorOptions) {
    super(`status ${status}`, options);
  }
}

/** Fails for some. */
function check(x: number): number {
  if (x > 3) throw new RangeError("too far"); // thrown
  return x;
}

const here = import.meta.url;
const failing = import.meta.resolve("./fixtures/failing.ts");

/** Number of the line that ends with a comment, from 1. */
async function lineOf(url: string, comment: string): Promise<number> {
  const lines = (await Deno.readTextFile(new URL(url))).split("\n");
  return lines.findIndex((line) => line.endsWith(`// ${comment}`)) + 1;
}

/** The error of a failed future. */
async function errorOf<T extends Error>(future: Future<unknown>): Promise<T> {
  const error = await future.exception();
  assert.ok(error instanceof Error, String(error));
  return error as T;
}

Deno.test("errors: the stack has the user's own file and lines, the task and its worker", async () => {
  const thrown = await lineOf(here, "thrown");
  const called = await lineOf(here, "called");
  await genCluster({ nthreads: [1] }, async ({ client, workers }) => {
    const future = client.submit(
      function all(...items: number[]) {
        return items.map(check); // called
      },
      1,
      5,
    );
    const error = await errorOf(future);
    assert.ok(error instanceof RangeError);
    const stack = error.stack!.split("\n");
    assert.equal(stack[0], "RangeError: too far");
    assert.ok(stack[1].startsWith(`    at check (${here}:${thrown}:`), stack[1]);
    assert.ok(stack[2].startsWith("    at Array.map ("), stack[2]);
    assert.ok(stack[3].startsWith(`    at all (${here}:${called}:`), stack[3]);
    assert.deepEqual(stack.slice(4), [
      `    … in task ${future.key} on ${workers[0].address}`,
    ]);
    const frames = await future.traceback() ?? [];
    assert.deepEqual(frames.map(({ column: _, ...frame }) => frame), [
      { function: "check", file: here, line: thrown },
      { function: "all", file: here, line: called },
    ]);
  });
});

Deno.test("errors: frames of a bundled module lead to its file, from a process without permissions", async () => {
  const line = await lineOf(failing, "here");
  await withCluster({ nworkers: 1 }, async ({ scheduler, workers }) => {
    await using client = await Client.connect(scheduler.address);
    const item = { price: 0, count: 2 };
    const future = client.submit((items: typeof item[]) => total(items), [item]);
    const error = await errorOf<ItemError>(future);
    assert.ok(error instanceof ItemError);
    assert.deepEqual(error.item, item);
    assert.ok(error.stack!.endsWith(`\n    … in task ${future.key} on ${workers[0].address}`));
    const frames = await future.traceback() ?? [];
    assert.deepEqual([frames[0].file, frames[0].line], [failing, line]);
    assert.ok(frames.some(({ function: name, file }) => name === "total" && file === failing));
    assert.equal(frames.at(-1)!.file, here);
  });
});

Deno.test("errors: instances of the program's classes, with properties, causes and members", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const error = await errorOf<AggregateError>(client.submit(async () => {
      const fail = async (status: number) => {
        await Promise.resolve();
        throw new HttpError(status, { cause: new TypeError("why", { cause: { deep: [1] } }) });
      };
      const failed = await Promise.allSettled([fail(500), fail(404)]);
      throw new AggregateError(failed.map((result) => (result as PromiseRejectedResult).reason));
    }));
    assert.ok(error instanceof AggregateError);
    for (const [i, status] of [500, 404].entries()) {
      const member = error.errors[i] as HttpError;
      assert.ok(member instanceof HttpError);
      assert.equal(member.status, status);
      const cause = member.cause as TypeError;
      assert.ok(cause instanceof TypeError);
      assert.deepEqual(cause.cause, { deep: [1] });
      for (const { stack } of [member, cause]) {
        assert.ok(stack!.includes(`(${here}:`), stack);
        assert.doesNotMatch(stack!, /worker\/threads|dusk:|ext:|in task/);
      }
    }
  });
});

Deno.test("errors: of a class that is made in the task has its name", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const error = await errorOf<Error & { code: number }>(client.submit(() => {
      class Inner extends HttpError {
        override name = "Inner";
        code = 7;
      }
      throw new Inner(1);
    }));
    assert.deepEqual([error.name, error.message, error.code], ["Inner", "status 1", 7]);
  });
});

Deno.test("errors: whatever is thrown arrives, and futures that failed go on failing", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const thrown = (fn: () => unknown) => client.submit(fn).exception();
    const text = client.submit(() => {
      throw "text";
    });
    assert.equal(await text.exception(), "text");
    await assert.rejects(text.result(), (error) => (error as unknown) === "text");
    assert.deepEqual(await text.traceback(), []);
    const nothing = client.submit(() => Promise.reject());
    await wait([nothing]);
    assert.equal(nothing.status, "error");
    assert.equal(await nothing.exception(), undefined);
    await assert.rejects(nothing.result(), (error) => (error as unknown) === undefined);
    const frozen = await thrown(() => {
      throw Object.freeze(new RangeError("frozen"));
    }) as Error;
    assert.ok(frozen instanceof RangeError);
    assert.doesNotMatch(frozen.stack!, /worker\/threads/);
    const getter = await thrown(() => {
      const error = new Error("m");
      const get = () => {
        throw new Error("no");
      };
      throw Object.defineProperty(error, "detail", { get, enumerable: true });
    }) as Error;
    assert.equal(getter.message, "m");
    const live = await thrown(() => {
      throw Object.assign(new HttpError(502), { request: { send() {} }, attempts: 3 });
    }) as HttpError & { attempts: number };
    assert.ok(live instanceof HttpError);
    assert.deepEqual([live.status, live.attempts, "request" in live], [502, 3, false]);
    const fn = await thrown(() => {
      throw () => 1;
    }) as Error;
    assert.match(fn.message, /threw a value that can't travel/);
  });
});

Deno.test("errors: what depends on a failed task fails with its error, and says whose it is", async () => {
  await genCluster({ nthreads: [1] }, async ({ client, workers }) => {
    const failed = client.submit(check, 9);
    const dependent = client.submit(check, client.submit(check, failed));
    const error = await errorOf(dependent);
    assert.ok(error instanceof RangeError);
    const where = `    … in task ${failed.key} on ${
      workers[0].address
    }, which ${dependent.key} depends on`;
    assert.equal(error.stack!.split("\n").at(-1), where);
    assert.equal((await dependent.traceback())?.[0].function, "check");
  });
});

Deno.test("errors: Dusk's own are instances of their classes", async () => {
  await genCluster({ nthreads: [1] }, async ({ client }) => {
    const slow = client.with({ timeout: 0.01 }).submit(() => new Promise(() => {}));
    assert.ok(await slow.exception() instanceof TaskTimeoutError);
    const leaving = client.submit(() => Deno.exit(1));
    assert.ok(await leaving.exception() instanceof TaskExitError);
    const iterator = client.submit(() => [1].values());
    const refused = await iterator.exception() as SerializationError;
    assert.ok(refused instanceof SerializationError);
    assert.equal(refused.path, "result");
  });
});

Deno.test("errors: the scheduler's own verdict is an instance of its class", async () => {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  const future = client.submit(check, 1);
  const { key } = future;
  const killed = new KilledWorkerError(key, 3, "tcp://127.0.0.1:1");
  const traceback = killed.stack = `${killed.name}: ${killed.message}`;
  scheduler.send({ op: "task-erred", key, exception: serialize(killed), traceback, blame: key });
  const error = await errorOf<KilledWorkerError>(future);
  assert.ok(error instanceof KilledWorkerError);
  assert.deepEqual([error.key, error.failures, error.lastWorker], [key, 3, "tcp://127.0.0.1:1"]);
  assert.equal(error.stack, `${traceback}\n    … in task ${key}`);
  assert.deepEqual(await future.traceback(), []);
});
