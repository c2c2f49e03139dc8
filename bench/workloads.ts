/**
 * What is measured: the list of the benchmarks that run on both sides, with their sizes.
 *
 * @module
 */
import type { Command } from "./side.ts";

/** How a time becomes a figure. */
export type Unit = "tasks/s" | "ms" | "MB/s";

/** A benchmark. */
export interface Benchmark {
  /** Name in the table: "map+gather 10000". */
  name: string;
  /** What each side is told to run. */
  command: Command;
  unit: Unit;
  /** How many tasks, or bytes, one repetition has; 1 where its time itself is the figure. */
  amount: number;
  /** Repetitions on each side, after the warm-up; the figure is their median. */
  repetitions: { dusk: number; peer: number };
  /** What warms a side up, where a whole repetition would take too long there. */
  warmUp: Command;
  /** How often Dusk runs it: V8 compiles what runs often. Python has no such compiler, once is enough there. */
  warmUps: number;
}

const bytesPerDouble = 8;

/** All benchmarks of the two sides, or with `quick` the same ones at their smallest size. */
export function benchmarks(quick: boolean): Benchmark[] {
  const megabytes = quick ? 5 : 50;
  return [
    ...(quick ? [1_000] : [1_000, 10_000, 25_000]).map((n) => tasks("map+gather", n, n, quick)),
    ...(quick ? [1_000] : [10_000]).map((n) => tasks("merge", n, n + 1, quick)),
    ...(quick ? [100] : [1_000]).map((n) => tasks("chain", n, n, quick)),
    ...(quick ? [64] : [4_096]).map((n) => tasks("tree", n, 2 * n - 1, quick)),
    {
      name: "submit+result",
      command: { workload: "submit+result", size: 1 },
      warmUp: { workload: "map+gather", size: 1_000 },
      warmUps: quick ? 1 : 3,
      unit: "ms",
      amount: 1,
      repetitions: quick ? { dusk: 20, peer: 20 } : { dusk: 300, peer: 300 },
    },
    transfer("gather", megabytes, quick),
    transfer("gather counting", megabytes, quick),
    transfer("scatter", megabytes, quick),
    transfer("worker to worker", megabytes, quick),
  ];
}

function tasks(workload: string, size: number, amount: number, quick: boolean): Benchmark {
  // The peer needs 15 s for 10,000 tasks: so few repetitions there, and none that is not counted.
  const large = amount > 5_000;
  return {
    name: `${workload} ${size}`,
    command: { workload, size },
    warmUp: { workload, size: Math.min(size, 1_024) },
    warmUps: quick ? 1 : 3,
    unit: "tasks/s",
    amount,
    repetitions: quick ? { dusk: 1, peer: 1 } : { dusk: 9, peer: large ? 1 : 3 },
  };
}

function transfer(workload: string, megabytes: number, quick: boolean): Benchmark {
  const command = { workload, size: megabytes * 1e6 / bytesPerDouble };
  return {
    name: `${workload} ${megabytes}MB`,
    command,
    warmUp: command,
    warmUps: 1,
    unit: "MB/s",
    amount: megabytes,
    repetitions: quick ? { dusk: 1, peer: 1 } : { dusk: 9, peer: 9 },
  };
}

/**
 * The figure of a benchmark.
 *
 * @param benchmark Which.
 * @param seconds The times of its repetitions.
 */
export function figure(benchmark: Pick<Benchmark, "unit" | "amount">, seconds: number[]): number {
  const middle = median(seconds);
  return benchmark.unit === "ms" ? middle * 1000 : benchmark.amount / middle;
}

/** How far Dusk is ahead: 2 when it is twice as good, 0.5 when it is half as good. */
export function ratio(unit: Unit, dusk: number, peer: number): number {
  return unit === "ms" ? peer / dusk : dusk / peer;
}

/** The middle one of some numbers. */
export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
