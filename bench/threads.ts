/**
 * Speed of the thread pool alone, without a worker around it: tasks that do nothing per second, the
 * time from handing a task over to its outcome, and large arguments and results.
 *
 * Run with `deno run -A bench/threads.ts [--quick]`.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";
import { serialize } from "../protocol/values.ts";
import { functionPart } from "../tests/support/function_part.ts";
import {
  type Outcome,
  type ThreadPart,
  ThreadPool,
  type ThreadTask,
} from "../worker/threads/thread_pool.ts";
import { median } from "./workloads.ts";

const quick = Deno.args.includes("--quick");

/** Stands for the dependency in a task's arguments. */
class Reference {}

let onOutcome: (outcome: Outcome) => void = () => {};
let count = 0;

const parts = new Map<string, ThreadPart>();

function partOf(source: string): ThreadPart {
  let part = parts.get(source);
  if (part === undefined) {
    const { name, part: { code, origin } } = functionPart(source);
    parts.set(source, part = { name, code, origin, needs: [] });
  }
  return part;
}

function task(
  source: string,
  args: Serialized,
  dependencies?: Map<string, Serialized>,
): ThreadTask {
  return {
    key: `bench-0123456789abcdef-${count++}`,
    function: partOf(source),
    needs: undefined,
    args,
    dependencies,
  };
}

function print(name: string, value: number, unit: string): void {
  console.log(`${name.padEnd(44)} ${value.toFixed(value < 100 ? 1 : 0).padStart(9)} ${unit}`);
}

async function one(pool: ThreadPool, item: ThreadTask): Promise<Outcome> {
  const outcome = await new Promise<Outcome>((resolve) => {
    onOutcome = resolve;
    pool.execute(item);
  });
  if (outcome.status !== "finished") throw new Error(`The task ended as ${outcome.status}`);
  return outcome;
}

async function throughput(nthreads: number, waking?: "messages"): Promise<void> {
  const pool = new ThreadPool({ nthreads, waking, onOutcome: (outcome) => onOutcome(outcome) });
  await pool.start();
  const n = quick ? 5_000 : 50_000;
  const rates: number[] = [];
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    const code = "(x) => x + 1";
    const tasks = Array.from({ length: n }, (_, i) => task(code, serialize([i])));
    const start = performance.now();
    await new Promise<void>((done) => {
      let left = n;
      onOutcome = () => {
        if (--left === 0) done();
      };
      for (const item of tasks) pool.execute(item);
    });
    rates.push(n / (performance.now() - start) * 1000);
  }
  print(
    `no-op tasks, ${nthreads} thread(s)${waking ? `, ${waking}` : ""}`,
    median(rates),
    "tasks/s",
  );
  await pool.close();
}

async function latency(waking?: "messages"): Promise<void> {
  const pool = new ThreadPool({ nthreads: 1, waking, onOutcome: (outcome) => onOutcome(outcome) });
  await pool.start();
  const suffix = waking ? `, ${waking}` : "";
  const args = serialize([1]);
  for (const idle of [0, 1, 5]) {
    const rounds = quick ? 200 : idle === 0 ? 5000 : 500;
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) {
      if (idle > 0) await new Promise((wake) => setTimeout(wake, idle));
      const item = task("(x) => x + 1", args);
      const start = performance.now();
      await one(pool, item);
      times.push((performance.now() - start) * 1000);
    }
    print(
      idle === 0 ? `one task, back to back${suffix}` : `one task, after ${idle} ms idle${suffix}`,
      median(times),
      "µs",
    );
  }
  await pool.close();
}

async function large(): Promise<void> {
  const pool = new ThreadPool({ nthreads: 1, onOutcome: (outcome) => onOutcome(outcome) });
  await pool.start();
  const data = serialize(new Float64Array(50e6 / 8));
  const refArgs = serialize([new Reference()], { reference: () => "x" });
  const dependencies = new Map([["x", data]]);
  const cases: [string, ThreadTask][] = [
    ["50 MB in", task("(x) => x.length", refArgs, dependencies)],
    ["50 MB out", task("() => new Float64Array(50e6 / 8)", serialize([]))],
    ["50 MB in and out", task("(x) => x", refArgs, dependencies)],
  ];
  for (const [name, item] of cases) {
    const times: number[] = [];
    for (let i = 0; i < (quick ? 3 : 11); i++) {
      const start = performance.now();
      await one(pool, { ...item, key: `${item.key}-${i}` });
      times.push(performance.now() - start);
    }
    print(name, median(times), "ms");
  }
  await pool.close();
}

async function start(): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < (quick ? 3 : 10); i++) {
    const begin = performance.now();
    const pool = new ThreadPool({ nthreads: 1, onOutcome: () => {} });
    await pool.start();
    times.push(performance.now() - begin);
    await pool.close();
  }
  print("start of a pool of one thread", median(times), "ms");
}

await start();
await throughput(1);
await throughput(2);
await throughput(2, "messages");
await latency();
await latency("messages");
await large();
