/**
 * `deno task bench [--json] [--quick] [--alone] [NAME…]`: how fast Dusk is, next to Python Dask on this machine.
 *
 * Both do the same work in the same topology in the same run: a scheduler process, two worker
 * processes of one thread each, and a client process. Without a Python that can import `distributed`
 * there is no peer, and no ratio; nor with `--alone`, which saves the time. A NAME picks the benchmarks whose names begin with it.
 *
 * @module
 */
import { measureRawTcp } from "./raw_tcp.ts";
import { measureScheduler } from "./scheduler_process.ts";
import { measureSide, startDusk, startPeer } from "./sides.ts";
import { Table } from "./table.ts";
import { type Benchmark, benchmarks, figure, ratio } from "./workloads.ts";

interface Flags {
  json: boolean;
  quick: boolean;
  alone: boolean;
  names: string[];
}

function readFlags(args: string[]): Flags {
  const flags: Flags = { json: false, quick: false, alone: false, names: [] };
  for (const arg of args) {
    if (arg === "--json") flags.json = true;
    else if (arg === "--quick") flags.quick = true;
    else if (arg === "--alone") flags.alone = true;
    else if (arg.startsWith("-")) {
      stop(`no such option: ${arg} (there are --json, --quick, --alone)`);
    } else flags.names.push(arg);
  }
  return flags;
}

function stop(message: string): never {
  console.error(`bench: ${message}`);
  Deno.exit(2);
}

/** The benchmarks that run on both sides. */
async function compareSides(chosen: Benchmark[], alone: boolean, table: Table): Promise<void> {
  const dusk = await startDusk();
  const peer = alone ? undefined : await startPeer();
  table.note(`${dusk.version}; ${peer?.version ?? "no peer"}`);
  try {
    for (const benchmark of chosen) {
      const { name, unit, warmUps, repetitions } = benchmark;
      const ours = await measureSide(dusk, benchmark, warmUps, repetitions.dusk);
      const theirs = peer && await measureSide(peer, benchmark, 1, repetitions.peer);
      table.add({
        name,
        dusk: ours,
        peer: theirs ?? null,
        ratio: theirs === undefined ? null : ratio(unit, ours, theirs),
        unit,
      });
    }
  } finally {
    await dusk.close();
    await peer?.close();
  }
}

async function main(): Promise<void> {
  const { json, quick, alone, names } = readFlags(Deno.args);
  const both = benchmarks(quick);
  const raw = `raw TCP ${quick ? 5 : 50}MB`;
  const core = "scheduler";
  const all = [...both.map(({ name }) => name), raw, core];
  for (const name of names) {
    if (!all.some((known) => known.startsWith(name))) {
      stop(`no benchmark's name begins with "${name}"; there are ${all.join(", ")}`);
    }
  }
  const picked = (name: string) =>
    names.length === 0 || names.some((each) => name.startsWith(each));

  const table = new Table(json);
  const chosen = both.filter(({ name }) => picked(name));
  if (chosen.length > 0) await compareSides(chosen, alone, table);
  if (picked(raw)) {
    const megabytes = quick ? 5 : 50;
    for (const memory of ["plain", "large"] as const) {
      const seconds = (await measureRawTcp(megabytes * 1e6, 10, memory)).slice(1);
      const dusk = figure({ unit: "MB/s", amount: megabytes }, seconds);
      const name = memory === "large" ? `${raw}, huge pages` : raw;
      table.add({ name, dusk, peer: null, ratio: null, unit: "MB/s" });
    }
  }
  if (picked(core)) {
    for (const size of quick ? [10_000] : [10_000, 100_000, 1_000_000]) {
      for (const row of await measureScheduler(size)) table.add(row);
    }
  }
  table.end();
}

if (import.meta.main) await main();
