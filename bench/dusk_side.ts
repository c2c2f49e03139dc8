/**
 * Dusk's side of the benchmarks: a scheduler process, two worker processes of one thread each, and
 * this process as the client. The twin of `peer.py`: it takes the same commands and does the same
 * work, see there and {@link file://./side.ts}. With certificates as its argument, options of `Security`
 * as JSON, all of it goes over TLS.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Client, type Future, wait } from "../mod.ts";
import { version } from "../config/version.ts";
import { startCluster } from "./cluster.ts";
import { TextLineReader } from "./text_lines.ts";

let nextNumber = 0;

/** Numbers that no task has had before: no two repetitions share a key. */
function fresh(count: number): number[] {
  const start = nextNumber;
  nextNumber += count;
  return Array.from({ length: count }, (_, i) => start + i);
}

const inc = (x: number): number => x + 1;
const add = (x: number, y: number): number => x + y;
const total = (xs: number[]): number => {
  let sum = 0;
  for (let i = 0; i < xs.length; i++) sum += xs[i];
  return sum;
};
const lengthOf = (array: Float64Array): number => array.length;
const randomDoubles = (count: number, _seed: number): Float64Array => {
  const array = new Float64Array(count);
  for (let i = 0; i < count; i++) array[i] = Math.random();
  return array;
};
const countingDoubles = (count: number, start: number): Float64Array => {
  const array = new Float64Array(count);
  for (let i = 0; i < count; i++) array[i] = start + i;
  return array;
};

type AnyFuture = Future<unknown>;

/**
 * Prepares what is not measured and returns the function that is. That one returns the futures it
 * made, so that letting go of them is not measured either.
 */
type Workload = (client: Client, size: number) => Promise<() => Promise<AnyFuture[]>>;

function check(right: boolean): void {
  if (!right) throw new Error("a benchmark got a wrong result");
}

const mapGather: Workload = (client, count) => {
  const numbers = fresh(count);
  return Promise.resolve(async () => {
    const futures = client.map(inc, numbers);
    const results = await client.gather(futures);
    check(results[count - 1] === numbers[count - 1] + 1);
    return futures;
  });
};

const merge: Workload = (client, count) => {
  const numbers = fresh(count);
  const expected = total(numbers) + count;
  return Promise.resolve(async () => {
    const futures = client.map(inc, numbers);
    const sum = client.submit(total, futures);
    check(await sum.result() === expected);
    return [...futures, sum];
  });
};

const chain: Workload = (client, length) => {
  const start = fresh(1)[0] * 1_000_000;
  return Promise.resolve(async () => {
    const futures = [client.submit(inc, start)];
    for (let i = 1; i < length; i++) futures.push(client.submit(inc, futures[i - 1]));
    check(await futures[length - 1].result() === start + length);
    return futures;
  });
};

const tree: Workload = (client, leaves) => {
  const numbers = fresh(leaves);
  const expected = total(numbers) + leaves;
  return Promise.resolve(async () => {
    let level = client.map(inc, numbers);
    const all = [...level];
    while (level.length > 1) {
      const left = level.filter((_, i) => i % 2 === 0);
      const right = level.filter((_, i) => i % 2 === 1);
      level = client.map(add, left, right);
      all.push(...level);
    }
    check(await level[0].result() === expected);
    return all;
  });
};

const submitResult: Workload = (client) => {
  const number = fresh(1)[0];
  return Promise.resolve(async () => {
    const future = client.submit(inc, number);
    check(await future.result() === number + 1);
    return [future];
  });
};

function gatherArray(make: (count: number, seed: number) => Float64Array): Workload {
  return async (client, count) => {
    const future = client.submit(make, count, fresh(1)[0]);
    await wait([future]);
    return async () => {
      check((await client.gather(future)).length === count);
      return [future];
    };
  };
}

const scatterArray: Workload = (client, count) => {
  const array = randomDoubles(count, 0);
  return Promise.resolve(async () => {
    const future = await client.scatter(array, { hash: false });
    await wait([future]);
    return [future];
  });
};

const workerToWorker: Workload = async (client, count) => {
  const future = client.with({ workers: ["A"] }).submit(randomDoubles, count, fresh(1)[0]);
  await wait([future]);
  return async () => {
    const length = client.with({ workers: ["B"] }).submit(lengthOf, future);
    check(await length.result() === count);
    return [future, length];
  };
};

const workloads: Record<string, Workload> = {
  "map+gather": mapGather,
  "merge": merge,
  "chain": chain,
  "tree": tree,
  "submit+result": submitResult,
  "gather": gatherArray(randomDoubles),
  "gather counting": gatherArray(countingDoubles),
  "scatter": scatterArray,
  "worker to worker": workerToWorker,
};

/** Wait until the scheduler has let go of all results, so that no repetition pays for another. */
async function untilEmpty(client: Client): Promise<void> {
  while (Object.keys(await client.whoHas()).length > 0) await pause(10);
}

function print(line: object): void {
  console.log(JSON.stringify(line));
}

if (import.meta.main) {
  const commands = new TextLineReader(Deno.stdin.readable);
  const [tls] = Deno.args;
  const { client, close } = await startCluster(undefined, tls && JSON.parse(tls));
  try {
    print({ version: `Dusk ${version}, Deno ${Deno.version.deno}` });
    let line: string | null;
    while ((line = await commands.next()) !== null) {
      const { workload, size } = JSON.parse(line);
      const run = await workloads[workload](client, size);
      const start = performance.now();
      const futures = await run();
      const seconds = (performance.now() - start) / 1000;
      for (const future of futures) future.release();
      if (size > 1) await untilEmpty(client);
      print({ seconds });
    }
  } finally {
    await close();
  }
}
