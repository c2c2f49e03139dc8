/**
 * What TLS costs: the same work over TLS and over plain TCP, and on Python Dask over TLS:
 * `deno run -A bench/tls.ts [--json] [--quick] [--alone]`.
 *
 * @module
 */
import { tlsOptions } from "../tests/support/certificates.ts";
import { measureSide, startDusk, startPeer } from "./sides.ts";
import { Table } from "./table.ts";
import { benchmarks, ratio } from "./workloads.ts";

/** What depends on the transport: small messages, one after the other, and large data. */
const CHOSEN = ["map+gather", "submit+result", "gather", "scatter", "worker to worker"];
/** Sizes of the full run that take too long on the peer, or tell nothing new. */
const LEFT_OUT = [
  "map+gather 1000",
  "map+gather 25000",
  "gather counting 50MB",
  "gather counting 5MB",
];

async function main(): Promise<void> {
  const flags = new Set(Deno.args);
  const quick = flags.has("--quick");
  const chosen = benchmarks(quick).filter(({ name }) =>
    CHOSEN.some((each) => name.startsWith(each)) && (quick && name === "map+gather 1000" ||
      !LEFT_OUT.includes(name))
  );
  const options = await tlsOptions();
  const { tlsCaFile, tlsSchedulerCert, tlsSchedulerKey } = options;
  const table = new Table(flags.has("--json"));
  await using started = new AsyncDisposableStack();
  const plain = started.adopt(await startDusk(), (side) => side.close());
  const tls = started.adopt(await startDusk(JSON.stringify(options)), (side) => side.close());
  const peer = flags.has("--alone")
    ? undefined
    : await startPeer(tlsCaFile!, tlsSchedulerCert!, tlsSchedulerKey!);
  started.defer(async () => await peer?.close());
  table.note(`${tls.version}; ${peer?.version ?? "no peer"}; both over TLS, and Dusk over TCP`);
  for (const benchmark of chosen) {
    const { name, unit, warmUps, repetitions } = benchmark;
    const ours = await measureSide(tls, benchmark, warmUps, repetitions.dusk);
    const theirs = peer && await measureSide(peer, benchmark, 1, repetitions.peer);
    const times = theirs === undefined ? null : ratio(unit, ours, theirs);
    table.add({ name: `${name} tls`, dusk: ours, peer: theirs ?? null, ratio: times, unit });
    const dusk = await measureSide(plain, benchmark, warmUps, repetitions.dusk);
    table.add({ name: `${name} tcp`, dusk, peer: null, ratio: null, unit });
  }
  table.end();
}

if (import.meta.main) await main();
