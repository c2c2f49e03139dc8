/**
 * The two sides of a comparison, Dusk and Python Dask, and what a benchmark measures on one of them.
 *
 * @module
 */
import { Side } from "./side.ts";
import { type Benchmark, figure } from "./workloads.ts";

/** Debian's Python, where its package python3-distributed is. */
const PYTHON = "/usr/bin/python3";

/** Start Dusk's side. @param args Arguments of `dusk_side.ts`. */
export function startDusk(...args: string[]): Promise<Side> {
  return Side.start("Dusk", Deno.execPath(), [
    "run",
    "--allow-all",
    "--unstable-worker-options",
    "--quiet",
    new URL("dusk_side.ts", import.meta.url).pathname,
    ...args,
  ]);
}

/** Start the peer, or say why there is none. @param args Arguments of `peer.py`. */
export async function startPeer(...args: string[]): Promise<Side | undefined> {
  const script = new URL("peer.py", import.meta.url).pathname;
  try {
    const probe = await new Deno.Command(PYTHON, {
      args: ["-c", "import distributed, numpy"],
      stdout: "null",
      stderr: "null",
    }).output();
    if (probe.success) return await Side.start("Python Dask", PYTHON, [script, ...args]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.error(`no peer: ${PYTHON} cannot import distributed (Debian: python3-distributed)`);
}

/**
 * Measure a benchmark on one side.
 *
 * @param side The side.
 * @param benchmark What to run.
 * @param warmUps How often it is warmed up.
 * @param repetitions How often it is measured.
 * @returns Its figure.
 */
export async function measureSide(
  side: Side,
  benchmark: Benchmark,
  warmUps: number,
  repetitions: number,
): Promise<number> {
  for (let i = 0; i < warmUps; i++) await side.run(benchmark.warmUp);
  const seconds: number[] = [];
  for (let i = 0; i < repetitions; i++) seconds.push(await side.run(benchmark.command));
  return figure(benchmark, seconds);
}
