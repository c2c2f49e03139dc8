/** Tasks that launch tasks, on worker processes with one thread each and tasks without permissions. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { Client } from "../../client/client.ts";
import {
  asCompleted,
  type BaseClient,
  CancelledError,
  getClient,
  getWorker,
  rejoin,
  secede,
  TimeoutError,
  wait,
  workerClient,
} from "../../mod.ts";
import { genCluster } from "../support/gen_cluster.ts";
import { until } from "../support/until.ts";
import { withCluster } from "../support/with_cluster.ts";
import { convertAll, double, Money } from "./fixtures/launching.ts";

/** A cluster of two workers with a thread each, whose tasks may do nothing, and a client. */
async function sandboxed(body: (client: Client) => Promise<void>): Promise<void> {
  await withCluster({ nworkers: 2, nthreads: 1 }, async ({ scheduler }) => {
    await using client = await Client.connect(scheduler.address);
    await body(client);
  });
}

const PATIENT = { timeout: 60 };

async function fib(n: number): Promise<number> {
  if (n < 2) return n;
  await using client = await workerClient();
  const a = client.submit(fib, n - 1), b = client.submit(fib, n - 2);
  const [x, y] = await client.gather([a, b]);
  return x + y;
}

class ProcessingError extends Error {
  override name = "ProcessingError";
  constructor(readonly element: number) {
    super(`cannot process ${element}`);
  }
}

const processElement = (element: number) => {
  if (element < 0) throw new ProcessingError(element);
  return element * 10;
};
const aggregate = (elements: number[]) => elements.reduce((sum, element) => sum + element, 0);

Deno.test("tasks submit tasks that submit tasks", async () => {
  await sandboxed(async (client) => {
    assert.equal(await client.submit(fib, 10).result(PATIENT), 55);
    // The same calls have the same keys, wherever they are made.
    assert.equal(client.submit(fib, 9).key, client.submit(fib, 9).key);
  });
});

Deno.test("a task processes all that it has been given, as a client does", async () => {
  await sandboxed(async (client) => {
    async function processAll(data: number[]) {
      await using e = await workerClient();
      const elements = await e.scatter(data);
      const futures = e.map(processElement, elements);
      const analysis = e.submit(aggregate, futures);
      return await analysis.result();
    }
    assert.equal(await client.submit(processAll, [1, 2, 3]).result(PATIENT), 60);
  });
});

Deno.test("a task submits functions that it makes, with what they close over", async () => {
  await sandboxed(async (client) => {
    const offset = { by: 1 };
    async function scaled(data: number[], factor: number) {
      await using e = await workerClient();
      function total(values: number[]) {
        return values.reduce((sum, value) => sum + value, start);
      }
      const start = 1000;
      const futures = e.map((value: number) => processElement(value) * factor + offset.by, data);
      const named = e.submit(total, futures);
      const nested = e.submit((values: number[]) => values.map((value) => value - factor), futures);
      assertEqual(named.key.startsWith("total-"), true);
      return [await named.result(), await nested.result()];
    }
    function assertEqual(actual: unknown, expected: unknown) {
      if (actual !== expected) throw new Error(`${actual} is not ${expected}`);
    }
    assert.deepEqual(await client.submit(scaled, [1, 2], 3).result(PATIENT), [1092, [28, 58]]);
  });
});

Deno.test("what a task cannot submit is refused, with advice", async () => {
  await sandboxed(async (client) => {
    const refused = async (task: () => Promise<unknown>, message: RegExp) => {
      await assert.rejects(client.submit(task).result(PATIENT), { message });
    };
    await refused(async () => {
      await using e = await workerClient();
      let count = 0;
      const tick = () => ++count;
      return await e.submit(() => [tick(), count]).result();
    }, /"count" is changed by one function and used by another/);
    await refused(async () => {
      await using e = await workerClient();
      return await e.submit(parseInt as (text: string) => number, "1").result();
    }, /parseInt is native .* wrap it in a function/);
    await refused(async () => {
      await using e = await workerClient();
      class Local {
        value = 1;
      }
      return await e.submit((local: Local) => local.value, new Local()).result();
    }, /class Local was made in the task/);
    await refused(async () => {
      await using e = await workerClient();
      const future = e.submit(processElement, 1);
      return await e.submit(() => future.key).result();
    }, /a future stays in its program; pass it as an argument/);
    await refused(async () => {
      await using e = await workerClient();
      return e.submit(processElement, 1);
    }, /a future stays in its program/);
    await refused(async () => {
      await using e = await workerClient();
      await e.restart();
    }, /may not call "restart" of a scheduler/);
    await refused(async () => {
      await using e = await workerClient();
      const future = e.submit(() => late());
      const late = () => 1;
      return await future.result();
    }, /'late' before initialization: declare it above the call/);
  });
});

