/**
 * Results on disk: how fast they get there and back, against the bare disk; and a worker that may have
 * 200 MB in a job of 2 GB, with the memory it takes: `deno run -A bench/spill.ts [--quick]`.
 *
 * @module
 */
import { type Client, type Future, wait } from "../mod.ts";
import { Serialized } from "../protocol/serialized.ts";
import { SpillDisk } from "../worker/spill/spill_disk.ts";
import type { SpilledFile } from "../worker/spill/spill_file.ts";
import { startCluster } from "./cluster.ts";
import { memoryIsKnown, memoryOf } from "./process_memory.ts";

const quick = Deno.args.includes("--quick");

const RESULT_BYTES = 10_000_000;
const FILES = quick ? 5 : 20;
const ROUNDS = quick ? 1 : 3;
/** What results are written at once, see `worker/store.ts`. */
const AT_ONCE = 2;
const LIMIT = 200e6;
const RESULTS = quick ? 20 : 200;

/** Print megabytes per second, and the part that this is of the bare disk's. */
function print(name: string, rate: number, raw: number): void {
  const part = rate === raw ? "" : `${(100 * rate / raw).toFixed(0)} %`;
  console.log(`${name.padEnd(44)} ${rate.toFixed(0).padStart(8)} MB/s ${part.padStart(8)}`);
}

/** The best rate of some rounds, in MB/s: some pieces of work, so many at a time. */
async function rateOf(work: (i: number) => Promise<void>): Promise<number> {
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let next = 0;
    const start = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (next < FILES) await work(next++);
    }));
    const seconds = (performance.now() - start) / 1000;
    best = Math.max(best, FILES * RESULT_BYTES / 1e6 / seconds);
  }
  return best;
}

async function measureDisk(): Promise<void> {
  const disk = await SpillDisk.open(undefined);
  const noise = new Uint8Array(RESULT_BYTES);
  for (let i = 0; i < noise.length; i += 65_536) {
    crypto.getRandomValues(noise.subarray(i, i + 65_536));
  }
  const path = (i: number) => `${disk.path}/raw-${i}`;
  const rawWrite = await rateOf((i) => writeRaw(path(i), noise));
  const into = Array.from({ length: AT_ONCE }, () => new Uint8Array(RESULT_BYTES));
  const rawRead = await rateOf((i) => readRaw(path(i), into[i % AT_ONCE]));
  for (let i = 0; i < FILES; i++) await Deno.remove(path(i));
  print("bare disk, write", rawWrite, rawWrite);
  print("bare disk, read", rawRead, rawRead);
  const counting = new Float64Array(RESULT_BYTES / 8).map((_, i) => i);
  for (
    const [kind, bytes] of [
      ["noise", noise],
      ["what compresses", new Uint8Array(counting.buffer)],
    ] as const
  ) {
    const value = new Serialized([new Uint8Array(100), bytes]);
    const files: SpilledFile[] = new Array(FILES);
    const write = await rateOf(async (i) => {
      if (files[i] !== undefined) disk.remove(files[i]);
      files[i] = (await disk.write(value))!;
    });
    print(`results, ${kind}, write`, write, rawWrite);
    print(
      `results, ${kind}, read`,
      await rateOf(async (i) => void await disk.read(files[i])),
      rawRead,
    );
  }
  await disk.close();
}

async function writeRaw(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

async function readRaw(path: string, into: Uint8Array): Promise<void> {
  using file = await Deno.open(path);
  for (let done = 0; done < into.length;) {
    const read = await file.read(into.subarray(done));
    if (read === null) throw new Error(`${path} is too short`);
    done += read;
  }
}

/** 10 MB that hardly compress: exact in doubles, also when 200 of them are added up. */
const make = (offset: number): Float64Array => {
  const array = new Float64Array(1_250_000);
  let state = 12345;
  for (let i = 0; i < array.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    array[i] = (state >>> 0) * 4096 + (Math.imul(state, state ^ i) & 0xfff) + offset;
  }
  return array;
};
const add = (a: Float64Array, b: Float64Array): Float64Array => {
  const sum = new Float64Array(a.length);
  for (let i = 0; i < sum.length; i++) sum[i] = a[i] + b[i];
  return sum;
};

async function runJob(client: Client): Promise<void> {
  const offsets = Array.from({ length: RESULTS }, (_, i) => i);
  const made = client.map(make, offsets);
  await wait(made);
  let level: Future<Float64Array>[] = made;
  while (level.length > 1) {
    const next: Future<Float64Array>[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      next.push(client.submit(add, level[i], level[i + 1]));
    }
    if (level.length % 2 === 1) next.push(level.at(-1)!);
    level = next;
  }
  const sum = await level[0].result();
  const first = make(0);
  const offset = RESULTS * (RESULTS - 1) / 2;
  if (!sum.every((value, i) => value === RESULTS * first[i] + offset)) {
    throw new Error("the job gave a wrong result");
  }
}

async function measureJob(): Promise<void> {
  Deno.env.set("DUSK__WORKER__MEMORY__LIMIT", `${LIMIT}`);
  const cluster = await startCluster(["A"]);
  try {
    const start = performance.now();
    await runJob(cluster.client);
    const seconds = (performance.now() - start) / 1000;
    const gigabytes = (2 * RESULTS - 1) * RESULT_BYTES / 1e9;
    console.log(
      `job with ${gigabytes.toFixed(1)} GB of results, limit ${LIMIT / 1e6} MB`.padEnd(44) +
        ` ${seconds.toFixed(1).padStart(8)} s`,
    );
    if (!memoryIsKnown) return;
    const { peak } = memoryOf(cluster.pids["worker A"]);
    console.log(
      `${"peak memory of its worker".padEnd(44)} ${(peak / 1e6).toFixed(0).padStart(8)} MB   ` +
        `${(100 * peak / LIMIT).toFixed(0).padStart(6)} %`,
    );
    if (peak > 0.95 * LIMIT) throw new Error("the worker had more than 95 % of its limit");
  } finally {
    await cluster.close();
  }
}

await measureDisk();
await measureJob();