Deno.test("errors of tasks that a task has launched are what they are", async () => {
  await sandboxed(async (client) => {
    const caught = client.submit(async () => {
      await using e = await workerClient();
      try {
        await e.submit(processElement, -1).result();
      } catch (error) {
        return error instanceof ProcessingError && [error.element, error.stack!];
      }
    });
    const [element, stack] = await caught.result(PATIENT) as [number, string];
    assert.equal(element, -1);
    const place =
      /^ProcessingError: cannot process -1\n +at processElement .*tasks_from_tasks_test.ts:\d+/;
    assert.match(stack, place);
    const made = client.submit(async () => {
      await using e = await workerClient();
      const fail = () =>
        processElement(
          -3,
        );
      return await e.submit(fail).result();
    });
    const here = "tasks_from_tasks_test.ts";
    await assert.rejects(made.result(PATIENT), ({ stack }: Error) => {
      const line = Number(stack!.match(new RegExp(`at fail .*${here}:(\\d+)`))![1]);
      const processElementLine = Number(
        stack!.match(new RegExp(`at processElement .*${here}:(\\d+)`))![1],
      );
      return line > processElementLine + 50;
    });
    const thrown = client.submit(async () => {
      await using e = await workerClient();
      return await e.submit(processElement, -2).result();
    });
    await assert.rejects(thrown.result(PATIENT), (error) => {
      return error instanceof ProcessingError && error.element === -2;
    });
  });
});

Deno.test("a task's client does what clients do with futures", async () => {
  await sandboxed(async (client) => {
    const seen = client.submit(async () => {
      await using e = await workerClient();
      const futures = e.map(processElement, [1, 2, 3]);
      const values: number[] = [];
      for await (const future of asCompleted(futures)) values.push(await future.result());
      const { done } = await wait(futures);
      const sleeper = e.submit(() => new Promise(() => {}));
      let late: unknown, cancelled: unknown;
      await sleeper.result({ timeout: 0.01 }).catch((error) => late = error);
      e.cancel(sleeper);
      await sleeper.result().catch((error) => cancelled = error);
      return [
        values.sort((a, b) => a - b),
        done.size,
        late instanceof TimeoutError,
        cancelled instanceof CancelledError,
        getWorker().name.startsWith("worker-"),
        Object.keys(await e.ncores()).length,
      ];
    });
    assert.deepEqual(await seen.result(PATIENT), [[10, 20, 30], 3, true, true, true, 2]);
  });
});

Deno.test("large data goes between tasks and their clients", async () => {
  await sandboxed(async (client) => {
    const sums = client.submit(async () => {
      await using e = await workerClient();
      const numbers = new Float64Array(1_000_000).fill(1);
      const [future] = await e.scatter([numbers]);
      const doubled = e.submit((numbers: Float64Array) => numbers.map((one) => one * 2), future);
      const result = await doubled.result();
      numbers[0] = 5; // The task's own memory stays its own.
      return result.reduce((sum, one) => sum + one, 0) + numbers.length + numbers[0];
    });
    assert.equal(await sums.result(PATIENT), 3_000_005);
  });
});

Deno.test("a hundred tasks wait for tasks on two threads", async () => {
  await sandboxed(async (client) => {
    const outer = (n: number) =>
      async function outer(): Promise<number> {
        await using e = await workerClient();
        return await e.with({ pure: false }).submit((n: number) => n + 1, n).result();
      };
    const futures = Array.from({ length: 100 }, (_, n) => client.submit(outer(n)));
    const results = await client.gather(futures);
    assert.deepEqual(results, Array.from({ length: 100 }, (_, n) => n + 1));
  });
});

Deno.test("getClient does not give the place away, secede does, and rejoin takes one again", async () => {
  await sandboxed(async (client) => {
    const [worker] = Object.keys(await client.ncores());
    const here = client.with({ workers: worker, pure: false });
    const quick = () => 1;
    const task = here.submit(
      async (workers: string, quick: () => number) => {
        await using e: BaseClient = await getClient();
        const here = e.with({ workers, pure: false });
        const kept = here.submit(quick);
        let late: unknown;
        await kept.result({ timeout: 0.2 }).catch((error) => late = error);
        secede();
        const value = await kept.result();
        await rejoin();
        const again = here.submit(quick);
        await again.result({ timeout: 0.2 }).catch(() => value);
        return [late instanceof TimeoutError, value, again.status];
      },
      worker,
      quick,
    );
    assert.deepEqual(await task.result(PATIENT), [true, 1, "pending"]);
    assert.equal(await here.submit(quick).result(PATIENT), 1);
  });
});

Deno.test("cancelling a task ends its client, and drops what only that wanted", async () => {
  await sandboxed(async (client) => {
    const outer = client.submit(async () => {
      await using e = await workerClient();
      await e.with({ key: "inner" }).submit(() => new Promise(() => {})).result();
    });
    const isRunning = async () => {
      return Object.values(await client.processing()).flat().includes("inner");
    };
    await until("the inner task", isRunning);
    client.cancel(outer);
    await until("the inner task to be dropped", async () => !await isRunning());
    assert.equal(await client.submit(fib, 3).result(PATIENT), 2);
  });
});

Deno.test("a task whose worker is killed while it waits for others is run again", async () => {
  await withCluster({ nworkers: 2, nthreads: 1 }, async ({ scheduler, workers }) => {
    await using client = await Client.connect(scheduler.address);
    const go = client.with({ key: "go" });
    const outer = client.submit(async () => {
      await using e = await workerClient();
      const slow = e.with({ key: "slow" }).submit(async () => {
        await new Promise((over) => setTimeout(over, 500));
        return 20;
      });
      return await slow.result() + 1;
    });
    let on: string | undefined;
    await until("the inner task", async () => {
      const processing = Object.entries(await client.processing());
      on = processing.find(([, keys]) => keys.includes(outer.key))?.[0];
      return processing.some(([, keys]) => keys.includes("slow"));
    });
    workers.find(({ address }) => address === on)!.program.kill("SIGKILL");
    assert.equal(await outer.result(PATIENT), 21);
    assert.equal(await go.submit(() => 1).result(PATIENT), 1);
  });
});

Deno.test("functions, classes and instances of modules go from task to task", async () => {
  await sandboxed(async (client) => {
    const total = await client.submit(convertAll, [1, 2, 3]).result(PATIENT);
    assert(total instanceof Money);
    assert.equal(total.cents, 24);
    // Imported by the task, the module's own functions cannot be seen; what it exports travels.
    const imported = client.submit(async (money: Money) => {
      await using e = await workerClient();
      const twice = e.submit(double, e.submit(double, money));
      const basenames = e.map(basename, ["/a/b", "/c"]);
      return [await twice.result(), await e.gather(basenames)] as const;
    }, new Money(5));
    const [money, names] = await imported.result(PATIENT);
    assert(money instanceof Money);
    assert.equal(money.cents, 20);
    assert.deepEqual(names, ["b", "c"]);
  });
});

Deno.test("tasks of tasks go before others, unless they are told otherwise", async () => {
  await genCluster({ nthreads: [1] }, async ({ client, scheduler }) => {
    const outer = client.submit(async () => {
      await using e = await workerClient();
      const inner = e.with({ key: "inner" }).submit(() => 1);
      const late = e.with({ key: "late", priority: -1 }).submit(() => 1);
      await e.gather([inner, late]);
      await new Promise(() => {});
    });
    const priorityOf = (key: string) => scheduler.core.tasks.get(key)?.runSpec?.userPriority;
    await until(
      "both",
      () => priorityOf("inner") !== undefined && priorityOf("late") !== undefined,
    );
    assert.deepEqual([outer.key, "inner", "late"].map(priorityOf), [0, 1, -1]);
    outer.cancel();
  });
});

Deno.test("what tasks of tasks print reaches the program", async () => {
  await withCluster({ nworkers: 1, nthreads: 1 }, async ({ scheduler }) => {
    const lines: string[] = [];
    const onConsole = ({ text }: { text: string }) => void lines.push(text);
    await using client = await Client.connect(scheduler.address, { onConsole });
    await client.submit(async () => {
      await using e = await workerClient();
      await e.submit(() => console.log("from below")).result();
    }).result(PATIENT);
    await until(
      "the line",
      () => lines.some((line) => /^\[lambda-.* on tcp:.*\] from below$/.test(line)),
    );
  });
});

Deno.test("in one process it is the same", async () => {
  await genCluster({ nthreads: [1, 1] }, async ({ client }) => {
    assert.equal(await client.submit(fib, 6).result(PATIENT), 8);
    assert((await client.submit(convertAll, [1]).result(PATIENT)) instanceof Money);
  });
});

Deno.test("outside of tasks there is no client of a worker", async () => {
  const none = { name: "NoWorkerError" };
  await assert.rejects(workerClient(), none);
  await assert.rejects(getClient(), none);
  await assert.rejects(rejoin(), none);
  assert.throws(secede, none);
});
